#include <fmt/format.h>
#include <simdjson.h>

#include <atomic>
#include <charconv>
#include <lockstep_kafka.hpp>
#include <thread>

#include "bench/kafka/workloads.hpp"

namespace lockstep::kafka_bench {

namespace {

namespace ls = lockstep;

std::int64_t now() { return Clock::now().time_since_epoch().count(); }

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Row {
  std::int64_t id, sent;
};
BOOST_DESCRIBE_STRUCT(Row, (), (id, sent))

/// Both ends of a pipeline: records go in at a rate, each with the time of its writing, and what comes out is timed.
/// `sent_of`: that time, of a record's value. Returns milliseconds, of all but the first fifth.
std::vector<double> times_through(const Options& options, const std::string& from, const std::string& to,
                                  double seconds, std::uint64_t per_second,
                                  const std::function<std::string(std::uint64_t, std::int64_t)>& value_of,
                                  const std::function<std::int64_t(std::string_view)>& sent_of) {
  const auto count = static_cast<std::uint64_t>(seconds * static_cast<double>(per_second));
  std::vector<double> times;
  times.reserve(count);
  BareReader reader(options, to, BareReader::From::end);
  std::jthread writes([&] {
    BareWriter writer(options, from);
    const auto begun = Clock::now();
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto due = begun + std::chrono::nanoseconds(i * 1'000'000'000 / per_second);
      while (Clock::now() < due) std::this_thread::sleep_for(std::chrono::microseconds(100));
      writer.write("", value_of(i, now()),
                   static_cast<std::int32_t>(i % static_cast<std::uint64_t>(options.partitions)));
      if (i % 64 == 0) writer.poll();
    }
    writer.flush();
  });
  for (std::uint64_t read = 0; read < count;) {
    read += reader.read(100, [&](const rd_kafka_message_t& message) {
      times.push_back(static_cast<double>(now() - sent_of(text(message.payload, message.len))) * 1e-6);
    });
  }
  times.erase(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 5));
  return times;
}

/// A bare client that copies records, beside what function does.
template <class Change, class Function>
void beside_bare(const Options& options, const std::string& from, const std::string& to, const Change& change,
                 const Function& function) {
  std::jthread bare([&](const std::stop_token& stop) {
    BareReader reader(options, from, BareReader::From::end);
    BareWriter writer(options, to);
    std::string value;
    while (!stop.stop_requested()) {
      reader.read(10, [&](const rd_kafka_message_t& message) {
        change(text(message.payload, message.len), value);
        writer.write("", value, message.partition);
      });
      writer.poll();
    }
  });
  std::this_thread::sleep_for(std::chrono::seconds(1));
  function();
}

void show(const char* what, std::vector<double>& times) {
  fmt::print("{:<10} p50 {:7.2f} ms, p99 {:7.2f} ms, most {:7.2f} ms, of {} records\n", what, percentile(times, 0.5),
             percentile(times, 0.99), percentile(times, 1.0), times.size());
  std::fflush(stdout);
}

}  // namespace

void paced(const Options& options) {
  constexpr double kSeconds = 10;
  const auto value_of = [](std::uint64_t, std::int64_t sent) { return std::to_string(sent); };
  const auto sent_of = [](std::string_view value) { return number(value); };
  const auto copy = [](std::string_view value, std::string& out) { out = value; };
  for (unsigned round = 0; round < options.rounds; ++round) {
    {
      const std::string from = make_topic(options, "paced", options.partitions);
      const std::string to = make_topic(options, "bare", options.partitions);
      beside_bare(options, from, to, copy, [&] {
        auto times = times_through(options, from, to, kSeconds, options.rate, value_of, sent_of);
        show("bare", times);
      });
    }
    const std::string from = make_topic(options, "paced", options.partitions);
    const std::string to = make_topic(options, "engine", options.partitions);
    ls::Dataflow flow;
    const auto in = flow.input<std::int64_t>("in", {.append_only = true});
    kafka::Application app("paced-" + to, flow);
    app.read(in, from, kafka::text());
    app.write(in | ls::output("out"), to, kafka::text());
    const auto run = app.start(settings_of(options));
    std::this_thread::sleep_for(std::chrono::seconds(1));
    auto times = times_through(options, from, to, kSeconds, options.rate, value_of, sent_of);
    show("lockstep", times);
    run->stop();
  }
}

void round_trip(const Options& options) {
  constexpr double kSeconds = 5;
  constexpr std::uint64_t kPerSecond = 100;
  const auto value_of = [](std::uint64_t id, std::int64_t sent) {
    std::string out;
    row_traits<Row>::write_json(out, {static_cast<std::int64_t>(id), sent});
    return out;
  };
  const auto sent_of = [](std::string_view value) { return number(value.substr(value.rfind(':') + 1)); };
  simdjson::ondemand::parser parser;
  const auto copy = [&parser](std::string_view value, std::string& out) {
    const simdjson::padded_string padded(value);
    auto document = parser.iterate(padded);
    simdjson::ondemand::object object = document.get_object();
    Row row;
    row.id = object.find_field("id").get_int64();
    row.sent = object.find_field("sent").get_int64();
    out.clear();
    row_traits<Row>::write_json(out, row);
  };
  for (unsigned round = 0; round < options.rounds; ++round) {
    {
      const std::string from = make_topic(options, "trip", options.partitions);
      const std::string to = make_topic(options, "bare", options.partitions);
      beside_bare(options, from, to, copy, [&] {
        auto times = times_through(options, from, to, kSeconds, kPerSecond, value_of, sent_of);
        show("bare", times);
      });
    }
    const std::string from = make_topic(options, "trip", options.partitions);
    const std::string to = make_topic(options, "engine", options.partitions);
    ls::Dataflow flow;
    const auto in = flow.input<Row>("in", {.append_only = true});
    kafka::Application app("trip-" + to, flow);
    app.read(in, from, kafka::json());
    app.write(in | ls::output("out"), to, kafka::json());
    const auto run = app.start(settings_of(options));
    std::this_thread::sleep_for(std::chrono::seconds(1));
    auto times = times_through(options, from, to, kSeconds, kPerSecond, value_of, sent_of);
    show("lockstep", times);
    run->stop();
  }
}

}  // namespace lockstep::kafka_bench
