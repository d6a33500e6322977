#include <fmt/format.h>
#include <simdjson.h>
#include <sys/resource.h>

#include <array>
#include <fstream>
#include <lockstep_kafka.hpp>
#include <random>
#include <stdexcept>
#include <thread>
#include <unordered_map>

#include "bench/kafka/workloads.hpp"

namespace lockstep::kafka_bench {

namespace {

namespace ls = lockstep;

struct Ratios {
  std::vector<double> rates;
  std::vector<double> processor;
  void add(const Figures& bare, const Figures& engine) {
    rates.push_back(bare.seconds / engine.seconds);
    processor.push_back(engine.processor / bare.processor);
  }
  void print() const {
    fmt::print("rate {:.2f} x, processor {:.2f} x the bare client's (medians)\n", median(rates), median(processor));
  }
};

void check_count(std::uint64_t found, std::uint64_t wanted, const char* what) {
  if (found != wanted) throw std::runtime_error(fmt::format("{} {}, not {}", found, what, wanted));
}

/// Last values by key.
std::unordered_map<std::string, std::string> upserts(const Options& options, const std::string& topic,
                                                     std::uint64_t records) {
  BareReader reader(options, topic);
  std::unordered_map<std::string, std::string> last;
  for (std::uint64_t read = 0; read < records;) {
    read += reader.read(1'000, [&last](const rd_kafka_message_t& message) {
      last[std::string(text(message.key, message.key_len))] = text(message.payload, message.len);
    });
  }
  return last;
}

std::uint64_t bare_count(const Options& options, const std::string& from, const std::string& to) {
  BareReader reader(options, from);
  BareWriter writer(options, to);
  std::unordered_map<std::string, std::int64_t> counts;
  for (std::uint64_t read = 0; read < options.records;) {
    read += reader.read(100, [&](const rd_kafka_message_t& message) {
      const std::string key(text(message.key, message.key_len));
      writer.write(key, std::to_string(++counts[key]));
    });
    writer.poll();
  }
  writer.flush();
  return options.records;
}

std::uint64_t engine_count(const Options& options, const std::string& from, const std::string& to) {
  using Pair = std::pair<std::string, std::string>;
  ls::Dataflow flow;
  const auto in = flow.input<Pair>("in", {.append_only = true});
  const auto counts = in | ls::group_by(&Pair::first, ls::count()) | ls::output("counts");
  kafka::Application app("engine-" + to, flow);
  app.read(in, from, kafka::keyed(kafka::text(), kafka::text()));
  app.write(counts, to, kafka::upsert(kafka::text(), kafka::text()));
  const kafka::Status status = run_to_end(app, settings_of(options));
  check_count(status.records_read, options.records, "records were read");
  return status.records_written;
}

struct Transfer {
  std::int64_t id, from_account, to_account, amount, at;
};
BOOST_DESCRIBE_STRUCT(Transfer, (), (id, from_account, to_account, amount, at))
using AccountRow = std::pair<std::int64_t, std::int64_t>;

std::uint64_t bare_bank(const Options& options, const std::string& from, const std::string& to) {
  BareReader reader(options, from);
  BareWriter writer(options, to);
  std::unordered_map<std::int64_t, std::int64_t> balances;
  simdjson::ondemand::parser parser;
  std::string padded;
  std::uint64_t written = 0;
  const auto change = [&](std::int64_t account, std::int64_t amount) {
    writer.write(std::to_string(account), std::to_string(balances[account] += amount));
    ++written;
  };
  for (std::uint64_t read = 0; read < options.records;) {
    read += reader.read(100, [&](const rd_kafka_message_t& message) {
      padded.clear();
      padded.reserve(message.len + simdjson::SIMDJSON_PADDING);
      padded.append(text(message.payload, message.len));
      auto document = parser.iterate(padded.data(), padded.size(), padded.capacity());
      simdjson::ondemand::object object = document.get_object();
      Transfer one;
      one.id = object.find_field("id").get_int64();
      one.from_account = object.find_field("from_account").get_int64();
      one.to_account = object.find_field("to_account").get_int64();
      one.amount = object.find_field("amount").get_int64();
      one.at = object.find_field("at").get_int64();
      change(one.to_account, one.amount);
      change(one.from_account, -one.amount);
    });
    writer.poll();
  }
  writer.flush();
  return written;
}

std::uint64_t engine_bank(const Options& options, const std::string& from, const std::string& to) {
  ls::Dataflow flow;
  const auto transfers = flow.input<Transfer>("transfers", {.append_only = true});
  const auto balances = transfers | ls::flat_map([](const Transfer& one) -> std::array<AccountRow, 2> {
                          return {{{one.to_account, one.amount}, {one.from_account, -one.amount}}};
                        }) |
                        ls::group_by(&AccountRow::first, ls::sum(&AccountRow::second));
  // Every sum that is ever shown is in a topic of its own.
  const std::string totals = make_topic(options, "totals", 1);
  kafka::Application app("engine-" + to, flow);
  app.read(transfers, from, kafka::json());
  app.write(balances | ls::output("balances"), to, kafka::upsert(kafka::text(), kafka::text()));
  app.write(balances | ls::aggregate(ls::sum(ls::value)) | ls::output("total"), totals, kafka::weighted(kafka::csv()));
  const kafka::Status status = run_to_end(app, settings_of(options));
  check_count(status.records_read, options.records, "records were read");
  const std::uint64_t shown = status.sinks[1].records;
  std::uint64_t right = 0;
  BareReader reader(options, totals);
  for (std::uint64_t read = 0; read < shown;) {
    read += reader.read(1'000, [&right](const rd_kafka_message_t& message) {
      right += text(message.payload, message.len) == "1,0" ? 1 : 0;
    });
  }
  check_count(right, 1, "totals were shown as 0, once");
  check_count(shown, 1, "totals were shown");
  return status.sinks[0].records;
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * 4096;
}

}  // namespace

void count(const Options& options) {
  const std::string from = make_topic(options, "in", options.partitions);
  std::mt19937_64 random(1);
  write(options, from, 0, [&](std::uint64_t i, std::string& key, std::string& value) {
    key = fmt::format("{:05}", random() % options.keys);
    value = fmt::format("{:08}", i % 100'000'000);
  });
  Ratios ratios;
  for (unsigned round = 0; round < options.rounds; ++round) {
    const std::string bare_to = make_topic(options, "bare", options.partitions);
    const std::string to = make_topic(options, "engine", options.partitions);
    const Figures bare = measured([&] { return bare_count(options, from, bare_to); });
    const Figures engine = measured([&] { return engine_count(options, from, to); });
    print("bare", options.records, bare);
    print("lockstep", options.records, engine);
    ratios.add(bare, engine);
    if (upserts(options, bare_to, bare.written) != upserts(options, to, engine.written)) {
      throw std::runtime_error("the counts are not the bare client's");
    }
  }
  ratios.print();
}

void bank(const Options& options) {
  const std::string from = make_topic(options, "transfers", options.partitions);
  std::mt19937_64 random(1);
  write(options, from, options.partitions, [&](std::uint64_t i, std::string&, std::string& value) {
    const auto account = [&] { return static_cast<std::int64_t>(random() % options.keys); };
    row_traits<Transfer>::write_json(
        value, {static_cast<std::int64_t>(i), account(), account(), static_cast<std::int64_t>(random() % 1'000),
                static_cast<std::int64_t>(i)});
  });
  Ratios ratios;
  for (unsigned round = 0; round < options.rounds; ++round) {
    const std::string bare_to = make_topic(options, "bare", options.partitions);
    const std::string to = make_topic(options, "engine", options.partitions);
    const Figures bare = measured([&] { return bare_bank(options, from, bare_to); });
    const Figures engine = measured([&] { return engine_bank(options, from, to); });
    print("bare", options.records, bare);
    print("lockstep", options.records, engine);
    ratios.add(bare, engine);
    if (upserts(options, bare_to, bare.written) != upserts(options, to, engine.written)) {
      throw std::runtime_error("the balances are not the bare client's");
    }
  }
  ratios.print();
}

void backlog(const Options& options) {
  const std::string from = make_topic(options, "backlog", options.partitions);
  std::mt19937_64 random(1);
  write(options, from, options.partitions, [&](std::uint64_t i, std::string& key, std::string& value) {
    key = fmt::format("{:05}", random() % options.keys);
    value = fmt::format("{:08}", i % 100'000'000);
  });
  const auto read_only = [&] {
    return measured([&] {
      BareReader reader(options, from);
      std::size_t bytes = 0;
      for (std::uint64_t read = 0; read < options.records;) {
        read += reader.read(100, [&bytes](const rd_kafka_message_t& message) { bytes += message.len; });
      }
      return std::uint64_t{0};
    });
  };
  using Pair = std::pair<std::string, std::string>;
  ls::Dataflow flow;
  const auto in = flow.input<Pair>("in", {.append_only = true});
  const auto counts = in | ls::group_by(&Pair::first, ls::count()) | ls::output("counts");
  kafka::Settings settings = settings_of(options);
  settings.runtime.step_rows = kafka::Settings().runtime.step_rows;  // as applications have it
  settings.until_end = true;
  Ratios ratios;
  for (unsigned round = 0; round < options.rounds; ++round) {
    const Figures bare = read_only();
    print("bare reads", options.records, bare);
    const std::string to = make_topic(options, "counts", options.partitions);
    kafka::Application app("backlog-" + to, flow);
    app.read(in, from, kafka::keyed(kafka::text(), kafka::text()));
    app.write(counts, to, kafka::upsert(kafka::text(), kafka::text()));
    std::size_t most_memory = 0;
    std::size_t half_memory = 0;
    std::uint64_t steps = 0;
    const Figures engine = measured([&] {
      const auto run = app.start(settings);
      while (run->runs()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        most_memory = std::max(most_memory, resident_bytes());
        if (run->status().records_read < options.records / 2) half_memory = most_memory;
      }
      run->stop();
      check_count(run->status().records_read, options.records, "records were read");
      steps = run->status().step;
      return run->status().records_written;
    });
    print("lockstep", options.records, engine);
    ratios.add(bare, engine);
    fmt::print(
        "  {} steps of {} records on average, with a cap of {}; {} MB of memory at most, {} MB at half of the way\n",
        steps, options.records / std::max<std::uint64_t>(steps, 1), settings.runtime.step_rows, most_memory >> 20,
        half_memory >> 20);
  }
  ratios.print();
}

void idle_partitions(const Options& options) {
  constexpr int kIdle = 1'000;
  const auto value_of = [](std::uint64_t i, std::string& key, std::string& value) {
    key = fmt::format("{:05}", i % 1'000);
    value = fmt::format("{:08}", i);
  };
  const std::string one = make_topic(options, "one", 1);
  const std::string many = make_topic(options, "many", kIdle + 1);
  write(options, one, 1, value_of);
  write(options, many, 1, value_of);  // all in its first
  using Pair = std::pair<std::string, std::string>;
  const auto nanoseconds_of_step = [&](const std::string& from) {
    ls::Dataflow flow;
    const auto in = flow.input<Pair>("in", {.append_only = true});
    const auto counts = in | ls::group_by(&Pair::first, ls::count()) | ls::output("counts");
    kafka::Application app("idle-" + from, flow);
    app.read(in, from, kafka::keyed(kafka::text(), kafka::text()));
    kafka::Settings settings = settings_of(options);
    settings.until_end = true;
    const auto run = app.start(settings);
    std::vector<double> times;
    std::uint64_t last = 0;
    while (run->runs()) {
      const kafka::Status status = run->status();
      if (status.step != last && status.step > 3 && status.step_time.count() != 0) {
        times.push_back(static_cast<double>(status.step_time.count()));
      }
      last = status.step;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    run->stop();
    check_count(run->status().records_read, options.records, "records were read");
    return median(times);
  };
  std::vector<double> ratios;
  for (unsigned round = 0; round < options.rounds; ++round) {
    const double of_one = nanoseconds_of_step(one);
    const double of_many = nanoseconds_of_step(many);
    fmt::print("a step of {} rows: {:.1f} us with one partition, {:.1f} us with 1,000 idle ones beside it\n",
               options.step_rows, of_one / 1e3, of_many / 1e3);
    std::fflush(stdout);
    ratios.push_back(of_many / of_one);
  }
  fmt::print("{:.2f} x (median)\n", median(ratios));
}

}  // namespace lockstep::kafka_bench
