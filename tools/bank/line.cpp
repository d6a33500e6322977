#include "tools/bank/line.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <optional>

namespace lockstep::bank {

namespace {

constexpr std::string_view kMinute = "2021-01-01 00:00:";

/// Milliseconds of `SS.mmm` after kMinute.
std::optional<std::int64_t> parse_time(std::string_view text) {
  if (text.size() != kMinute.size() + 6 || !text.starts_with(kMinute)) return std::nullopt;
  text.remove_prefix(kMinute.size());
  if (text[2] != '.') return std::nullopt;
  std::int64_t value = 0;
  for (const char c : {text[0], text[1], text[3], text[4], text[5]}) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value < 60'000 ? std::optional(value) : std::nullopt;
}

struct Field {
  std::string_view name;
  std::int64_t Transfer::*member;
};
constexpr std::array<Field, 5> kFields{{{"id", &Transfer::id},
                                        {"from_account", &Transfer::from_account},
                                        {"to_account", &Transfer::to_account},
                                        {"amount", &Transfer::amount},
                                        {"ts", &Transfer::ts}}};

}  // namespace

struct LineParser::Json {
  simdjson::dom::parser parser;
};

LineParser::LineParser() : json_(std::make_unique<Json>()) {}
LineParser::LineParser(LineParser&&) noexcept = default;
LineParser& LineParser::operator=(LineParser&&) noexcept = default;
LineParser::~LineParser() = default;

std::variant<Transfer, Malformed> LineParser::parse(std::string_view line) {
  const std::size_t bar = line.find('|');
  if (bar == std::string_view::npos) return Malformed{"there is no '|' after the id"};
  const std::string_view id_text = line.substr(0, bar);
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
  if (error != std::errc() || end != id_text.data() + id_text.size()) {
    return Malformed{"what stands before the '|' is not an integer"};
  }

  simdjson::dom::element document;
  const std::string_view text = line.substr(bar + 1);
  if (const auto failed = json_->parser.parse(text.data(), text.size()).get(document)) {
    return Malformed{fmt::format("what follows the '|' is not JSON: {}", simdjson::error_message(failed))};
  }
  simdjson::dom::object object;
  if (document.get(object)) return Malformed{"what follows the '|' is not a JSON object"};

  Transfer transfer{};
  std::array<bool, kFields.size()> seen{};
  for (const auto& [name, value] : object) {
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      if (kFields[i].name != name) continue;
      if (seen[i]) return Malformed{fmt::format("there are two fields \"{}\"", name)};
      seen[i] = true;
      if (name == "ts") {
        std::string_view time;
        const auto parsed = value.get(time) ? std::nullopt : parse_time(time);
        if (!parsed) return Malformed{"\"ts\" is not of the form \"2021-01-01 00:00:SS.mmm\""};
        transfer.ts = *parsed;
      } else if (value.get(transfer.*kFields[i].member)) {
        return Malformed{fmt::format("\"{}\" is not a 64-bit integer", name)};
      }
    }
  }
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    if (!seen[i]) return Malformed{fmt::format("there is no field \"{}\"", kFields[i].name)};
  }
  if (transfer.id != id)
    return Malformed{fmt::format("the id before the '|' is {}, the JSON's is {}", id, transfer.id)};
  return transfer;
}

std::string to_line(const Transfer& transfer) {
  return fmt::format(
      R"({0}|{{"id": {0}, "from_account": {1}, "to_account": {2}, "amount": {3}, "ts": "{4}{5:02}.{6:03}"}})",
      transfer.id, transfer.from_account, transfer.to_account, transfer.amount, kMinute, transfer.ts / 1000,
      transfer.ts % 1000);
}

}  // namespace lockstep::bank
