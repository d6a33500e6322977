#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/shape.hpp"

namespace lockstep {

struct SchemaField;

/// The shape of a row type, known at run time: what an edge carries. Its special members are out of line, as are those
/// of Part.
struct Schema {
  enum class Kind {
    boolean,
    character,
    integer,
    unsigned_integer,
    real,
    text,
    enumeration,
    duration,
    time,
    optional,
    sequence,
    tuple,
    record,
    /// Has a coding of its own.
    dynamic,
    /// Eight bytes of what an operator keeps.
    word
  };

  Schema();
  Schema(Kind kind, std::string name);
  Schema(Kind kind, std::string name, std::vector<SchemaField> fields);
  Schema(const Schema&);
  Schema(Schema&&) noexcept;
  Schema& operator=(const Schema&);
  Schema& operator=(Schema&&) noexcept;
  ~Schema();

  Kind kind = Kind::dynamic;
  /// The type's name; of a record or enumeration, its own; of a duration, its unit.
  std::string name;
  /// Fields of a record or tuple; the one element of an optional or sequence; what else is stored as.
  std::vector<SchemaField> fields;
  /// Of a record, the coding of one whose fields have their defaults.
  std::string defaults;

  void add_field(std::string_view name, Schema schema);
  /// One line, `Transfer{id: int64, amount: int64}`.
  std::string to_string() const;
};

struct SchemaField {
  SchemaField(std::string name, Schema schema);
  SchemaField(const SchemaField&);
  SchemaField(SchemaField&&) noexcept;
  SchemaField& operator=(const SchemaField&);
  SchemaField& operator=(SchemaField&&) noexcept;
  ~SchemaField();

  std::string name;
  Schema schema;
};

/// Defaults do not count.
bool operator==(const Schema& a, const Schema& b);

namespace derived {

std::string demangled(const char* mangled);
std::string unit_name(std::int64_t num, std::int64_t den);

// Out of line, for the time that programs take to compile.
Schema schema_of(Schema::Kind kind, const char* name);
/// `int64`.
Schema schema_of(Schema::Kind kind, const char* name, std::size_t bytes);
Schema schema_of(Schema::Kind kind, const std::string& name, Schema element);

/// The name of a struct without its namespaces.
template <class T>
[[gnu::cold]] std::string type_name() {
  std::string name = demangled(typeid(T).name());
  const auto colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

/// The schema as far as it tells how rows are coded: nothing is known of a row with traits of its own but its name.
template <class T>
[[gnu::cold]] Schema coding() {
  if constexpr (shape::is_derived<T>) {
    return row_traits<T>::schema();
  } else {
    return {Schema::Kind::dynamic, row_traits<T>::schema().to_string()};
  }
}

template <class T>
[[gnu::cold]] Schema schema() {
  using Kind = Schema::Kind;
  if constexpr (std::same_as<T, bool>) {
    return schema_of(Kind::boolean, "bool");
  } else if constexpr (shape::Character<T>) {
    return schema_of(Kind::character, "char", sizeof(T));
  } else if constexpr (shape::Enumeration<T>) {
    return schema_of(Kind::enumeration, type_name<T>(), schema<shape::Inner<T>>());
  } else if constexpr (shape::Duration<T>) {
    return schema_of(Kind::duration, unit_name(T::period::num, T::period::den), schema<shape::Inner<T>>());
  } else if constexpr (shape::TimePoint<T>) {
    return schema_of(Kind::time, type_name<typename T::clock>(), schema<shape::Inner<T>>());
  } else if constexpr (std::signed_integral<T>) {
    return schema_of(Kind::integer, "int", sizeof(T));
  } else if constexpr (std::unsigned_integral<T>) {
    return schema_of(Kind::unsigned_integer, "uint", sizeof(T));
  } else if constexpr (shape::Real<T>) {
    return schema_of(Kind::real, sizeof(T) == 8 ? "double" : "float");
  } else if constexpr (shape::Text<T>) {
    return schema_of(Kind::text, "string");
  } else if constexpr (shape::Optional<T>) {
    return schema_of(Kind::optional, "optional", coding<typename T::value_type>());
  } else if constexpr (shape::Sequence<T>) {
    return schema_of(Kind::sequence, "vector", coding<typename T::value_type>());
  } else {
    Schema result = schema_of(Described<T> ? Kind::record : Kind::tuple, "");
    [&result]<class... Field>(shape::FieldList<Field...>*) {
      (result.add_field("", coding<Field>()), ...);
    }(static_cast<shape::Fields<T>*>(nullptr));
    if constexpr (Described<T>) {
      result.name = type_name<T>();
      for (std::size_t i = 0; i < result.fields.size(); ++i) result.fields[i].name = shape::field_names<T>[i];
      T defaults{};
      row_traits<T>::normalise(defaults);
      Encoder out(result.defaults);
      row_traits<T>::encode(out, defaults);
    }
    return result;
  }
}

}  // namespace derived
}  // namespace lockstep
