#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <random>
#include <string>
#include <vector>

#include "kafka/formats/avro.hpp"
#include "kafka/formats/csv.hpp"
#include "kafka/formats/json.hpp"
#include "kafka/formats/table_format.hpp"
#include "kafka/formats/text.hpp"
#include "kafka/source.hpp"
#include "lockstep.hpp"

// How fast records become rows: a row of five fields by each format, and by a loop over simdjson that reads the same
// fields of the same texts and knows nothing else.

namespace {

namespace ls = lockstep;
namespace kafka = lockstep::kafka;

struct Transfer {
  std::int64_t id;
  std::int64_t from_account;
  std::int64_t to_account;
  std::int64_t amount;
  std::string note;
};
BOOST_DESCRIBE_STRUCT(Transfer, (), (id, from_account, to_account, amount, note))

std::vector<Transfer> transfers() {
  std::mt19937_64 random(1);
  std::vector<Transfer> transfers;
  for (std::int64_t id = 0; id < 10'000; ++id) {
    transfers.push_back({id, static_cast<std::int64_t>(random() % 1'000), static_cast<std::int64_t>(random() % 1'000),
                         static_cast<std::int64_t>(random() % 100'000), fmt::format("invoice {}", random() % 1'000)});
  }
  return transfers;
}

template <class Given>
std::vector<std::string> encoded(const Given& given, const kafka::FormatContext& context = {}) {
  const auto format = kafka::make_format<Transfer>(given, context);
  std::vector<std::string> texts;
  for (const Transfer& one : transfers()) format->encode(texts.emplace_back(), one);
  return texts;
}

std::int64_t sum(const Transfer& one) {
  return one.id + one.from_account + one.to_account + one.amount + static_cast<std::int64_t>(one.note.size());
}

void report(benchmark::State& state, const std::vector<std::string>& texts) {
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * texts.size()));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

/// Texts as they are in a client's memory: without room behind them, so that they are copied to where there is some.
void bare_simdjson(benchmark::State& state) {
  const std::vector<std::string> texts = encoded(kafka::json());
  simdjson::ondemand::parser parser;
  std::string padded;
  for (auto _ : state) {
    std::int64_t total = 0;
    for (const std::string& text : texts) {
      padded.clear();
      padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
      padded.append(text);
      auto document = parser.iterate(padded.data(), padded.size(), padded.capacity());
      simdjson::ondemand::object object = document.get_object();
      Transfer row;
      row.id = object.find_field("id").get_int64();
      row.from_account = object.find_field("from_account").get_int64();
      row.to_account = object.find_field("to_account").get_int64();
      row.amount = object.find_field("amount").get_int64();
      const std::string_view note = object.find_field("note").get_string();
      row.note = note;
      total += sum(row);
    }
    benchmark::DoNotOptimize(total);
  }
  report(state, texts);
}

template <class Given>
void decode(benchmark::State& state, const Given& given, const kafka::FormatContext& context = {}) {
  const std::vector<std::string> texts = encoded(given, context);
  const auto format = kafka::make_format<Transfer>(given, context);
  for (auto _ : state) {
    std::int64_t total = 0;
    for (const std::string& text : texts) total += sum(format->decode(text));
    benchmark::DoNotOptimize(total);
  }
  report(state, texts);
}
template <class Given>
void encode(benchmark::State& state, const Given& given, const kafka::FormatContext& context = {}) {
  const std::vector<Transfer> rows = transfers();
  const auto format = kafka::make_format<Transfer>(given, context);
  std::string text;
  for (auto _ : state) {
    for (const Transfer& row : rows) {
      text.clear();
      format->encode(text, row);
      benchmark::DoNotOptimize(text.data());
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * rows.size()));
}

/// Records with keys become changes of a table, staged in a session.
template <class Given>
void stage_table(benchmark::State& state, const Given& given) {
  const std::vector<std::string> texts = encoded(kafka::json());
  std::vector<std::string> keys;
  for (const Transfer& one : transfers()) keys.push_back(std::to_string(one.id));
  ls::Dataflow flow;
  const auto table = flow.table<Transfer>("transfers", &Transfer::id);
  ls::Runtime runtime(flow);
  const auto session = runtime.open_named_session("bench");
  const auto feed_of = [&]<class R, class K, class KeyFunction>(const ls::KeyedTable<R, K, KeyFunction>& of) {
    return kafka::TableFeed<R, K, KeyFunction>(session, {}, of, given.template of_table<R, K>({}));
  };
  auto feed = feed_of(table);
  std::int64_t offset = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      kafka::RecordView record;
      record.offset = offset++;
      record.key = keys[i];
      record.value = texts[i];
      feed.add(record);
    }
    feed.commit(static_cast<std::uint64_t>(offset), 0);
    state.PauseTiming();
    runtime.step();
    state.ResumeTiming();
  }
  report(state, texts);
}

const kafka::FormatContext kRegistry{.topic = "transfers", .properties = {{"schema.registry.url", "mock://bench"}}};

BENCHMARK(bare_simdjson);
BENCHMARK_CAPTURE(decode, json, kafka::json());
BENCHMARK_CAPTURE(decode, json_with_names, kafka::json({.field_names = kafka::FieldNames::camel_case}));
BENCHMARK_CAPTURE(decode, csv, kafka::csv());
BENCHMARK_CAPTURE(decode, avro, kafka::avro(), kRegistry);
BENCHMARK_CAPTURE(stage_table, json, kafka::upsert(kafka::text(), kafka::json()));
BENCHMARK_CAPTURE(stage_table, json_any_keys, kafka::upsert(kafka::text(), kafka::json()).with_any_keys());
BENCHMARK_CAPTURE(encode, json, kafka::json());
BENCHMARK_CAPTURE(encode, csv, kafka::csv());
BENCHMARK_CAPTURE(encode, avro, kafka::avro(), kRegistry);

}  // namespace

BENCHMARK_MAIN();
