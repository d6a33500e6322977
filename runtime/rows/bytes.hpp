#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lockstep {

/// Bytes that are no encoding of what was asked for: truncated, of another version, or damaged.
class DecodeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Appends the compact binary coding of values to a string: variable-length integers, fixed-size doubles.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}

  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }

  void varint(std::uint64_t value) {
    if (value < 0x80) return byte(static_cast<std::uint8_t>(value));
    char parts[10];
    std::size_t count = 0;
    for (; value >= 0x80; value >>= 7) parts[count++] = static_cast<char>(value | 0x80);
    parts[count++] = static_cast<char>(value);
    out_.append(parts, count);
  }

  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }

  void fixed32(std::uint32_t value) { fixed(value); }
  void fixed64(std::uint64_t value) { fixed(value); }

  void bytes(std::string_view value) {
    varint(value.size());
    out_.append(value);
  }
  /// What is coded already.
  void raw(std::string_view coded) { out_.append(coded); }

 private:
  template <class Integer>
  void fixed(Integer value) {
    char image[sizeof value];
    std::memcpy(image, &value, sizeof value);
    out_.append(image, sizeof image);
  }

  std::string& out_;
};

/// Reads what Encoder wrote. Throws DecodeError rather than read past the end.
class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}

  bool at_end() const { return in_.empty(); }
  std::size_t remaining() const { return in_.size(); }
  std::string_view rest() const { return in_; }

  std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t part = byte();
      if (shift == 63 && part > 1) break;
      value |= static_cast<std::uint64_t>(part & 0x7f) << shift;
      if (part < 0x80) {
        if (part == 0 && shift != 0) throw DecodeError("an integer has superfluous bytes");
        return value;
      }
    }
    throw DecodeError("an integer has more than 64 bits");
  }

  std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>((value >> 1) ^ (0 - (value & 1)));
  }

  std::uint32_t fixed32() { return fixed<std::uint32_t>(); }
  std::uint64_t fixed64() { return fixed<std::uint64_t>(); }

  std::string_view bytes() { return take(varint()); }

 private:
  template <class Integer>
  Integer fixed() {
    Integer value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view take(std::uint64_t count) {
    if (count > in_.size()) throw DecodeError("the bytes end too early");
    const std::string_view result = in_.substr(0, count);
    in_.remove_prefix(count);
    return result;
  }

  std::string_view in_;
};

}  // namespace lockstep
