#include "tools/bank/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace lockstep::bank {

namespace {

/// SplitMix64 (Steele, Lea and Flood, 2014). The standard library's distributions differ from one library to the next.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, bound), but for a bias below bound / 2^64.
  std::int64_t below(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::int64_t>((Wide{next()} * bound) >> 64);
  }

 private:
  std::uint64_t state_;
};

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

Generator::Generator(const GeneratorOptions& options) {
  Random random(options.seed);
  std::vector<std::pair<std::int64_t, Transfer>> arrivals;  // by time of arrival, in nanoseconds
  arrivals.reserve(options.rows);
  for (std::uint64_t i = 0; i < options.rows; ++i) {
    __extension__ using Wide = unsigned __int128;
    const auto second = static_cast<std::int64_t>(Wide{60} * i / options.rows);
    const std::int64_t delay = random.below(10 * kSecond);
    const std::int64_t from = random.below(options.accounts);
    const std::int64_t to = random.below(options.accounts);
    const std::int64_t amount = options.random_amounts ? 1 + random.below(1000) : 1;
    arrivals.push_back({second * kSecond + delay, {static_cast<std::int64_t>(i), from, to, amount, second * 1000}});
  }
  std::sort(arrivals.begin(), arrivals.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first, a.second.id) < std::pair(b.first, b.second.id);
  });
  transfers_.reserve(arrivals.size());
  for (const auto& [time, transfer] : arrivals) transfers_.push_back(transfer);
}

std::optional<Arrival> Generator::next() {
  if (next_ == transfers_.size()) return std::nullopt;
  return transfers_[next_++];
}

std::optional<double> Generator::progress() const {
  if (transfers_.empty()) return 1;
  return static_cast<double>(next_) / static_cast<double>(transfers_.size());
}

std::optional<Arrival> LineSource::next() {
  if (!std::getline(in_, line_)) {
    if (in_.bad()) throw std::runtime_error(fmt::format("cannot read on after line {}", lines_));
    return std::nullopt;
  }
  ++lines_;
  bytes_read_ += line_.size() + 1;
  auto parsed = parser_.parse(line_);
  if (auto* transfer = std::get_if<Transfer>(&parsed)) return *transfer;
  return BadLine{lines_, std::move(std::get<Malformed>(parsed).reason), line_};
}

std::optional<double> LineSource::progress() const {
  if (!bytes_ || *bytes_ == 0) return std::nullopt;
  return std::min(1.0, static_cast<double>(bytes_read_) / static_cast<double>(*bytes_));
}

}  // namespace lockstep::bank
