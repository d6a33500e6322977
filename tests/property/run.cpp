#include "tests/property/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>

#include "tests/property/kept_records.hpp"
#include "tests/property/random.hpp"

namespace lockstep::property {

namespace {

/// Another interleaving of the sessions, each in its own order.
StepPushes interleaved(const StepPushes& pushes, std::uint64_t seed) {
  if (seed == 0) return pushes;
  std::map<std::uint64_t, std::deque<Push>> sessions;
  for (const Push& push : pushes) sessions[push.session].push_back(push);
  Random random(seed);
  StepPushes result;
  while (!sessions.empty()) {
    const auto at = std::next(sessions.begin(), random.below(static_cast<int>(sessions.size())));
    result.push_back(at->second.front());
    at->second.pop_front();
    if (at->second.empty()) sessions.erase(at);
  }
  return result;
}

/// A pin that is looked at again later, with the step whose end it shows.
struct Pinned {
  Snapshot snapshot;
  Step step;
  std::size_t taken;
  std::size_t until;
};

class Run {
 public:
  Run(const std::vector<OpSpec>& flow, const Built& built, const History& history,
      const std::vector<ExpectedStep>& expected, const Config& config)
      : built_(&built), history_(history), expected_(expected), config_(config) {
    for (const OpSpec& op : flow) shapes_[op.id] = info(op.kind).out;
    saves_ = config_.saves;
    if (config_.checkpoints) kept_ = std::make_shared<KeptRecords>(*config_.checkpoints);
    runtime_ = kept_ != nullptr ? std::make_unique<Runtime>(built_->flow, options(config_.workers), kept_)
                                : std::make_unique<Runtime>(built_->flow, options(config_.workers));
  }

  /// After a step, it goes on as another program.
  void grow_into(const Built& built, const Growth& growth) {
    grown_ = &built;
    growth_ = growth;
  }

  std::optional<std::string> go() {
    for (std::size_t i = 0; i < history_.size() && !wrong_; ++i) {
      if (grown_ != nullptr && i == growth_.after && !grow()) return wrong_;
      for (const auto& [id, seen] : built_->inspected) seen->rows.clear();
      push(interleaved(history_[i], config_.interleaving));
      const Step step = runtime_->step();
      if (step.number() != i + 1) fail(fmt::format("step {} calls itself {}", i + 1, step.number()));
      compare(i, step, fmt::format("step {}", i + 1));
      for (const auto& [id, seen] : built_->inspected) {
        if (new_since_ == i) continue;  // it may have seen what was new, and what all others saw before
        note(compare_rows(seen->rows, expected_[i].deltas.at(id)), fmt::format("step {}, inspected op{}", i + 1, id));
      }
      const auto due = [i](const auto& at) { return at.first == i + 1; };
      for (const auto& [at, until] : config_.pins) {
        if (at == i + 1) pins_.push_back({runtime_->snapshot(), step, i, until});
      }
      look_at_pins(i + 1);
      if (kept_ != nullptr) kept_->go_on();
      if (kept_ != nullptr && kept_->is_due()) runtime_->checkpoint();
      const auto save = std::find_if(saves_.begin(), saves_.end(), due);
      if (save != saves_.end()) {
        const unsigned workers = save->second;
        saves_.erase(save);
        i = go_on_with(workers, i + 1) - 1;
      }
    }
    if (!wrong_ && !history_.empty()) compare(history_.size() - 1, runtime_->snapshot(), "at the end");
    runtime_.reset();
    look_at_pins(~std::size_t{0});
    return wrong_;
  }

 private:
  RuntimeOptions options(unsigned workers) const {
    return {.workers = workers,
            .threads = config_.threads,
            .small_step_rows = config_.small_step_rows,
            .piece_rows = config_.piece_rows,
            .schedule_seed = config_.schedule,
            .limits = limits()};
  }

  IndexLimits limits() const {
    switch (config_.limits) {
      case Limits::minimal: return IndexLimits::minimum();
      case Limits::small: return {.segment_bytes = 512, .rows_in_segment = 4, .page_rows = 8};
      default: return {};
    }
  }

  /// After so many steps. Returns how many are complete, of those that it goes on from: all, or what was last kept when
  /// the runtime went without a goodbye.
  std::size_t go_on_with(unsigned workers, std::size_t steps) {
    if (kept_ != nullptr) {
      if (kept_->insists()) runtime_->checkpoint();
      sessions_.clear();
      runtime_.reset();
      runtime_ = std::make_unique<Runtime>(built_->flow, options(workers), kept_);
      return kept_->step();
    }
    const SavedState saved = runtime_->save();
    sessions_.clear();
    runtime_ = std::make_unique<Runtime>(built_->flow, options(workers), saved);
    return steps;
  }

  /// Returns whether it could: not all that is new is kept by an index that is there, and an index that two operators
  /// share is called after the first of them.
  bool grow() {
    const SavedState saved = runtime_->save();
    sessions_.clear();
    try {
      runtime_ = std::make_unique<Runtime>(grown_->flow, options(growth_.workers), saved);
    } catch (const SavedStateError& error) {
      const std::string what = error.what();
      const auto says = [&what](const char* text) { return what.find(text) != std::string::npos; };
      if (!says("read again") && !says("has an operator 'index(")) throw;
      return false;
    }
    for (const auto& [id, output] : grown_->outputs) {
      if (!built_->outputs.contains(id)) new_outputs_.insert(id);
    }
    built_ = grown_;
    new_since_ = growth_.after;
    return true;
  }

  /// What an output shows in a step: its delta, or all that it holds, if it is new.
  Facts expected_delta(std::size_t i, int id) const {
    if (new_since_ != i || !new_outputs_.contains(id)) return expected_[i].deltas.at(id);
    Facts sum;
    for (std::size_t step = 0; step <= i; ++step) {
      for (const auto& [fact, weight] : expected_[step].deltas.at(id)) {
        if ((sum[fact] += weight) == 0) sum.erase(fact);
      }
    }
    return sum;
  }

  void push(const StepPushes& pushes) {
    for (std::size_t begin = 0, end = 0; begin < pushes.size(); begin = end) {
      while (end < pushes.size() && pushes[end].session == pushes[begin].session) ++end;
      const auto piece = std::span(pushes).subspan(begin, end - begin);
      const std::uint64_t number = piece.front().session;
      if (number == 0) {
        push_piece(*runtime_, piece);
        continue;
      }
      auto& session = sessions_[number];
      if (session == nullptr) session = runtime_->open_session(number);
      push_piece(*session, piece);
    }
  }

  template <class Where>
  void push_piece(Where& where, std::span<const Push> pushes) {
    if (config_.transactions) {
      where.transaction([&](Transaction transaction) { push_rows(transaction, pushes); });
    } else {
      push_rows(where, pushes);
    }
  }

  template <class Where>
  void push_rows(Where& where, std::span<const Push> pushes) {
    while (!pushes.empty()) {
      std::size_t batch = 1;
      while (config_.batches && batch < pushes.size() && pushes[batch].kind == Push::Kind::row &&
             pushes[batch - 1].kind == Push::Kind::row && pushes[batch].input == pushes.front().input) {
        ++batch;
      }
      const auto& input = built_->inputs.at(pushes.front().input);
      if (batch > 1) {
        std::vector<Weighted<Rec>> rows;
        for (const Push& push : pushes.first(batch)) rows.push_back({push.row, push.weight});
        where[std::get<RowInput>(input)].push(std::move(rows));
      } else {
        std::visit([&](const auto& handle) { push_one(where[handle], pushes.front()); }, input);
      }
      pushes = pushes.subspan(batch);
    }
  }

  template <class Port>
  static void push_one(Port port, const Push& push) {
    if (push.kind == Push::Kind::reject) {
      port.reject({.reason = "refused by the test", .event_time = {}, .row = "text"});
    } else if constexpr (std::same_as<Port, RowInput::Port>) {
      port.push(push.row, push.weight);
    } else {
      switch (push.kind) {
        case Push::Kind::insert: port.insert(push.row); break;
        case Push::Kind::upsert: port.upsert(push.row); break;
        case Push::Kind::clear: port.clear(); break;
        case Push::Kind::erase_if_present: port.erase_if_present(push.row.k); break;
        default: port.erase(push.row.k); break;
      }
    }
  }

  void compare(std::size_t i, const Step& step, const std::string& where) {
    for (const auto& [id, output] : built_->outputs) {
      note(compare_delta(shapes_[id], step, output, expected_delta(i, id)), fmt::format("{}, output op{}", where, id));
    }
    for (const auto& [id, input] : built_->inputs) {
      const auto rejected = expected_[i].ledgers.find(id);
      note(compare_ledger(step, input,
                          rejected == expected_[i].ledgers.end() ? std::vector<Rejected>() : rejected->second),
           fmt::format("{}, ledger of op{}", where, id));
    }
  }

  void compare(std::size_t i, const Snapshot& snapshot, const std::string& where) {
    if (snapshot.step() != i + 1)
      fail(fmt::format("{}: a snapshot of step {} calls itself {}", where, i + 1, snapshot.step()));
    for (const auto& [id, facts] : expected_[i].contents) {
      if (!built_->outputs.contains(id)) continue;  // not yet
      note(compare_contents(shapes_[id], snapshot, built_->outputs.at(id), facts),
           fmt::format("{}, contents of op{}", where, id));
    }
  }

  void look_at_pins(std::size_t now) {
    std::erase_if(pins_, [&](const Pinned& pin) {
      if (pin.until > now) return false;
      const std::string where =
          fmt::format("step {}, held until after step {}", pin.taken + 1, std::min(now, history_.size()));
      compare(pin.taken, pin.snapshot, where);
      compare(pin.taken, pin.step, where);
      return true;
    });
  }

  void note(const std::optional<std::string>& wrong, const std::string& where) {
    if (wrong) fail(where + ": " + *wrong);
  }
  void fail(const std::string& what) {
    if (!wrong_) wrong_ = what;
  }

  const Built* built_;
  const History& history_;
  const std::vector<ExpectedStep>& expected_;
  const Config& config_;
  std::map<int, Shape> shapes_;
  std::shared_ptr<KeptRecords> kept_;
  std::unique_ptr<Runtime> runtime_;
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;
  std::vector<Pinned> pins_;
  std::vector<std::pair<std::size_t, unsigned>> saves_;  // that are yet to come
  const Built* grown_ = nullptr;
  Growth growth_;
  std::set<int> new_outputs_;
  std::optional<std::size_t> new_since_;
  std::optional<std::string> wrong_;
};

std::optional<std::string> run_growing(const Case& one, const std::vector<ExpectedStep>& expected) {
  const std::vector<OpSpec> before = before_growth(one.flow, *one.growth);
  const Built small = build(before);
  const Built grown = build(one.flow);
  Config config = one.config;
  config.saves.clear();
  config.checkpoints.reset();
  config.pins.clear();
  hash_knob = config.hash;
  try {
    Run run(one.flow, small, one.history, expected, config);
    run.grow_into(grown, *one.growth);
    return run.go();
  } catch (const std::exception& error) {
    return std::string("threw: ") + error.what();
  }
}

std::optional<std::string> in_run(const char* which, const std::optional<std::string>& wrong) {
  return wrong ? std::optional(which + *wrong) : std::nullopt;
}

}  // namespace

std::optional<std::string> run(const std::vector<OpSpec>& flow, const Built& built, const History& history,
                               const std::vector<ExpectedStep>& expected, const Config& config) {
  hash_knob = config.hash;
  try {
    return Run(flow, built, history, expected, config).go();
  } catch (const std::exception& error) {
    return std::string("threw: ") + error.what();
  }
}

std::optional<std::string> failure_of(Case one) {
  const auto expected = expect(one.flow, one.history);
  const Built built = build(one.flow);
  if (const auto wrong = run(one.flow, built, one.history, expected, one.config)) return wrong;
  if (one.other) {
    if (const auto wrong = run(one.flow, built, one.history, expected, *one.other)) return in_run("run again: ", wrong);
  }
  if (!relational(one)) return std::nullopt;
  if (one.growth && one.growth->after < one.history.size()) {
    if (const auto wrong = run_growing(one, expected)) return in_run("as it grows: ", wrong);
  }
  if (!one.cut) return std::nullopt;
  History cut = recut(one.history, *one.cut);
  const auto expected_cut = expect(one.flow, cut);
  Config config = one.other.value_or(one.config);
  config.saves.clear();
  config.checkpoints.reset();
  config.pins.clear();
  if (const auto wrong = run(one.flow, built, cut, expected_cut, config))
    return in_run("cut into other steps: ", wrong);
  return std::nullopt;
}

}  // namespace lockstep::property
