#include <httplib.h>
#include <rocksdb/file_system.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <cstdio>
#include <fstream>
#include <functional>

#include "kafka/client/mock_broker.hpp"
#include "kafka/client/producer.hpp"
#include "kafka/command/monitor.hpp"
#include "kafka/command/options.hpp"
#include "kafka/command/status_text.hpp"
#include "runtime/durability/store/newest_file.hpp"
#include "tests/kafka_run.hpp"

// The command line of an application, its file, and what it shows over HTTP.

using namespace kafka_run;
using Catch::Matchers::Contains;

namespace {

struct Ended {
  int code;
  std::string text;  // of both streams
};
/// The victim of the kills, which reads orders and writes totals, with a command line of its own.
Ended victim(const Totals& topics, const std::string& arguments, const std::string& before = "") {
  const std::string command =
      before + " " KAFKA_VICTIM " " + topics.orders + " " + topics.totals + " " + arguments + " 2>&1";
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Ended ended{0, ""};
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    ended.text.append(buffer.data(), size);
  }
  ended.code = WEXITSTATUS(pclose(pipe));
  return ended;
}
std::string run_options() { return "run --until-end --brokers " + kafka_cluster::brokers(); }

}  // namespace

TEST_CASE("options come from the command line, then a file, then the environment", "[kafka]") {
  Totals totals(1);
  State state;
  std::filesystem::create_directories(state.path);
  const std::string file = state.path / "victim.toml";
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10})}));
  std::ofstream(file) << "brokers = \"" << kafka_cluster::brokers()
                      << "\"\nuntil-end = true\nproperty = [\"linger.ms=1\", "
                      << "\"client.id=from-file\"]\nlog-level = \"debug\"\nworkers = 2\nstate = \""
                      << (state.path / "checkpoints").string()
                      << "\"\nhttp = \"127.0.0.1:0\"\nregistry = \"http://localhost:1\"\n";
  const Ended ended = victim(totals, "run --config " + file + " --log-level info", "LOCKSTEP_BROKERS=localhost:1");
  INFO(ended.text);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.text, Contains("orders reads " + totals.orders + "[0] from offset 0 on"));
  CHECK_THAT(ended.text, Contains("1 records read, 0 refused, 1 written"));
  CHECK_THAT(ended.text, !Contains(" debug "));
  CHECK_THAT(ended.text, Contains("http://127.0.0.1:"));
  CHECK(std::filesystem::exists(state.path / "checkpoints" / "store"));
  const Ended by_environment = victim(totals, "run --until-end", "LOCKSTEP_BROKERS=" + kafka_cluster::brokers());
  CHECK(by_environment.code == 0);
}

TEST_CASE("a property is of all clusters' clients that have no name, or of those of one by its name", "[kafka]") {
  CLI::App parser;
  const kafka::RunOptions options(parser);
  parser.parse("--cluster east=east:9092 -X linger.ms=7 -X east:linger.ms=8 --registry http://r --registry-user a:b");
  const kafka::Settings settings = options.settings();
  CHECK(settings.properties == kafka::Properties{{"bootstrap.servers", "localhost:9092"}, {"linger.ms", "7"}});
  CHECK(settings.clusters.at("east") == kafka::Properties{{"bootstrap.servers", "east:9092"}, {"linger.ms", "8"}});
  CHECK(settings.formats ==
        kafka::Properties{{"schema.registry.url", "http://r"}, {"schema.registry.basic.auth.user.info", "a:b"}});
}

TEST_CASE("mistakes in options and files are named, with their lines", "[kafka]") {
  Totals totals(1);
  State state;
  std::filesystem::create_directories(state.path);
  const std::string file = state.path / "victim.toml";
  const auto fails = [&](const std::string& arguments, const std::string& reason) {
    const Ended ended = victim(totals, arguments);
    INFO(arguments << "\n" << ended.text);
    CHECK(ended.code == 2);
    CHECK_THAT(ended.text, Contains(reason));
  };
  std::ofstream(file) << "# comment\n\nbrokrs = 1\n";
  fails("run --config " + file, file + ":3: there is no option 'brokrs'");
  std::ofstream(file) << "quiet = true\nbrokers = \"localhost:9092\n";
  fails("run --config " + file, file + ":2: a quote is not closed");
  std::ofstream(file) << "workers = \"many\"\n";
  fails("run --config " + file, file + ":1: --workers");
  std::ofstream(file) << "quiet = true\n";
  const Ended of_environment = victim(totals, "run --config " + file, "LOCKSTEP_WORKERS=many");
  CHECK(of_environment.code == 2);
  CHECK_THAT(of_environment.text, Contains("--workers") && !Contains(file));
  fails("run --config /no/such.toml", "/no/such.toml");
  fails("run -X linger.ms", "'linger.ms' is not name=value");
  fails("run -X east:linger.ms=1", "there is no --cluster east=host:port");
  fails("run --workers 0", "--workers");
  fails("run --brokers \"\"", "--brokers: it is empty");
  fails("run --checkpoint-every 0", "--checkpoint-every: '0' is no number above 0");
  fails("run --checkpoint-every 1day", "--checkpoint-every: day unit not recognized");
  fails("rum", "rum: there is no such subcommand; there are run, state, reset, topology");
  fails("run --log-level loud", "--log-level");
  fails("", "subcommand");
  fails("reset", "--state");
  const Ended ours = victim(totals, run_options() + " -X auto.offset.reset=latest");
  CHECK(ours.code == 1);
  CHECK_THAT(ours.text, Contains("property 'auto.offset.reset' is the application's to set"));
  for (const char* const address : {"nowhere", "localhost:65536", "localhost:1x"}) {
    const Ended wrong = victim(totals, run_options() + " --http " + std::string(address));
    CHECK(wrong.code == 1);
    CHECK_THAT(wrong.text, Contains(fmt::format("'{}' is not host:port", address)));
  }
  const Ended unknown = victim(totals, run_options() + " --cluster east=localhost:1");
  CHECK(unknown.code == 1);
  CHECK_THAT(unknown.text, Contains("nothing is read from a cluster 'east', or written"));
  kafka_cluster::delete_topic(totals.orders);
  const Ended gone = victim(totals, run_options());
  CHECK(gone.code == 1);
  CHECK_THAT(gone.text, Contains("there is no topic '" + totals.orders + "' at " + kafka_cluster::brokers()));
}

TEST_CASE("state shows checkpoints, reset removes them, of this application and no other", "[kafka]") {
  Totals totals(1);
  State state;
  const std::string directory = " --state " + state.path.string();
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10}), json({2, "Ada", 1})}));
  CHECK(victim(totals, run_options() + directory).code == 0);
  const Ended shown = victim(totals, "state" + directory);
  CHECK(shown.code == 0);
  CHECK_THAT(shown.text, Contains("orders/" + totals.orders + "[0])") && Contains("cursor 2"));
  CHECK_THAT(victim(totals, run_options() + directory).text, Contains("0 records read"));

  Totals others(1);
  const Ended foreign = victim(others, "reset --yes" + directory);
  CHECK(foreign.code == 1);
  CHECK_THAT(foreign.text, Contains("are of application 'victim-" + totals.totals + "', not of"));
  const Ended kept = victim(totals, "reset" + directory, "echo no |");
  CHECK(kept.code == 1);
  CHECK_THAT(kept.text, Contains("nothing was removed"));
  CHECK(std::filesystem::exists(state.path));
  std::ofstream(state.path / "precious") << "data";
  CHECK(victim(totals, "reset --yes" + directory).code == 0);
  CHECK(std::filesystem::exists(state.path / "precious"));
  CHECK_FALSE(std::filesystem::exists(state.path / "store"));
  std::filesystem::remove(state.path / "precious");
  std::filesystem::remove(state.path);
  CHECK(victim(totals, "reset --yes" + directory).code == 0);
  const Ended again = victim(totals, run_options() + directory);
  CHECK_THAT(again.text, Contains("2 records read"));
  // As when the directory were lost.
  CHECK_THAT(again.text, Contains("there is no checkpoint, and group 'victim-" + totals.totals + "' has been at " +
                                  totals.orders + "[0], offset 2"));
}

TEST_CASE("a reset that does not come to its end can be repeated, and a run begins where it had come to", "[kafka]") {
  Totals totals(1);
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10})}));
  // What is left of a directory after each of its steps.
  const auto forget = [](const State& state) {
    ls::newest_file::write(*rocksdb::FileSystem::Default(), state.path, 0);
  };
  using Steps = std::vector<std::function<void(const State&)>>;
  const Steps steps = {forget,
                       [](const State& state) { std::filesystem::remove(state.path / "store" / "CURRENT"); },
                       [](const State& state) {
                         for (const auto& one : std::filesystem::directory_iterator(state.path / "store")) {
                           if (one.path().extension() == ".sst") std::filesystem::remove(one.path());
                         }
                       },
                       [](const State& state) { std::filesystem::remove_all(state.path / "store"); },
                       [](const State& state) { std::filesystem::remove(state.path / "newest"); },
                       [](const State& state) { std::filesystem::remove(state.path / "lock"); }};
  const bool resets = GENERATE(true, false);
  for (std::size_t done = 0; done <= steps.size(); ++done) {
    State state;
    const std::string directory = " --state " + state.path.string();
    REQUIRE(victim(totals, run_options() + directory).code == 0);
    for (std::size_t i = 0; i < done; ++i) steps[i](state);
    INFO(done << " steps done");
    if (resets) {
      const Ended again = victim(totals, "reset --yes" + directory);
      INFO(again.text);
      CHECK(again.code == 0);
      CHECK_FALSE(std::filesystem::exists(state.path));
    }
    const Ended run = victim(totals, run_options() + directory);
    INFO(run.text);
    CHECK(run.code == 0);
    // As long as all is there, and a run comes before the reset, it goes on where it was.
    CHECK_THAT(run.text, Contains(resets || done > 1 ? "1 records read" : "0 records read"));
  }
}

TEST_CASE("a topic that was made again is read from its beginning after a reset", "[kafka]") {
  Totals totals(1);
  State state;
  const std::string directory = " --state " + state.path.string();
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10}), json({2, "Ada", 10})}));
  REQUIRE(victim(totals, run_options() + directory).code == 0);
  kafka_cluster::make_topic_again(totals.orders, 1);
  kafka_cluster::write(totals.orders, values({json({3, "Grace", 1})}));
  const Ended shorter = victim(totals, run_options() + directory);
  CHECK(shorter.code == 1);
  CHECK_THAT(shorter.text, Contains(totals.orders + "[0]") && Contains("offset 2"));
  CHECK(victim(totals, "reset --yes" + directory).code == 0);
  const Ended again = victim(totals, run_options() + directory);
  INFO(again.text);
  CHECK(again.code == 0);
  CHECK_THAT(again.text, Contains("1 records read"));
  CHECK(kafka_cluster::read_upserts(totals.totals).at("Grace") == "[1,1]");
}

TEST_CASE("a bounded run that is told to stop ends well before its end", "[kafka]") {
  Totals totals(1);
  std::vector<Record> records;
  for (int i = 0; i < 5'000; ++i) records.push_back({.key = {}, .value = json({i, "Ada", 1})});
  kafka_cluster::write(totals.orders, records);
  // One record is on its way at a time.
  const Ended ended =
      victim(totals, run_options() + " -X queue.buffering.max.messages=1 --step-rows 1 --stage-bytes 4096",
             "timeout --foreground --preserve-status -s INT 1");
  INFO(ended.text);
  CHECK(ended.code == 0);
  CHECK_THAT(ended.text, Contains("records read") && !Contains("5000 records read"));
}

TEST_CASE("a directory that is in use, or of something else, is not reset", "[kafka]") {
  Totals totals(1);
  State state;
  std::filesystem::create_directories(state.path);
  std::ofstream(state.path / "precious") << "data";
  const Ended other = victim(totals, "reset --yes --state " + state.path.string());
  CHECK(other.code == 1);
  CHECK(std::filesystem::exists(state.path / "precious"));
  std::filesystem::remove(state.path / "precious");
  const auto run = totals.app.start(settings(state.path));
  const Ended used = victim(totals, "reset --yes --state " + state.path.string());
  INFO(used.text);
  CHECK(used.code == 1);
  run->stop();
}

TEST_CASE("an application that waits for a broker ends when it is told to", "[kafka]") {
  Totals totals(1);
  const auto begun = std::chrono::steady_clock::now();
  const Ended ended = victim(totals, "run --brokers localhost:1 --log-level info", "timeout --foreground -s TERM 1");
  INFO(ended.text);
  CHECK_THAT(ended.text, Contains("stopped before it has begun"));
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
}

TEST_CASE("an application that is to end while its broker is away gives up what it cannot write", "[kafka]") {
  auto broker = std::make_unique<kafka::MockBroker>();
  for (const char* topic : {"in", "out"}) broker->make_topic(topic, 1);
  ls::Dataflow flow;
  const auto in = flow.input<Order>("in", {.append_only = true});
  const auto out = in | ls::output("out");
  kafka::Application app("stops", flow);
  app.read(in, "in", kafka::json());
  app.write(out, "out", kafka::json(), {.properties = {{"linger.ms", "60000"}}});
  kafka::Settings settings;
  settings.properties["bootstrap.servers"] = broker->address();
  settings.stop_timeout = 300ms;
  const auto run = app.start(settings);
  kafka::Producer producer(settings.properties);
  producer.produce(producer.topic("in"), {.value = json({1, "Ada", 10})});
  producer.flush();
  await("the record", [&] { return run->status().records_written == 1; });
  broker.reset();
  const auto begun = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH(run->stop(), Contains("records on their way: 1; none has got there for 300 ms"));
  CHECK(std::chrono::steady_clock::now() - begun < 20s);
}

TEST_CASE("what is refused is told, the first and then ever fewer", "[kafka]") {
  Totals totals(1);
  kafka_cluster::write(totals.orders, values(std::vector<std::string>(100, "poison")));
  const Ended ended = victim(totals, run_options());
  CHECK_THAT(ended.text, Contains(totals.orders + "[0]@0: ") && Contains("(refused so far: 1)") &&
                             Contains("(refused so far: 64)") && !Contains("(refused so far: 65)"));
}

TEST_CASE("topology shows the dataflow and its topics", "[kafka]") {
  Totals totals(1, {.dead_letters = "dead"});
  totals.app.read(totals.in, kafka::pattern("more-.*"), kafka::json(), {.cluster = "east"});
  CHECK_THAT(totals.app.topology(), Contains("orders reads topic '" + totals.orders + "'\n") &&
                                        Contains("  and writes what it refuses to topic 'dead'\n") &&
                                        Contains("orders reads topics like 'more-.*' of cluster 'east'\n") &&
                                        Contains("totals is written to topic '" + totals.totals + "'\n") &&
                                        Contains("group_by 'totals'"));
  CHECK_THAT(victim(totals, "topology").text, Contains("orders reads topic '" + totals.orders + "'"));
}

TEST_CASE("metrics, health and readiness are shown over HTTP, whatever becomes of the run", "[kafka]") {
  Totals totals(2, {.bad_records = kafka::BadRecords::fail});
  kafka::Monitor monitor("127.0.0.1:0", "totals");
  const std::string address = monitor.address();
  httplib::Client client("127.0.0.1", std::stoi(address.substr(address.find(':') + 1)));
  const auto get = [&client](const char* path) {
    const auto answer = client.Get(path);
    REQUIRE(answer);
    return std::pair(answer->status, answer->body);
  };
  CHECK(get("/health").first == 200);
  CHECK(get("/ready").first == 503);
  CHECK(get("/status").first == 503);
  CHECK(get("/other").first == 404);
  kafka_cluster::write(totals.orders, values({json({1, "Ada", 10}), json({2, "Ada", 1})}));
  const auto run = totals.app.start(settings());
  monitor.attach(*run);
  CHECK(get("/ready").first == 200);
  await("the records", [&] { return run->status().records_read == 2 && run->status().last_commit >= 2; });
  await("no lag", [&] { return run->status().partitions.size() == 2 && run->status().lag == 0; });
  const std::string metrics = get("/metrics").second;
  CHECK_THAT(metrics, Contains("lockstep_records_read_total{application=\"totals\",input=\"orders\",topic=\"" +
                               totals.orders + "\"} 2\n"));
  CHECK_THAT(metrics, Contains("# TYPE lockstep_lag_records gauge\nlockstep_lag_records{application=\"totals\",input="
                               "\"orders\",topic=\"" +
                               totals.orders + "\",partition=\"0\"} 0\n"));
  CHECK_THAT(metrics, Contains("lockstep_records_written_total{application=\"totals\",output=\"totals\",topic=\"" +
                               totals.totals + "\"} "));
  const std::string status = get("/status").second;
  CHECK_THAT(status, Contains("\"records_read\":2,\"records_refused\":0") && Contains("\"lag\":0"));
  CHECK_THAT(status, Contains("\"sources\":[{\"input\":\"orders\",\"topic\":\"" + totals.orders +
                              "\",\"records\":2,\"refused\":0}],\"sinks\":[{\"output\":\"totals\",\"topic\":\"" +
                              totals.totals + "\",\"records\":"));
  CHECK_THROWS_WITH(kafka::Monitor(address, "second"), Contains("is something else there?"));
  kafka_cluster::write(totals.orders, values({"poison"}));
  await("a failure", [&] { return get("/health").first == 503; });
  CHECK_THAT(get("/health").second, Contains(totals.orders));
  CHECK(get("/ready").first == 503);
  monitor.detach();
  CHECK(get("/health").first == 503);  // while it ends
  CHECK_THROWS_AS(run->stop(), kafka::KafkaError);
}

TEST_CASE("the line that shows how it goes has rates, lag and ages", "[kafka]") {
  kafka::Status before;
  kafka::Status now;
  now.records_read = 1'234'000;
  now.records_written = 500;
  now.lag = 12'345;
  now.step = 7;
  now.step_time = 1500us;
  now.state_bytes = 12'345'678;
  now.records_refused = 3;
  now.since_checkpoint = 300s;
  now.since_commit = 20ms;
  CHECK(kafka::line_text(now, before, 1s) ==
        "1.23 M/s in, 500/s out, lag 12.3 k, step 7 (1.5 ms), state 12.3 MB, 3 refused, checkpoint 5 min ago, "
        "written 20 ms ago");
}
