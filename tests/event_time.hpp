#pragma once

#include <algorithm>
#include <cstdint>
#include <lockstep.hpp>
#include <vector>

/// Rows that are dated, and come out as they come in.
namespace event_time {

namespace ls = lockstep;
using Number = std::int64_t;

struct Event {
  Number id;
  Number at;
  Number arrived;
};
BOOST_DESCRIBE_STRUCT(Event, (), (id, at, arrived))

constexpr Number kLateness = 5;

struct Events {
  ls::Dataflow flow;
  ls::Input<Event> in = flow.input<Event>("in", {}, ls::event_time(&Event::at, kLateness));
  ls::Output<Event> out = in | ls::output("out");
  ls::Output<ls::LedgerRow> ledger = ls::ledger(in);
};

inline Event at(Number time, Number id = 0) { return {id, time, 0}; }

inline std::vector<Number> times(const ls::Step& step, const ls::Output<Event>& output) {
  std::vector<Number> found;
  for (const auto& [row, weight] : step[output]) found.insert(found.end(), static_cast<std::size_t>(weight), row.at);
  std::sort(found.begin(), found.end());
  return found;
}

using Times = std::vector<Number>;

}  // namespace event_time
