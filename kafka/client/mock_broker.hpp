#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace lockstep::kafka {

/// A broker in this process, for demonstrations and tests: librdkafka's own. It keeps some 5 MiB of a partition, and
/// what is older is gone; transactions mean nothing to it. Clients of any process reach it.
class MockBroker {
 public:
  /// Throws KafkaError.
  MockBroker();
  MockBroker(const MockBroker&) = delete;
  ~MockBroker();

  /// Its bootstrap.servers.
  std::string address() const;
  void make_topic(const std::string& topic, std::int32_t partitions);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::kafka
