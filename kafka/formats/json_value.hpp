#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/zset/function_ref.hpp"

namespace lockstep::kafka {

/// Throws FormatError if it is not UTF-8, as JSON has to be.
void check_written(std::string_view json);

/// A value of a JSON text while it is read: forwards, and once. Whatever is asked of it that it is not throws
/// FormatError.
class JsonValue {
 public:
  /// Reads one text, which is one value and nothing else. The value, and texts in it, are there until `read` returns.
  static void parse(std::string_view text, FunctionRef<void(JsonValue&)> read);

  bool is_null();
  bool is_text();
  bool is_object();
  /// Whole numbers, exact: never by way of a double.
  std::int64_t whole();
  std::uint64_t whole_unsigned();
  double number();
  /// A number as it is written.
  std::string_view number_text();
  bool boolean();
  std::string_view text();
  void elements(FunctionRef<void(JsonValue&)> element);
  /// The fields in the order in which they are written.
  void fields(FunctionRef<void(std::string_view name, JsonValue&)> field);
  /// The same, of an object some of whose fields have names that are known, and come in their order as a rule: `place`
  /// is which of them it is, or how many there are.
  void fields(std::span<const std::string_view> names,
              FunctionRef<void(std::size_t place, std::string_view name, JsonValue&)> field);
  /// Of what nobody wants to know: but it must be JSON.
  void skip();

 private:
  struct Reader;
  JsonValue(void* value, Reader& reader) : value_(value), reader_(&reader) {}

  void* value_;
  Reader* reader_;
};

}  // namespace lockstep::kafka
