#include "kafka/run/topic_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

namespace lockstep::kafka {

namespace {

using std::chrono::steady_clock;

/// Of a client that has little to read, and is not to wait for more.
Properties of_one_record(Properties properties) {
  properties.erase("max.partition.fetch.bytes");  // the other name
  Properties own = {{"fetch.message.max.bytes", "65536"}, {"fetch.min.bytes", "1"}, {"fetch.wait.max.ms", "10"}};
  own.merge(properties);
  return own;
}

constexpr std::string_view kToReset = "; `reset` forgets what was read, and the next run begins anew";

/// Asks again while a partition ends before an offset that it has had: who has become its leader may not know yet.
std::int64_t settled_end(const TopicPartition& partition, std::int64_t had, std::int64_t end, Consumer& client) {
  constexpr int kTries = 10;
  constexpr std::chrono::milliseconds kAgain{100};
  for (int tries = 0; end < had && tries < kTries; ++tries) {
    std::this_thread::sleep_for(kAgain);
    end = client.offsets(partition).end;
  }
  return end;
}

void check_end(const TopicPartition& partition, std::int64_t next, std::int64_t end, Consumer& client) {
  end = settled_end(partition, next, end, client);
  if (next <= end) return;
  throw TopicChanged(fmt::format(
      "{} has been read up to offset {}, and ends at {}: the topic was truncated, or is another one of this "
      "name{}",
      to_string(partition), next, end, kToReset));
}

/// Which of a partition's records is looked for, by the partition's number.
using Waiting = std::map<std::size_t, std::size_t>;

/// Those whose records have gone meanwhile are not waited for: others that were read before have gone as well. Whether
/// there were any.
bool forget_gone(Waiting& waiting, const std::vector<TopicCheck::Known>& partitions, Consumer& client) {
  std::vector<TopicPartition> names;
  names.reserve(waiting.size());
  for (const auto& [number, record] : waiting) names.push_back(partitions[number].name);
  const std::vector<Consumer::Offsets> offsets = client.offsets(names);
  const std::size_t before = waiting.size();
  auto there = offsets.begin();
  std::erase_if(waiting, [&](const auto& one) {
    const TopicCheck::Known& known = partitions[one.first];
    check_end(known.name, known.next, there->end, client);
    return known.records[one.second].offset() < there++->first;
  });
  return waiting.size() != before;
}

/// Whether the record is there; what comes in its place may be a later one. Throws if it is another one.
bool is_there(const TopicCheck::Known& known, const LastRecord& record, const Consumer::Batch& batch, std::size_t at,
              Consumer& client) {
  if (!batch.is_record(at)) {
    check_end(known.name, known.next, batch.offset(at), client);
    return false;
  }
  if (batch.offset(at) != record.offset()) return false;
  if (record == LastRecord(batch.record(at))) return true;
  throw TopicChanged(fmt::format(
      "{} has been read up to offset {}, and what is at offset {} now is not what was read there: the topic was made "
      "again, or truncated and written anew{}",
      to_string(known.name), known.next, record.offset(), kToReset));
}

}  // namespace

void check_offset(const TopicPartition& partition, std::int64_t next, const Consumer::Offsets& there,
                  Consumer& client) {
  if (next < there.first) {
    throw TopicChanged(
        fmt::format("{} has to be read from offset {}, and the first that is there is {}: records that have not been "
                    "read are gone{}",
                    to_string(partition), next, there.first, kToReset));
  }
  check_end(partition, next, there.end, client);
}

void fail_of_gone_offset(const TopicPartition& partition, std::int64_t next, Consumer& client) {
  const auto changed = [&](std::string_view more) {
    return TopicChanged(fmt::format(
        "{} has been read up to offset {}, and this was not there when more was to be read: the topic was made "
        "again, or truncated and written anew{}{}",
        to_string(partition), next, kToReset, more));
  };
  std::optional<Consumer::Offsets> there;
  try {
    there = client.offsets(partition);
  } catch (const KafkaError& error) {
    throw changed(fmt::format(" (what is there now cannot be asked: {})", error.what()));
  }
  check_offset(partition, next, *there, client);
  throw changed("");
}

void check_bounds(const std::map<TopicPartition, std::int64_t>& ends, Consumer& client, const Log& log) {
  std::vector<TopicPartition> names;
  names.reserve(ends.size());
  for (const auto& [name, end] : ends) names.push_back(name);
  try {
    const std::vector<Consumer::Offsets> there = client.offsets(names);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::int64_t end = ends.at(names[i]);
      const std::int64_t now = settled_end(names[i], end, there[i].end, client);
      if (now >= end) continue;
      throw TopicChanged(fmt::format(
          "{} was to be read up to offset {}, where it ended when the run began, and ends at {}: the topic was "
          "truncated, or is another one of this name{}",
          to_string(names[i]), end, now, kToReset));
    }
  } catch (const TopicChanged&) {
    throw;
  } catch (const KafkaError& error) {
    if (log) log(LogLevel::warning, std::string(error.what()) + "; it is looked for again");
  }
}

void MissingPartitions::look(const std::set<TopicPartition>& known, const std::map<std::string, std::int32_t>& counts) {
  constexpr std::chrono::seconds kForAWhile{10};
  const auto now = steady_clock::now();
  bool is_any = false;
  for (const TopicPartition& one : known) {
    const auto found = counts.find(one.topic);
    const std::int32_t count = found == counts.end() ? 0 : found->second;
    if (one.partition < count) continue;
    is_any = true;
    if (!since_) since_ = now;
    if (now - *since_ < kForAWhile) continue;
    throw TopicChanged(
        fmt::format("{} is read, and is not there any more: the topic has {} partitions", to_string(one), count));
  }
  if (!is_any) since_.reset();
}

TopicCheck::TopicCheck(Properties properties, std::string group, Log log)
    : properties_(of_one_record(std::move(properties))), group_(std::move(group)), log_(std::move(log)) {}

std::optional<std::string> TopicCheck::look(std::vector<Known>& partitions, Consumer& client,
                                            const std::stop_token& stop, std::chrono::milliseconds patience) {
  constexpr std::chrono::seconds kMostForAnAnswer{30};
  constexpr std::chrono::milliseconds kPoll{50};
  constexpr std::size_t kSome = 1'000;
  Waiting waiting;
  Waiting earlier;  // to be looked for next
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (!partitions[i].records.empty()) waiting.emplace(i, 0);
  }
  const auto assign = [&] {
    if (consumer_ == nullptr) consumer_ = std::make_unique<Consumer>(properties_, group_, log_);
    std::set<std::string> topics;
    std::vector<Consumer::Assignment> assignments;
    for (const auto& [number, record] : waiting) {
      topics.insert(partitions[number].name.topic);
      assignments.push_back({partitions[number].name, partitions[number].records[record].offset(), number});
    }
    consumer_->answer_within(std::min<std::chrono::milliseconds>(patience, kMostForAnAnswer));
    for (const std::string& topic : topics) consumer_->know(topic);
    consumer_->add(assignments);
  };
  const auto look_for_earlier = [&](std::size_t number, std::size_t record) {
    Known& known = partitions[number];
    if (++record < known.records.size()) {
      earlier.emplace(number, record);
      return;
    }
    if (log_) {
      log_(LogLevel::warning, fmt::format("{}: no record is at offset {} any more, which was read last; whether the "
                                          "topic was made again cannot be seen",
                                          to_string(known.name), known.records.front().offset()));
    }
    known.records.clear();
  };
  const auto look_until_all = [&] {
    assign();
    auto until = steady_clock::now() + patience;
    for (Consumer::Batch batch; !waiting.empty() && !stop.stop_requested();) {
      consumer_->poll(kPoll, kSome, batch);
      for (std::size_t at = 0; at < batch.size(); ++at) {
        const std::size_t number = batch.number(at);
        const auto found = waiting.find(number);
        if (found == waiting.end()) continue;
        const std::size_t record = found->second;
        const Known& known = partitions[number];
        if (!is_there(known, known.records[record], batch, at, client)) look_for_earlier(number, record);
        waiting.erase(found);
        consumer_->remove(known.name);
        until = steady_clock::now() + patience;
      }
      if (!waiting.empty() && steady_clock::now() >= until) throw KafkaError("it does not come");
    }
    if (!waiting.empty() || earlier.empty()) return;
    consumer_.reset();  // which may still have what comes later
    waiting.swap(earlier);
  };
  while (!waiting.empty() && !stop.stop_requested()) {
    try {
      look_until_all();
    } catch (const TopicChanged&) {
      consumer_.reset();
      throw;
    } catch (const KafkaError& error) {
      consumer_.reset();  // with all that it was to look for
      waiting.merge(earlier);
      const auto& [number, record] = *waiting.begin();
      const Known& one = partitions[number];
      std::string why = fmt::format("whether {} is still the same cannot be seen by its record at offset {}: {}",
                                    to_string(one.name), one.records[record].offset(), error.what());
      try {
        if (!forget_gone(waiting, partitions, client)) return why;
      } catch (const TopicChanged&) {
        throw;
      } catch (const KafkaError&) {
        return why;
      }
    }
  }
  if (waiting.empty()) return std::nullopt;
  consumer_.reset();
  return "it was to stop before the topics were seen to be the same";
}

}  // namespace lockstep::kafka
