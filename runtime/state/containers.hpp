#pragma once

#include <type_traits>
#include <utility>

#include "runtime/rows/traits.hpp"
#include "runtime/state/state_form.hpp"
#include "runtime/state/state_writer.hpp"

namespace lockstep {

/// Saves a container of the standard library: each item at the hash of its key if it is a map, else of itself. For
/// operators of one's own; see NodeState.
template <class Container>
void save_items(StateWriter& out, const Container& items) {
  for (const auto& held : items) {
    const auto write = [&out](const auto& key, const auto&... value) {
      Encoder item = out.at(row_traits<std::remove_cvref_t<decltype(key)>>::hash(key));
      item.byte(0);  // rows may have no bytes
      row_traits<std::remove_cvref_t<decltype(key)>>::encode(item, key);
      (row_traits<std::remove_cvref_t<decltype(value)>>::encode(item, value), ...);
    };
    if constexpr (requires { typename Container::mapped_type; }) {
      write(held.first, held.second);
    } else {
      write(held);
    }
  }
}

/// Of what such items are made, for Part::form.
template <class Container>
[[gnu::cold]] Schema items_form() {
  if constexpr (requires { typename Container::mapped_type; }) {
    return state_form::item(derived::coding<typename Container::key_type>(),
                            derived::coding<typename Container::mapped_type>());
  } else {
    return state_form::item(derived::coding<typename Container::value_type>());
  }
}

/// Adds what save_items() has saved: slot by slot, so that of a sequence only the order within a slot is as it was.
template <class Container>
void load_items(Decoder& in, Container& items) {
  while (!in.at_end()) {
    derived::decode_nothing(in);
    if constexpr (requires { typename Container::mapped_type; }) {
      auto key = row_traits<typename Container::key_type>::decode(in);
      items.emplace_hint(items.end(), std::move(key), row_traits<typename Container::mapped_type>::decode(in));
    } else {
      items.insert(items.end(), row_traits<typename Container::value_type>::decode(in));
    }
  }
}

}  // namespace lockstep
