#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "tools/bank/transfer.hpp"

namespace lockstep::bank {

/// Why a line is no transfer.
struct Malformed {
  std::string reason;
};

/// Reads lines `id|{"id":…,"from_account":…,"to_account":…,"amount":…,"ts":"2021-01-01 00:00:SS.mmm"}`.
class LineParser {
 public:
  LineParser();
  LineParser(LineParser&&) noexcept;
  LineParser& operator=(LineParser&&) noexcept;
  ~LineParser();

  std::variant<Transfer, Malformed> parse(std::string_view line);

 private:
  struct Json;
  std::unique_ptr<Json> json_;
};

/// A transfer as such a line, without its end.
std::string to_line(const Transfer& transfer);

}  // namespace lockstep::bank
