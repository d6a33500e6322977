#pragma once

#include <string>
#include <string_view>

#include "kafka/formats/format.hpp"
#include "runtime/rows/traits.hpp"

/// Why a format refuses bytes; if it does not, `none: ` and the row.
template <class T>
std::string refusal_by(const lockstep::kafka::Format<T>& format, std::string_view bytes) {
  try {
    return "none: " + lockstep::to_string(format.decode(bytes));
  } catch (const lockstep::kafka::FormatError& error) {
    return error.what();
  }
}
