#pragma once

#include <charconv>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>

#include "kafka/formats/format.hpp"
#include "runtime/rows/shape.hpp"

namespace lockstep::kafka {

template <class T>
class TextFormat final : public Format<T> {
 public:
  static_assert(shape::Text<T> || shape::Integer<T>,
                "lockstep: text() is the format of strings and whole numbers; others are written by json()");

  void encode(std::string& out, const T& value) const override {
    if constexpr (shape::Text<T>) {
      out += value;
    } else {
      out += std::to_string(value);
    }
  }
  T decode(std::string_view bytes) const override {
    if constexpr (shape::Text<T>) {
      return T(bytes);
    } else {
      T value{};
      const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), value);
      if (error == std::errc::result_out_of_range) throw FormatError("the number is out of range");
      if (error != std::errc() || end != bytes.data() + bytes.size()) throw FormatError("it is not a whole number");
      return value;
    }
  }
};

/// The bytes of a string as they are, or a whole number in decimal.
struct Text {
  template <class T>
  std::shared_ptr<const Format<T>> of() const {
    return std::make_shared<const TextFormat<T>>();
  }
};
inline Text text() { return {}; }

}  // namespace lockstep::kafka
