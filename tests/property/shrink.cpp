#include "tests/property/shrink.hpp"

#include <algorithm>
#include <utility>

namespace lockstep::property {

namespace {

template <class Container>
auto at_of(Container& items, std::size_t at) {
  return items.begin() + static_cast<std::ptrdiff_t>(at);
}

class Shrinker {
 public:
  Shrinker(Case one, const std::function<bool(const Case&)>& fails, std::chrono::seconds time)
      : one_(std::move(one)), fails_(fails), end_(std::chrono::steady_clock::now() + time) {}

  Case go() {
    do {
      progress_ = false;
      drop_knobs();
      drop_steps();
      drop_pushes();
      drop_operators();
      simplify_operators();
      simplify_pushes();
    } while (progress_ && !late());
    return one_;
  }

 private:
  bool late() const { return std::chrono::steady_clock::now() > end_; }

  /// Keeps the change if the case still fails.
  bool attempt(const auto& change) {
    if (late()) return false;
    Case smaller = one_;
    if (!change(smaller) || !fails_(smaller)) return false;
    one_ = std::move(smaller);
    return progress_ = true;
  }

  /// For values that have a plainest one.
  template <class T>
  void set(T& (*where)(Case&), const T& plainest) {
    attempt([&](Case& one) { return !(where(one) == plainest) && (where(one) = plainest, true); });
  }

  void drop_knobs() {
    attempt([](Case& one) { return one.cut.has_value() && (one.cut.reset(), true); });
    attempt([](Case& one) { return one.growth.has_value() && (one.growth.reset(), true); });
    attempt([](Case& one) { return one.other.has_value() && (one.other.reset(), true); });
    attempt([](Case& one) { return one.other.has_value() && (one.config = *one.other, one.other.reset(), true); });
    attempt([](Case& one) { return !one.config.saves.empty() && (one.config.saves.clear(), true); });
    attempt([](Case& one) { return one.config.checkpoints.has_value() && (one.config.checkpoints.reset(), true); });
    attempt([](Case& one) { return !one.config.pins.empty() && (one.config.pins.clear(), true); });
    attempt([](Case& one) { return one.config.pins.size() > 1 && (one.config.pins.pop_back(), true); });
    set<std::uint64_t>(
        [](Case & one) -> auto& { return one.config.interleaving; }, 0);
    set<bool>(
        [](Case & one) -> auto& { return one.config.transactions; }, false);
    set<bool>(
        [](Case & one) -> auto& { return one.config.batches; }, false);
    set<Limits>(
        [](Case & one) -> auto& { return one.config.limits; }, Limits::usual);
    set<unsigned>(
        [](Case & one) -> auto& { return one.config.threads; }, 1);
    set<std::size_t>(
        [](Case & one) -> auto& { return one.config.small_step_rows; }, 0);
    set<std::size_t>(
        [](Case & one) -> auto& { return one.config.piece_rows; }, 0);
    set<HashStyle>(
        [](Case & one) -> auto& { return one.config.hash.style; }, HashStyle::normal);
    for (const unsigned workers : {1U, 2U, 3U}) {
      attempt([workers](Case& one) { return one.config.workers > workers && (one.config.workers = workers, true); });
    }
    attempt([](Case& one) { return one.config.schedule.has_value() && (one.config.schedule.reset(), true); });
    if (one_.config.schedule != 0U)
      set<std::optional<std::uint64_t>>(
          [](Case & one) -> auto& { return one.config.schedule; }, 0);
  }

  void drop_steps() {
    for (std::size_t at = one_.history.size(); at-- != 0;) {
      attempt([at](Case& one) { return one.history.erase(at_of(one.history, at)), true; });
    }
  }

  void drop_pushes() {
    for (std::size_t step = 0; step < one_.history.size(); ++step) {
      for (std::size_t size = std::max<std::size_t>(one_.history[step].size(), 1); size != 0; size /= 2) {
        for (std::size_t at = 0; at + size <= one_.history[step].size();) {
          const bool dropped = attempt([&](Case& one) {
            StepPushes& pushes = one.history[step];
            return pushes.erase(at_of(pushes, at), at_of(pushes, at + size)), true;
          });
          if (!dropped) at += size;
        }
      }
    }
  }

  void drop_operators() {
    for (std::size_t at = one_.flow.size(); at-- != 0;) {
      attempt([at](Case& one) { return without_operator(one, at); });
      attempt([at](Case& one) {
        OpSpec& op = one.flow[std::min(at, one.flow.size() - 1)];
        return op.shown != Shown::no && (op.shown = Shown::no, true);
      });
    }
  }

  /// Those who read the operator read one of its inputs instead, or another stream of the same shape.
  static bool without_operator(Case& one, std::size_t at) {
    if (at >= one.flow.size() || one.flow.size() == 1) return false;
    const OpSpec gone = one.flow[at];
    std::optional<int> instead;
    for (std::size_t i = 0; i < at; ++i) {
      const bool own = std::find(gone.in.begin(), gone.in.end(), one.flow[i].id) != gone.in.end();
      if (info(one.flow[i].kind).out == info(gone.kind).out && (!instead || own)) instead = one.flow[i].id;
    }
    one.flow.erase(at_of(one.flow, at));
    for (OpSpec& op : one.flow) {
      for (int& in : op.in) {
        if (in != gone.id) continue;
        if (!instead) return false;
        in = *instead;
      }
      if (instead == op.id && op.shown == Shown::no) op.shown = gone.shown;
    }
    for (StepPushes& step : one.history) {
      std::erase_if(step, [&](const Push& push) { return push.input == gone.id; });
    }
    return true;
  }

  void simplify_operators() {
    for (std::size_t at = 0; at < one_.flow.size(); ++at) {
      attempt([at](Case& one) { return one.flow[at].choice != 0 && (one.flow[at].choice = 0, true); });
      attempt([at](Case& one) { return one.flow[at].choice > 5 && (one.flow[at].choice %= 6, true); });
      attempt([at](Case& one) {
        return one.flow[at].shown == Shown::contents && (one.flow[at].shown = Shown::delta, true);
      });
    }
  }

  void simplify_pushes() {
    std::size_t pushes = 0;
    for (const StepPushes& step : one_.history) pushes += step.size();
    if (pushes > 60) return;
    for (std::size_t step = 0; step < one_.history.size(); ++step) {
      for (std::size_t at = 0; at < one_.history[step].size(); ++at) {
        const auto change = [&](const auto& simplify) {
          attempt([&](Case& one) { return simplify(one.history[step][at]); });
        };
        change([](Push& push) { return push.weight > 1 && (push.weight = 1, true); });
        change([](Push& push) { return push.weight < -1 && (push.weight = -1, true); });
        change([](Push& push) { return push.session != 0 && (push.session = 0, true); });
        change([](Push& push) { return push.row.x != 0 && (push.row.x = 0, true); });
        change([](Push& push) { return !push.row.s.empty() && (push.row.s.clear(), true); });
        change([](Push& push) { return push.row.o.has_value() && (push.row.o.reset(), true); });
        change([](Push& push) { return push.row.v != 0 && (push.row.v = 0, true); });
        change([](Push& push) { return push.row.k.id != 0 && (push.row.k.id = 0, true); });
      }
    }
  }

  Case one_;
  const std::function<bool(const Case&)>& fails_;
  const std::chrono::steady_clock::time_point end_;
  bool progress_ = false;
};

}  // namespace

Case shrink(Case one, const std::function<bool(const Case&)>& fails, std::chrono::seconds time) {
  return Shrinker(std::move(one), fails, time).go();
}

}  // namespace lockstep::property
