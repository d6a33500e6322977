#include "kafka/formats/csv.hpp"
#include "tests/fuzz/rows.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto flat = lockstep::kafka::csv().of<fuzz::Flat>();
  static const auto pair =
      lockstep::kafka::csv({.separator = ';', .quote = '\''}).of<std::pair<std::string, std::optional<std::string>>>();
  fuzz::check(*flat, fuzz::text(data, size));
  fuzz::check(*pair, fuzz::text(data, size));
  return 0;
}
