#include <catch2/catch.hpp>

#include "tests/victim.hpp"

// An application that is killed again and again: no record is lost, and a topic of upserts ends right.

using namespace victim;

TEST_CASE("an application that is killed at any instant loses no record, and its upserts end right", "[kafka][kill]") {
  Campaign campaign;
  Writer writer(campaign.orders);
  for (int kills = is_long() ? 60 : 10; kills != 0; --kills) {
    const Victim victim = campaign.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + campaign.random() % 700));
    victim.signal(SIGKILL);
    CHECK(victim.wait() == -SIGKILL);
  }
  const std::size_t before = kafka_cluster::read(campaign.out).size();
  const Victim victim = campaign.start();
  for (int tries = 0; kafka_cluster::read(campaign.out).size() == before && tries < 600; ++tries)
    std::this_thread::sleep_for(50ms);
  victim.signal(SIGTERM);
  CHECK(victim.wait() == 0);
  writer.stop();
  campaign.check();
}

TEST_CASE("an application that is killed at any of its named points loses no record", "[kafka][kill]") {
  Campaign campaign;
  Writer writer(campaign.orders);
  const std::vector<std::string> points = {"records are read",   "records are staged",       "a step is taken",
                                           "a step is written",  "all is written",           "a checkpoint begins",
                                           "a checkpoint waits", "a checkpoint is complete", "a checkpoint is taken"};
  for (int round = is_long() ? 6 : 1; round != 0; --round) {
    for (const std::string& point : points) {
      INFO(point);
      // The first time, or when it has gone on for a while.
      const auto nth = std::to_string(campaign.random() % 2 == 0 ? 1 : 2 + campaign.random() % 5);
      CHECK(campaign.start({}, {"LOCKSTEP_KILL_AT=" + point, "LOCKSTEP_KILL_NTH=" + nth}).wait() == -SIGKILL);
    }
  }
  writer.stop();
  campaign.check();
}

TEST_CASE("an application that is stopped for a while goes on", "[kafka][kill]") {
  Campaign campaign;
  Writer writer(campaign.orders);
  const Victim victim = campaign.start();
  for (int i = is_long() ? 10 : 2; i != 0; --i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200 + campaign.random() % 300));
    victim.signal(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(200 + campaign.random() % 1'000));
    victim.signal(SIGCONT);
  }
  std::this_thread::sleep_for(300ms);
  victim.signal(SIGINT);
  CHECK(victim.wait() == 0);
  writer.stop();
  campaign.check();
}

TEST_CASE("an application that was stopped while its topic was made again says so", "[kafka][kill]") {
  // It looks for partitions, or takes checkpoints, often, or neither: then it sees it at its end.
  const auto [partitions_every, checkpoint_every] =
      GENERATE(std::pair("20", "1h"), std::pair("0", "50ms"), std::pair("0", "1h"));
  const bool has_checkpoint = std::string(checkpoint_every) == "50ms";
  Campaign campaign;
  campaign.orders.write(500);
  const Victim victim = campaign.start({"--checkpoint-every", checkpoint_every},
                                       {std::string("LOCKSTEP_PARTITIONS_EVERY=") + partitions_every});
  for (int tries = 0; kafka_cluster::read_upserts(campaign.out) != campaign.orders.totals() && tries < 600; ++tries)
    std::this_thread::sleep_for(50ms);
  std::this_thread::sleep_for(200ms);  // it looks, or does not
  victim.signal(SIGSTOP);
  kafka_cluster::make_topic_again(campaign.in, 4);
  campaign.orders.write(600);  // it has more than what was read
  const std::size_t before = kafka_cluster::read(campaign.out).size();
  victim.signal(SIGCONT);
  if (partitions_every == std::string("0") && !has_checkpoint) {
    for (int tries = 0; kafka_cluster::read(campaign.out).size() == before && tries < 600; ++tries)
      std::this_thread::sleep_for(50ms);
    victim.signal(SIGTERM);
  }
  CHECK(victim.wait() == 1);
  if (has_checkpoint) CHECK(campaign.start({"--until-end"}).wait() == 1);
}

TEST_CASE("an application whose disk is full fails, and goes on where it was when there is room", "[kafka][kill]") {
  Campaign campaign;
  campaign.orders.write(500);
  CHECK(campaign.start({"--until-end"}).wait() == 0);
  campaign.orders.write(500);
  // Nothing more can be written to files: as when a disk is full, but of this process alone.
  std::string command = "trap '' XFSZ; ulimit -f 0; exec " KAFKA_VICTIM " " + campaign.in + " " + campaign.out +
                        " run --until-end --checkpoint-every 20 --brokers " + kafka_cluster::brokers() + " --state " +
                        campaign.state.path.string();
  const Directory log;
  // What it says may go to that disk, too.
  if (GENERATE(false, true)) command += " >" + log.path.string() + " 2>&1";
  CHECK(Victim({"/bin/sh", "-c", command}).wait() == 1);
  campaign.orders.write(500);
  campaign.check();
}
