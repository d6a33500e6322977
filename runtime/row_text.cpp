#include "runtime/row_text.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace lockstep::derived {

void append_integer(std::string& out, std::int64_t value) { out += fmt::format_int(value).c_str(); }
void append_integer(std::string& out, std::uint64_t value) { out += fmt::format_int(value).c_str(); }
void append_real(std::string& out, double value) { fmt::format_to(std::back_inserter(out), "{}", value); }

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_json_real(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

}  // namespace lockstep::derived
