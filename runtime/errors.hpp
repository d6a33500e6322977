#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

#include "runtime/row_traits.hpp"

namespace lockstep {

/// A mistake in the program that is found when the flow is built; names the operator.
class FlowError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// A call that cannot be answered in the state the runtime is in, such as a wait for rows that nothing will step.
class UsageError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// A value left the range of its type: a weight, a count, an integer sum. Judged on the value at the end of a step.
class OverflowError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A step failed, and with it the runtime, for good: every later call throws this same error. What was published
/// before stays readable.
class StepFailed : public std::runtime_error {
 public:
  StepFailed(std::string operator_name, std::uint64_t step, std::string row, std::string cause,
             std::exception_ptr nested);

  /// The name of the operator whose function threw, or which could not go on.
  const std::string& operator_name() const noexcept { return operator_name_; }
  std::uint64_t step() const noexcept { return step_; }
  /// The row as text; empty if no single row is to blame.
  const std::string& row() const noexcept { return row_; }
  const std::string& cause() const noexcept { return cause_; }
  /// The exception itself.
  const std::exception_ptr& nested() const noexcept { return nested_; }

 private:
  std::string operator_name_;
  std::uint64_t step_;
  std::string row_;
  std::string cause_;
  std::exception_ptr nested_;
};

/// On its way from a row to StepFailed: what was thrown, by which operator, at which row.
class RowError : public std::exception {
 public:
  RowError(std::string operator_name, std::string row, std::exception_ptr nested)
      : operator_name(std::move(operator_name)), row(std::move(row)), nested(std::move(nested)) {}
  const char* what() const noexcept override { return "an operator failed at a row"; }

  /// Empty: the operator that runs.
  std::string operator_name;
  std::string row;
  std::exception_ptr nested;
};

/// What an exception says of itself.
std::string describe(const std::exception_ptr& error) noexcept;

[[noreturn]] inline void throw_overflow(const std::string& what, std::string row) {
  throw RowError({}, std::move(row), std::make_exception_ptr(OverflowError(what)));
}

template <class... R>
std::string rows_text(const R&... row) {
  if constexpr (sizeof...(R) == 1) {
    return (to_string(row), ...);
  } else {
    return to_string(std::tuple<R...>(row...));
  }
}

/// Calls a user's function on rows; what it throws becomes a RowError that names operator and row.
template <class Function, class... R>
decltype(auto) call_user(const std::string& operator_name, Function&& function, const R&... row) {
  try {
    return std::invoke(function, row...);
  } catch (...) {
    throw RowError(operator_name, rows_text(row...), std::current_exception());
  }
}

}  // namespace lockstep
