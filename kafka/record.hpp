#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/zset/function_ref.hpp"

namespace lockstep::kafka {

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};
/// `orders[3]`.
std::string to_string(const TopicPartition& partition);

/// In their order; a name may be there several times.
using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// Bytes of a record as a string of one's own.
inline std::optional<std::string> owned(const std::optional<std::string_view>& bytes) {
  return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
}

/// What a record's timestamp is the time of.
enum class TimestampKind : std::uint8_t {
  none,    // it has no timestamp
  create,  // of the record, as its writer says
  append,  // of when the broker got it
};
BOOST_DESCRIBE_ENUM(TimestampKind, none, create, append)

/// A record as it lies in the client's memory.
struct RecordView {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  /// In milliseconds since 1970.
  std::int64_t timestamp = 0;
  TimestampKind timestamp_kind = TimestampKind::none;

  using Header = FunctionRef<void(std::string_view name, std::optional<std::string_view> value)>;
  /// In their order.
  void for_each_header(Header function) const {
    if (headers != nullptr) walk(headers, function);
  }
  // As who read the record has them, and how that is gone through.
  const void* headers = nullptr;
  void (*walk)(const void* headers, Header function) = nullptr;
};

/// A record to be written, whose bytes belong to who writes it.
struct NewRecord {
  std::optional<std::string_view> key = {};
  std::optional<std::string_view> value = {};
  /// -1: by the hash of the key, as the Java client does; without a key, any.
  std::int32_t partition = -1;
  /// In milliseconds since 1970; 0: now.
  std::int64_t timestamp = 0;
  const Headers* headers = nullptr;
};

/// A row that has all that a record has, so that equal values are told apart by their offsets: see record().
template <class V>
struct Record {
  V value = {};
  std::optional<std::string> key = {};
  std::chrono::sys_time<std::chrono::milliseconds> timestamp = {};
  TimestampKind timestamp_kind = TimestampKind::none;
  std::string topic = {};
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  Headers headers = {};

  BOOST_DESCRIBE_CLASS(Record, (), (value, key, timestamp, timestamp_kind, topic, partition, offset, headers), (), ())
};

/// A record's bytes.
using RawRecord = Record<std::optional<std::string>>;

}  // namespace lockstep::kafka
