#include <catch2/catch.hpp>
#include <lockstep_checkpoint.hpp>
#include <optional>
#include <random>
#include <set>

#include "runtime/durability/store/checkpoint_store.hpp"
#include "tests/delta_text.hpp"
#include "tests/faulty_files.hpp"
#include "tests/numbers.hpp"

// Random histories of steps, checkpoints, disks that fail, power that goes, and restarts on other numbers of workers:
// what a directory gives is the state after a complete step, the one of the last checkpoint.

namespace ls = lockstep;
using Fault = FaultyFiles::Fault;
using Pair = std::pair<Number, Number>;

namespace {

/// State of every kind: captured and pinned, by key and by row, groups large and small, ledgers.
struct Kinds {
  ls::Dataflow flow;
  ls::Input<Pair> in = flow.input<Pair>("in");
  decltype(flow.table<Name>("", &Name::first)) names = flow.table<Name>("names", &Name::first);
  std::vector<std::function<std::string(const ls::Snapshot&)>> shown;

  Kinds() {
    const auto by_first = in | ls::key_by(&Pair::first);
    show(in | ls::group_by(&Pair::first, ls::count(), ls::sum(&Pair::second)), "sums");
    show(in | ls::group_by([](const Pair& p) { return p.first % 2; }, ls::min(&Pair::second),
                           ls::count_distinct(&Pair::second),
                           ls::avg([](const Pair& p) { return 0.1 * double(p.second); })),
         "large groups");
    show(by_first | ls::join(names, [](const Pair& p, const Name& name) { return std::pair(p.second, name.second); }),
         "joined");
    show(in | ls::map([](const Pair& p) { return p.second % 16; }) | ls::distinct(), "distinct");
    show(in | ls::except(in | ls::filter([](const Pair& p) { return p.first % 3 == 0; })), "rest");
    show(in | ls::aggregate(ls::count(), ls::max(&Pair::second)), "all");
    const auto refused = ls::ledger(names, ls::accumulated);
    shown.push_back([this](const ls::Snapshot& at) { return text(at[names]); });
    shown.push_back([refused](const ls::Snapshot& at) { return text(at[refused]); });
  }
  template <class E>
  void show(const E& stream, const char* name) {
    const auto out = stream | ls::output(name, ls::accumulated);
    shown.push_back([out](const ls::Snapshot& at) { return text(at[out]); });
  }

  std::string contents(ls::Runtime& runtime) const {
    std::string all = std::to_string(runtime.latest().number());
    const auto snapshot = runtime.snapshot();
    for (const auto& one : shown) all += "\n" + one(snapshot);
    return all;
  }
  /// The rows of a step, the same whenever it is made. An erase of what is absent tells the position in the ledger.
  void push(ls::Runtime& runtime, std::uint64_t step) const {
    std::mt19937_64 random(step);
    for (int i = 0; i < 30; ++i) {
      const Pair row(static_cast<Number>(random() % 20), static_cast<Number>(random() % 200));
      runtime[in].push(row, random() % 3 == 0 ? -1 : 1);
    }
    runtime[names].upsert({static_cast<Number>(random() % 20), "step " + std::to_string(step)});
    runtime[names].erase(static_cast<Number>(random() % 40));
  }
  void step_to(ls::Runtime& runtime, std::uint64_t last) const {
    while (runtime.latest().number() < last) {
      push(runtime, runtime.latest().number() + 1);
      runtime.step();
    }
  }
};

/// What an undisturbed run holds after each step.
const std::string& expected(std::uint64_t step) {
  static Kinds kinds;
  static ls::Runtime runtime(kinds.flow);
  static std::vector<std::string> contents{kinds.contents(runtime)};
  while (contents.size() <= step) {
    kinds.step_to(runtime, contents.size());
    contents.push_back(kinds.contents(runtime));
  }
  return contents[step];
}

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed), files_(std::make_shared<FaultyFiles>()) { open(); }

  void go_on(int events) {
    for (int i = 0; i < events; ++i) {
      const unsigned event = one_in(100);
      if (event < 40) {
        kinds_.step_to(*runtime_, runtime_->latest().number() + 1 + one_in(3));
      } else if (event < 70) {
        checkpoint();
      } else if (event < 78) {
        fail_at(Fault::once);
      } else if (event < 84) {
        fail_at(Fault::from_then_on);
      } else if (event < 90) {
        refuse();
      } else if (event < 94) {
        lose_power();
      } else {
        restart();
      }
    }
    compare_with_whole();
  }

 private:
  unsigned one_in(unsigned many) { return static_cast<unsigned>(random_() % many); }

  void open() {
    const ls::RuntimeOptions options{.workers = 1 + one_in(4),
                                     .threads = 1,
                                     .limits = one_in(2) == 0
                                                   ? ls::IndexLimits::minimum()
                                                   : ls::IndexLimits{.segment_bytes = 600, .rows_in_segment = 2}};
    runtime_.emplace(kinds_.flow, options,
                     ls::checkpoints(folder_.state(), {.begin_if_empty = durable_ == 0, .keep = 2, .files = files_}));
    const std::uint64_t found = runtime_->latest().number();
    CHECK((found == durable_ || perhaps_.contains(found)));
    durable_ = found;
    perhaps_.clear();
    CHECK(kinds_.contents(*runtime_) == expected(found));
  }
  void restart() {
    runtime_.reset();
    open();
    CHECK(ls::CheckpointStore(folder_.state(), ls::CheckpointStore::Access::reader, false).manifests().size() <= 2);
  }

  /// Steps go on meanwhile, perhaps.
  void checkpoint(const ls::CheckpointCondition& condition = {}) {
    auto done = runtime_->checkpoint(condition);
    const std::uint64_t begun = runtime_->latest().number();
    if (one_in(3) == 0) kinds_.step_to(*runtime_, begun + 1 + one_in(2));
    try {
      durable_ = done.get();
      perhaps_.clear();
      CHECK(durable_ >= begun);
    } catch (const ls::CheckpointError&) {  // it is there all the same if but the last call has failed
      for (std::uint64_t step = begun; step <= runtime_->latest().number(); ++step) perhaps_.insert(step);
      throw;
    }
  }
  void fail_at(Fault fault) {
    files_->arm(fault, 1 + one_in(40));
    try {
      checkpoint();
    } catch (const ls::CheckpointError&) {
      if (one_in(2) == 0) uncertain_restart();
    }
    files_->arm(Fault::none, 0);
  }
  /// A checkpoint that failed may be there, or not.
  void uncertain_restart() {
    files_->arm(Fault::none, 0);
    restart();
  }
  void refuse() {
    struct No : std::runtime_error {
      using runtime_error::runtime_error;
    };
    try {
      checkpoint([] { throw No("it may not become one"); });
    } catch (const No&) {
      if (one_in(2) == 0) restart();
    }
  }
  void lose_power() {
    files_->arm(Fault::from_then_on, 1 + one_in(60));
    try {
      checkpoint();
    } catch (const ls::CheckpointError&) {  // the power is off
    }
    runtime_.reset();
    files_->lose_power(folder_.path());
    files_->arm(Fault::none, 0);
    open();
  }

  /// The directory, written by changes, and one that is written whole give the same, and five times the same.
  void compare_with_whole() {
    checkpoint();
    kinds_.step_to(*runtime_, runtime_->latest().number() + 1);
    const Folder whole;
    std::uint64_t at = 0;
    {
      runtime_.reset();
      open();
      at = durable_;
      const ls::CheckpointStore store(folder_.state(), ls::CheckpointStore::Access::reader, false);
      store.export_to(whole.state(), store.manifests().front());
    }
    for (int round = 0; round < 5; ++round) {
      ls::Runtime runtime(kinds_.flow, {.workers = 1 + one_in(3), .threads = 1}, ls::checkpoints(whole.state()));
      CHECK(kinds_.contents(runtime) == expected(at));
      kinds_.step_to(runtime, at + 2);
      CHECK(kinds_.contents(runtime) == expected(at + 2));
    }
  }

  std::mt19937_64 random_;
  Folder folder_;
  std::shared_ptr<FaultyFiles> files_;
  Kinds kinds_;
  std::optional<ls::Runtime> runtime_;
  std::uint64_t durable_ = 0;        // the step of the last checkpoint
  std::set<std::uint64_t> perhaps_;  // steps of later ones that failed, and may be there all the same
};

}  // namespace

TEST_CASE("whatever happens, a directory holds the state after a complete step, that of the last checkpoint",
          "[checkpoint][history]") {
  const char* const only = std::getenv("LOCKSTEP_HISTORY");
  const int first = only != nullptr ? std::atoi(only) : 0;
#ifdef __SANITIZE_THREAD__
  constexpr int kSome = 8;  // seconds each
#else
  constexpr int kSome = 25;
#endif
  const int histories = only != nullptr ? 1 : std::getenv("LOCKSTEP_LONG") != nullptr ? 1000 : kSome;
  for (int i = first; i < first + histories; ++i) {
    INFO("history " << i);
    History(static_cast<std::uint64_t>(i)).go_on(40);
  }
}
