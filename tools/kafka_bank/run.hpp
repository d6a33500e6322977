#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kafka/status.hpp"
#include "tools/bank/source.hpp"

namespace lockstep::kafka_bank {

struct Options {
  bank::GeneratorOptions generator = {.rows = 200'000, .random_amounts = true};
  /// Where the topics are; empty: in a broker of this process.
  std::string brokers = {};
  unsigned workers = 2;
  std::int32_t partitions = 4;
};

struct Outcome {
  std::uint64_t transfers = 0;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;   // late, in the ledger
  std::uint64_t balances = 0;  // records of the topic
  std::uint64_t accounts = 0;  // that have a balance in the end
  std::uint64_t totals = 0;    // records of the topic
  std::uint64_t steps = 0;
  double seconds = 0;
  bool interrupted = false;
  /// What is wrong; none: all is right.
  std::vector<std::string> faults;
};

/// The topics of the bank, which a broker of its own has to have: transfers, accepted, refused, balances, total.
std::vector<std::string> topics();

/// Transfers of JSON through topics, beside a reader that knows nothing of the engine and sees all that is written:
/// every transfer is accepted or refused, once; every total that was ever shown is 0; the balances that are there in
/// the end are those of the accepted transfers. `go_on` is called now and then, and ends it when it returns false.
/// Throws KafkaError.
Outcome run(const Options& options, const std::function<bool(double part, const kafka::Status&)>& go_on);

}  // namespace lockstep::kafka_bank
