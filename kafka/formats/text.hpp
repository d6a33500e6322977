#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kafka/formats/format.hpp"
#include "kafka/formats/scalar_text.hpp"

namespace lockstep::kafka {

template <class T>
class TextFormat final : public Format<T> {
 public:
  static_assert(scalar_text::Scalar<T>,
                "lockstep: text() is the format of single values; others are written by json() or csv()");

  void encode(std::string& out, const T& value) const override { scalar_text::write(out, value); }
  T decode(std::string_view bytes) const override {
    if constexpr (shape::Text<T>) {
      return T(bytes);
    } else {
      T value{};
      scalar_text::read(bytes, value);
      return value;
    }
  }
};

/// The bytes of a string as they are; a number in decimal; `true` and `false`; an enum's described name; a time as
/// `2026-11-26T13:54:00.123Z`, a duration's count; a Decimal as `-12.30`.
struct Text {
  template <class T>
  std::shared_ptr<const Format<T>> of() const {
    return std::make_shared<const TextFormat<T>>();
  }
};
inline Text text() { return {}; }

}  // namespace lockstep::kafka
