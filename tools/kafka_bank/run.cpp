#include "tools/kafka_bank/run.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "kafka/application.hpp"
#include "kafka/client/consumer.hpp"
#include "kafka/client/mock_broker.hpp"
#include "kafka/client/producer.hpp"
#include "kafka/error.hpp"
#include "kafka/formats/json.hpp"
#include "kafka/formats/text.hpp"
#include "kafka/formats/weighted.hpp"
#include "lockstep.hpp"

namespace lockstep::kafka_bank {

namespace {

using bank::Transfer;
using AccountRow = std::pair<std::int64_t, std::int64_t>;
using Seconds = std::chrono::duration<double>;

/// A broker of this process keeps a few megabytes of a partition.
constexpr std::uint64_t kMostAhead = 20'000;
constexpr std::int64_t kLatenessMs = 5'000;
constexpr std::size_t kMostFaults = 10;

struct Flow {
  Dataflow dataflow;
  Input<Transfer> transfers =
      dataflow.input<Transfer>("transfers", {.append_only = true}, event_time(&Transfer::ts, kLatenessMs));
  KeyedStream<std::int64_t, std::int64_t> balances =
      transfers | flat_map([](const Transfer& one) -> std::array<AccountRow, 2> {
        return {{{one.to_account, one.amount}, {one.from_account, -one.amount}}};
      }) |
      group_by(&AccountRow::first, sum(&AccountRow::second)).named("balances");
  Output<Transfer> accepted_out = transfers | output("accepted");
  KeyedOutput<std::int64_t, std::int64_t> balances_out = balances | output("balances");
  Output<std::int64_t> total_out = balances | aggregate(sum(value)).named("total") | output("total");
};

/// What is in the topics that are written, read while they are.
class Witness {
 public:
  Witness(const kafka::Properties& properties, std::uint64_t transfers)
      : consumer_(properties, "witness"), is_seen_(transfers, false) {
    for (const char* topic : {"accepted", "refused", "balances", "total"}) {
      for (std::int32_t partition = 0; partition < consumer_.partitions(topic); ++partition) {
        const kafka::TopicPartition name{topic, partition};
        consumer_.add({{name, consumer_.offsets(name).end, names_.size()}});
        names_.push_back(name);
      }
    }
    ends_.resize(names_.size());
  }

  void read(std::chrono::milliseconds wait) {
    kafka::Consumer::Batch batch;
    consumer_.poll(wait, 10'000, batch);
    for (std::size_t at = 0; at < batch.size(); ++at) {
      ends_[batch.number(at)] = batch.offset(at) + (batch.is_record(at) ? 1 : 0);
      if (batch.is_record(at)) take(batch.record(at));
    }
  }
  /// All that is there now.
  void read_to_end() {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const std::int64_t end = consumer_.offsets(names_[i]).end;
      while (ends_[i] < end) read(std::chrono::milliseconds(100));
    }
  }

  void finish(Outcome& outcome) {
    for (std::size_t id = 0; id < is_seen_.size(); ++id) {
      if (!is_seen_[id]) fault(fmt::format("transfer {} is neither accepted nor refused", id));
    }
    std::erase_if(balances_, [](const auto& one) { return !one.second; });
    for (const auto& [account, money] : money_) {
      const auto found = balances_.find(account);
      if (found == balances_.end()) {
        fault(fmt::format("account {} has no balance, and should have {}", account, money));
      } else if (*found->second != money) {
        fault(fmt::format("account {} has a balance of {}, and should have {}", account, *found->second, money));
      }
    }
    for (const auto& [account, balance] : balances_) {
      if (!money_.contains(account)) fault(fmt::format("account {} has a balance, and no transfer", account));
    }
    outcome.accepted = accepted_;
    outcome.refused = refused_;
    outcome.balances = balance_records_;
    outcome.accounts = balances_.size();
    outcome.totals = totals_;
    outcome.faults = faults_;
  }

 private:
  void fault(std::string text) {
    if (faults_.size() < kMostFaults) faults_.push_back(std::move(text));
  }
  void see(std::int64_t id, const kafka::RecordView& record) {
    const std::string place = fmt::format("{}[{}]@{}", record.topic, record.partition, record.offset);
    if (id < 0 || static_cast<std::size_t>(id) >= is_seen_.size()) {
      fault(fmt::format("{}: there is no transfer {}", place, id));
    } else if (is_seen_[static_cast<std::size_t>(id)]) {
      fault(fmt::format("{}: transfer {} for the second time", place, id));
    } else {
      is_seen_[static_cast<std::size_t>(id)] = true;
    }
  }
  void take(const kafka::RecordView& record) {
    if (record.topic == "accepted") {
      const Transfer transfer = transfers_->decode(*record.value);
      see(transfer.id, record);
      money_[transfer.to_account] += transfer.amount;
      money_[transfer.from_account] -= transfer.amount;
      ++accepted_;
    } else if (record.topic == "refused") {
      const std::string row = ledger_->decode(*record.value).row;  // {id: 17, …
      see(std::stoll(row.substr(row.find(':') + 1)), record);
      ++refused_;
    } else if (record.topic == "balances") {
      auto& balance = balances_[numbers_->decode(*record.key)];
      balance = record.value ? std::optional(numbers_->decode(*record.value)) : std::nullopt;
      ++balance_records_;
    } else {
      const auto total = total_->decode(record);
      if (total.row != 0) {
        fault(fmt::format("{}[{}]@{}: a total of {}", record.topic, record.partition, record.offset, total.row));
      }
      ++totals_;
    }
  }

  kafka::Consumer consumer_;
  std::vector<kafka::TopicPartition> names_;
  std::vector<std::int64_t> ends_;
  const std::shared_ptr<const kafka::Format<Transfer>> transfers_ = kafka::json().of<Transfer>();
  const std::shared_ptr<const kafka::Format<LedgerRow>> ledger_ = kafka::json().of<LedgerRow>();
  const std::shared_ptr<const kafka::Format<std::int64_t>> numbers_ = kafka::text().of<std::int64_t>();
  const std::shared_ptr<const kafka::RecordFormat<std::int64_t>> total_ =
      kafka::record_format<std::int64_t>(kafka::weighted(kafka::json()), {});
  std::vector<bool> is_seen_;
  std::map<std::int64_t, std::int64_t> money_;  // of the accepted transfers
  std::map<std::int64_t, std::optional<std::int64_t>> balances_;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t balance_records_ = 0;
  std::uint64_t totals_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace

std::vector<std::string> topics() { return {"transfers", "accepted", "refused", "balances", "total"}; }

Outcome run(const Options& options, const std::function<bool(double part, const kafka::Status&)>& go_on) {
  std::optional<kafka::MockBroker> broker;
  kafka::Settings settings;
  settings.properties["bootstrap.servers"] = options.brokers;
  if (options.brokers.empty()) {
    broker.emplace();
    for (const std::string& topic : topics()) broker->make_topic(topic, options.partitions);
    settings.properties["bootstrap.servers"] = broker->address();
  }
  settings.runtime.workers = options.workers;
  settings.log = [](kafka::LogLevel, const std::string&) {};

  Flow flow;
  kafka::Application app("bank", flow.dataflow);
  app.read(flow.transfers, "transfers", kafka::json(), {.start = kafka::Start::latest()});
  app.write(flow.accepted_out, "accepted", kafka::json());
  app.write(ledger(flow.transfers), "refused", kafka::json());
  app.write(flow.balances_out, "balances", kafka::upsert(kafka::text(), kafka::text()));
  app.write(flow.total_out, "total", kafka::weighted(kafka::json()));

  Witness witness(settings.properties, options.generator.rows);
  const auto begin = std::chrono::steady_clock::now();
  const std::unique_ptr<kafka::Run> run = app.start(settings);
  kafka::Producer producer(settings.properties, settings.log);
  const std::size_t to = producer.topic("transfers");
  const auto format = kafka::json().of<Transfer>();
  bank::Generator generator(options.generator);
  Outcome outcome;
  std::string text;
  const auto goes_on = [&] {
    return run->runs() && go_on(static_cast<double>(outcome.transfers) /
                                    static_cast<double>(std::max<std::uint64_t>(options.generator.rows, 1)),
                                run->status());
  };
  while (const auto arrival = generator.next()) {
    const Transfer& transfer = std::get<Transfer>(*arrival);
    text.clear();
    format->encode(text, transfer);
    // Those of an account are in one partition, and in their order.
    producer.produce(
        to,
        {.key = {}, .value = text, .partition = static_cast<std::int32_t>(transfer.from_account % options.partitions)});
    if (++outcome.transfers % 1'000 != 0) continue;
    witness.read(std::chrono::milliseconds(0));
    while (!outcome.interrupted && outcome.transfers - run->status().records_read > kMostAhead) {
      outcome.interrupted = !goes_on();
      witness.read(std::chrono::milliseconds(1));
    }
    if (outcome.interrupted || !goes_on()) {
      outcome.interrupted = true;
      break;
    }
  }
  producer.flush();
  while (run->runs() && run->status().records_read < outcome.transfers) witness.read(std::chrono::milliseconds(1));
  run->stop();
  outcome.seconds = Seconds(std::chrono::steady_clock::now() - begin).count();
  outcome.steps = run->status().step;
  witness.read_to_end();
  if (!outcome.interrupted) witness.finish(outcome);
  return outcome;
}

}  // namespace lockstep::kafka_bank
