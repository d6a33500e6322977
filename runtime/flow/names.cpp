#include "runtime/flow/names.hpp"

#include <fmt/format.h>

#include "runtime/faults/errors.hpp"
#include "runtime/rows/hash.hpp"

namespace lockstep {

namespace {

constexpr std::size_t kLongestDerived = 80;
constexpr std::size_t kLongestGiven = 200;

/// So many bytes, or a few less, so that no character is cut.
std::string_view first_bytes(std::string_view text, std::size_t bytes) {
  while (bytes != 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

std::string derived_name(std::string_view kind, std::string_view of) {
  std::string name = fmt::format("{}({})", kind, of);
  if (name.size() <= kLongestDerived) return name;
  return fmt::format("{}({}...)#{:08x}", kind, first_bytes(of, kLongestDerived / 2),
                     XXH3_64bits(name.data(), name.size()) >> 32);
}

bool is_derived(std::string_view name, std::string_view kind) {
  return name.starts_with(kind) && name.substr(kind.size()).starts_with('(');
}

bool is_shortened(std::string_view derived) { return derived.find("...)#") != std::string_view::npos; }

std::string checked_name(std::string_view of, std::string name) {
  if (name.empty()) throw FlowError(fmt::format("the {} is empty", of));
  if (name.size() > kLongestGiven) {
    throw FlowError(fmt::format("the {} has {} bytes, which is more than {}: '{}...'", of, name.size(), kLongestGiven,
                                first_bytes(name, kLongestDerived)));
  }
  return name;
}

}  // namespace lockstep
