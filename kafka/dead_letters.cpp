#include "kafka/dead_letters.hpp"

#include <utility>

namespace lockstep::kafka {

namespace {

constexpr std::size_t kMost = std::size_t{64} << 20;

}  // namespace

void DeadLetters::add(std::uint64_t session, const RecordView& record, std::string_view reason) {
  RawRecord letter;
  letter.value = owned(record.value);
  letter.key = owned(record.key);
  letter.offset = record.offset;
  if (record.timestamp_kind != TimestampKind::none) letter.timestamp += std::chrono::milliseconds(record.timestamp);
  record.for_each_header([&](std::string_view name, std::optional<std::string_view> value) {
    letter.headers.emplace_back(name, owned(value));
  });
  letter.headers.emplace_back("lockstep.reason", reason);
  letter.headers.emplace_back("lockstep.topic", record.topic);
  letter.headers.emplace_back("lockstep.partition", std::to_string(record.partition));
  letter.headers.emplace_back("lockstep.offset", std::to_string(record.offset));
  const std::lock_guard lock(mutex_);
  bytes_ += bytes_of(letter);
  records_[session].push_back(std::move(letter));
}

std::size_t DeadLetters::bytes_of(const RawRecord& record) {
  std::size_t bytes = sizeof(RawRecord) + record.key.value_or("").size() + record.value.value_or("").size();
  for (const auto& [name, value] : record.headers) bytes += 64 + name.size() + value.value_or("").size();
  return bytes;
}

bool DeadLetters::has_room() {
  const std::lock_guard lock(mutex_);
  return bytes_ <= kMost;
}

void DeadLetters::wait_for_room(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, stop, time, [this] { return bytes_ <= kMost; });
}

void DeadLetters::take(std::span<const SessionCursor> cut, FunctionRef<void(const NewRecord&)> function) {
  std::deque<RawRecord> taken;
  {
    const std::lock_guard lock(mutex_);
    if (records_.empty()) return;
    for (const SessionCursor& one : cut) {
      const auto found = records_.find(one.session);
      if (found == records_.end()) continue;
      std::deque<RawRecord>& waiting = found->second;
      while (!waiting.empty() && waiting.front().offset < static_cast<std::int64_t>(one.cursor)) {
        bytes_ -= bytes_of(waiting.front());
        taken.push_back(std::move(waiting.front()));
        waiting.pop_front();
      }
      if (waiting.empty()) records_.erase(found);
    }
  }
  if (!taken.empty()) room_.notify_all();
  for (const RawRecord& letter : taken) {
    function({.key = letter.key,
              .value = letter.value,
              .timestamp = letter.timestamp.time_since_epoch().count(),
              .headers = &letter.headers});
  }
}

}  // namespace lockstep::kafka
