#pragma once

#include "bench/kafka/client.hpp"

namespace lockstep::kafka_bench {

/// Counts by key, every update written: rate, and processor seconds.
void count(const Options& options);
/// Transfers in JSON to balances by account, whose sum has to be 0 at every step.
void bank(const Options& options);
/// A topic that is full when it is begun: rate against a client that only reads, and memory.
void backlog(const Options& options);
/// Records at a rate, from topic to topic: how long each is on its way.
void paced(const Options& options);
/// One row of JSON to another, on an idle machine: how long it is on its way.
void round_trip(const Options& options);
/// A busy partition beside 1,000 that have nothing.
void idle_partitions(const Options& options);

}  // namespace lockstep::kafka_bench
