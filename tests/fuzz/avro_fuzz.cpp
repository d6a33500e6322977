#include <array>

#include "kafka/formats/avro.hpp"
#include "tests/fuzz/rows.hpp"

namespace kafka = lockstep::kafka;

/// The first byte chooses the writer's schema.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const kafka::FormatContext context{.topic = "fuzz", .properties = {{"schema.registry.url", "mock://fuzz"}}};
  static const auto deep = kafka::avro().of<fuzz::Deep>(context);
  static const auto strings = kafka::avro().of<std::vector<std::string>>(context);
  static const std::array ids = [] {
    const auto registry = kafka::SchemaRegistry::of(context.properties);
    return std::array{
        registry->add("", kafka::AvroFormat<fuzz::Deep>::schema_of({})),
        registry->add("",
                      R"({"type":"array","items":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}})"),
        registry->add("", R"({"type":"record","name":"R","fields":[{"name":"extra","type":{"type":"map","values":)"
                          R"(["null",{"type":"fixed","name":"F","size":3},{"type":"array","items":"string"}]}},)"
                          R"({"name":"flat","type":"long"}]})")};
  }();
  if (size == 0) return 0;
  std::string bytes(1, '\0');
  const std::int32_t id = ids[data[0] % ids.size()];
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(id >> shift);
  bytes += fuzz::text(data + 1, size - 1);
  fuzz::check(*deep, bytes);
  fuzz::check(*strings, bytes);
  return 0;
}
