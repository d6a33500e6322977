#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka/properties.hpp"

/// The broker that the tests were given, by a client that is not the library's.
namespace kafka_cluster {

/// Its address.
const std::string& brokers();
lockstep::kafka::Properties properties();

/// Makes a topic, with a name that no other test has, and returns that.
std::string make_topic(const std::string& name, int partitions, const std::map<std::string, std::string>& options = {});
void delete_topic(const std::string& topic);
/// Another one, of the same name.
void make_topic_again(const std::string& topic, int partitions);
void grow_topic(const std::string& topic, int partitions);
/// What is before an offset is gone.
void delete_records(const std::string& topic, int partition, std::int64_t before);

struct Record {
  std::optional<std::string> key;
  std::optional<std::string> value;
  int partition = -1;  // to be written: -1: by key
  std::int64_t offset = 0;
};
/// Writes records, and waits until they are there.
void write(const std::string& topic, const std::vector<Record>& records);
/// The same in a transaction, which is committed, or aborted.
void write_in_transaction(const std::string& topic, const std::vector<Record>& records, bool commits);
/// All that is there.
std::vector<Record> read(const std::string& topic);
/// The last value of each key, but of those that have none.
std::map<std::string, std::string> read_upserts(const std::string& topic);
/// Commits an offset of a group.
void commit(const std::string& group, const std::string& topic, int partition, std::int64_t offset);
/// The offsets of a group, by partition; -1: none.
std::int64_t committed(const std::string& group, const std::string& topic, int partition);

}  // namespace kafka_cluster
