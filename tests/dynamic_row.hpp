#pragma once

#include <cstdint>
#include <lockstep.hpp>
#include <string>
#include <variant>
#include <vector>

/// A row whose shape is known at run time only: what a row of SQL or Python will be.
struct DynamicRow {
  using Value = std::variant<std::monostate, std::int64_t, double, std::string>;
  std::vector<Value> values;
};

template <>
struct lockstep::row_traits<DynamicRow> {
  using Value = DynamicRow::Value;
  static constexpr bool kHasReals = true;

  static std::strong_ordering compare(const DynamicRow& a, const DynamicRow& b) {
    for (std::size_t i = 0; i < a.values.size() && i < b.values.size(); ++i) {
      if (const auto order = compare(a.values[i], b.values[i]); order != 0) return order;
    }
    return a.values.size() <=> b.values.size();
  }
  static bool equal(const DynamicRow& a, const DynamicRow& b) { return compare(a, b) == 0; }
  static std::uint64_t hash(const DynamicRow& row) {
    std::string image;
    Encoder out(image);
    encode(out, row);
    return row_traits<std::string>::hash(image);
  }
  static void normalise(DynamicRow& row) {
    for (Value& value : row.values) {
      if (auto* real = std::get_if<double>(&value)) row_traits<double>::normalise(*real);
    }
  }
  static void print(std::string& out, const DynamicRow& row) {
    out += '<';
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      if (i != 0) out += ", ";
      with(row.values[i], [&]<class T>(const T& value) { row_traits<T>::print(out, value); });
      if (row.values[i].index() == 0) out += "null";
    }
    out += '>';
  }
  static void encode(Encoder& out, const DynamicRow& row) {
    out.varint(row.values.size());
    for (const Value& value : row.values) {
      out.byte(static_cast<std::uint8_t>(value.index()));
      with(value, [&]<class T>(const T& held) { row_traits<T>::encode(out, held); });
    }
  }
  static DynamicRow decode(Decoder& in) {
    DynamicRow row;
    for (std::uint64_t left = in.varint(); left != 0; --left) {
      switch (in.byte()) {
        case 0: row.values.emplace_back(); break;
        case 1: row.values.emplace_back(row_traits<std::int64_t>::decode(in)); break;
        case 2: row.values.emplace_back(row_traits<double>::decode(in)); break;
        case 3: row.values.emplace_back(row_traits<std::string>::decode(in)); break;
        default: throw DecodeError("a value is of no known kind");
      }
    }
    return row;
  }
  static Schema schema() { return {Schema::Kind::dynamic, "dynamic", {}}; }

 private:
  /// Calls the function with what a value holds, unless it is null.
  template <class Function>
  static void with(const Value& value, Function&& function) {
    std::visit(
        [&]<class T>(const T& held) {
          if constexpr (!std::same_as<T, std::monostate>) function(held);
        },
        value);
  }
  static std::strong_ordering compare(const Value& a, const Value& b) {
    if (a.index() != b.index()) return a.index() <=> b.index();
    std::strong_ordering order = std::strong_ordering::equal;
    with(a, [&]<class T>(const T& held) { order = row_traits<T>::compare(held, std::get<T>(b)); });
    return order;
  }
};
