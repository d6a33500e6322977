#pragma once

#include "runtime/rows/slots.hpp"
#include "runtime/rows/traits.hpp"

// Where a row goes: the worker that owns the slot of its key's, or its own, hash; one worker; or all of them.

namespace lockstep::route {

struct ByKey {
  static constexpr const char* kName = "key";
  template <class R>
  unsigned operator()(const R& row, unsigned workers) const {
    using K = std::remove_cvref_t<decltype(row.first)>;
    return worker_of_slot(slot_of(row_traits<K>::hash(row.first)), workers);
  }
};

struct ByRow {
  static constexpr const char* kName = "row";
  template <class R>
  unsigned operator()(const R& row, unsigned workers) const {
    return worker_of_slot(slot_of(row_traits<R>::hash(row)), workers);
  }
};

/// Equal rows meet; where is all the same.
struct Together : ByRow {};

struct ToFirst {
  static constexpr const char* kName = "gathering";
  template <class R>
  unsigned operator()(const R&, unsigned) const {
    return 0;
  }
};

struct ToAll {
  static constexpr const char* kName = "broadcasting";
};

}  // namespace lockstep::route
