#include "kafka/formats/debezium.hpp"
#include "tests/fuzz/rows.hpp"

namespace kafka = lockstep::kafka;

/// The bytes up to the first zero are the key.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Key = std::pair<std::int64_t, std::string>;
  static const auto table = kafka::debezium().of_table<fuzz::Flat, Key>();
  static const auto changes = kafka::debezium().of_changes<Key, fuzz::Flat>();
  const std::string_view bytes = fuzz::text(data, size);
  const std::size_t end = bytes.find('\0');
  kafka::RecordView record;
  if (end != std::string_view::npos) record.key = bytes.substr(0, end);
  record.value = end == std::string_view::npos ? bytes : bytes.substr(end + 1);
  kafka::TableChange<fuzz::Flat, Key> change;
  try {
    change = table->decode(record);
  } catch (const kafka::FormatError&) {
    return 0;
  }
  if (!change.row) return 0;
  kafka::RecordBuffer again;
  changes->encode(again, {1, "key"}, nullptr, &*change.row);
  record.value = again.value;
  const auto read = table->decode(record);
  fuzz::Flat before = *change.row;
  lockstep::row_traits<fuzz::Flat>::normalise(before);
  if (!read.row || !lockstep::row_traits<fuzz::Flat>::equal(before, lockstep::normalised(*read.row))) std::abort();
  return 0;
}
