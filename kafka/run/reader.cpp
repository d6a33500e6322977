#include "kafka/run/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPoll{50};
constexpr std::size_t kRecords = 10'000;
/// Of records that become one transaction, at most about so many bytes.
constexpr std::size_t kPieceBytes = std::size_t{4} << 20;

}  // namespace

Reader::Reader(Runtime& runtime, Options options, const Properties& properties, MakeFeed make_feed)
    : runtime_(runtime),
      options_(std::move(options)),
      make_feed_(std::move(make_feed)),
      consumer_(properties, options_.group) {}

void Reader::open() {
  const std::string prefix = options_.input + "/" + options_.topic + "[";
  const std::vector<SessionInfo> sessions = runtime_.sessions();
  const bool is_known = std::any_of(sessions.begin(), sessions.end(),
                                    [&prefix](const SessionInfo& one) { return one.name.starts_with(prefix); });
  const std::int32_t count = consumer_.partitions(options_.topic);
  for (const SessionInfo& one : sessions) {
    if (!one.name.starts_with(prefix) || !one.cursor) continue;
    if (const int partition = std::stoi(one.name.substr(prefix.size())); partition >= count) {
      throw KafkaError(
          fmt::format("{}[{}] has been read up to offset {}, and is not there: the topic has {} partitions",
                      options_.topic, partition, *one.cursor, count));
    }
  }
  for (std::int32_t partition = 0; partition < count; ++partition) open(partition, is_known);
}

/// `is_known`: others of the topic have been read before, so that this one was found later, if it was not.
void Reader::open(std::int32_t number, bool is_known) {
  const TopicPartition name{options_.topic, number};
  const std::shared_ptr<Session> session = runtime_.open_named_session(options_.input + "/" + kafka::to_string(name));
  Partition partition{.name = name, .feed = make_feed_(session, options_.source.bad_records)};
  if (const auto cursor = session->cursor()) {
    partition.next = static_cast<std::int64_t>(*cursor);
    check_offset(name, partition.next);
  } else {
    partition.next = is_known ? consumer_.offsets(name).first : start_of(name);
    session->move_cursor(static_cast<std::uint64_t>(partition.next));
    partition.feed->set_idle(false);
  }
  partition.cursor = partition.next;
  if (options_.until_end) partition.end = consumer_.offsets(name).end;
  {
    const std::lock_guard lock(shown_mutex_);
    shown_[session->number()] = name;
  }
  consumer_.add(name, partition.next, partitions_.size());
  partitions_.push_back(std::move(partition));
}

std::int64_t Reader::start_of(const TopicPartition& partition) {
  const Start& start = options_.source.start;
  if (start.kind == Start::Kind::timestamp) return consumer_.offset_at(partition, start.timestamp);
  const Consumer::Offsets offsets = consumer_.offsets(partition);
  return start.kind == Start::Kind::earliest ? offsets.first : offsets.end;
}

void Reader::check_offset(const TopicPartition& partition, std::int64_t next) {
  const Consumer::Offsets offsets = consumer_.offsets(partition);
  if (next < offsets.first) {
    throw KafkaError(
        fmt::format("{} has to be read from offset {}, and the first that is there is {}: records that have "
                    "not been read are gone",
                    kafka::to_string(partition), next, offsets.first));
  }
  if (next > offsets.end) {
    throw KafkaError(
        fmt::format("{} has been read up to offset {}, and ends at {}: the topic was truncated, or is another "
                    "one of this name",
                    kafka::to_string(partition), next, offsets.end));
  }
}

void Reader::run(const std::stop_token& stop) {
  std::vector<std::size_t> touched;
  Time look_at = steady_clock::now() + options_.partitions_every;
  while (!stop.stop_requested() && !(options_.until_end && has_read_all())) {
    touched.clear();
    const auto take = [&](const Consumer::Read& read) {
      Partition& partition = partitions_[read.number];
      if (touched.empty() || touched.back() != read.number) touched.push_back(read.number);
      if (read.record == nullptr) {
        partition.next = std::max(partition.next, read.end);
        partition.at_end = steady_clock::now();
        return;
      }
      if (read.record->offset < partition.next) return;
      partition.feed->add(*read.record);
      partition.next = read.record->offset + 1;
      partition.at_end.reset();
      partition.is_idle = false;
      records_.store(records_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      const Feed& feed = *partition.feed;
      if (feed.bytes() >= kPieceBytes || feed.records() == options_.step_rows) commit(partition);
    };
    consumer_.poll(kPoll, kRecords, take);
    for (const std::size_t number : touched) commit(partitions_[number]);
    const Time now = steady_clock::now();
    if (options_.source.idle_after.count() != 0) find_idle(now);
    if (!options_.until_end && options_.partitions_every.count() != 0 && now >= look_at) {
      look_for_partitions();
      look_at = now + options_.partitions_every;
    }
  }
}

void Reader::commit(Partition& partition) {
  if (partition.next == partition.cursor) return;
  partition.feed->commit(static_cast<std::uint64_t>(partition.next));
  partition.cursor = partition.next;
}

void Reader::find_idle(Time now) {
  for (Partition& partition : partitions_) {
    if (partition.is_idle || !partition.at_end || now - *partition.at_end < options_.source.idle_after) continue;
    partition.feed->set_idle(true);
    partition.is_idle = true;
  }
}

void Reader::look_for_partitions() {
  const std::int32_t count = consumer_.partitions(options_.topic);
  for (auto next = static_cast<std::int32_t>(partitions_.size()); next < count; ++next) open(next, true);
}

bool Reader::has_read_all() const {
  return std::all_of(partitions_.begin(), partitions_.end(),
                     [](const Partition& partition) { return partition.next >= partition.end; });
}

void Reader::show(const std::vector<SessionCursor>& cut) {
  std::vector<std::pair<TopicPartition, std::int64_t>> offsets;
  {
    const std::lock_guard lock(shown_mutex_);
    for (const SessionCursor& one : cut) {
      const auto found = shown_.find(one.session);
      if (found != shown_.end()) offsets.emplace_back(found->second, static_cast<std::int64_t>(one.cursor));
    }
  }
  consumer_.commit(offsets);
}

}  // namespace lockstep::kafka
