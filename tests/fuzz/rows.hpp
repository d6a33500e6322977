#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <lockstep.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kafka/formats/format.hpp"

// What decoders are fed with bytes for. Each input is refused by a FormatError, or is a row that is the same when it is
// written and read again; nothing else may happen.

namespace fuzz {

enum class Color : std::uint8_t { red, green };
BOOST_DESCRIBE_ENUM(Color, red, green)

struct Flat {
  std::int64_t id;
  std::uint64_t large;
  std::int8_t small;
  bool flag;
  char32_t sign;
  double real;
  std::string text;
  std::optional<std::string> note;
  std::optional<std::int32_t> maybe;
  Color color;
  std::chrono::sys_time<std::chrono::milliseconds> at;
  std::chrono::sys_days day;
};
BOOST_DESCRIBE_STRUCT(Flat, (), (id, large, small, flag, sign, real, text, note, maybe, color, at, day))

struct Deep {
  Flat flat;
  std::vector<Flat> flats;
  std::vector<std::pair<std::string, std::int64_t>> pairs;
  std::optional<std::vector<std::optional<bool>>> flags;
};
BOOST_DESCRIBE_STRUCT(Deep, (), (flat, flats, pairs, flags))

template <class T>
void check(const lockstep::kafka::Format<T>& format, std::string_view bytes) {
  T row{};
  std::string again;
  try {
    row = format.decode(bytes);
    format.encode(again, row);  // a number may be too large to be written
  } catch (const lockstep::kafka::FormatError&) {
    return;
  }
  T read = format.decode(again);
  lockstep::row_traits<T>::normalise(row);
  lockstep::row_traits<T>::normalise(read);
  if (!lockstep::row_traits<T>::equal(row, read)) std::abort();
}

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace fuzz
