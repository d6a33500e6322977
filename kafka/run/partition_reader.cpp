#include "kafka/run/partition_reader.hpp"

#include <algorithm>
#include <utility>

#include "kafka/run/topic_check.hpp"

namespace lockstep::kafka {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kPoll{50};
/// What was read is still in the caches when it is decoded, and when it is given back.
constexpr std::size_t kRecordsAtOnce = 1'000;
/// As long as there are more, so many become one piece of each partition, and of few steps.
constexpr std::size_t kRecordsOfPiece = 100'000;
/// How often it is noted how much is left.
constexpr milliseconds kNoteLags{500};

}  // namespace

PartitionReader::PartitionReader(Options options, const Properties& properties, DeadLetters& letters, Log log)
    : options_(std::move(options)), consumer_(properties, options_.group, std::move(log)), letters_(letters) {}

void PartitionReader::add(Partition partition) {
  const std::lock_guard lock(mutex_);
  added_.push_back(std::move(partition));
  any_added_ = true;
  count_.fetch_add(1, std::memory_order_relaxed);
}

void PartitionReader::take_added() {
  if (!any_added_.load(std::memory_order_relaxed)) return;
  std::vector<Partition> added;
  {
    const std::lock_guard lock(mutex_);
    added.swap(added_);
    any_added_ = false;
  }
  std::vector<Consumer::Assignment> assignments;
  for (Partition& one : added) {
    assignments.push_back({one.name, one.next, partitions_.size()});
    Reading& partition = partitions_.emplace_back(Reading{std::move(one)});
    partition.cursor = partition.counted = partition.next;
  }
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = seen_.size(); i < partitions_.size(); ++i) {
      seen_.push_back({.name = partitions_[i].name, .next = partitions_[i].next});
    }
  }
  consumer_.add(assignments);
}

void PartitionReader::run(const std::stop_token& stop) {
  Time pass_at = steady_clock::now();
  Time note_at = pass_at;
  Consumer::Batch batch;
  while (!stop.stop_requested()) {
    take_added();
    if (options_.until_end && has_read_all()) break;
    poll(batch);
    const Time now = steady_clock::now();
    looked_ += std::min<std::chrono::nanoseconds>(now - std::exchange(pass_at, now), 2 * kPoll);
    decode(batch, stop);
    const bool may_be_more = batch.size() == kRecordsAtOnce;
    if (options_.idle_after.count() != 0) look_for_idle(batch.size(), may_be_more);
    if (may_be_more && !is_piece() && letters_.has_room()) continue;
    commit();
    wait_for_letters(stop);
    if (now >= note_at) {
      note_lags();
      note_at = now + kNoteLags;
    }
  }
  commit();
  note_lags();
}

void PartitionReader::poll(Consumer::Batch& batch) {
  try {
    consumer_.poll(touched_.empty() ? kPoll : milliseconds(0), kRecordsAtOnce, batch);
  } catch (const OffsetGone& gone) {
    const Reading& partition = partitions_[gone.number()];
    fail_of_gone_offset(partition.name, partition.next, consumer_);
  }
}

/// Refused records go when the steps do that have their cursors.
void PartitionReader::wait_for_letters(const std::stop_token& stop) {
  constexpr milliseconds kAsk{100};
  while (!letters_.has_room() && !stop.stop_requested()) {
    if (!partitions_.empty()) partitions_.front().feed->session().ask_for_step();
    letters_.wait_for_room(stop, kAsk);
  }
}

/// What it has not come to when it is to stop is read again by the next run.
void PartitionReader::decode(const Consumer::Batch& batch, const std::stop_token& stop) {
  if (batch.empty()) return;
  if (options_.on_point) options_.on_point("records are read");
  std::uint64_t records = 0;
  for (std::size_t at = 0; at < batch.size(); ++at) {
    const std::size_t number = batch.number(at);
    Reading& partition = partitions_[number];
    if (!std::exchange(partition.is_touched, true)) touched_.push_back(number);
    const std::int64_t offset = batch.offset(at);
    if (!batch.is_record(at)) {
      partition.next = std::max(partition.next, offset);
      partition.at_end = looked_;
      continue;
    }
    if (offset < partition.next) continue;
    const RecordView record = batch.record(at);
    Feed& feed = *partition.feed;
    feed.add(record);
    if (!partition.first) partition.first.emplace(record);
    partition.next = offset + 1;
    partition.last_at = static_cast<std::uint32_t>(at);
    partition.at_end.reset();
    partition.is_idle = false;
    ++records;
    if (feed.bytes() >= options_.piece_bytes || feed.records() == options_.step_rows) {
      partition.last.emplace(record);
      commit(partition);  // which waits for room
      if (stop.stop_requested()) break;
    }
  }
  std::uint64_t done = 0;
  for (const std::size_t number : touched_) {
    Reading& partition = partitions_[number];
    if (const auto at = std::exchange(partition.last_at, std::nullopt)) partition.last.emplace(batch.record(*at));
    if (options_.until_end) {
      done += static_cast<std::uint64_t>(std::max<std::int64_t>(
          0, std::min(partition.next, partition.end) - std::exchange(partition.counted, partition.next)));
    }
  }
  uncommitted_ += batch.size();
  records_.store(records_.load(std::memory_order_relaxed) + records, std::memory_order_relaxed);
  done_.store(done_.load(std::memory_order_relaxed) + done, std::memory_order_relaxed);
}

/// Whether there is as much to be committed as should be at once.
bool PartitionReader::is_piece() const {
  if (uncommitted_ >= kRecordsOfPiece) return true;
  std::size_t bytes = 0;
  for (const std::size_t number : touched_) bytes += partitions_[number].feed->bytes();
  return bytes >= options_.piece_bytes;
}

void PartitionReader::commit() {
  if (touched_.empty()) return;
  for (const std::size_t number : touched_) {
    partitions_[number].is_touched = false;
    commit(partitions_[number]);
  }
  touched_.clear();
  uncommitted_ = 0;
  if (options_.on_point) options_.on_point("records are staged");
}

void PartitionReader::commit(Reading& partition) {
  if (partition.next == partition.cursor) return;
  note_seen(partition);
  partition.feed->commit(static_cast<std::uint64_t>(partition.next),
                         partition.last ? partition.last->mark(partition.next) : 0);
  partition.cursor = partition.next;
}

void PartitionReader::note_seen(const Reading& partition) {
  const std::lock_guard lock(mutex_);
  Seen& seen = seen_[static_cast<std::size_t>(&partition - partitions_.data())];
  seen.next = partition.next;
  seen.first = partition.first;
  seen.last = partition.last;
}

void PartitionReader::add_seen(std::vector<Seen>& seen) const {
  const std::lock_guard lock(mutex_);
  seen.insert(seen.end(), seen_.begin(), seen_.end());
}

bool PartitionReader::has_read_all() const {
  return touched_.empty() && std::all_of(partitions_.begin(), partitions_.end(),
                                         [](const Reading& partition) { return partition.next >= partition.end; });
}

/// A partition is idle if it has had nothing since its end, of all that had been fetched by some time.
void PartitionReader::look_for_idle(std::size_t taken, bool may_be_more) {
  if (may_be_more && ahead_ > taken) {
    ahead_ -= taken;
    return;
  }
  find_idle(may_be_more ? ahead_at_ : looked_);
  ahead_ = consumer_.queued();
  ahead_at_ = looked_;
}

void PartitionReader::find_idle(std::chrono::nanoseconds as_of) {
  for (Reading& partition : partitions_) {
    // What is not committed would have it active again.
    if (partition.is_idle || partition.is_touched || !partition.at_end) continue;
    if (as_of - *partition.at_end < options_.idle_after) continue;
    partition.feed->set_idle(true);
    partition.is_idle = true;
  }
}

void PartitionReader::note_lags() {
  std::vector<PartitionStatus> lags;
  std::uint64_t refused = 0;
  for (const Reading& one : partitions_) {
    lags.push_back({options_.input, one.name, one.next, std::max(one.next, consumer_.known_end(one.name))});
    refused += one.feed->refused();
  }
  refused_.store(refused, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  lags_ = std::move(lags);
}

void PartitionReader::show(Status& status, TopicStatus& source) const {
  source.records += records_.load(std::memory_order_relaxed);
  source.refused += refused_.load(std::memory_order_relaxed);
  status.until_end_done += done_.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  for (const PartitionStatus& one : lags_) {
    status.partitions.push_back(one);
    status.lag += static_cast<std::uint64_t>(one.lag());
  }
}

}  // namespace lockstep::kafka
