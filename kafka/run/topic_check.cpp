#include "kafka/run/topic_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>
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

void check_end(const TopicPartition& partition, std::int64_t next, const Consumer::Offsets& there) {
  if (next <= there.end) return;
  throw TopicChanged(fmt::format(
      "{} has been read up to offset {}, and ends at {}: the topic was truncated, or is another one of this "
      "name{}",
      to_string(partition), next, there.end, kToReset));
}

/// Which of the partitions are waited for: by number.
using Waiting = std::set<std::size_t>;

/// Those whose records have gone meanwhile are not waited for. Whether there were any.
bool forget_gone(Waiting& waiting, const std::vector<TopicCheck::Known>& partitions, Consumer& client) {
  std::vector<TopicPartition> names;
  names.reserve(waiting.size());
  for (const std::size_t number : waiting) names.push_back(partitions[number].name);
  const std::vector<Consumer::Offsets> offsets = client.offsets(names);
  const std::size_t before = waiting.size();
  auto there = offsets.begin();
  std::erase_if(waiting, [&](std::size_t number) {
    const TopicCheck::Known& one = partitions[number];
    check_end(one.name, one.next, *there);
    return one.record.offset() < there++->first;
  });
  return waiting.size() != before;
}

/// What comes first may be a later one, if that has been compacted away.
void check_record(const TopicCheck::Known& known, const Consumer::Batch& batch, std::size_t at) {
  const std::int64_t offset = known.record.offset();
  if (!batch.is_record(at)) return check_end(known.name, known.next, {.end = batch.offset(at)});
  if (batch.offset(at) != offset || known.record == LastRecord(batch.record(at))) return;
  throw TopicChanged(fmt::format(
      "{} has been read up to offset {}, and what is at offset {} now is not what was read there: the topic was made "
      "again, or truncated and written anew{}",
      to_string(known.name), known.next, offset, kToReset));
}

}  // namespace

void check_offset(const TopicPartition& partition, std::int64_t next, const Consumer::Offsets& there) {
  if (next < there.first) {
    throw TopicChanged(
        fmt::format("{} has to be read from offset {}, and the first that is there is {}: records that have not been "
                    "read are gone{}",
                    to_string(partition), next, there.first, kToReset));
  }
  check_end(partition, next, there);
}

void fail_of_gone_offset(const TopicPartition& partition, std::int64_t next, Consumer& client) {
  check_offset(partition, next, client.offsets(partition));
  throw TopicChanged(fmt::format(
      "{} has been read up to offset {}, and this was not there when more was to be read: the topic was made "
      "again, or truncated and written anew{}",
      to_string(partition), next, kToReset));
}

TopicCheck::TopicCheck(Properties properties, std::string group, Log log)
    : properties_(of_one_record(std::move(properties))), group_(std::move(group)), log_(std::move(log)) {}

std::optional<std::string> TopicCheck::look(const std::vector<Known>& partitions, Consumer& client,
                                            const std::stop_token& stop, std::chrono::milliseconds patience) {
  constexpr std::chrono::seconds kMostForAnAnswer{30};
  constexpr std::chrono::milliseconds kPoll{50};
  constexpr std::size_t kSome = 1'000;
  Waiting waiting;
  for (std::size_t i = 0; i < partitions.size(); ++i) waiting.insert(i);
  const auto assign = [&] {
    if (consumer_ == nullptr) consumer_ = std::make_unique<Consumer>(properties_, group_, log_);
    std::set<std::string> topics;
    std::vector<Consumer::Assignment> assignments;
    for (const std::size_t number : waiting) {
      topics.insert(partitions[number].name.topic);
      assignments.push_back({partitions[number].name, partitions[number].record.offset(), number});
    }
    consumer_->answer_within(std::min<std::chrono::milliseconds>(patience, kMostForAnAnswer));
    for (const std::string& topic : topics) consumer_->know(topic);
    consumer_->add(assignments);
  };
  const auto look_until_all = [&] {
    assign();
    auto until = steady_clock::now() + patience;
    for (Consumer::Batch batch; !waiting.empty() && !stop.stop_requested();) {
      consumer_->poll(kPoll, kSome, batch);
      for (std::size_t at = 0; at < batch.size(); ++at) {
        const std::size_t number = batch.number(at);
        if (waiting.erase(number) == 0) continue;
        check_record(partitions[number], batch, at);
        consumer_->remove(partitions[number].name);
        until = steady_clock::now() + patience;
      }
      if (steady_clock::now() >= until) throw KafkaError("it does not come");
    }
  };
  while (!waiting.empty() && !stop.stop_requested()) {
    try {
      look_until_all();
    } catch (const TopicChanged&) {
      consumer_.reset();
      throw;
    } catch (const KafkaError& error) {
      consumer_.reset();  // with all that it was to look for
      const Known& one = partitions[*waiting.begin()];
      std::string why = fmt::format("whether {} is still the same cannot be seen by its record at offset {}: {}",
                                    to_string(one.name), one.record.offset(), error.what());
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
