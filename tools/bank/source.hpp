#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tools/bank/line.hpp"
#include "tools/bank/transfer.hpp"

namespace lockstep::bank {

/// A line that is no transfer.
struct BadLine {
  std::uint64_t number;  // from 1
  std::string reason;
  std::string text;
};
using Arrival = std::variant<Transfer, BadLine>;

/// Where transfers come from, in order of arrival.
class Source {
 public:
  virtual ~Source() = default;
  /// Nothing at the end.
  virtual std::optional<Arrival> next() = 0;
  /// The part of the whole that has been taken, 0 to 1; nothing if it cannot be known.
  virtual std::optional<double> progress() const = 0;
};

struct GeneratorOptions {
  std::uint64_t rows = 1'000'000;
  std::uint64_t seed = 1;
  std::uint64_t accounts = 10;
  /// Amounts uniform in 1 to 1,000 rather than all 1.
  bool random_amounts = false;
};

/// Transfers as Brandon's generator makes them: row i of n happens in second ⌊60·i/n⌋ between two random accounts, and
/// arrives after a delay uniform in [0, 10 s), in order of arrival, ties by id. The same everywhere for a seed.
/// O(rows) memory.
class Generator final : public Source {
 public:
  explicit Generator(const GeneratorOptions& options);
  std::optional<Arrival> next() override;
  std::optional<double> progress() const override;

 private:
  std::vector<Transfer> transfers_;
  std::size_t next_ = 0;
};

/// Transfers read from a stream of lines.
class LineSource final : public Source {
 public:
  /// `bytes`: the length of the whole, if it is known.
  LineSource(std::istream& in, std::optional<std::uint64_t> bytes) : in_(in), bytes_(bytes) {}
  /// Throws std::runtime_error if the stream cannot be read on.
  std::optional<Arrival> next() override;
  std::optional<double> progress() const override;

 private:
  std::istream& in_;
  std::optional<std::uint64_t> bytes_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t lines_ = 0;
  std::string line_;
  LineParser parser_;
};

}  // namespace lockstep::bank
