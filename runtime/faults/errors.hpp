#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

#include "runtime/rows/traits.hpp"

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

/// More state than RuntimeOptions::max_state_bytes: fails the step.
class StateTooLarge : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A step failed, and with it the runtime, for good: every later call throws this same error. What was published
/// before stays readable. Copying never throws.
class StepFailed : public std::runtime_error {
 public:
  struct Details {
    std::string operator_name;
    std::uint64_t step = 0;
    std::string row;
    std::string cause;
    std::exception_ptr nested;
    std::string message;
  };

  explicit StepFailed(std::shared_ptr<const Details> details)
      : std::runtime_error("a step failed"), details_(std::move(details)) {}

  const char* what() const noexcept override { return details_->message.c_str(); }
  /// The name of the operator whose function threw, or which could not go on.
  const std::string& operator_name() const noexcept { return details_->operator_name; }
  std::uint64_t step() const noexcept { return details_->step; }
  /// The row as text; empty if no single row is to blame.
  const std::string& row() const noexcept { return details_->row; }
  /// What the exception says of itself.
  const std::string& cause() const noexcept { return details_->cause; }
  /// The exception itself; none if the failure is not an exception's.
  const std::exception_ptr& nested() const noexcept { return details_->nested; }

 private:
  std::shared_ptr<const Details> details_;
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

[[noreturn]] inline void throw_overflow(const std::string& what, std::string row) {
  throw RowError({}, std::move(row), std::make_exception_ptr(OverflowError(what)));
}

/// REQUIRES: called while an exception is handled. Throws it on as a RowError of this operator at this row, or these.
template <class... R>
[[noreturn, gnu::cold, gnu::noinline]] void blame(const std::string& operator_name, const R&... row) {
  std::string text;
  try {
    if constexpr (sizeof...(R) == 1) {
      (row_traits<R>::print(text, row), ...);
    } else {
      using Rows = std::tuple<R...>;
      row_traits<Rows>::print(text, Rows(row...));
    }
  } catch (...) {  // what the function threw counts, not that the row cannot be shown
    text.clear();
  }
  throw RowError(operator_name, std::move(text), std::current_exception());
}

/// Calls a user's function on rows; what it throws becomes a RowError that names operator and row.
template <class Function, class... R>
decltype(auto) call_user(const std::string& operator_name, Function&& function, const R&... row) {
  try {
    return std::invoke(function, row...);
  } catch (...) {
    blame(operator_name, row...);
  }
}

}  // namespace lockstep
