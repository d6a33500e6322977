#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "runtime/rows/shape.hpp"

// What formats that read rows field by field have in common.

namespace lockstep::kafka {

/// Calls function with the field of a struct, pair or tuple that is at a place, if there is one.
template <class T, class Function>
void with_field_at(T& row, std::size_t place, Function&& function) {
  std::size_t at = 0;
  const auto call_if = [&](auto& field) {
    if (at++ == place) function(field);
  };
  shape::with_fields(row, [&](auto&... field) { (call_if(field), ...); });
}

/// Which fields of a struct have been read.
template <Described T>
class ReadFields {
 public:
  static constexpr std::size_t kFields = shape::field_names<T>.size();

  /// Whether it had not been read.
  bool add(std::size_t place) { return !std::exchange(is_read_[place], true); }
  /// The place of the first that has not been, and is no optional; kFields: there is none.
  std::size_t missing() const {
    std::size_t at = 0;
    std::size_t first = kFields;
    const auto look = [&](bool may_be_missing) {
      if (!is_read_[at] && !may_be_missing && first == kFields) first = at;
      ++at;
    };
    [&]<class... Field>(shape::FieldList<Field...>*) {
      (look(shape::Optional<Field>), ...);
    }(static_cast<shape::Fields<T>*>(nullptr));
    return first;
  }

 private:
  std::array<bool, kFields> is_read_{};
};

}  // namespace lockstep::kafka
