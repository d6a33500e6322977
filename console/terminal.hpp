#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace lockstep::terminal {

/// Ctrl-C asks the program to end its work, once; a second one kills it.
void catch_interrupt();
bool interrupted();

/// A line about a work in progress on the standard error stream: redrawn in place on a terminal, else written anew
/// every ten seconds. Nothing for work that is done within a second.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Whether it is time to show something new.
  bool due();
  /// `part`: how much of the whole is done, 0 to 1, if that is known.
  void show(std::optional<double> part, const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  const bool in_place_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_;
  bool drawn_ = false;
};

/// Flushes the standard output. Throws std::runtime_error if not all of it could be written.
void flush_output();

/// Says on the standard error stream what went wrong; if that cannot be written, nothing.
void complain(const char* what, const char* program = "lockstep") noexcept;

/// Bytes of memory that the machine has, or 0 if that is not known.
std::uint64_t machine_memory();

/// 1234567 as 1,234,567.
std::string grouped(std::uint64_t number);

}  // namespace lockstep::terminal
