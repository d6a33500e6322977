#include "kafka/formats/format.hpp"

#include <fmt/format.h>

namespace lockstep::kafka {

void throw_type() { throw FormatError("it is of another type"); }

void rethrow_of(std::string_view what) {
  try {
    throw;
  } catch (const FormatError& error) {
    throw FormatError(fmt::format("{}: {}", what, error.what()));
  }
}

void rethrow_of_field(std::string_view name) { rethrow_of(fmt::format("\"{}\"", name)); }

}  // namespace lockstep::kafka
