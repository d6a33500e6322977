#pragma once

#include <boost/core/demangle.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "kafka/formats/avro_codec.hpp"
#include "kafka/formats/avro_value.hpp"
#include "kafka/formats/format.hpp"
#include "kafka/formats/logical_types.hpp"
#include "kafka/formats/row_fields.hpp"
#include "kafka/formats/scalar_text.hpp"
#include "runtime/rows/shape.hpp"

namespace lockstep::kafka {

struct AvroOptions {
  /// Under which what is written is registered. Empty: `<topic>-value`, or `<topic>-key`.
  std::string subject = {};
  /// Of the record that is written; empty: as the row's type is called.
  std::string name = {};
  /// Of all that is defined in what is written.
  std::string name_space = {};
};

namespace avro_schema_text {

template <class T>
concept Date = derived::CivilTime<T> && std::same_as<typename T::period, std::chrono::days::period>;
template <class T>
concept LogicalTime = Date<T> ||(derived::CivilTime<T> && (std::same_as<typename T::period, std::milli> ||
                                                           std::same_as<typename T::period, std::micro>));

/// Writes the schema of a type of rows.
class Builder {
 public:
  explicit Builder(const AvroOptions& options) : names_(options.name, options.name_space) {}

  template <class T>
  void add() {
    if constexpr (std::same_as<T, bool>) {
      out += "\"boolean\"";
    } else if constexpr (shape::Character<T> || shape::Text<T>) {
      out += "\"string\"";
    } else if constexpr (std::same_as<T, Uuid>) {
      out += R"({"type":"string","logicalType":"uuid"})";
    } else if constexpr (is_decimal<T>) {
      out += R"({"type":"bytes","logicalType":"decimal","precision":19,"scale":)" + std::to_string(T::kScale) + "}";
    } else if constexpr (LogicalTime<T>) {
      out += std::same_as<typename T::period, std::milli>   ? R"({"type":"long","logicalType":"timestamp-millis"})"
             : std::same_as<typename T::period, std::micro> ? R"({"type":"long","logicalType":"timestamp-micros"})"
                                                            : R"({"type":"int","logicalType":"date"})";
    } else if constexpr (shape::Enumeration<T>) {
      if constexpr (boost::describe::has_describe_enumerators<T>::value) {
        if (!define("enum", &typeid(T), boost::core::demangle(typeid(T).name()))) return;
        out += R"(,"symbols":[)";
        bool is_first = true;
        boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
          out += std::exchange(is_first, false) ? "\"" : ",\"";
          out += enumerator.name;
          out += '"';
        });
        out += "]}";
      } else {
        add<shape::Inner<T>>();
      }
    } else if constexpr (shape::Wrapped<T>) {
      add<shape::Inner<T>>();
    } else if constexpr (shape::Integer<T>) {
      out += sizeof(T) < 4 || std::same_as<T, std::int32_t> ? "\"int\"" : "\"long\"";
    } else if constexpr (shape::Real<T>) {
      out += std::same_as<T, float> ? "\"float\"" : "\"double\"";
    } else if constexpr (shape::Optional<T>) {
      static_assert(!shape::Optional<typename T::value_type>, "lockstep: Avro has no optionals of optionals");
      out += "[\"null\",";
      add<typename T::value_type>();
      out += ']';
    } else if constexpr (shape::Sequence<T>) {
      out += R"({"type":"array","items":)";
      add<typename T::value_type>();
      out += '}';
    } else {
      static_assert(shape::Composite<T>, "lockstep: Avro of this type of row is not known");
      if (!define("record", &typeid(T), Described<T> ? boost::core::demangle(typeid(T).name()) : "Tuple")) return;
      out += R"(,"fields":[)";
      std::size_t at = 0;
      const auto field = [&]<class Field>(std::type_identity<Field>) {
        out += at == 0 ? R"({"name":")" : R"(,{"name":")";
        if constexpr (Described<T>) {
          out += shape::field_names<T>[at];
        } else {
          out += "field" + std::to_string(at);
        }
        ++at;
        out += R"(","type":)";
        add<Field>();
        if constexpr (shape::Optional<Field>) out += R"(,"default":null)";
        out += '}';
      };
      [&]<class... Field>(shape::FieldList<Field...>*) {
        (field(std::type_identity<Field>()), ...);
      }(static_cast<shape::Fields<T>*>(nullptr));
      out += "]}";
    }
  }

  std::string out;

 private:
  /// Begins the definition of a named type; if it is there already, names it, and returns false.
  bool define(const char* kind, const std::type_info* type, const std::string& name) {
    return names_.define(out, kind, type, name);
  }

  AvroNames names_;
};

}  // namespace avro_schema_text

namespace from_avro {

template <class T>
concept WholeDuration = shape::Duration<T> && std::integral<typename T::rep>;

template <class T>
void read(AvroValue& in, T& out);

template <class T>
void read_field(AvroValue& in, std::string_view name, T& out) {
  try {
    read(in, out);
  } catch (const FormatError&) {
    rethrow_of_field(name);
  }
}

template <Described T>
void read_record(AvroValue& in, T& out) {
  constexpr std::size_t kFields = ReadFields<T>::kFields;
  const auto next = [](std::size_t place) { return place + 1 == kFields ? 0 : place + 1; };
  ReadFields<T> read;
  std::size_t expected = 0;
  in.fields([&](std::string_view name, AvroValue& value) {
    std::size_t place = expected;
    for (std::size_t tried = 0; tried < kFields && shape::field_names<T>[place] != name; ++tried) place = next(place);
    if (kFields == 0 || shape::field_names<T>[place] != name) return;  // the writer has more
    read.add(place);
    expected = next(place);
    with_field_at(out, place, [&](auto& field) { read_field(value, name, field); });
  });
  const std::size_t missing = read.missing();
  if (missing != kFields) avro_errors::throw_missing(shape::field_names<T>[missing]);
}

template <class T>
void read(AvroValue& in, T& out) {
  if constexpr (shape::Optional<T>) {
    if (in.is_null()) {
      out.reset();
    } else {
      read(in, out.emplace());
    }
  } else if constexpr (std::same_as<T, bool>) {
    out = in.boolean();
  } else if constexpr (shape::Character<T>) {
    out = shape::wrap<T>(scalar_text::fitted<shape::Inner<T>>(scalar_text::read_character(in.text())));
  } else if constexpr (shape::Enumeration<T>) {
    if (in.is_text()) {
      out = scalar_text::enumerator_of<T>(in.text());
    } else {
      shape::Inner<T> inner{};
      read(in, inner);
      out = scalar_text::enumerator_of<T>(inner);
    }
  } else if constexpr (derived::CivilTime<T>) {
    out = scalar_text::time_of<T>(in.is_text() ? scalar_text::read_time(in.text(), T::period::num, T::period::den)
                                               : in.time(T::period::num, T::period::den));
  } else if constexpr (WholeDuration<T>) {
    out = T(scalar_text::fitted<typename T::rep>(in.time(T::period::num, T::period::den)));
  } else if constexpr (shape::Wrapped<T>) {
    shape::Inner<T> inner{};
    read(in, inner);
    out = shape::wrap<T>(inner);
  } else if constexpr (shape::Integer<T>) {
    out = scalar_text::fitted<T>(in.whole());
  } else if constexpr (shape::Real<T>) {
    out = scalar_text::fitted_real<T>(in.real());
  } else if constexpr (shape::Text<T>) {
    out = in.text();
  } else if constexpr (std::same_as<T, Uuid>) {
    out = uuid_of(in.text());
  } else if constexpr (is_decimal<T>) {
    out.units = in.decimal(T::kScale);
  } else if constexpr (shape::Sequence<T>) {
    out.clear();
    if constexpr (shape::is_instance<typename T::value_type, std::pair>) {
      if (in.is_map()) {
        return in.entries([&](std::string_view key, AvroValue& value) {
          typename T::value_type one{};
          if constexpr (shape::Text<typename T::value_type::first_type>) {
            one.first = key;
            read(value, one.second);
          } else {
            throw_type();
          }
          out.push_back(std::move(one));
        });
      }
    }
    in.elements([&](AvroValue& element) {
      typename T::value_type one{};
      read(element, one);
      out.push_back(std::move(one));
    });
  } else if constexpr (Described<T>) {
    read_record(in, out);
  } else {
    static_assert(shape::TupleLike<T>, "lockstep: Avro of this type of row is not known");
    constexpr std::size_t kFields = std::tuple_size_v<T>;
    std::size_t place = 0;
    in.fields([&](std::string_view name, AvroValue& value) {
      with_field_at(out, place, [&](auto& field) { read_field(value, name, field); });
      ++place;
    });
    if (place != kFields) avro_errors::throw_length(place, kFields);
  }
}

}  // namespace from_avro

namespace to_avro {

template <class T>
void write(AvroOut& out, const T& value) {
  if constexpr (std::same_as<T, bool>) {
    out.boolean(value);
  } else if constexpr (shape::Character<T>) {
    std::string text;
    scalar_text::write(text, value);
    out.text(text);
  } else if constexpr (std::same_as<T, Uuid>) {
    out.text(to_text(value));
  } else if constexpr (is_decimal<T>) {
    out.text(avro_decimal(value.units));
  } else if constexpr (shape::Enumeration<T> && boost::describe::has_describe_enumerators<T>::value) {
    int number = 0;
    int found = -1;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
      if (enumerator.value == value && found < 0) found = number;
      ++number;
    });
    if (found < 0) avro_errors::throw_no_symbol();
    out.whole(found);
  } else if constexpr (avro_schema_text::Date<T>) {
    out.whole(scalar_text::fitted<std::int32_t>(value.time_since_epoch().count()));
  } else if constexpr (shape::Wrapped<T>) {
    write(out, shape::unwrap(value));
  } else if constexpr (shape::Integer<T>) {
    out.whole(scalar_text::fitted<std::int64_t>(value));
  } else if constexpr (shape::Real<T>) {
    out.real(value);
  } else if constexpr (shape::Text<T>) {
    out.text(value);
  } else if constexpr (shape::Optional<T>) {
    out.whole(value ? 1 : 0);
    if (value) write(out, *value);
  } else if constexpr (shape::Sequence<T>) {
    out.begin_array(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) write(out, static_cast<const typename T::value_type&>(value[i]));
    out.end_array();
  } else {
    shape::with_fields(value, [&](const auto&... part) { (write(out, part), ...); });
  }
}

}  // namespace to_avro

template <class T>
class AvroFormat final : public Format<T> {
 public:
  AvroFormat(const AvroOptions& options, const FormatContext& context)
      : codec_(schema_of(options), options.subject, context) {}

  void encode(std::string& out, const T& value) const override {
    codec_.encode(out, [&value](AvroOut& to) { to_avro::write(to, value); });
  }
  T decode(std::string_view bytes) const override {
    T value{};
    codec_.decode(bytes, [&value](AvroValue& read) { from_avro::read(read, value); });
    return value;
  }
  /// What it writes.
  static std::string schema_of(const AvroOptions& options) {
    avro_schema_text::Builder builder(options);
    builder.add<T>();
    return std::move(builder.out);
  }

 private:
  const AvroCodec codec_;
};

/// Avro as Confluent's clients write it: a zero, the number of the writer's schema in a registry (`schema.registry.url`
/// of Settings::formats), and the value. What is written has the row type's schema, which is registered: structs are
/// records, pairs and tuples too, optionals unions with null, vectors arrays, described enums enums. Whichever schema a
/// value was written with, its fields are found by their names: fields that the row has not are passed over, optional
/// ones that the writer has not are empty. Whole numbers are read as reals too, enums as texts; and of logical types
/// decimals as Decimal, double or text, timestamps and dates as times, uuids as Uuid or text.
struct Avro {
  AvroOptions options = {};
  template <class T>
  std::shared_ptr<const Format<T>> of(const FormatContext& context = {}) const {
    return std::make_shared<const AvroFormat<T>>(options, context);
  }
};
inline Avro avro(AvroOptions options = {}) { return {std::move(options)}; }

}  // namespace lockstep::kafka
