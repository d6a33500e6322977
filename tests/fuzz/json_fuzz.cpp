#include "kafka/formats/json.hpp"
#include "tests/fuzz/rows.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto deep = lockstep::kafka::json().of<fuzz::Deep>();
  static const auto flat =
      lockstep::kafka::json({.unknown_fields = lockstep::kafka::UnknownFields::refused}).of<fuzz::Flat>();
  fuzz::check(*deep, fuzz::text(data, size));
  fuzz::check(*flat, fuzz::text(data, size));
  return 0;
}
