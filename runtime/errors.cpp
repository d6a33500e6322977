#include "runtime/errors.hpp"

#include <fmt/format.h>

namespace lockstep {

namespace {

std::string message(const std::string& operator_name, std::uint64_t step, const std::string& row,
                    const std::string& cause) {
  return fmt::format("step {} failed in {}{}{}: {}", step, operator_name, row.empty() ? "" : " at ", row, cause);
}

}  // namespace

StepFailed::StepFailed(std::string operator_name, std::uint64_t step, std::string row, std::string cause,
                       std::exception_ptr nested)
    : std::runtime_error(message(operator_name, step, row, cause)),
      operator_name_(std::move(operator_name)),
      step_(step),
      row_(std::move(row)),
      cause_(std::move(cause)),
      nested_(std::move(nested)) {}

std::string describe(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace lockstep
