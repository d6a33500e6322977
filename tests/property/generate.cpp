#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/property/case.hpp"
#include "tests/property/random.hpp"

namespace lockstep::property {

namespace {

Shape shape_of(const std::vector<OpSpec>& flow, int id) { return info(flow[static_cast<std::size_t>(id)].kind).out; }

std::vector<int> of_shape(const std::vector<OpSpec>& flow, Shape shape) {
  std::vector<int> ids;
  for (const OpSpec& op : flow) {
    if (shape_of(flow, op.id) == shape) ids.push_back(op.id);
  }
  return ids;
}

std::vector<OpSpec> random_flow(Random& random) {
  std::vector<OpSpec> flow;
  const auto add = [&](Kind kind, std::vector<int> in) {
    flow.push_back({static_cast<int>(flow.size()), kind, std::move(in), random.below(24), Shown::no});
  };
  for (int i = random.between(1, 2); i > 0; --i) add(random.chance(20) ? Kind::append_only_input : Kind::input, {});
  if (random.chance(45)) add(Kind::table, {});
  if (random.chance(10)) add(Kind::table, {});
  const std::size_t inputs = flow.size();
  const std::size_t size = inputs + static_cast<std::size_t>(random.between(1, 7));
  constexpr int kFirst = static_cast<int>(Kind::table) + 1;
  while (flow.size() < size) {
    const Kind kind = static_cast<Kind>(random.between(kFirst, static_cast<int>(Kind::count) - 1));
    if (kind == Kind::delay && !random.chance(40)) continue;
    std::vector<int> in;
    for (const Shape shape : info(kind).in) {
      const std::vector<int> ids = of_shape(flow, shape);
      if (ids.empty()) break;
      // Often one of the newest, so that flows get deep.
      const int newest = static_cast<int>(std::min<std::size_t>(ids.size(), random.chance(60) ? 2 : ids.size()));
      in.push_back(ids[ids.size() - 1 - static_cast<std::size_t>(random.below(newest))]);
    }
    if (in.size() == info(kind).in.size()) add(kind, in);
  }
  std::vector<bool> read(flow.size());
  for (const OpSpec& op : flow) {
    for (const int in : op.in) read[static_cast<std::size_t>(in)] = true;
  }
  for (OpSpec& op : flow) {
    if (!read[static_cast<std::size_t>(op.id)] || random.chance(20)) {
      op.shown = random.chance(50) ? Shown::delta : Shown::contents;
    }
  }
  return flow;
}

/// Rows of one case: from small domains, so that they meet.
class RandomRows {
 public:
  explicit RandomRows(Random& random)
      : random_(random),
        keys_(random.one_of({1, 2, 3, 5, 8, 8, 40, 400})),
        values_(random.one_of({1, 3, 6, 6, 200})),
        tame_(random.chance(60)),
        large_weights_(random.chance(6)),
        texts_(random.chance(50)) {}

  Rec row() {
    const std::int64_t v = random_.between(-values_ / 3, values_);
    const auto o = random_.chance(40) ? std::nullopt : std::optional<std::int64_t>(random_.below(4));
    return {{random_.below(keys_)}, v, o, real(), text()};
  }

  Weight weight() {
    if (large_weights_ && random_.chance(10)) {
      constexpr Weight kMost = Weight{1} << 31;
      return random_.one_of<Weight>({kMost, -kMost, kMost + 1, -kMost - 1, Weight{1} << 62});
    }
    return random_.chance(65) ? 1 : random_.one_of<Weight>({2, 3, 7, -1, -1, -2, -5, 0});
  }

 private:
  std::string text() {
    return texts_ ? random_.one_of({"", "a", "b", "longer than a string that lies inside", "another such long one"})
                  : "";
  }

  double real() {
    if (tame_) return random_.one_of({0.0, -0.0, 0.5, 1.0, -1.5, 2.25, 100.0});
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return random_.one_of({0.0, -0.0, 0.1, -0.1, 0.2, 3.7, 1e16, -1e16, 1e300, -1e300, 1.7e308, 1e-300, 5e-324,
                           kInfinity, -kInfinity, std::nan("1"), -std::nan("7")});
  }

  Random& random_;
  int keys_;
  int values_;
  bool tame_;
  bool large_weights_;
  bool texts_;
};

class RandomHistory {
 public:
  RandomHistory(Random& random, const std::vector<OpSpec>& flow)
      : random_(random), rows_(random), sessions_(random.one_of({1, 1, 2, 4})) {
    for (const OpSpec& op : flow) {
      if (is_input(op.kind)) inputs_.push_back(op);
    }
    pushed_.resize(inputs_.size());
  }

  History make() {
    History history;
    const int style = random_.below(100);
    const int steps = style < 8 ? random_.between(12, 40) : random_.between(1, 8);
    for (int i = 0; i < steps; ++i) {
      StepPushes& step = history.emplace_back();
      if (random_.chance(8)) continue;
      const int size = random_.below(1000);
      const int pushes = style < 8    ? 1
                         : size < 2   ? random_.between(1000, 3000)
                         : size < 40  ? random_.between(60, 250)
                         : size < 250 ? random_.between(8, 40)
                                      : random_.between(1, 6);
      if (pushes > 40 && random_.chance(50)) {
        many_of_one_key(step, pushes);
      } else {
        for (int j = 0; j < pushes; ++j) step.push_back(push());
      }
    }
    return history;
  }

 private:
  Push push() {
    const auto at = static_cast<std::size_t>(random_.below(static_cast<int>(inputs_.size())));
    Push push{.input = inputs_[at].id,
              .kind = Push::Kind::row,
              .session = session(),
              .row = rows_.row(),
              .weight = rows_.weight()};
    std::vector<Push>& pushed = pushed_[at];
    if (random_.chance(2)) {
      push.kind = Push::Kind::reject;
      return push;
    }
    if (inputs_[at].kind == Kind::table) {
      push.weight = 1;
      push.kind = random_.one_of({Push::Kind::insert, Push::Kind::upsert, Push::Kind::upsert, Push::Kind::erase});
      if (push.kind == Push::Kind::erase && random_.chance(30)) push.kind = Push::Kind::erase_if_present;
      if (random_.chance(3)) push.kind = Push::Kind::clear;
    } else if (inputs_[at].kind == Kind::append_only_input && random_.chance(90)) {
      push.weight = std::abs(push.weight);
    }
    if (!pushed.empty() && random_.chance(35)) {
      // Something that is there already: mostly taken back.
      const Push& old = random_.of(pushed);
      push.row = old.row;
      if (inputs_[at].kind == Kind::input) push.weight = random_.chance(80) ? -old.weight : push.weight;
    }
    pushed.push_back(push);
    return push;
  }

  /// A group grows large, or shrinks.
  void many_of_one_key(StepPushes& step, int count) {
    Push first = push();
    if (first.kind != Push::Kind::row) {
      step.push_back(first);
      return;
    }
    const bool away = random_.chance(40) && !grown_.empty();
    if (away) {
      for (Push push : random_.of(grown_)) {
        push.weight = -push.weight;
        step.push_back(push);
      }
      return;
    }
    for (int i = 0; i < count; ++i) {
      Push push = first;
      push.row.v = i;
      push.session = session();
      step.push_back(push);
    }
    std::shuffle(step.begin(), step.end(), random_);
    grown_.push_back(step);
  }

  std::uint64_t session() { return static_cast<std::uint64_t>(random_.below(sessions_)); }

  Random& random_;
  RandomRows rows_;
  int sessions_;
  std::vector<OpSpec> inputs_;
  std::vector<std::vector<Push>> pushed_;  // by input
  std::vector<StepPushes> grown_;
};

Config random_config(Random& random, std::size_t steps) {
  Config config;
  config.workers = static_cast<unsigned>(random.one_of({1, 1, 2, 2, 3, 4}));
  if (config.workers > 1 && random.chance(3)) {
    config.threads = 2;
    config.small_step_rows = random.chance(50) ? 4 : 0;
  } else if (random.chance(80)) {
    config.schedule = random.next() % 1000;
  }
  config.piece_rows = static_cast<std::size_t>(random.one_of({0, 1, 1, 2}));
  config.hash.style =
      random.chance(60) ? HashStyle::normal : static_cast<HashStyle>(random.below(static_cast<int>(HashStyle::count)));
  config.hash.seed = config.hash.style == HashStyle::seeded ? random.next() : 0;
  config.limits = random.chance(70) ? Limits::minimal : random.chance(60) ? Limits::small : Limits::usual;
  const auto some_step = [&] { return static_cast<std::size_t>(random.between(1, static_cast<int>(steps))); };
  if (random.chance(25)) config.saves.emplace_back(some_step(), random.between(1, 5));
  if (!config.saves.empty() && random.chance(60)) {
    config.checkpoints = random.next() % 1000;
    if (random.chance(50)) config.saves.emplace_back(some_step(), random.between(1, 5));
  }
  if (random.chance(30)) {
    for (int i = random.between(1, 2); i > 0; --i) {
      const std::size_t at = some_step();
      config.pins.emplace_back(at, at + static_cast<std::size_t>(random.between(1, 4)));
    }
  }
  config.interleaving = random.chance(30) ? random.next() % 1000 : 0;
  config.transactions = random.chance(10);
  config.batches = random.chance(30);
  return config;
}

}  // namespace

Case generate(std::uint64_t seed, std::uint64_t number) {
  Random random(seed * 0x1000'0000'01b3 + number * 0x9e37'79b9'7f4a'7c15 + 1);
  random.next();
  Case one;
  one.flow = random_flow(random);
  one.history = RandomHistory(random, one.flow).make();
  one.config = random_config(random, one.history.size());
  if (random.chance(25)) one.other = random_config(random, one.history.size());
  if (random.chance(30)) {
    one.cut.emplace();
    for (int i = random.between(1, 3); i > 0; --i) {
      one.cut->push_back(static_cast<std::size_t>(random.one_of({1, 1, 2, 5, 20, 1000})));
    }
  }
  if (random.chance(15)) {
    const auto after = static_cast<std::size_t>(random.below(static_cast<int>(one.history.size())));
    one.growth = {after, random.next() % 1000, static_cast<unsigned>(random.between(1, 4))};
  }
  return one;
}

}  // namespace lockstep::property
