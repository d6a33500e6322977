#include <catch2/catch.hpp>
#include <lockstep.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/allocation_count.hpp"
#include "tests/delta_text.hpp"

namespace ls = lockstep;
using Number = std::int64_t;
using Account = std::pair<Number, std::string>;

namespace {

struct Visit {
  Number person;
  std::string place;
  std::optional<Number> minutes;
};
BOOST_DESCRIBE_STRUCT(Visit, (), (person, place, minutes))

/// Operators of all kinds, on rows with and without heap members.
struct Flow {
  Flow() {
    auto keyed = visits | ls::key_by(&Visit::person);
    auto joined = keyed | ls::join(people, [](const Visit& v, const Account& a) { return v.place + a.second; });
    auto linear = visits | ls::group_by(&Visit::place, ls::count(), ls::sum(&Visit::minutes), ls::avg(&Visit::minutes));
    auto ordered = visits | ls::group_by(&Visit::person, ls::min(&Visit::place), ls::max(&Visit::minutes));
    auto places = visits | ls::map(&Visit::place) | ls::distinct();
    outputs.push_back(joined | ls::map([](const auto& row) { return ls::to_string(row); }) | ls::output("joined"));
    outputs.push_back(linear | ls::map([](const auto& row) { return ls::to_string(row); }) | ls::output("linear"));
    outputs.push_back(ordered | ls::map([](const auto& row) { return ls::to_string(row); }) | ls::output("ordered"));
    outputs.push_back(places | ls::output("places", ls::accumulated));
  }

  ls::Dataflow flow;
  ls::Input<Visit> visits = flow.input<Visit>("visits");
  decltype(flow.table<Account>("people", &Account::first)) people = flow.table<Account>("people", &Account::first);
  std::vector<ls::Output<std::string>> outputs;
};

Visit visit(Number n) {
  std::string place = "the place with the number " + std::to_string(n % 5);
  return {n % 7, std::move(place), n % 3 == 0 ? std::nullopt : std::optional(n)};
}

/// Calls until there is memory for it. Nothing else may be thrown than that there is none, or that a step failed.
template <class Call>
void insist(Call&& call) {
  for (int tries = 0; tries < 3; ++tries) {
    try {
      call();
      return;
    } catch (const std::bad_alloc&) {
    }
  }
}

/// A small run of everything. Returns what the outputs have shown.
std::vector<std::string> run(const ls::RuntimeOptions& options, const std::optional<ls::SavedState>& saved,
                             std::optional<ls::SavedState>& to_save) {
  std::vector<std::string> shown;
  std::optional<Flow> flow;
  insist([&] { flow.emplace(); });
  if (!flow) return shown;
  std::optional<ls::Runtime> runtime;
  insist([&] { saved ? runtime.emplace(flow->flow, options, *saved) : runtime.emplace(flow->flow, options); });
  if (!runtime) return shown;
  const auto show = [&](const ls::Step& step) {
    insist([&] {
      std::string text;
      for (const auto& output : flow->outputs) text += ::text(step[output]) + "; ";
      shown.push_back(std::move(text));
    });
  };
  std::optional<ls::Subscription> steps;
  insist([&] { steps.emplace(runtime->subscribe(1000)); });
  std::shared_ptr<ls::Session> session;
  insist([&] { session = runtime->open_session(4); });
  if (!session) return shown;
  for (Number round = 0; round < 3; ++round) {
    for (Number n = 0; n < 12; ++n) {
      insist([&] { (*session)[flow->visits].push(visit(12 * round + n)); });
      if (n % 4 == 3) insist([&] { (*session)[flow->visits].push(visit(12 * round + n - 3), -1); });
    }
    insist([&] { (*session)[flow->people].upsert({round, "a name that is not short at all"}); });
    insist([&] { (*session)[flow->people].erase(17); });
    insist([&] {
      session->transaction([&](auto one) {
        one[flow->visits].push(std::vector<Visit>{visit(1), visit(2)});
        one[flow->people].upsert({round + 1, "another name that is not short"});
      });
    });
    if (round == 1) {
      insist([&] { runtime->start({.rows = 1}); });
      if (runtime->started()) {
        std::optional<ls::Ticket> ticket;
        insist([&] { ticket = (*session)[flow->visits].push(visit(50)); });
        if (ticket) runtime->wait(*ticket);
        runtime->stop();
        continue;
      }
    }
    insist([&] { show(runtime->step()); });
  }
  insist([&] { (void)runtime->snapshot()[flow->outputs.back()].size(); });
  insist([&] { to_save = runtime->save(); });
  return shown;
}

}  // namespace

TEST_CASE("where memory ends, a call throws that, or the step fails, and nothing else happens", "[exhaustion]") {
  const auto options = GENERATE(
      ls::RuntimeOptions{.limits = ls::IndexLimits::minimum()}, ls::RuntimeOptions{},
      ls::RuntimeOptions{.workers = 3, .threads = 1},
      ls::RuntimeOptions{.workers = 3, .threads = 2, .small_step_rows = 0, .limits = ls::IndexLimits::minimum()});
  const bool and_later = GENERATE(false, true);
  INFO(options.workers << " workers" << (and_later ? ", for good" : ""));
  std::optional<ls::SavedState> saved;
  const auto undisturbed = run(options, std::nullopt, saved);
  REQUIRE(saved);
  REQUIRE(undisturbed.size() == 2);
  std::uint64_t n = 1;
  std::uint64_t failed = 0;
#ifdef LOCKSTEP_ADDRESS_SANITIZED
  constexpr std::uint64_t kEvery = 7;  // odd, so that both kinds of runs are among them
#else
  constexpr std::uint64_t kEvery = 1;
#endif
  for (bool reached = true; reached; n += kEvery + n / 1000) {
    std::optional<ls::SavedState> ignored;
    std::vector<std::string> shown;
    bool step_failed = false;
    std::string surprise;
    {
      const MemoryEnds ends(n, and_later);
      try {
        shown = run(options, n % 2 == 0 ? saved : std::nullopt, ignored);
      } catch (const ls::StepFailed& failure) {
        step_failed = true;
        if (failure.nested() == nullptr || failure.operator_name().empty()) surprise = failure.what();
      } catch (const std::bad_alloc&) {  // of the test's own
      } catch (const std::exception& error) {
        surprise = error.what();
      }
      reached = ends.reached();
    }
    failed += step_failed;
    if (!surprise.empty()) FAIL("at allocation " << n << ": " << surprise);
    if (!step_failed && !and_later && n % 2 == 1 && shown.size() == 2 && shown != undisturbed) {
      FAIL("at allocation " << n << ": " << shown[0] << shown[1]);
    }
  }
  CHECK(n > 500);
  CHECK(failed > 50);
}
