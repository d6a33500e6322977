#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/rows/bytes.hpp"
#include "runtime/zset/array.hpp"

namespace lockstep {

/// Keys that a table has lost, encoded, with the tags that their entries had.
class ErasedKeys {
 public:
  std::size_t size() const { return keys_.size(); }
  std::uint32_t tag(std::size_t place) const { return keys_[place].tag; }
  std::string_view key(std::size_t place) const;

  /// Where to encode a key before add(), which adds it.
  Encoder next() { return Encoder(bytes_); }
  void add(std::uint32_t tag) { keys_.push_back({tag, bytes_.size()}); }

  void drop_first(std::size_t count);
  /// Keeps one of each key that is there several times from this place on, in the order of tags.
  void drop_repeated(std::size_t first);

 private:
  struct Key {
    std::uint32_t tag;
    std::size_t end;  // of its bytes
  };

  void take(const ErasedKeys& from, std::size_t place);

  std::string bytes_;
  Array<Key> keys_;
};

}  // namespace lockstep
