#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/rows/traits.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep::bench {

/// What was asked for on the command line.
struct Settings {
  /// Small sizes and one repetition: proves the outputs, times nothing worth knowing.
  bool quick = false;
  std::size_t repetitions = 3;

  std::size_t rows(std::size_t full) const { return quick ? full / 100 : full; }
  std::size_t rows_per_step(std::size_t full) const { return quick && full > 10'000 ? full / 10 : full; }
};
Settings& settings();

/// The outputs of a run: how many rows, and a checksum over (step, output, row, weight) in any order of the rows.
class Tally {
 public:
  void begin_step(std::size_t step) { step_ = step; }

  template <class Delta>
  void add(std::uint64_t output, const Delta& delta) {
    const std::uint64_t factor = 2 * (8 * step_ + output) + 1;
    for (const auto& [row, weight] : delta) {
      ++rows_;
      sum_ += row_traits<std::remove_cvref_t<decltype(row)>>::hash(row) * factor * static_cast<std::uint64_t>(weight);
    }
  }

  std::uint64_t rows() const { return rows_; }
  friend bool operator==(const Tally& a, const Tally& b) { return a.rows_ == b.rows_ && a.sum_ == b.sum_; }

 private:
  std::uint64_t step_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t sum_ = 0;
};

/// One who does the job: the engine, or a kernel.
class Side {
 public:
  virtual ~Side() = default;
  /// Has the rows of a step at hand.
  virtual void stage(std::size_t step) = 0;
  /// What is timed.
  virtual void run() = 0;
  virtual void tally(Tally& tally) = 0;
  virtual std::size_t state_bytes() const { return 0; }
};

struct Contestant {
  std::string name;
  std::function<std::unique_ptr<Side>()> make;
};

/// A benchmark in which one side, the first, is compared with the others, all on the same steps.
struct Contest {
  std::string name;
  std::size_t rows_per_step = 0;
  std::size_t steps = 0;
  /// Steps before the first that is timed.
  std::size_t preload_steps = 0;
  /// Rows or groups that are in the state at the end.
  std::size_t state_rows = 0;
  /// Threads of the first side, for each of which a yardstick of one thread would have to be taken.
  unsigned threads = 1;
  /// Makes the histories, which live as long as it and what it returns.
  std::function<std::vector<Contestant>()> prepare;
  /// Figures to be taken in the same run, by name.
  std::function<std::map<std::string, double>()> alongside = {};
};

void add(Contest contest);

/// Whether some benchmark's outputs were wrong.
bool any_failed();
void fail();

double median(std::vector<double> values);

}  // namespace lockstep::bench
