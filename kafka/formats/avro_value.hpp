#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kafka/formats/avro_type.hpp"
#include "kafka/formats/format.hpp"
#include "runtime/zset/function_ref.hpp"

// Avro's binary coding (specification 1.11). Our own: libavro 1.11 leaks what it has read of a value that it refuses,
// and knows no logical types.

namespace lockstep::kafka {

/// A value while it is read, of a type that its writer has chosen: forwards, and once. Whatever is asked of it that it
/// is not throws FormatError.
class AvroValue {
 public:
  /// Reads bytes that are one value and nothing else.
  static void parse(std::string_view bytes, const AvroType& type, FunctionRef<void(AvroValue&)> read);

  bool is_null() const { return type_->kind == AvroType::Kind::null; }
  bool is_text() const { return type_->kind == AvroType::Kind::string || type_->kind == AvroType::Kind::enumeration; }
  bool is_map() const { return type_->kind == AvroType::Kind::map; }
  bool boolean();
  std::int64_t whole();
  double real();
  /// A string, bytes, an enum's symbol, or a decimal, `-12.30`.
  std::string text();
  /// A decimal in units of 10^-scale, exact.
  std::int64_t decimal(unsigned scale);
  /// In units of num/den seconds, since 1970 or midnight, if it is a time or a date; if it is a plain number, that.
  std::int64_t time(std::int64_t num, std::int64_t den);
  void elements(FunctionRef<void(AvroValue&)> element);
  void entries(FunctionRef<void(std::string_view key, AvroValue&)> entry);
  /// Of a record, in the writer's order.
  void fields(FunctionRef<void(std::string_view name, AvroValue&)> field);
  /// Of what nobody wants to know.
  void skip();

 private:
  struct Bytes;
  /// Of a union, what it is.
  AvroValue(Bytes& bytes, const AvroType& type);
  void read_part(const AvroType& type, FunctionRef<void(AvroValue&)> read);
  void blocks(FunctionRef<void()> item);
  std::string_view raw();

  Bytes* bytes_;
  const AvroType* type_;
  bool is_read_ = false;
};

/// Where a value is written, part after part. Records are their fields.
class AvroOut {
 public:
  explicit AvroOut(std::string& out) : out_(out) {}

  void boolean(bool value) { out_ += value ? '\1' : '\0'; }
  /// An int, a long, the number of a symbol or of a union's branch, before what it is.
  void whole(std::int64_t value);
  void real(float value);
  void real(double value);
  /// A string, or bytes.
  void text(std::string_view value);
  /// Before so many elements.
  void begin_array(std::size_t count) {
    if (count != 0) whole(static_cast<std::int64_t>(count));
  }
  /// After them.
  void end_array() { out_ += '\0'; }

 private:
  std::string& out_;
};

}  // namespace lockstep::kafka
