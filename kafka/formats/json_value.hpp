#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/zset/function_ref.hpp"

namespace lockstep::kafka {

/// A value of a JSON text while it is read: forwards, and once. Whatever is asked of it that it is not throws
/// FormatError.
class JsonValue {
 public:
  /// Reads one text, which is one value and nothing else. The value, and texts in it, are there until `read` returns.
  static void parse(std::string_view text, FunctionRef<void(JsonValue&)> read);

  bool is_null();
  bool is_text();
  /// Whole numbers, exact: never by way of a double.
  std::int64_t whole();
  std::uint64_t whole_unsigned();
  double number();
  bool boolean();
  std::string_view text();
  void elements(FunctionRef<void(JsonValue&)> element);
  /// The fields in the order in which they are written.
  void fields(FunctionRef<void(std::string_view name, JsonValue&)> field);
  /// Of what nobody wants to know: but it must be JSON.
  void skip();

  // For json_value.cpp.
  explicit JsonValue(void* value) : value_(value) {}

 private:
  void* value_;
};

}  // namespace lockstep::kafka
