#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "kafka/formats/format.hpp"
#include "kafka/formats/json_names.hpp"
#include "kafka/formats/json_value.hpp"
#include "kafka/formats/row_fields.hpp"
#include "kafka/formats/scalar_text.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/rows/text.hpp"
#include "runtime/rows/traits.hpp"

namespace lockstep::kafka {

enum class UnknownFields : std::uint8_t { ignored, refused };

struct JsonOptions {
  /// What fields are called, by how they are described; in all structs of the row that have such a field.
  std::map<std::string, std::string> names = {};
  /// How fields are called that `names` does not name: `from_account`, or `fromAccount`.
  FieldNames field_names = FieldNames::as_described;
  /// Fields of an object that the row has not.
  UnknownFields unknown_fields = UnknownFields::ignored;
};

/// What holds of all of a row.
struct JsonRules {
  UnknownFields unknown_fields = UnknownFields::ignored;
  JsonNames names = {};
};

namespace from_json {

[[noreturn]] void throw_missing(std::string_view field);
[[noreturn]] void throw_twice(std::string_view field);
[[noreturn]] void throw_unknown(std::string_view field);
[[noreturn]] void throw_length(std::size_t wanted);
/// Of a JSON number, or the texts that stand for those that JSON has not: NaN and the infinities.
double read_real(JsonValue& in);
/// Units of num/den seconds since 1970, of `2026-11-26T13:54:00.123Z`, or of the number itself.
std::int64_t read_time(JsonValue& in, std::int64_t num, std::int64_t den);

template <class T>
void read(JsonValue& in, T& out, const JsonRules& rules);

template <class T>
void read_field(JsonValue& in, std::string_view name, T& out, const JsonRules& rules) {
  try {
    read(in, out, rules);
  } catch (const FormatError&) {
    rethrow_of_field(name);
  }
}

template <Described T>
void read_object(JsonValue& in, T& out, const JsonRules& rules) {
  constexpr std::size_t kFields = ReadFields<T>::kFields;
  const std::string_view* const names = rules.names.of<T>();
  ReadFields<T> read;
  in.fields({names, kFields}, [&](std::size_t place, std::string_view name, JsonValue& value) {
    if (place == kFields) {
      if (rules.unknown_fields == UnknownFields::refused) throw_unknown(name);
      return value.skip();
    }
    if (!read.add(place)) throw_twice(name);
    with_field_at(out, place, [&](auto& field) { read_field(value, name, field, rules); });
  });
  if (const std::size_t missing = read.missing(); missing != kFields) throw_missing(names[missing]);
}

template <class T>
void read(JsonValue& in, T& out, const JsonRules& rules) {
  if constexpr (std::same_as<T, bool>) {
    out = in.boolean();
  } else if constexpr (shape::Character<T>) {
    out = shape::wrap<T>(scalar_text::fitted<shape::Inner<T>>(scalar_text::read_character(in.text())));
  } else if constexpr (shape::Enumeration<T>) {
    if (in.is_text()) {
      out = scalar_text::enumerator_of<T>(in.text());
    } else {
      shape::Inner<T> inner{};
      read(in, inner, rules);
      out = scalar_text::enumerator_of<T>(inner);
    }
  } else if constexpr (derived::CivilTime<T>) {
    out = scalar_text::time_of<T>(read_time(in, T::period::num, T::period::den));
  } else if constexpr (shape::Wrapped<T>) {
    shape::Inner<T> inner{};
    read(in, inner, rules);
    out = shape::wrap<T>(inner);
  } else if constexpr (shape::Integer<T>) {
    if constexpr (std::signed_integral<T>) {
      out = scalar_text::fitted<T>(in.whole());
    } else {
      out = scalar_text::fitted<T>(in.whole_unsigned());
    }
  } else if constexpr (LogicalType<T>) {
    read_text(in.is_text() ? in.text() : is_decimal<T> ? in.number_text() : in.text(), out);
  } else if constexpr (shape::Real<T>) {
    out = scalar_text::fitted_real<T>(read_real(in));
  } else if constexpr (shape::Text<T>) {
    out = in.text();
  } else if constexpr (shape::Optional<T>) {
    if (in.is_null()) {
      out.reset();
    } else {
      read(in, out.emplace(), rules);
    }
  } else if constexpr (shape::Sequence<T>) {
    out.clear();
    in.elements([&](JsonValue& element) {
      typename T::value_type one{};
      read(element, one, rules);
      out.push_back(std::move(one));
    });
  } else if constexpr (Described<T>) {
    read_object(in, out, rules);
  } else {
    static_assert(shape::TupleLike<T>, "lockstep: JSON of this type of row is not known");
    constexpr std::size_t kFields = std::tuple_size_v<T>;
    std::size_t place = 0;
    in.elements([&](JsonValue& element) {
      with_field_at(out, place, [&](auto& field) { read(element, field, rules); });
      if (++place > kFields) throw_length(kFields);
    });
    if (place != kFields) throw_length(kFields);
  }
}

}  // namespace from_json

/// Throws FormatError if a text of the value is not UTF-8.
template <class T>
void write_json(std::string& out, const T& value, const JsonRules& rules) {
  const std::size_t begin = out.size();
  if constexpr (LogicalType<T>) {
    JsonNames::write(out, value);
  } else if (rules.names.empty() && !has_logical_types<T>) {
    row_traits<T>::write_json(out, value);
  } else if constexpr (shape::is_derived<T>) {
    derived::write_json(out, value, rules.names);
  } else {
    row_traits<T>::write_json(out, value);
  }
  check_written(std::string_view(out).substr(begin));
}

template <class T>
class JsonFormat final : public Format<T> {
 public:
  explicit JsonFormat(JsonRules rules) : rules_(std::move(rules)) {}

  void encode(std::string& out, const T& value) const override { write_json(out, value, rules_); }
  T decode(std::string_view bytes) const override {
    T value{};
    JsonValue::parse(bytes, [&](JsonValue& read) { from_json::read(read, value, rules_); });
    return value;
  }

 private:
  const JsonRules rules_;
};

/// Of rows of this type. Throws FlowError if a name is of no field of theirs, or two fields have one name.
template <class T>
JsonRules json_rules(const JsonOptions& options) {
  return {options.unknown_fields, JsonNames::of_rows<T>(options.field_names, options.names)};
}

/// JSON, as rows are written by to_json(): structs are objects, tuples and vectors are arrays, empty optionals null,
/// enums their described names, Decimals numbers of so many places, Uuids texts, times `2026-11-26T13:54:00.123Z`,
/// durations their counts. A time may be read from a count of its unit, too; what is finer than that is cut off. Whole
/// numbers are exact to 64 bits. What is missing, null, there twice, of another type, out of range, not UTF-8, or
/// followed by something, is refused; only an optional may be missing.
struct Json {
  JsonOptions options = {};
  template <class T>
  std::shared_ptr<const Format<T>> of() const {
    return std::make_shared<const JsonFormat<T>>(json_rules<T>(options));
  }
};
inline Json json(JsonOptions options = {}) { return {std::move(options)}; }

}  // namespace lockstep::kafka
