#include "runtime/durability/store/stored.hpp"

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/hash.hpp"
#include "runtime/rows/slots.hpp"

namespace lockstep::stored {

namespace {

constexpr std::uint8_t kItems = 1;
constexpr std::uint8_t kVersion = 2;

void append_big_endian(std::string& key, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- != 0;) key += static_cast<char>(value >> (8 * i));
}

std::uint64_t checksum(std::string_view key, std::string_view content) {
  return XXH3_64bits_withSeed(content.data(), content.size(), XXH3_64bits(key.data(), key.size()));
}

}  // namespace

std::string record_key(std::uint32_t op, unsigned slot, std::uint64_t number) {
  std::string key;
  append_big_endian(key, op, 4);
  key += static_cast<char>(kItems);
  append_big_endian(key, std::uint64_t{slot} << (64 - kSlotBits), 8);
  append_big_endian(key, number, 8);
  return key;
}

std::uint64_t record_checksum(std::uint32_t op, unsigned slot, std::uint64_t number, std::string_view items) {
  return checksum(record_key(op, slot, number), items);
}

std::string manifest_key(std::uint64_t number) {
  std::string key;
  append_big_endian(key, number, 8);
  return key;
}

std::uint64_t manifest_checksum(std::uint64_t number, std::string_view content) {
  return checksum(manifest_key(number), content);
}

std::string seal(std::string_view content, std::uint64_t checksum) {
  std::string value;
  value.reserve(content.size() + 9);
  Encoder out(value);
  out.byte(kVersion);
  out.fixed64(checksum);
  value.append(content);
  return value;
}

Sealed unseal(std::string_view value) {
  Decoder in(value);
  if (const unsigned version = in.byte(); version != kVersion) {
    throw DecodeError("it has version " + std::to_string(version) + ", this is version " + std::to_string(kVersion));
  }
  const std::uint64_t checksum = in.fixed64();
  return {checksum, value.substr(value.size() - in.remaining())};
}

}  // namespace lockstep::stored
