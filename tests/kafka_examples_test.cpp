#include <array>
#include <csignal>
#include <cstdio>

#include "kafka/client/consumer.hpp"
#include "kafka/client/mock_broker.hpp"
#include "kafka/client/producer.hpp"
#include "tests/kafka_run.hpp"
#include "tools/kafka_bank/run.hpp"

// The example programs as they are, and the bank of the demonstration.

using namespace kafka_run;
using Catch::Matchers::Contains;

namespace {

std::string output_of(const std::string& command, int code = 0) {
  INFO(command);
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), size);
  INFO(out);
  REQUIRE(WEXITSTATUS(pclose(pipe)) == code);
  return out;
}

void write(kafka::Producer& producer, std::size_t topic, const std::string& key, const std::string& value) {
  producer.produce(topic, {.key = key, .value = value});
}

}  // namespace

TEST_CASE("the revenue of cities follows customers who move, and says what it refuses", "[kafka]") {
  kafka::MockBroker broker;
  for (const char* topic : {"orders", "customers", "revenue", "orders.refused"}) broker.make_topic(topic, 2);
  const kafka::Properties properties = {{"bootstrap.servers", broker.address()}};
  kafka::Producer producer(properties);
  const std::size_t orders = producer.topic("orders");
  const std::size_t customers = producer.topic("customers");
  State state;
  const auto revenue = [&] {
    output_of(std::string(EXAMPLE_REVENUE) + " run --until-end --brokers " + broker.address() + " --state " +
              state.path.string());
    kafka::Consumer consumer(properties, "reader");
    std::map<std::string, std::string> last;
    std::int64_t left = 0;
    for (int partition = 0; partition < 2; ++partition) {
      const kafka::TopicPartition name{"revenue", partition};
      left += consumer.offsets(name).end;
      consumer.add({{name, 0, static_cast<std::size_t>(partition)}});
    }
    while (left > 0) {
      kafka::Consumer::Batch batch;
      consumer.poll(100ms, 100, batch);
      for (std::size_t at = 0; at < batch.size(); ++at) {
        if (!batch.is_record(at)) continue;
        const kafka::RecordView record = batch.record(at);
        --left;
        if (record.value) {
          last[std::string(*record.key)] = *record.value;
        } else {
          last.erase(std::string(*record.key));
        }
      }
    }
    return last;
  };
  write(producer, orders, "1", "1,7,12.50");
  write(producer, orders, "2", "2,7,0.50");
  write(producer, orders, "3", "3,8,100.00");
  write(producer, orders, "4", "4,8,12.345");
  write(producer, customers, R"({"id":7})", R"({"before":null,"after":{"id":7,"city":"Turin"},"op":"c"})");
  producer.flush();
  CHECK(revenue() == Upserts{{"Turin", R"({"orders":2,"amount":13.00})"}});
  write(producer, customers, R"({"id":8})", R"({"before":null,"after":{"id":8,"city":"London"},"op":"r"})");
  write(producer, customers, R"({"id":7})", R"({"before":null,"after":{"id":7,"city":"London"},"op":"u"})");
  write(producer, orders, "1", "1,7,10.00");
  producer.flush();
  CHECK(revenue() == Upserts{{"London", R"({"orders":3,"amount":110.50})"}});
  producer.produce(orders, {.key = "3", .value = std::nullopt});
  producer.flush();
  CHECK(revenue() == Upserts{{"London", R"({"orders":2,"amount":10.50})"}});
  kafka::Consumer consumer(properties, "letters");
  std::int64_t letters = 0;
  for (int partition = 0; partition < 2; ++partition) letters += consumer.offsets({"orders.refused", partition}).end;
  CHECK(letters == 1);
}

TEST_CASE("the bank between topics of the broker of its process loses nothing, and shows no wrong total", "[kafka]") {
  lockstep::kafka_bank::Options options;
  options.generator = {.rows = 20'000, .seed = 3, .accounts = 7, .random_amounts = true};
  options.workers = 3;
  const lockstep::kafka_bank::Outcome outcome =
      lockstep::kafka_bank::run(options, [](double, const kafka::Status&) { return true; });
  CHECK(outcome.faults == std::vector<std::string>());
  CHECK(outcome.accepted + outcome.refused == 20'000);
  CHECK(outcome.accepted > 0);
  CHECK(outcome.accounts == 7);
  CHECK(outcome.totals == 1);
}

TEST_CASE("the demonstration's command ends well, and says what it is given wrong", "[kafka]") {
  const std::string lockstep = std::string(LOCKSTEP_COMMAND) + " consistency kafka-bank ";
  CHECK_THAT(output_of(lockstep + "--rows 5000 --workers 2"),
             Contains("5,000 transfers in") && Contains("verified: no transfer was lost, no total was wrong"));
  CHECK_THAT(output_of(lockstep + "--rows 0"), Contains("verified"));
  output_of(lockstep + "--rows x", 2);
  CHECK_THAT(output_of(std::string(LOCKSTEP_COMMAND) + " broker --topic orders:none", 2), Contains("orders:none"));
}
