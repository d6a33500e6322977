#include "kafka/run/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <condition_variable>
#include <exception>
#include <thread>

#include "kafka/error.hpp"
#include "kafka/run/start_offsets.hpp"

namespace lockstep::kafka {

namespace {

/// What a session of this prefix reads: its name is `prefix` and `topic[partition]`, and topics have no slashes and
/// colons.
std::optional<TopicPartition> partition_of(std::string_view session, std::string_view prefix) {
  if (!session.starts_with(prefix)) return std::nullopt;
  session.remove_prefix(prefix.size());
  const std::size_t open = session.find('[');
  if (open == std::string_view::npos || !session.ends_with(']')) return std::nullopt;
  const std::string_view topic = session.substr(0, open);
  if (topic.find_first_of("/:") != std::string_view::npos) return std::nullopt;
  std::int32_t partition = 0;
  const char* const end = session.data() + session.size() - 1;
  if (std::from_chars(session.data() + open + 1, end, partition).ptr != end) return std::nullopt;
  return TopicPartition{std::string(topic), partition};
}

/// Who begins, or has read all, can wait.
constexpr std::chrono::seconds kPatienceAtEnds{30};

/// More than one, since there may be none at a place of a topic that was made again.
void add_last(std::vector<LastRecord>& records, const std::optional<LastRecord>& last) {
  constexpr std::size_t kMost = 4;
  if (!last || (!records.empty() && records.front() == *last)) return;
  records.insert(records.begin(), *last);
  if (records.size() > kMost) records.pop_back();
}

}  // namespace

Reader::Reader(Runtime& runtime, Options options, const Properties& properties, MakeFeed make_feed, Log log)
    : runtime_(runtime),
      options_(std::move(options)),
      make_feed_(std::move(make_feed)),
      prefix_(session_prefix(options_.part.input, options_.source.cluster)),
      properties_(properties),
      on_refused_([this](const std::string& what) { tell_refused(what); }),
      log_(std::move(log)),
      client_(make_part().consumer()),
      check_(properties_, options_.part.group, log_) {}
Reader::~Reader() = default;

PartitionReader& Reader::make_part() {
  auto part = std::make_unique<PartitionReader>(options_.part, properties_, dead_letters_, log_);
  const std::lock_guard lock(shown_mutex_);
  return *parts_.emplace_back(std::move(part));
}

/// As many as so many partitions can keep busy.
void Reader::make_parts(std::size_t partitions) {
  while (parts_.size() < std::min<std::size_t>(options_.threads, partitions)) make_part();
}

std::map<std::string, std::int32_t> Reader::partition_counts() {
  std::vector<std::string> topics = {options_.topics.name};
  if (options_.topics.is_pattern()) topics = client_.topics();
  std::map<std::string, std::int32_t> counts;
  for (const std::string& topic : topics) {
    if (!options_.topics.has(topic)) continue;
    try {
      counts[topic] = client_.partitions(topic);
    } catch (const NoTopic&) {
      if (known_.empty()) throw;  // it begins
      counts[topic] = 0;
    }
  }
  return counts;
}

void Reader::open() {
  const std::map<std::string, std::int32_t> counts = partition_counts();
  std::vector<TopicPartition> names;
  for (const auto& [topic, count] : counts) {
    for (std::int32_t partition = 0; partition < count; ++partition) names.push_back({topic, partition});
  }
  make_parts(names.size());
  for (const auto& part : parts_) {
    for (const auto& [topic, count] : counts) part->consumer().know(topic);
  }
  bool is_known = false;
  // A pattern may have matched nothing, when what comes later is to be read from its beginning all the same.
  const std::string marker = prefix_ + "/" + options_.topics.name;
  for (const SessionInfo& one : runtime_.sessions()) {
    is_known |= one.name == marker;
    const std::optional<TopicPartition> name = partition_of(one.name, prefix_);
    if (!name || !options_.topics.has(name->topic)) continue;
    is_known = true;
    const auto found = counts.find(name->topic);
    const std::int32_t count = found == counts.end() ? 0 : found->second;
    if (one.cursor && name->partition >= count) {
      throw KafkaError(fmt::format("{} has been read up to offset {}, and is not there: the topic has {} partitions",
                                   kafka::to_string(*name), one.cursor->at, count));
    }
  }
  const std::vector<Consumer::Offsets> there = client_.offsets(names);
  // What was found later than others is read from its beginning, should the application have ended before it was.
  std::vector<std::int64_t> starts;
  starts.reserve(there.size());
  for (const Consumer::Offsets& one : there) starts.push_back(one.first);
  if (!is_known) starts = start_offsets(options_.source.start, names, there, client_, properties_, log_);
  for (std::size_t i = 0; i < names.size(); ++i) open(names[i], there[i], starts[i]);
  check_opened();
  if (options_.topics.is_pattern()) {
    marker_ = runtime_.open_named_session(marker);
    marker_->move_cursor(0);
  }
  if (options_.has_state && !is_known) warn_of_lost_state();
  for (std::size_t i = 0; i < opened_.size(); ++i) parts_[i % parts_.size()]->add(std::move(opened_[i]));
  opened_.clear();
  for (const auto& [partition, offset] : options_.source.start.offsets()) {
    if (!known_.contains(partition)) {
      throw KafkaError(
          fmt::format("{}, which is to be read from offset {}, is not there", kafka::to_string(partition), offset));
    }
  }
}

void Reader::check_opened() {
  std::vector<TopicCheck::Known> known;
  for (const PartitionReader::Partition& one : opened_) {
    Checked& checked = checked_[one.name];
    checked.next = one.next;
    if (!one.last) continue;
    checked.records = {*one.last};
    known.push_back({one.name, one.next, checked.records});
  }
  if (const auto why = check_.look(known, client_, {}, kPatienceAtEnds)) throw KafkaError(*why);
  for (TopicCheck::Known& one : known) checked_[one.name].records = std::move(one.records);
}

/// What was read since the last time is shown to be of the same topic by what was read before: that is looked for now,
/// when all of this has been read. What has been read last is for the next time.
std::optional<std::string> Reader::check_topics(const std::stop_token& stop, std::chrono::milliseconds patience) {
  const std::lock_guard lock(check_mutex_);
  std::vector<PartitionReader::Seen> seen;
  {
    const std::lock_guard shown(shown_mutex_);
    for (const auto& part : parts_) part->add_seen(seen);
  }
  std::erase_if(seen, [this](const auto& one) { return one.next == checked_[one.name].next; });
  std::vector<TopicCheck::Known> known;
  for (const PartitionReader::Seen& one : seen) {
    std::vector<LastRecord> records = checked_[one.name].records;
    if (one.first && std::find(records.begin(), records.end(), *one.first) == records.end()) {
      records.push_back(*one.first);
    }
    known.push_back({one.name, one.next, std::move(records)});
  }
  if (auto why = check_.look(known, client_, stop, patience)) return why;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    Checked& checked = checked_[seen[i].name];
    checked.next = seen[i].next;
    checked.records = std::move(known[i].records);
    add_last(checked.records, seen[i].last);
  }
  return std::nullopt;
}

/// The first ones, and then ever fewer.
void Reader::tell_refused(const std::string& what) {
  constexpr std::uint64_t kFirst = 10;
  const std::uint64_t count = told_.fetch_add(1, std::memory_order_relaxed) + 1;
  const bool is_told = count <= kFirst || std::has_single_bit(count);
  if (is_told) log_(LogLevel::warning, fmt::format("{} (refused so far: {})", what, count));
}

/// There is no checkpoint, and yet it was run.
void Reader::warn_of_lost_state() {
  if (!log_) return;
  std::vector<TopicPartition> names;
  for (const PartitionReader::Partition& one : opened_) names.push_back(one.name);
  std::vector<std::optional<std::int64_t>> offsets(names.size());
  try {
    offsets = client_.committed(names);
  } catch (const KafkaError& error) {  // nothing depends on it
    log_(LogLevel::warning, error.what());
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (offsets[i].value_or(0) == 0) continue;
    log_(LogLevel::warning,
         fmt::format(
             "there is no checkpoint, and group '{}' has been at {}, offset {}: if its directory is elsewhere, or "
             "lost, what was written then is written again from here on",
             options_.part.group, kafka::to_string(names[i]), *offsets[i]));
    return;
  }
}

/// `start`: if it was not read before.
void Reader::open(const TopicPartition& name, const Consumer::Offsets& there, std::int64_t start) {
  const std::shared_ptr<Session> session = runtime_.open_named_session(prefix_ + kafka::to_string(name));
  const Refusals refusals{options_.source.bad_records, options_.source.dead_letters.empty() ? nullptr : &dead_letters_,
                          log_ ? &on_refused_ : nullptr};
  PartitionReader::Partition partition{.name = name, .feed = make_feed_(session, refusals)};
  if (const auto cursor = session->cursor()) {
    partition.next = static_cast<std::int64_t>(*cursor);
    check_offset(name, partition.next, there, client_);
    partition.last = LastRecord::of_mark(session->mark(), partition.next);
    if (!partition.last && log_) {
      log_(LogLevel::info,
           fmt::format("{}: no record before offset {} is remembered, so that another topic of this name "
                       "would not be noticed",
                       kafka::to_string(name), partition.next));
    }
  } else {
    partition.next = start;
    partition.feed->set_idle(false);  // before the cursor: whoever finds that has to find it active
    session->move_cursor(static_cast<std::uint64_t>(partition.next));
  }
  if (options_.part.until_end) {
    partition.end = ends_[name] = there.end;
    until_end_ += static_cast<std::uint64_t>(std::max<std::int64_t>(0, partition.end - partition.next));
  }
  {
    const std::lock_guard lock(shown_mutex_);
    shown_[session->number()] = name;
  }
  known_.insert(name);
  if (log_)
    log_(LogLevel::info,
         fmt::format("{} reads {} from offset {} on", options_.part.input, kafka::to_string(name), partition.next));
  opened_.push_back(std::move(partition));
}

void Reader::run(const std::stop_token& stop, const std::function<void(std::exception_ptr)>& tell) {
  for (const auto& part : parts_) part->consumer().answer_within(kPatience);
  std::mutex mutex;
  std::condition_variable_any news;
  std::exception_ptr error;
  std::size_t running = 0;
  std::stop_source stops;
  const std::stop_callback stops_all(stop, [&stops] { stops.request_stop(); });
  const auto run_part = [&](PartitionReader& part) {
    std::exception_ptr thrown;
    try {
      part.run(stops.get_token());
    } catch (...) {
      thrown = std::current_exception();
      tell(thrown);
      stops.request_stop();
    }
    const std::lock_guard lock(mutex);
    if (error == nullptr) error = std::move(thrown);
    --running;
    news.notify_all();
  };
  std::vector<std::jthread> threads;
  struct Stop {
    std::stop_source& stops;
    ~Stop() { stops.request_stop(); }  // before the threads are joined
  } const stops_at_end{stops};
  const auto is_over = [&] { return running == 0 || error != nullptr; };
  constexpr std::chrono::milliseconds kLookAgain{500};
  const bool looks = options_.partitions_every.count() != 0;
  std::unique_lock lock(mutex);
  for (;;) {
    for (; threads.size() < parts_.size(); ++running) {
      threads.emplace_back([&run_part, &part = *parts_[threads.size()]] { run_part(part); });
    }
    if (!looks) {
      news.wait(lock, stop, is_over);
    } else {
      const auto every =
          missing_.is_any() ? std::min(kLookAgain, options_.partitions_every) : options_.partitions_every;
      news.wait_for(lock, stop, every, is_over);
    }
    if (is_over() || stop.stop_requested()) break;
    lock.unlock();
    try {
      look_again(stops.get_token());
    } catch (...) {
      tell(std::current_exception());
      throw;
    }
    lock.lock();
  }
  stops.request_stop();
  news.wait(lock, [&running] { return running == 0; });
  if (error != nullptr) std::rethrow_exception(error);
  if (!options_.part.until_end || options_.has_state) return;  // which looks when it takes a checkpoint
  lock.unlock();
  const auto why = check_topics(stop, kPatienceAtEnds);
  if (why && !stop.stop_requested()) throw KafkaError(*why);
}

void Reader::look_again(const std::stop_token& stop) {
  look_for_partitions(stop);
  if (options_.part.until_end) check_bounds(ends_, client_, log_);
  if (const auto why = check_topics(stop, kPatience); why && log_ && !stop.stop_requested()) {
    log_(LogLevel::warning, *why + "; it is looked for again");
  }
}

void Reader::look_for_partitions(const std::stop_token& stop) {
  // What cannot be known yet is looked for again; what is read goes on meanwhile, or will say so itself.
  const auto tell = [this](const KafkaError& error) {
    if (log_) log_(LogLevel::warning, std::string(error.what()) + "; new partitions are looked for again");
  };
  std::vector<TopicPartition> names;
  try {
    const std::map<std::string, std::int32_t> counts = partition_counts();
    missing_.look(known_, counts);
    if (options_.part.until_end) return;  // it reads what was there
    for (const auto& [topic, count] : counts) {
      for (std::int32_t next = 0; next < count; ++next) {
        if (!known_.contains({topic, next})) names.push_back({topic, next});
      }
    }
    if (names.empty()) return;
    make_parts(known_.size() + names.size());
  } catch (const TopicChanged&) {
    throw;
  } catch (const KafkaError& error) {
    return tell(error);
  }
  for (const TopicPartition& name : names) {
    if (stop.stop_requested()) return;
    const auto& part = *std::min_element(
        parts_.begin(), parts_.end(), [](const auto& a, const auto& b) { return a->partitions() < b->partitions(); });
    try {
      part->consumer().answer_within(kPatience);
      part->consumer().know(name.topic);
      const Consumer::Offsets there = client_.offsets(name);
      open(name, there, there.first);
      part->add(std::move(opened_.back()));
      opened_.clear();
    } catch (const KafkaError& error) {
      tell(error);
    }
  }
}

void Reader::show(Status& status) const {
  TopicStatus source{options_.part.input, options_.topics.name};
  {
    const std::lock_guard lock(shown_mutex_);
    for (const auto& part : parts_) part->show(status, source);
  }
  status.records_read += source.records;
  status.records_refused += source.refused;
  status.until_end += until_end_;
  status.sources.push_back(std::move(source));
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
  client_.commit(offsets);
}

}  // namespace lockstep::kafka
