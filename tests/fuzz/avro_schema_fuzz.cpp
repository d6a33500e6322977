#include <algorithm>

#include "kafka/formats/avro_value.hpp"
#include "tests/fuzz/rows.hpp"

namespace kafka = lockstep::kafka;

namespace {

/// Asks for what it is, in one of the ways.
void look_at(kafka::AvroValue& value) {
  using Function = void (*)(kafka::AvroValue&);
  static constexpr Function kWays[] = {
      [](kafka::AvroValue& value) { (void)value.whole(); },
      [](kafka::AvroValue& value) { (void)value.real(); },
      [](kafka::AvroValue& value) { (void)value.decimal(2); },
      [](kafka::AvroValue& value) { (void)value.text(); },
      [](kafka::AvroValue& value) { (void)value.boolean(); },
      [](kafka::AvroValue& value) { (void)value.time(1, 1'000); },
      [](kafka::AvroValue& value) { value.elements([](kafka::AvroValue& part) { look_at(part); }); },
      [](kafka::AvroValue& value) { value.entries([](std::string_view, kafka::AvroValue& part) { look_at(part); }); },
      [](kafka::AvroValue& value) { value.fields([](std::string_view, kafka::AvroValue& part) { look_at(part); }); }};
  for (const Function way : kWays) {
    try {
      return way(value);
    } catch (const kafka::FormatError& error) {
      if (std::string_view(error.what()) != "it is of another type") throw;
    }
  }
}

}  // namespace

/// The bytes up to the first zero are the schema, and the rest is a value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text(data, size);
  const std::size_t end = std::min(bytes.find('\0'), bytes.size());
  try {
    const auto type = kafka::avro_type_of(std::string(bytes.substr(0, end)));
    const std::string_view value = bytes.substr(std::min(end + 1, bytes.size()));
    kafka::AvroValue::parse(value, *type, [](kafka::AvroValue& whole) { look_at(whole); });
    kafka::AvroValue::parse(value, *type, [](kafka::AvroValue&) {});  // has to be skipped, if it can be read
  } catch (const kafka::FormatError&) {
  }
  return 0;
}
