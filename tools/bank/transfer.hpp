#pragma once

#include <boost/describe.hpp>
#include <cstdint>

namespace lockstep::bank {

/// A transfer of money: a row of the bank's only input.
struct Transfer {
  std::int64_t id;
  std::int64_t from_account;
  std::int64_t to_account;
  std::int64_t amount;
  /// Event time: milliseconds after 2021-01-01 00:00:00.
  std::int64_t ts;

  friend bool operator==(const Transfer&, const Transfer&) = default;
};
BOOST_DESCRIBE_STRUCT(Transfer, (), (id, from_account, to_account, amount, ts))

}  // namespace lockstep::bank
