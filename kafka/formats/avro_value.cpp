#include "kafka/formats/avro_value.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "kafka/formats/logical_types.hpp"
#include "kafka/formats/scalar_text.hpp"

namespace lockstep::kafka {

namespace {

using Kind = AvroType::Kind;
using Logical = AvroType::Logical;
__extension__ using Wide = __int128;

[[noreturn]] void fail_end() { throw FormatError("it ends too soon"); }
std::int64_t fitted(Wide value) {
  if (value > std::numeric_limits<std::int64_t>::max() || value < std::numeric_limits<std::int64_t>::min()) {
    scalar_text::throw_range();
  }
  return static_cast<std::int64_t>(value);
}

/// Big-endian, two's complement.
Wide unscaled(std::string_view bytes) {
  if (bytes.size() > sizeof(Wide)) scalar_text::throw_range();
  Wide value = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0 ? -1 : 0;
  for (const char byte : bytes) value = value * 256 + static_cast<unsigned char>(byte);
  return value;
}

}  // namespace

/// What is left of the bytes.
struct AvroValue::Bytes {
  const char* at;
  const char* end;

  std::string_view take(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end - at)) fail_end();
    return {std::exchange(at, at + size), size};
  }
  /// Seven bits a byte, the lowest first; the sign is the lowest.
  std::int64_t whole() {
    std::uint64_t bits = 0;
    for (int shift = 0;; shift += 7) {
      if (at == end) fail_end();
      const auto byte = static_cast<unsigned char>(*at++);
      if (shift == 63 && byte > 1) scalar_text::throw_range();
      bits |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) break;
    }
    return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
  }
  std::uint64_t size() {
    const std::int64_t size = whole();
    if (size < 0) throw FormatError("a size is negative");
    return static_cast<std::uint64_t>(size);
  }
};

void AvroValue::parse(std::string_view bytes, const AvroType& type, FunctionRef<void(AvroValue&)> read) {
  Bytes left{bytes.data(), bytes.data() + bytes.size()};
  AvroValue value(left, type);
  read(value);
  if (!value.is_read_) value.skip();
  if (left.at != left.end) throw FormatError("something follows the value");
}

AvroValue::AvroValue(Bytes& bytes, const AvroType& type) : bytes_(&bytes), type_(&type) {
  while (type_->kind == Kind::any_of) {
    const std::uint64_t branch = bytes_->size();
    if (branch >= type_->parts.size()) throw FormatError("a union has no such branch");
    type_ = type_->parts[branch].get();
  }
}

void AvroValue::read_part(const AvroType& type, FunctionRef<void(AvroValue&)> read) {
  AvroValue part(*bytes_, type);
  read(part);
  if (!part.is_read_) part.skip();
}

bool AvroValue::boolean() {
  if (type_->kind != Kind::boolean) throw_type();
  is_read_ = true;
  const char byte = bytes_->take(1)[0];
  if (byte != 0 && byte != 1) throw FormatError("it is neither true nor false");
  return byte != 0;
}

std::int64_t AvroValue::whole() {
  if (type_->kind != Kind::whole) throw_type();
  is_read_ = true;
  return bytes_->whole();
}

double AvroValue::real() {
  if (type_->kind == Kind::whole) return static_cast<double>(whole());
  is_read_ = true;
  static_assert(std::endian::native == std::endian::little);
  if (type_->kind == Kind::float_real) {
    float value = 0;
    std::memcpy(&value, bytes_->take(sizeof value).data(), sizeof value);
    return static_cast<double>(value);
  }
  if (type_->kind != Kind::double_real) throw_type();
  double value = 0;
  std::memcpy(&value, bytes_->take(sizeof value).data(), sizeof value);
  return value;
}

std::string_view AvroValue::raw() {
  is_read_ = true;
  return bytes_->take(type_->kind == Kind::fixed ? type_->size : bytes_->size());
}

std::string AvroValue::text() {
  switch (type_->kind) {
    case Kind::enumeration: {
      is_read_ = true;
      const std::uint64_t symbol = bytes_->size();
      if (symbol >= type_->names.size()) throw FormatError("an enum has no such symbol");
      return type_->names[symbol];
    }
    case Kind::bytes:
    case Kind::fixed:
      if (type_->logical == Logical::decimal) return decimal_text(unscaled(raw()), type_->scale);
      [[fallthrough]];
    case Kind::string: return std::string(raw());
    default: throw_type();
  }
}

std::int64_t AvroValue::decimal(unsigned scale) {
  if (type_->logical != Logical::decimal) throw_type();
  Wide value = unscaled(raw());
  for (unsigned have = type_->scale; have < scale && value != 0; ++have) value = Wide{fitted(value)} * 10;
  for (unsigned have = type_->scale; have > scale; --have) {
    if (value % 10 != 0) throw FormatError(fmt::format("the number has more than {} places", scale));
    value /= 10;
  }
  return fitted(value);
}

std::int64_t AvroValue::time(std::int64_t num, std::int64_t den) {
  const std::int64_t count = whole();
  std::int64_t of_num = 1;
  std::int64_t of_den = 1;
  switch (type_->logical) {
    case Logical::date: of_num = 86'400; break;
    case Logical::milliseconds: of_den = 1'000; break;
    case Logical::microseconds: of_den = 1'000'000; break;
    case Logical::nanoseconds: of_den = 1'000'000'000; break;
    default: return count;
  }
  const Wide above = static_cast<Wide>(count) * of_num * den;
  const Wide below = static_cast<Wide>(of_den) * num;
  return fitted(above / below - (above % below < 0 ? 1 : 0));
}

/// Items come in blocks of so many; of a negative number, the size of the block follows.
void AvroValue::blocks(FunctionRef<void()> item) {
  is_read_ = true;
  for (;;) {
    std::int64_t count = bytes_->whole();
    if (count == 0) return;
    if (count < 0) {
      if (count == std::numeric_limits<std::int64_t>::min()) scalar_text::throw_range();
      count = -count;
      (void)bytes_->size();
    }
    for (; count != 0; --count) item();  // each has a byte at least: see avro_type_of()
  }
}

void AvroValue::elements(FunctionRef<void(AvroValue&)> element) {
  if (type_->kind != Kind::array) throw_type();
  blocks([&] { read_part(*type_->parts[0], element); });
}

void AvroValue::entries(FunctionRef<void(std::string_view key, AvroValue&)> entry) {
  if (type_->kind != Kind::map) throw_type();
  blocks([&] {
    const std::string_view key = bytes_->take(bytes_->size());
    read_part(*type_->parts[0], [&](AvroValue& value) { entry(key, value); });
  });
}

void AvroValue::fields(FunctionRef<void(std::string_view name, AvroValue&)> field) {
  if (type_->kind != Kind::record) throw_type();
  is_read_ = true;
  for (std::size_t i = 0; i < type_->parts.size(); ++i) {
    read_part(*type_->parts[i], [&](AvroValue& value) { field(type_->names[i], value); });
  }
}

void AvroValue::skip() {
  const auto nothing = [](AvroValue&) {};
  switch (type_->kind) {
    case Kind::null: is_read_ = true; break;
    case Kind::boolean: (void)boolean(); break;
    case Kind::whole: (void)whole(); break;
    case Kind::float_real:
    case Kind::double_real: (void)real(); break;
    case Kind::enumeration: (void)text(); break;
    case Kind::bytes:
    case Kind::string:
    case Kind::fixed: (void)raw(); break;
    case Kind::array: return elements(nothing);
    case Kind::map: return entries([](std::string_view, AvroValue&) {});
    case Kind::record: return fields([](std::string_view, AvroValue&) {});
    case Kind::any_of: break;  // the constructor has chosen
  }
}

void AvroOut::whole(std::int64_t value) {
  auto bits = static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
  for (; bits > 0x7f; bits >>= 7) out_ += static_cast<char>(bits | 0x80);
  out_ += static_cast<char>(bits);
}

void AvroOut::real(float value) {
  const std::size_t begin = out_.size();
  out_.resize(begin + sizeof value);
  std::memcpy(out_.data() + begin, &value, sizeof value);
}
void AvroOut::real(double value) {
  const std::size_t begin = out_.size();
  out_.resize(begin + sizeof value);
  std::memcpy(out_.data() + begin, &value, sizeof value);
}

void AvroOut::text(std::string_view value) {
  whole(static_cast<std::int64_t>(value.size()));
  out_ += value;
}

}  // namespace lockstep::kafka
