#include "kafka/source.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <regex>
#include <string_view>

#include "kafka/error.hpp"

namespace lockstep::kafka {

namespace {

/// Bytes as text, as much as fits a line: what is not UTF-8 is shown as `\xff`.
std::string printable(std::string_view bytes) {
  constexpr std::size_t kMost = 1000;
  std::string out;
  for (std::size_t at = 0; at < bytes.size();) {
    if (out.size() >= kMost) return out + "...";
    const auto first = static_cast<unsigned char>(bytes[at]);
    std::size_t size = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : 4;
    // No more than whole characters, as a parser of JSON has them.
    while (size > 1 && !simdjson::validate_utf8(bytes.data() + at, std::min(size, bytes.size() - at))) size = 1;
    if (size == 1 && first >= 0x80) {
      out += fmt::format("\\x{:02x}", first);
    } else {
      out += bytes.substr(at, size);
    }
    at += size;
  }
  return out;
}

std::string place_of(const RecordView& record) {
  return fmt::format("{}[{}]@{}", record.topic, record.partition, record.offset);
}

}  // namespace

Topics pattern(const std::string& expression) {
  Topics topics(expression);
  try {
    topics.matches = [compiled = std::regex(expression)](const std::string& topic) {
      return std::regex_match(topic, compiled);
    };
  } catch (const std::regex_error& error) {
    throw FlowError(
        fmt::format("topics are to be read by '{}', which is no regular expression: {}", expression, error.what()));
  }
  return topics;
}

void Feed::add(const RecordView& record) {
  if (!transaction_) begin(transaction_.emplace(session_->begin_transaction()));
  if (const auto reason = refusal_of(record)) refuse(record, *reason);
  // What rows take is looked up now and then, and when much has come.
  constexpr std::size_t kRecordsPerLook = 16;
  constexpr std::size_t kBytesPerLook = std::size_t{64} << 10;
  unlooked_ += record.key.value_or("").size() + record.value.value_or("").size();
  if (++records_ % kRecordsPerLook != 0 && unlooked_ < kBytesPerLook) return;
  unlooked_ = 0;
  note_bytes();
}

/// Takes it in; or says why not.
std::optional<std::string> Feed::refusal_of(const RecordView& record) {
  try {
    decode(record);
    return std::nullopt;
  } catch (const FormatError& error) {
    return printable(error.what());
  } catch (const StepFailed&) {
    throw;
  } catch (const UsageError&) {
    throw;
  } catch (const std::exception& error) {  // of a format, or of a function of the row
    throw KafkaError(fmt::format("record {}: {}", place_of(record), error.what()));
  }
}

void Feed::refuse(const RecordView& record, const std::string& reason) {
  ++refused_;
  const std::string what = fmt::format("{}: {}", place_of(record), reason);
  if (refusals_.bad_records == BadRecords::fail) throw KafkaError("record " + what);
  if (refusals_.on_refused != nullptr) (*refusals_.on_refused)(what);
  if (refusals_.dead_letters != nullptr) refusals_.dead_letters->add(session_->number(), record, reason);
  reject({.reason = what, .event_time = {}, .row = record.value ? printable(*record.value) : "null"});
}

void Feed::commit(std::uint64_t cursor, std::uint64_t mark) {
  records_ = bytes_ = unlooked_ = 0;
  if (!transaction_) {
    session_->move_cursor(cursor, mark);
    return;
  }
  transaction_->move_cursor(cursor, mark);
  session_->commit(*transaction_);
  transaction_.reset();
}

}  // namespace lockstep::kafka
