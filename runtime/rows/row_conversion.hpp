#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/rows/bytes.hpp"
#include "runtime/rows/schema.hpp"

namespace lockstep {

/// Two row types, or forms of state, of which one cannot be read as the other: what() says why.
class SchemaChange : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How the coding of a row becomes the coding of a row of another type. Fields of structs go by their names: those that
/// have come are as in a struct made of nothing, those that have gone are left out. Integers and reals may be wider
/// than they were, and what was always there may be an optional. In records without a name, which are forms of state
/// (see state_form), a field may only come if it has no bytes, one that is called as kKey must be the same, and one
/// that is called as kOrdered may have lost nothing, nor changed its order.
class RowConversion {
 public:
  static constexpr const char* kKey = "key";
  static constexpr const char* kOrdered = "in order";

  /// Throws SchemaChange.
  RowConversion(const Schema& was, const Schema& is);
  RowConversion(RowConversion&&) noexcept;
  ~RowConversion();

  /// The names of the structs, or else types, that have changed. Forms of state do not count.
  const std::set<std::string>& changed() const { return changed_; }
  /// Of one row. Throws DecodeError. Any thread.
  void convert(Decoder& in, Encoder& out) const;

 private:
  struct Rule;
  class Planner;

  std::set<std::string> changed_;
  std::unique_ptr<const Rule> rule_;
};

}  // namespace lockstep
