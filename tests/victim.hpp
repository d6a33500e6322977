#pragma once

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
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/kafka_cluster.hpp"

/// What campaigns against an application have in common.
namespace victim {

using namespace std::chrono_literals;

/// A process that is to die, or to end.
class Victim {
 public:
  Victim(std::vector<std::string> arguments, const std::vector<std::string>& more_environment = {}) {
    std::vector<char*> argv;
    for (std::string& one : arguments) argv.push_back(one.data());
    argv.push_back(nullptr);
    std::vector<std::string> held = more_environment;
    std::vector<char*> environment;
    for (std::string& one : held) environment.push_back(one.data());
    for (char** one = environ; *one != nullptr; ++one) environment.push_back(*one);
    environment.push_back(nullptr);
    if (posix_spawn(&pid_, argv[0], nullptr, nullptr, argv.data(), environment.data()) != 0) {
      throw std::runtime_error("no victim");
    }
  }
  void signal(int signal) const { kill(pid_, signal); }
  /// How it ended: an exit code, or less than 0 for a signal. One that does not end is killed after two minutes.
  int wait() const {
    int status = 0;
    for (const auto until = std::chrono::steady_clock::now() + 2min; waitpid(pid_, &status, WNOHANG) == 0;) {
      if (std::chrono::steady_clock::now() > until) kill(pid_, SIGKILL);
      std::this_thread::sleep_for(2ms);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = 0;
};

/// Orders in a topic, and what their totals by customer have to be.
class Orders {
 public:
  explicit Orders(std::string topic, int partitions) : topic_(std::move(topic)), partitions_(partitions) {}

  void write(int count) {
    std::vector<kafka_cluster::Record> records;
    for (int i = 0; i < count; ++i, ++id_) {
      const std::string customer = fmt::format("customer {}", id_ % 23);
      records.push_back({.key = {},
                         .value = fmt::format(R"({{"id":{},"customer":"{}","amount":{}}})", id_, customer, id_ % 7),
                         .partition = static_cast<int>(id_ % partitions_)});
      auto& [orders, sum] = wanted_[customer];
      ++orders;
      sum += id_ % 7;
    }
    kafka_cluster::write(topic_, records);
  }
  std::map<std::string, std::string> totals() const {
    std::map<std::string, std::string> totals;
    for (const auto& [customer, total] : wanted_) totals[customer] = fmt::format("[{},{}]", total.first, total.second);
    return totals;
  }

 private:
  const std::string topic_;
  const int partitions_;
  std::int64_t id_ = 0;
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> wanted_;
};

/// Writes orders, now and then, until it ends.
class Writer {
 public:
  explicit Writer(Orders& orders)
      : thread_([this, &orders] {
          while (!ends_) {
            orders.write(50);
            std::this_thread::sleep_for(5ms);
          }
        }) {}
  ~Writer() { stop(); }
  void stop() {
    ends_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

/// Whether the campaign may take minutes.
inline bool is_long() { return std::getenv("LOCKSTEP_LONG") != nullptr; }

/// A directory that goes with it.
struct Directory {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() /
      fmt::format("lockstep-victim-{}-{}", getpid(), std::chrono::steady_clock::now().time_since_epoch().count());
  ~Directory() { std::filesystem::remove_all(path); }
};

/// An application between topics of its own, which goes on from its directory whenever it is started.
struct Campaign {
  std::mt19937_64 random{std::random_device{}()};
  std::string in = kafka_cluster::make_topic("orders", 4);
  std::string out = kafka_cluster::make_topic("totals", 2);
  Directory state;
  Orders orders{in, 4};

  Victim start(const std::vector<std::string>& more = {}, const std::vector<std::string>& environment = {}) {
    std::vector<std::string> arguments = {KAFKA_VICTIM,
                                          in,
                                          out,
                                          "run",
                                          "--quiet",
                                          "--log-level",
                                          "off",
                                          "--brokers",
                                          kafka_cluster::brokers(),
                                          "--state",
                                          state.path.string(),
                                          "--checkpoint-every",
                                          "50",
                                          "--workers",
                                          std::to_string(1 + random() % 3)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Victim(arguments, environment);
  }
  /// Runs it to the end, and compares.
  void check() {
    CHECK(start({"--until-end"}).wait() == 0);
    CHECK(kafka_cluster::read_upserts(out) == orders.totals());
  }
};

}  // namespace victim
