#include <array>
#include <cstdio>

#include "kafka/formats/avro.hpp"
#include "tests/kafka_run.hpp"

// Beside clients that are not ours: Java's console tools, and Avro by Python with a real registry.

using namespace kafka_run;
using Catch::Matchers::Contains;
using Number = std::int64_t;

namespace {

/// In quotes for a shell.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) c == '\'' ? out += "'\\''" : out += c;
  return out + "'";
}

/// What a command prints; it has to end well.
std::string output_of(const std::string& command) {
  INFO(command);
  FILE* const pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), size);
  INFO(out);
  REQUIRE(pclose(pipe) == 0);
  return out;
}
std::string java(const std::string& tool, const std::string& arguments) {
  return output_of(std::string(TOOLS) + "/kafka " + tool + " --bootstrap-server " + kafka_cluster::brokers() + " " +
                   arguments);
}
std::string python(std::initializer_list<std::string> arguments) {
  std::string command = "/usr/bin/python3 " FOREIGN_AVRO;
  for (const std::string& one : arguments) command += " " + quoted(one);
  std::string out = output_of(command);
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}
std::string unhex(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    out += static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16));
  }
  return out;
}

struct Payment {
  kafka::Uuid id;
  std::string from;
  kafka::Decimal<2> amount;
  std::chrono::sys_time<std::chrono::milliseconds> at;
  std::chrono::sys_days day;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (id, from, amount, at, day, note))

kafka::FormatContext context(const std::string& topic) {
  return {.topic = topic, .properties = {{"schema.registry.url", REGISTRY}}};
}

}  // namespace

TEST_CASE("the Java client's console tools write what is read, and read what is written", "[kafka]") {
  const std::string lines = kafka_cluster::make_topic("lines", 2);
  const std::string counts = kafka_cluster::make_topic("counts", 2);
  const std::string group = "word-count-" + lines;
  output_of("printf 'a\\tto be or\\nb\\tnot to be\\n' | " + std::string(TOOLS) + "/kafka producer --bootstrap-server " +
            kafka_cluster::brokers() + " --topic " + lines +
            " --property parse.key=true --compression-codec zstd 2>&1");
  ls::Dataflow flow;
  const auto in = flow.input<std::string>("lines", {.append_only = true});
  const auto words = in | ls::flat_map([](const std::string& line) {
                       std::vector<std::string> words;
                       std::istringstream stream(line);
                       for (std::string word; stream >> word;) words.push_back(word);
                       return words;
                     });
  const auto out = words | ls::group_by(ls::value, ls::count()).named("counts") | ls::output("counts");
  kafka::Application app(group, flow);
  app.read(in, lines, kafka::text());
  app.write(out, counts, kafka::upsert(kafka::text(), kafka::text()),
            {.headers = [](const std::string& word, kafka::Headers& headers) { headers.emplace_back("word", word); }});
  run_to_end(app, settings());
  std::string printed =
      java("consumer", "--topic " + counts +
                           " --from-beginning --max-messages 4 --timeout-ms 20000 --property print.key=true "
                           "--property print.headers=true 2>/dev/null");
  std::vector<std::string> records;
  for (std::istringstream stream(printed); std::getline(stream, printed);) records.push_back(printed);
  std::sort(records.begin(), records.end());
  CHECK(records == std::vector<std::string>{"word:be\tbe\t2", "word:not\tnot\t1", "word:or\tor\t1", "word:to\tto\t2"});
  const std::string shown = java("groups", "--describe --group " + group + " 2>/dev/null");
  INFO(shown);
  int lag = -1;
  for (std::istringstream stream(shown); std::getline(stream, printed);) {
    std::istringstream columns(printed);
    std::vector<std::string> fields;
    for (std::string field; columns >> field;) fields.push_back(field);
    if (fields.size() > 5 && fields[1] == lines) lag = std::max(lag, 0) + std::stoi(fields[5]);
  }
  CHECK(lag == 0);
}

TEST_CASE("Avro is exchanged with a client that is not ours, by a real registry", "[kafka]") {
  const std::string subject = "payments-" + std::to_string(getpid()) + "-value";
  const std::string theirs =
      R"({"type":"record","name":"Payment","namespace":"org.bank","doc":"of another program","fields":[)"
      R"({"name":"version","type":"int"},)"
      R"({"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":10,"scale":4}},)"
      R"({"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},)"
      R"({"name":"day","type":{"type":"int","logicalType":"date"}},)"
      R"({"name":"id","type":{"type":"string","logicalType":"uuid"}},)"
      R"({"name":"from","type":["null","string"],"default":null}]})";
  const std::string bytes =
      unhex(python({"write", REGISTRY, subject, theirs,
                    "{'version': 3, 'amount': Decimal('-12.3400'), 'from': 'Ada', 'id': str(uuid.UUID(int=7)), "
                    "'day': datetime.date(2026, 11, 28), "
                    "'at': datetime.datetime(2026, 11, 28, 1, 2, 3, 4005, tzinfo=datetime.timezone.utc)}"}));
  const auto format = kafka::avro({.subject = subject + "-ours"}).of<Payment>(context("payments"));
  const Payment payment = format->decode(bytes);
  CHECK(ls::to_json(payment) ==
        R"({"id":{"high":0,"low":7},"from":"Ada","amount":{"units":-1234},"at":"2026-11-28T01:02:03.004Z",)"
        R"("day":"2026-11-28","note":null})");
  std::string ours;
  format->encode(ours, payment);
  CHECK(python({"read", REGISTRY, hex(ours)}) ==
        R"({"id": "00000000-0000-0000-0000-000000000007", "from": "Ada", "amount": "-12.34", )"
        R"("at": "2026-11-28 01:02:03.004000+00:00", "day": "2026-11-28", "note": null})");

  python({"compatible", REGISTRY, subject, "BACKWARD"});
  const auto refused = kafka::avro({.subject = subject}).of<Payment>(context("payments"));
  CHECK_THROWS_WITH(refused->encode(ours, payment), Contains("registry http") && Contains("the schema of '" + subject));
  CHECK_THROWS_AS(refused->encode(ours, payment), kafka::KafkaError);
}
