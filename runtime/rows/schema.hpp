#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/rows/shape.hpp"

namespace lockstep {

struct SchemaField;

/// The shape of a row type, known at run time: what an edge carries.
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
    dynamic
  };

  Kind kind = Kind::dynamic;
  /// The type's name; of a record or enumeration, its own; of a duration, its unit.
  std::string name;
  /// Fields of a record or tuple; the one element of an optional or sequence; what else is stored as.
  std::vector<SchemaField> fields;

  /// One line, `Transfer{id: int64, amount: int64}`.
  std::string to_string() const;
};

struct SchemaField {
  std::string name;
  Schema schema;
};

bool operator==(const Schema& a, const Schema& b);

namespace derived {

std::string demangled(const char* mangled);
std::string unit_name(std::int64_t num, std::int64_t den);

/// The name of a struct without its namespaces.
template <class T>
[[gnu::cold]] std::string type_name() {
  std::string name = demangled(typeid(T).name());
  const auto colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

template <class T>
[[gnu::cold]] Schema schema() {
  if constexpr (std::same_as<T, bool>) {
    return {Schema::Kind::boolean, "bool", {}};
  } else if constexpr (shape::Character<T>) {
    return {Schema::Kind::character, "char" + std::to_string(8 * sizeof(T)), {}};
  } else if constexpr (shape::Enumeration<T>) {
    return {Schema::Kind::enumeration, type_name<T>(), {{"", schema<shape::Inner<T>>()}}};
  } else if constexpr (shape::Duration<T>) {
    return {Schema::Kind::duration, unit_name(T::period::num, T::period::den), {{"", schema<shape::Inner<T>>()}}};
  } else if constexpr (shape::TimePoint<T>) {
    return {Schema::Kind::time, type_name<typename T::clock>(), {{"", schema<shape::Inner<T>>()}}};
  } else if constexpr (std::signed_integral<T>) {
    return {Schema::Kind::integer, "int" + std::to_string(8 * sizeof(T)), {}};
  } else if constexpr (std::unsigned_integral<T>) {
    return {Schema::Kind::unsigned_integer, "uint" + std::to_string(8 * sizeof(T)), {}};
  } else if constexpr (shape::Real<T>) {
    return {Schema::Kind::real, sizeof(T) == 8 ? "double" : "float", {}};
  } else if constexpr (shape::Text<T>) {
    return {Schema::Kind::text, "string", {}};
  } else if constexpr (shape::Optional<T>) {
    return {Schema::Kind::optional, "optional", {{"", row_traits<typename T::value_type>::schema()}}};
  } else if constexpr (shape::Sequence<T>) {
    return {Schema::Kind::sequence, "vector", {{"", row_traits<typename T::value_type>::schema()}}};
  } else {
    Schema result{Described<T> ? Schema::Kind::record : Schema::Kind::tuple, "", {}};
    if constexpr (Described<T>) result.name = type_name<T>();
    [&]<class... Field>(shape::FieldList<Field...>*) {
      (result.fields.push_back({"", row_traits<Field>::schema()}), ...);
    }(static_cast<shape::Fields<T>*>(nullptr));
    if constexpr (Described<T>) {
      for (std::size_t i = 0; i < result.fields.size(); ++i) result.fields[i].name = shape::field_names<T>[i];
    }
    return result;
  }
}

}  // namespace derived
}  // namespace lockstep
