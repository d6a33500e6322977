#include "console/terminal.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <stdexcept>

namespace lockstep::terminal {

namespace {

// The signal comes to any thread.
std::atomic<bool> asked_to_end{false};
static_assert(std::atomic<bool>::is_always_lock_free);

constexpr std::chrono::milliseconds kQuiet{1000};
constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kNewLine{10};

}  // namespace

void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = [](int) { asked_to_end = true; };
  // No SA_RESTART: a read that waits for input returns. Once: a second Ctrl-C kills.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return asked_to_end; }

ProgressLine::ProgressLine() : in_place_(isatty(STDERR_FILENO) != 0) {
  next_ = begin_ + (in_place_ ? std::chrono::steady_clock::duration(kQuiet) : kNewLine);
}

ProgressLine::~ProgressLine() {
  if (drawn_ && in_place_) std::fputs("\r\033[K", stderr);
}

bool ProgressLine::due() { return Clock::now() >= next_; }

void ProgressLine::show(std::optional<double> part, const std::string& text) {
  next_ = Clock::now() + (in_place_ ? std::chrono::steady_clock::duration(kRedraw) : kNewLine);
  drawn_ = true;
  std::string bar;
  if (part) {
    constexpr std::size_t kWidth = 24;
    const auto filled = std::min(kWidth, static_cast<std::size_t>(*part * static_cast<double>(kWidth)));
    bar = fmt::format("[{}{}] {:3.0f} %  ", std::string(filled, '#'), std::string(kWidth - filled, '.'), *part * 100);
  }
  // Not with fmt, which throws if the stream is closed.
  std::fputs(fmt::format(fmt::runtime(in_place_ ? "\r{}{}\033[K" : "{}{}\n"), bar, text).c_str(), stderr);
  std::fflush(stderr);
}

void flush_output() {
  std::cout.flush();
  if (!std::cout || std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw std::runtime_error("cannot write to the standard output");
  }
}

void complain(const char* what, const char* program) noexcept {
  std::fputs(program, stderr);
  std::fputs(": ", stderr);
  std::fputs(what, stderr);
  std::fputs("\n", stderr);
}

std::uint64_t machine_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long bytes = sysconf(_SC_PAGESIZE);
  return pages <= 0 || bytes <= 0 ? 0 : static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(bytes);
}

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace lockstep::terminal
