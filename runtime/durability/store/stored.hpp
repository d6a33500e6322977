#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// How records and manifests lie in the store.

namespace lockstep::stored {

/// By operator, kind, the lowest hash of the slot, and checkpoint.
std::string record_key(std::uint32_t op, unsigned slot, std::uint64_t number);
std::uint64_t record_checksum(std::uint32_t op, unsigned slot, std::uint64_t number, std::string_view items);

/// By checkpoint.
std::string manifest_key(std::uint64_t number);
std::uint64_t manifest_checksum(std::uint64_t number, std::string_view content);

/// A value: its version, the checksum over its key and content, and the content.
std::string seal(std::string_view content, std::uint64_t checksum);
struct Sealed {
  std::uint64_t checksum;
  std::string_view content;
};
/// Throws DecodeError. The checksum has still to be compared.
Sealed unseal(std::string_view value);

}  // namespace lockstep::stored
