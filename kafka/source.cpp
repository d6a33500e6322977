#include "kafka/source.hpp"

#include <fmt/format.h>

#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

/// The bytes of a record, as much as fits a line; what is not UTF-8 is for to_string to show.
std::string excerpt(const std::optional<std::string_view>& bytes) {
  constexpr std::size_t kMost = 1000;
  if (!bytes) return "null";
  return std::string(bytes->substr(0, kMost)) + (bytes->size() > kMost ? "..." : "");
}

}  // namespace

void Feed::add(const RecordView& record) {
  if (!transaction_) begin(transaction_.emplace(session_->begin_transaction()));
  ++records_;
  bytes_ += record.key.value_or("").size() + record.value.value_or("").size();
  std::string reason;
  try {
    return decode(record);
  } catch (const FormatError& error) {
    reason = fmt::format("{}[{}]@{}: {}", record.topic, record.partition, record.offset, error.what());
  }
  if (bad_records_ == BadRecords::fail) throw KafkaError("record " + reason);
  reject({.reason = std::move(reason), .event_time = {}, .row = excerpt(record.value)});
}

void Feed::commit(std::uint64_t cursor) {
  records_ = bytes_ = 0;
  if (!transaction_) {
    session_->move_cursor(cursor);
    return;
  }
  transaction_->move_cursor(cursor);
  session_->commit(*transaction_);
  transaction_.reset();
}

}  // namespace lockstep::kafka
