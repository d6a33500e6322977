#pragma once

#include <cstdint>
#include <type_traits>

#include "runtime/rows/slots.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep {

/// The hash of a row in a state whose rows lie by row.
struct RowHash {
  template <class R>
  std::uint64_t operator()(const R& row) const {
    return row_traits<R>::hash(row);
  }
};

/// The hash of a row in a state whose rows lie by key: in the key's slot, and within it spread by the whole row.
struct KeyedRowHash {
  template <class R>
  std::uint64_t operator()(const R& row) const {
    using K = std::remove_cvref_t<decltype(row.first)>;
    constexpr std::uint64_t kSlotMask = ~(~std::uint64_t{0} >> kSlotBits);
    return (row_traits<K>::hash(row.first) & kSlotMask) | (row_traits<R>::hash(row) >> kSlotBits);
  }
};

/// The hash of the rows of a stream, keyed or plain, at the workers that own them (reads::by_owner).
template <bool kKeyed>
using OwnerHash = std::conditional_t<kKeyed, KeyedRowHash, RowHash>;

}  // namespace lockstep
