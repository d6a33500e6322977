#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/command.hpp"
#include "tools/bank/border.hpp"
#include "tools/bank/line.hpp"
#include "tools/bank/oracle.hpp"
#include "tools/bank/run.hpp"
#include "tools/bank/source.hpp"

using namespace lockstep::bank;

namespace {

std::string reason_of(std::string_view line) {
  LineParser parser;
  const auto parsed = parser.parse(line);
  const auto* malformed = std::get_if<Malformed>(&parsed);
  return malformed == nullptr ? "" : malformed->reason;
}

std::vector<Transfer> generate(const GeneratorOptions& options) {
  Generator generator(options);
  std::vector<Transfer> transfers;
  while (const auto arrival = generator.next()) transfers.push_back(std::get<Transfer>(*arrival));
  return transfers;
}

/// The ids admitted in each step, for arrivals at such timestamps; the row's number is its id.
std::vector<std::vector<std::int64_t>> steps_of(const BorderOptions& options, const std::vector<std::int64_t>& times) {
  std::vector<std::vector<std::int64_t>> steps;
  Border border(options, [&steps](const StepInput& input) {
    steps.emplace_back();
    for (std::size_t i = 0; i < input.pushed.size(); ++i) {
      if (std::find(input.late.begin(), input.late.end(), i) == input.late.end()) {
        steps.back().push_back(input.pushed[i].id);
      }
    }
  });
  std::int64_t id = 0;
  for (const std::int64_t time : times) border.arrive(Transfer{id++, 1, 2, 1, time});
  border.end();
  return steps;
}

CommandResult command(const std::string& arguments) { return run_command("consistency bank " + arguments); }

}  // namespace

TEST_CASE("a transfer's line reads back as the transfer") {
  const Transfer transfer{12, 3, -4, 500, 59'999};
  LineParser parser;
  CHECK(std::get<Transfer>(parser.parse(to_line(transfer))) == transfer);
}

TEST_CASE("a malformed line is told by what is wrong with it") {
  const auto line = [](const std::string& fields) { return "7|{" + fields + "}"; };
  const std::string all = R"("id":7,"from_account":1,"to_account":2,"amount":3,"ts":"2021-01-01 00:00:01.500")";
  CHECK(reason_of(line(all)).empty());
  CHECK(reason_of(line(all) + "\r").empty());
  CHECK(reason_of(line(R"("note":"spare",)" + all)).empty());
  CHECK(reason_of("").find("no '|'") != std::string::npos);
  CHECK(reason_of("x|{" + all + "}").find("not an integer") != std::string::npos);
  CHECK(reason_of("8|{" + all + "}").find("the JSON's is 7") != std::string::npos);
  CHECK(reason_of(line(all + R"(,"amount":3)")).find("two fields \"amount\"") != std::string::npos);
  CHECK(reason_of(line(R"("id":7,"from_account":1,"to_account":2,"amount":3)")).find("no field \"ts\"") !=
        std::string::npos);
  CHECK(reason_of("7|[1]").find("not a JSON object") != std::string::npos);
  CHECK(reason_of("7|{" + all).find("not JSON") != std::string::npos);
  CHECK(reason_of("7|{" + all + "} x").find("not JSON") != std::string::npos);
  for (const char* amount : {"1.0", "\"1\"", "1e3", "null", "9223372036854775808", "true"}) {
    const std::string fields =
        fmt::format(R"("id":7,"from_account":1,"to_account":2,"amount":{},"ts":"2021-01-01 00:00:01.500")", amount);
    CHECK(reason_of(line(fields)).find("\"amount\" is not a 64-bit integer") != std::string::npos);
  }
  for (const char* time : {"2021-01-01 00:00:60.000", "2021-01-01 00:01:01.000", "2021-01-01 00:00:1.000",
                           "2021-01-01T00:00:01.000", "2021-01-01 00:00:01.0000", "2021-01-01 00:00:01,000"}) {
    const std::string fields = fmt::format(R"("id":7,"from_account":1,"to_account":2,"amount":3,"ts":"{}")", time);
    CHECK(reason_of(line(fields)).find("\"ts\"") != std::string::npos);
  }
}

TEST_CASE("a seed generates the same bytes everywhere") {
  const auto transfers = generate({.rows = 1000, .seed = 42, .accounts = 10, .random_amounts = true});
  std::string bytes;
  for (const Transfer& transfer : transfers) bytes += to_line(transfer) + '\n';
  CHECK(fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size())) == "a6f9f6e16c6ffe6f");
}

TEST_CASE("generated transfers happen evenly within a minute and arrive up to ten seconds late") {
  const auto transfers = generate({.rows = 6000});
  REQUIRE(transfers.size() == 6000);
  std::int64_t newest = 0;
  std::int64_t latest = 0;
  std::vector<int> of_second(60);
  for (const Transfer& transfer : transfers) {
    CHECK(transfer.ts == 60 * transfer.id / 6000 * 1000);
    ++of_second[static_cast<std::size_t>(transfer.ts / 1000)];
    newest = std::max(newest, transfer.ts);
    latest = std::max(latest, newest - transfer.ts);
  }
  CHECK(of_second == std::vector<int>(60, 100));
  CHECK(latest > 8000);
  CHECK(latest <= 10'000);
}

TEST_CASE("a transfer is admitted unless it is below the watermark") {
  const BorderOptions options{.step_rows = 100, .lateness_ms = 5000};
  CHECK(steps_of(options, {10'000, 5000, 4999, 12'000, 6999, 7000}) ==
        std::vector<std::vector<std::int64_t>>{{0, 1, 3, 5}});
}

TEST_CASE("steps of N rows leave a smaller last one") {
  CHECK(steps_of({.step_rows = 2, .lateness_ms = 0}, {1, 2, 3, 4, 5}) ==
        std::vector<std::vector<std::int64_t>>{{0, 1}, {2, 3}, {4}});
  CHECK(steps_of({.step_rows = 2, .lateness_ms = 0}, {1, 2, 3, 4}) ==
        std::vector<std::vector<std::int64_t>>{{0, 1}, {2, 3}});
}

TEST_CASE("steps by event time wait until the watermark is strictly past them") {
  const BorderOptions options{.step_rows = std::nullopt, .lateness_ms = 5};
  CHECK(steps_of(options, {10, 8, 10, 15, 16, 21}) ==
        std::vector<std::vector<std::int64_t>>{{1}, {0, 2}, {3}, {4}, {5}});
}

TEST_CASE("rows rejected after the last full step do not make a step of their own") {
  std::vector<std::array<std::size_t, 3>> steps;
  Border border({.step_rows = 1, .lateness_ms = 0}, [&steps](const StepInput& input) {
    steps.push_back({input.admitted(), input.late.size(), input.rejected.size()});
  });
  border.arrive(Transfer{0, 1, 2, 1, 5});
  border.arrive(Transfer{1, 1, 2, 1, 4});
  border.arrive(BadLine{3, "bad", "x"});
  border.end();
  CHECK(steps == std::vector<std::array<std::size_t, 3>>{{1, 1, 1}});
  CHECK(border.steps() == 1);
  CHECK(border.late() == 1);
  CHECK(border.malformed() == 1);
}

TEST_CASE("the oracle accepts the right deltas and names a wrong one") {
  const Transfer transfer{1, 3, 7, 10, 0};
  const auto right = [&](Oracle& oracle, std::optional<View> skip = {}, std::int64_t weight = 1) {
    oracle.admit(transfer);
    const auto show = [&](View view, const ViewRow& row) {
      if (view != skip) oracle.show(view, row, weight);
    };
    show(View::accepted_transactions, view_row(transfer));
    show(View::credits, view_row(7, 10));
    show(View::debits, view_row(3, 10));
    show(View::balance_all, view_row(7, 10));
    show(View::balance_all, view_row(3, -10));
    show(View::total_all, view_row(0));
  };
  SECTION("right") {
    Oracle oracle(false);
    right(oracle);
    oracle.check(1, false);
    oracle.check(1, true);
    CHECK(oracle.violations() == 0);
  }
  SECTION("a lost row") {
    for (const View lost : {View::accepted_transactions, View::credits, View::debits, View::total_all}) {
      Oracle oracle(false);
      right(oracle, lost);
      oracle.check(1, false);
      oracle.check(1, true);
      CHECK(oracle.violations() == 1);
      CHECK(oracle.violations(lost) == 1);
      CHECK(oracle.first_violations().at(0).shown == 0);
      CHECK(oracle.first_violations().at(0).expected == 1);
    }
  }
  SECTION("a multiplicity") {
    Oracle oracle(false);
    right(oracle, std::nullopt, 2);
    oracle.check(1, false);
    CHECK(oracle.violations() == 6);
    CHECK(oracle.first_violations().at(1).row == "(7, 10)");
    CHECK(oracle.first_violations().at(1).shown == 2);
  }
  SECTION("a row that must not be there") {
    Oracle oracle(false);
    right(oracle);
    oracle.show(View::balance, view_row(7, 0), 1);
    oracle.check(1, false);
    CHECK(oracle.violations(View::balance) == 1);
  }
}

TEST_CASE("a large view is compared by its fingerprint between full recomputations") {
  constexpr std::int64_t kRows = 10'000;  // more than a step of one row compares row by row
  Oracle oracle(false);
  for (std::uint64_t step = 1; step <= 6; ++step) {
    for (std::int64_t i = 0; i < (step == 1 ? kRows : 1); ++i) {
      const Transfer transfer{static_cast<std::int64_t>(step) * kRows + i, 1, 1, 0, 0};
      oracle.admit(transfer);
      oracle.show(View::accepted_transactions, view_row(transfer), step == 6 ? 2 : 1);
    }
    if (step == 1) {
      for (const View view : {View::credits, View::debits, View::balance, View::balance_all}) {
        oracle.show(view, view_row(1, 0), 1);
      }
      oracle.show(View::total, view_row(0), 1);
      oracle.show(View::total_all, view_row(0), 1);
    }
    oracle.check(step, false);
    CHECK(oracle.violations() == (step == 6));
  }
  CHECK(oracle.full_recomputations() == 3);
}

TEST_CASE("the bank is exact at every step on any number of workers") {
  for (const unsigned workers : {1U, 3U}) {
    for (const auto step : std::vector<std::optional<std::uint64_t>>{1, 97, std::nullopt}) {
      Generator generator({.rows = 3000, .seed = workers, .accounts = 20, .random_amounts = true});
      RunOptions options;
      options.runtime.workers = workers;
      options.border.step_rows = step;
      options.exhaustive = step != 1U;
      const Outcome outcome = run(generator, options, [](const Progress&) { return true; });
      CHECK(outcome.violations == 0);
      CHECK(outcome.report.admitted + outcome.report.late == 3000);
      CHECK(outcome.report.ledger == outcome.report.late);
      CHECK(outcome.report.views.accepted_transactions.rows == static_cast<std::int64_t>(outcome.report.admitted));
      CHECK(outcome.report.views.total_all.rows == 1);
    }
  }
}

TEST_CASE("the bank command says how it ended by its exit code") {
  CHECK(command("--rows 2000 --step 10 --workers 2").exit_code == 0);
  CHECK(command("--rows 100 --step event-time --no-verify --json -").exit_code == 0);
  CHECK(command("--rows 10 --input /dev/null").exit_code == 2);
  CHECK(command("--step 0").exit_code == 2);
  CHECK(command("--workers 2000 --rows 1").exit_code == 2);
  CHECK(command("--input /nowhere/to/be/found").exit_code == 2);
  CHECK(command("--rows 10 --json /nowhere/to/be/found").exit_code == 2);
  CHECK(command("--input /dev/null").exit_code == 0);
  CHECK(command("--help").exit_code == 0);
}

TEST_CASE("the bank command refuses numbers and names that make no sense") {
  for (const char* options : {"--lateness nan",
                              "--lateness -1",
                              "--lateness inf",
                              "--lateness 1e300",
                              "--lateness ''",
                              "--rows -1",
                              "--rows nan",
                              "--rows 1e3",
                              "--rows ''",
                              "--rows 99999999999999999999999",
                              "--rows 1000000000000",
                              "--accounts 0",
                              "--accounts -3",
                              "--accounts 9999999999999999999",
                              "--seed -1",
                              "--seed x",
                              "--step ''",
                              "--step -1",
                              "--step 18446744073709551616",
                              "--workers -1",
                              "--workers 0x",
                              "--threads 99999",
                              "--input ''",
                              "--json ''",
                              "--amounts ''",
                              "--amounts 2",
                              "--exhaustive --no-verify",
                              "extra",
                              "--unknown"}) {
    const CommandResult result = command(std::string(options) + " </dev/null");
    INFO(options << ": " << result.output);
    CHECK(result.exit_code == 2);
    CHECK(result.output.size() > 10);
    CHECK(result.output.find("Right") == std::string::npos);
  }
  CHECK(command("--rows 0 </dev/null").output.find("nothing to verify") != std::string::npos);
  CHECK(command("--rows 5 --accounts 4611686018427387904 --lateness 0 --step 18446744073709551615").exit_code == 0);
}

TEST_CASE("the bank command fails when what it has to say cannot be written") {
  CHECK(command("--rows 10 >/dev/full").exit_code == 2);
  CHECK(command("--rows 10 >&-").exit_code == 2);
  CHECK(command("--rows 10 --json /dev/full").exit_code == 2);
  CHECK(command("--rows 10 --json - >/dev/full").exit_code == 2);
  CHECK(command("--rows 10 --print >/dev/full").exit_code == 2);
  CHECK(command("--help >/dev/full").exit_code == 2);
  CHECK(command("--rows 10 2>&-").exit_code == 0);
}

TEST_CASE("the bank command goes on after malformed lines, and names them") {
  std::ofstream file("bank_test_lines.txt");
  file << "nonsense\n" << to_line({1, 1, 2, 5, 10'000}) << "\n2|{}";
  file.close();
  const CommandResult result = command("--json - <bank_test_lines.txt");
  CHECK(result.exit_code == 0);
  CHECK(result.output.find("malformed: line 1: there is no '|'") != std::string::npos);
  CHECK(result.output.find("malformed: line 3: ") != std::string::npos);
  CHECK(result.output.find(R"({"admitted":1,"late":0,"malformed":2,"steps":1,)") != std::string::npos);
}

TEST_CASE("a sum that leaves 64 bits ends the run with the operator's name") {
  std::ofstream file("bank_test_overflow.txt");
  for (int id = 0; id < 2; ++id) {
    file << to_line({id, 1, 2, std::numeric_limits<std::int64_t>::max(), 0}) << '\n';
  }
  file.close();
  const CommandResult result = command("--input bank_test_overflow.txt");
  CHECK(result.exit_code == 2);
  CHECK(result.output.find("credits") != std::string::npos);
}
