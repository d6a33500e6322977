#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/kafka_cluster.hpp"

// An application that is killed again and again: no record is lost, and a topic of upserts ends right.

using namespace std::chrono_literals;
using kafka_cluster::Record;

namespace {

class Victim {
 public:
  Victim(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), KAFKA_VICTIM);
    std::vector<char*> argv;
    for (std::string& one : arguments) argv.push_back(one.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, KAFKA_VICTIM, nullptr, nullptr, argv.data(), environ) != 0)
      throw std::runtime_error("no victim");
  }
  void signal(int signal) const { kill(pid_, signal); }
  /// How it ended: an exit code, or less than 0 for a signal.
  int wait() const {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace

TEST_CASE("an application that is killed at any instant loses no record, and its upserts end right", "[kafka][kill]") {
  const bool is_long = std::getenv("LOCKSTEP_LONG") != nullptr;
  const int kills = is_long ? 60 : 10;
  std::mt19937_64 random(std::random_device{}());
  const std::string in = kafka_cluster::make_topic("orders", 4);
  const std::string out = kafka_cluster::make_topic("totals", 2);
  const std::filesystem::path state =
      std::filesystem::temp_directory_path() / fmt::format("lockstep-kill-{}", getpid());
  const auto start = [&](const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {in,
                                          out,
                                          "run",
                                          "--brokers",
                                          kafka_cluster::brokers(),
                                          "--state",
                                          state.string(),
                                          "--checkpoint-every",
                                          "50",
                                          "--workers",
                                          std::to_string(1 + random() % 3)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Victim(arguments);
  };

  std::atomic<bool> ends{false};
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> wanted;
  std::thread writer([&] {
    for (std::int64_t id = 0; !ends;) {
      std::vector<Record> records;
      for (int i = 0; i < 50; ++i, ++id) {
        const std::string customer = fmt::format("customer {}", id % 23);
        records.push_back({.key = {},
                           .value = fmt::format(R"({{"id":{},"customer":"{}","amount":{}}})", id, customer, id % 7),
                           .partition = static_cast<int>(id % 4)});
        auto& [count, sum] = wanted[customer];
        ++count;
        sum += id % 7;
      }
      kafka_cluster::write(in, records);
      std::this_thread::sleep_for(5ms);
    }
  });
  for (int i = 0; i < kills; ++i) {
    const Victim victim = start();
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + random() % 700));
    victim.signal(SIGKILL);
    CHECK(victim.wait() == -SIGKILL);
  }
  {
    const std::size_t before = kafka_cluster::read(out).size();
    const Victim victim = start();
    for (int tries = 0; kafka_cluster::read(out).size() == before && tries < 600; ++tries)
      std::this_thread::sleep_for(50ms);
    victim.signal(SIGTERM);
    CHECK(victim.wait() == 0);
  }
  ends = true;
  writer.join();
  CHECK(start({"--until-end"}).wait() == 0);

  std::map<std::string, std::string> totals;
  for (const auto& [customer, total] : wanted) totals[customer] = fmt::format("[{},{}]", total.first, total.second);
  CHECK(kafka_cluster::read_upserts(out) == totals);
  std::filesystem::remove_all(state);
}
