#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "kafka/formats/format.hpp"
#include "kafka/formats/scalar_text.hpp"
#include "runtime/rows/shape.hpp"
#include "runtime/zset/function_ref.hpp"

namespace lockstep::kafka {

struct CsvOptions {
  char separator = ',';
  char quote = '"';
};

namespace csv_line {

/// How many fields a line of such rows has: those of structs in structs, pairs and tuples are its own.
template <class T>
constexpr std::size_t columns() {
  if constexpr (shape::Optional<T>) {
    static_assert(scalar_text::Scalar<typename T::value_type>,
                  "lockstep: CSV of optional structs is not known: no field of a line says whether one is there");
    return 1;
  } else if constexpr (shape::Composite<T> && !LogicalType<T>) {
    return []<class... Field>(shape::FieldList<Field...>*) -> std::size_t {
      return (std::size_t{0} + ... + columns<Field>());
    }(static_cast<shape::Fields<T>*>(nullptr));
  } else {
    static_assert(scalar_text::Scalar<T>, "lockstep: CSV of this type of row is not known: vectors have no columns");
    return 1;
  }
}

/// What a column is called, in messages: its field's name, or its number.
std::string column_name(std::string_view field, std::size_t at);
[[noreturn]] void throw_empty();
/// Throws FormatError if they cannot tell fields apart.
void check(const CsvOptions& options);

void append(std::string& out, std::string_view field, const CsvOptions& options);

/// A field; null: nothing is between the separators, not even quotes.
struct Field {
  std::size_t at = 0;  // of the line
  const char* data = nullptr;
  std::size_t size = 0;
};
/// Calls function with the fields of a line. Throws FormatError if it is not one line of so many fields.
void read(std::string_view line, std::size_t columns, const CsvOptions& options,
          FunctionRef<void(const Field&)> function);

/// Appends the fields of a row, with separators between them and, unless it is the first, before.
template <class T>
void write(std::string& out, const T& value, bool& is_first, std::string& scratch, const CsvOptions& options) {
  if constexpr (shape::Composite<T> && !LogicalType<T>) {
    shape::with_fields(value, [&](const auto&... field) { (write(out, field, is_first, scratch, options), ...); });
  } else {
    if (!is_first) out += options.separator;
    is_first = false;
    const auto put = [&](const auto& scalar) {
      scratch.clear();
      scalar_text::write(scratch, scalar);
      append(out, scratch, options);
    };
    if constexpr (shape::Optional<T>) {
      if (value) put(*value);
    } else {
      put(value);
    }
  }
}

/// Sets what is in a column, which counts from this value's first. `field`: its name, for messages.
template <class T>
void set(T& row, std::size_t column, const Field& in, std::string_view field) {
  if constexpr (shape::Composite<T> && !LogicalType<T>) {
    std::size_t at = 0;
    std::size_t begin = 0;
    const auto set_if = [&]<class Part>(Part& part) {
      constexpr std::size_t kColumns = columns<Part>();
      if (column >= begin && column < begin + kColumns) {
        if constexpr (Described<T>) {
          set(part, column - begin, in, shape::field_names<T>[at]);
        } else {
          set(part, column - begin, in, {});
        }
      }
      begin += kColumns;
      ++at;
    };
    shape::with_fields(row, [&](auto&... part) { (set_if(part), ...); });
  } else {
    try {
      if constexpr (shape::Optional<T>) {
        if (in.data == nullptr) return row.reset();
        scalar_text::read({in.data, in.size}, row.emplace());
      } else if constexpr (shape::Text<T>) {
        row.assign(in.data == nullptr ? "" : in.data, in.size);
      } else {
        if (in.data == nullptr) throw_empty();
        scalar_text::read({in.data, in.size}, row);
      }
    } catch (const FormatError&) {
      rethrow_of(column_name(field, in.at));
    }
  }
}

}  // namespace csv_line

template <class T>
class CsvFormat final : public Format<T> {
 public:
  static constexpr std::size_t kColumns = csv_line::columns<T>();
  static_assert(kColumns > 0, "lockstep: CSV of rows without fields is not known");

  explicit CsvFormat(const CsvOptions& options) : options_(options) { csv_line::check(options); }

  void encode(std::string& out, const T& value) const override {
    bool is_first = true;
    std::string scratch;
    csv_line::write(out, value, is_first, scratch, options_);
  }
  T decode(std::string_view bytes) const override {
    T value{};
    csv_line::read(bytes, kColumns, options_,
                   [&value](const csv_line::Field& field) { csv_line::set(value, field.at, field, {}); });
    return value;
  }

 private:
  const CsvOptions options_;
};

/// One line of fields as RFC 4180 has them, in the order of the row's; those of structs within it are its own. Values
/// are as text() has them, or quoted; an empty field is an optional that is empty, or an empty string. A line's end may
/// be there, and nothing after it.
struct Csv {
  CsvOptions options = {};
  template <class T>
  std::shared_ptr<const Format<T>> of() const {
    return std::make_shared<const CsvFormat<T>>(options);
  }
};
inline Csv csv(const CsvOptions& options = {}) { return {options}; }

}  // namespace lockstep::kafka
