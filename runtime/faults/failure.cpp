#include "runtime/faults/failure.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace lockstep {

namespace {

// Bytes that are set aside for each text, so that it can be written when there is no memory. Longer ones are cut off
// then.
constexpr std::size_t kShortText = 256;
constexpr std::size_t kLongText = 1024;

std::string_view message_of(const std::exception& error) noexcept {
  const char* const text = error.what();
  return text == nullptr ? "an exception that says nothing" : text;
}

/// Appends what fits into the memory that the text has.
void append(std::string& text, std::string_view more) noexcept {
  text.append(more.substr(0, text.capacity() - text.size()));
}

void append_number(std::string& text, std::uint64_t number) noexcept {
  char digits[24];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  append(text, {digits, static_cast<std::size_t>(end - digits)});
}

/// Makes room for more, if there is memory.
void try_reserve(std::string& text, std::size_t size) noexcept {
  try {
    text.reserve(size);
  } catch (...) {
  }
}

void assign(std::string& text, std::string_view value) noexcept {
  try_reserve(text, value.size());
  append(text, value);
}

}  // namespace

Failure::Failure() : details_(std::make_shared<Details>()), error_(details_) {
  details_->operator_name.reserve(kShortText);
  details_->row.reserve(kShortText);
  details_->cause.reserve(kShortText);
  details_->message.reserve(kLongText);
}

void Failure::record_current(std::string_view place, std::uint64_t step) noexcept {
  try {
    throw;
  } catch (const RowError& error) {
    const std::string_view name = error.operator_name.empty() ? place : std::string_view(error.operator_name);
    record(name, step, error.row, error.nested == nullptr ? std::current_exception() : error.nested);
  } catch (...) {
    record(place, step, {}, std::current_exception());
  }
}

void Failure::record(std::string_view place, std::uint64_t step, std::string_view cause) noexcept {
  record(place, step, {}, cause, nullptr);
}

void Failure::record(std::string_view place, std::uint64_t step, std::string_view row,
                     std::exception_ptr nested) noexcept {
  try {
    std::rethrow_exception(nested);
  } catch (const std::exception& error) {
    record(place, step, row, message_of(error), std::move(nested));
  } catch (...) {
    record(place, step, row, "an exception of unknown type", std::move(nested));
  }
}

void Failure::record(std::string_view place, std::uint64_t step, std::string_view row, std::string_view cause,
                     std::exception_ptr nested) noexcept {
  const std::lock_guard lock(mutex_);
  if (failed()) return;
  assign(details_->operator_name, place);
  details_->step = step;
  assign(details_->row, row);
  assign(details_->cause, cause);
  details_->nested = std::move(nested);
  std::string& message = details_->message;
  try_reserve(message, kShortText + place.size() + row.size() + cause.size() + directory_.size());
  append(message, "step ");
  append_number(message, step);
  append(message, " failed in ");
  append(message, place);
  append(message, row.empty() ? "" : " at ");
  append(message, row);
  append(message, ": ");
  append(message, cause);
  if (const std::uint64_t last = checkpoint_.load(std::memory_order_relaxed); last != 0) {
    append(message, "; the last checkpoint is of step ");
    append_number(message, last);
    append(message, ", in ");
    append(message, directory_);
  } else if (!directory_.empty()) {
    append(message, "; there is no checkpoint of a step in ");
    append(message, directory_);
  }
  failed_.store(true, std::memory_order_release);
}

void Failure::rethrow() const {
  told_.store(true, std::memory_order_relaxed);
  throw StepFailed(error_);
}

}  // namespace lockstep
