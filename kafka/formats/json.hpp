#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "kafka/formats/format.hpp"
#include "kafka/formats/json_value.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/rows/text.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep::kafka {

enum class UnknownFields : std::uint8_t { ignored, refused };

struct JsonOptions {
  /// Fields of an object that the row has not.
  UnknownFields unknown_fields = UnknownFields::ignored;
};

namespace from_json {

[[noreturn]] void throw_missing(std::string_view field);
[[noreturn]] void throw_twice(std::string_view field);
[[noreturn]] void throw_unknown(std::string_view field);
[[noreturn]] void throw_length(std::size_t wanted);
[[noreturn]] void throw_range();
[[noreturn]] void throw_no_such(std::string_view text);
/// Rethrows a FormatError that is being handled, as one that names the field.
[[noreturn]] void rethrow_of(std::string_view field);
/// Of a JSON number, or the texts that stand for those that JSON has not: NaN and the infinities.
double read_real(JsonValue& in);
/// The character that a text is.
std::uint32_t read_character(JsonValue& in);
/// Units of num/den seconds since 1970, of `2026-11-26T13:54:00.123Z`, or of the number itself.
std::int64_t read_time(JsonValue& in, std::int64_t num, std::int64_t den);

template <class T>
void read(JsonValue& in, T& out, const JsonOptions& options);

template <class T>
void read_field(JsonValue& in, std::string_view name, T& out, const JsonOptions& options) {
  try {
    read(in, out, options);
  } catch (const FormatError&) {
    rethrow_of(name);
  }
}

template <Described T>
void read_object(JsonValue& in, T& out, const JsonOptions& options) {
  constexpr std::size_t kFields = shape::field_names<T>.size();
  std::array<bool, kFields> seen{};
  std::size_t expected = 0;
  in.fields([&](std::string_view name, JsonValue& value) {
    // As a rule they come in the order in which they are described.
    std::size_t place = expected;
    for (std::size_t tried = 0; tried < kFields && shape::field_names<T>[place] != name; ++tried) {
      place = place + 1 == kFields ? 0 : place + 1;
    }
    if (kFields == 0 || shape::field_names<T>[place] != name) {
      if (options.unknown_fields == UnknownFields::refused) throw_unknown(name);
      return value.skip();
    }
    if (seen[place]) throw_twice(name);
    seen[place] = true;
    expected = place + 1 == kFields ? 0 : place + 1;
    std::size_t at = 0;
    const auto read_if = [&](auto& field) {
      if (at++ == place) read_field(value, name, field, options);
    };
    shape::with_fields(out, [&](auto&... field) { (read_if(field), ...); });
  });
  std::size_t at = 0;
  const auto check = [&]<class Field>(const Field&) {
    if (!seen[at] && !shape::Optional<Field>) throw_missing(shape::field_names<T>[at]);
    ++at;
  };
  shape::with_fields(std::as_const(out), [&](const auto&... field) { (check(field), ...); });
}

template <class T>
void read(JsonValue& in, T& out, const JsonOptions& options) {
  if constexpr (std::same_as<T, bool>) {
    out = in.boolean();
  } else if constexpr (shape::Character<T>) {
    const std::uint32_t character = read_character(in);
    if (character > std::numeric_limits<shape::Inner<T>>::max()) throw_range();
    out = shape::wrap<T>(static_cast<shape::Inner<T>>(character));
  } else if constexpr (shape::Enumeration<T>) {
    if (!in.is_text()) {
      shape::Inner<T> inner{};
      read(in, inner, options);
      out = shape::wrap<T>(inner);
      return;
    }
    const std::string_view name = in.text();
    bool found = false;
    if constexpr (boost::describe::has_describe_enumerators<T>::value) {
      boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
        if (name == enumerator.name) out = enumerator.value, found = true;
      });
    }
    if (!found) throw_no_such(name);
  } else if constexpr (derived::CivilTime<T>) {
    using Duration = typename T::duration;
    const std::int64_t count = read_time(in, Duration::period::num, Duration::period::den);
    if (count < std::numeric_limits<typename T::rep>::min() || count > std::numeric_limits<typename T::rep>::max()) {
      throw_range();
    }
    out = T(Duration(static_cast<typename T::rep>(count)));
  } else if constexpr (shape::Wrapped<T>) {
    shape::Inner<T> inner{};
    read(in, inner, options);
    out = shape::wrap<T>(inner);
  } else if constexpr (shape::Integer<T>) {
    if constexpr (std::signed_integral<T>) {
      const std::int64_t value = in.whole();
      if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) throw_range();
      out = static_cast<T>(value);
    } else {
      const std::uint64_t value = in.whole_unsigned();
      if (value > std::numeric_limits<T>::max()) throw_range();
      out = static_cast<T>(value);
    }
  } else if constexpr (shape::Real<T>) {
    out = static_cast<T>(read_real(in));
  } else if constexpr (shape::Text<T>) {
    out = in.text();
  } else if constexpr (shape::Optional<T>) {
    if (in.is_null()) {
      out.reset();
    } else {
      read(in, out.emplace(), options);
    }
  } else if constexpr (shape::Sequence<T>) {
    out.clear();
    in.elements([&](JsonValue& element) {
      typename T::value_type one{};
      read(element, one, options);
      out.push_back(std::move(one));
    });
  } else if constexpr (Described<T>) {
    read_object(in, out, options);
  } else {
    static_assert(shape::TupleLike<T>, "lockstep: JSON of this type of row is not known");
    constexpr std::size_t kFields = std::tuple_size_v<T>;
    std::size_t place = 0;
    in.elements([&](JsonValue& element) {
      std::size_t at = 0;
      const auto read_if = [&](auto& field) {
        if (at++ == place) read(element, field, options);
      };
      shape::with_fields(out, [&](auto&... field) { (read_if(field), ...); });
      if (++place > kFields) throw_length(kFields);
    });
    if (place != kFields) throw_length(kFields);
  }
}

}  // namespace from_json

template <class T>
class JsonFormat final : public Format<T> {
 public:
  explicit JsonFormat(JsonOptions options) : options_(options) {}

  void encode(std::string& out, const T& value) const override { row_traits<T>::write_json(out, value); }
  T decode(std::string_view bytes) const override {
    T value{};
    JsonValue::parse(bytes, [&](JsonValue& read) { from_json::read(read, value, options_); });
    return value;
  }

 private:
  JsonOptions options_;
};

/// JSON, as rows are written by to_json(): structs are objects, tuples and vectors are arrays, empty optionals null,
/// enums their described names, times `2026-11-26T13:54:00.123Z`, durations their counts. A time may be read from a
/// count of its unit, too; what is finer than that is cut off. Whole numbers are exact to 64 bits. What is missing,
/// null, there twice, of another type, out of range, not UTF-8, or followed by something, is refused; only an optional
/// may be missing.
struct Json {
  JsonOptions options = {};
  template <class T>
  std::shared_ptr<const Format<T>> of() const {
    return std::make_shared<const JsonFormat<T>>(options);
  }
};
inline Json json(JsonOptions options = {}) { return {options}; }

}  // namespace lockstep::kafka
