#include "tools/bank/command.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "console/terminal.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/threads/processors.hpp"
#include "tools/bank/run.hpp"

namespace lockstep::bank {

namespace {

using terminal::grouped;

struct Options {
  std::string input;
  GeneratorOptions generator;
  std::string amounts = "1";
  bool generate = false;  // an option of the generator was given
  bool print = false;
  std::string step = "1000";
  double lateness = 5;
  unsigned workers = 0;
  unsigned threads = 0;
  bool no_verify = false;
  bool exhaustive = false;
  std::string json;
};

/// What the run reads, and what it is called.
struct OpenSource {
  std::unique_ptr<std::ifstream> file;
  std::unique_ptr<Source> source;
  std::string name;
};

bool stdin_is_piped() {
  struct stat status {};
  return fstat(STDIN_FILENO, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode));
}

/// The transfers are kept in memory, sorted by arrival.
void check_memory(std::uint64_t rows) {
  constexpr std::uint64_t kBytesPerTransfer = 100;
  const std::uint64_t there = terminal::machine_memory();
  if (there == 0 || rows <= there / kBytesPerTransfer) return;
  throw std::runtime_error(fmt::format("to generate {} transfers takes some {} GiB of memory, of which there are {}",
                                       grouped(rows), grouped((rows >> 30) * kBytesPerTransfer), there >> 30));
}

OpenSource open_source(const Options& options) {
  OpenSource open;
  if (options.input == "-" || (options.input.empty() && !options.generate && stdin_is_piped())) {
    open.name = "transfers from standard input";
    open.source = std::make_unique<LineSource>(std::cin, std::nullopt);
  } else if (!options.input.empty()) {
    if (std::filesystem::is_directory(options.input)) throw std::runtime_error(options.input + " is a directory");
    open.file = std::make_unique<std::ifstream>(options.input, std::ios::binary);
    if (!*open.file) throw std::runtime_error(fmt::format("cannot open {}: {}", options.input, std::strerror(errno)));
    std::error_code unknown;
    const auto bytes = std::filesystem::file_size(options.input, unknown);
    open.name = "transfers from " + options.input;
    open.source =
        std::make_unique<LineSource>(*open.file, unknown ? std::nullopt : std::optional<std::uint64_t>(bytes));
  } else {
    const GeneratorOptions& generator = options.generator;
    check_memory(generator.rows);
    open.name = fmt::format("{} generated transfers (seed {}) between {} accounts", grouped(generator.rows),
                            generator.seed, grouped(generator.accounts));
    open.source = std::make_unique<Generator>(generator);
  }
  return open;
}

BorderOptions border_options(const Options& options) {
  BorderOptions border;
  border.lateness_ms = std::llround(options.lateness * 1000);
  if (options.step == "event-time") {
    border.step_rows.reset();
  } else {
    std::uint64_t rows = 0;
    std::from_chars(options.step.data(), options.step.data() + options.step.size(), rows);
    border.step_rows = rows;
  }
  return border;
}

void print_outcome(std::FILE* to, const Outcome& outcome, const Options& options) {
  const Report& report = outcome.report;
  fmt::print(to,
             "\n  admitted   {:>15}\n  late       {:>15}   in the ledger, as are the malformed\n  malformed  {:>15}\n",
             grouped(report.admitted), grouped(report.late), grouped(report.malformed));
  fmt::print(to, "  steps      {:>15}\n  rows/s     {:>15}   the engine alone\n", grouped(report.steps),
             grouped(static_cast<std::uint64_t>(report.rows_per_second)));
  if (report.verified_rows_per_second) {
    fmt::print(to, "  rows/s     {:>15}   with the oracle that verifies it\n",
               grouped(static_cast<std::uint64_t>(*report.verified_rows_per_second)));
  }
  fmt::print(to, "\n  {:<22}{:>15}{:>15}{:>13}\n", "view", "rows", "updates", "violations");
  const auto& views = report.views;
  const std::array<const ViewReport*, kViews> all{
      &views.accepted_transactions, &views.credits, &views.debits,   &views.balance,
      &views.balance_all,           &views.total,   &views.total_all};
  for (std::size_t i = 0; i < kViews; ++i) {
    fmt::print(to, "  {:<22}{:>15}{:>15}{:>13}\n", kViewNames[i], all[i]->rows, all[i]->updates,
               options.no_verify ? "not verified" : grouped(all[i]->violations));
  }
  fmt::print(to, "\n");
  for (const std::string& line : outcome.first_malformed) fmt::print(to, "malformed: {}\n", line);
  if (report.malformed > outcome.first_malformed.size()) {
    fmt::print(to, "malformed: and {} more\n", grouped(report.malformed - outcome.first_malformed.size()));
  }
  for (const Violation& one : outcome.first_violations) {
    fmt::print(to, "violation: {} at step {}: row {} has weight {:+}, must be {:+}\n",
               kViewNames[static_cast<std::size_t>(one.view)], one.step, one.row, one.shown, one.expected);
  }
  if (report.ledger != report.late + report.malformed) {
    fmt::print(to, "violation: the ledger has {} rows, and {} were late or malformed\n", report.ledger,
               report.late + report.malformed);
  }
  if (outcome.gave_up) fmt::print(to, "The run ended early: there are too many violations.\n");
  if (outcome.interrupted) fmt::print(to, "Interrupted: this is what was done by then.\n");
  if (options.no_verify) {
    fmt::print(to, "Done in {:.1f} s. Nothing was verified.\n", outcome.seconds);
  } else if (outcome.violations == 0 && report.steps == 0) {
    fmt::print(to, "No transfer was admitted: there is nothing to verify.\n");
  } else if (outcome.violations != 0) {
    fmt::print(to, "WRONG: {} violations in {} steps.\n", grouped(outcome.violations), grouped(report.steps));
  } else {
    fmt::print(to,
               "Right: all seven views agreed with an independent oracle, row for row and weight for weight,\n"
               "at every one of {} steps ({:.1f} s; {} of the steps were recomputed from the first transfer on).\n",
               grouped(report.steps), outcome.seconds, grouped(outcome.full_recomputations));
  }
}

void write_json_report(const Report& report, const std::string& path) {
  std::string text;
  row_traits<Report>::write_json(text, report);
  text += '\n';
  if (path == "-") {
    fmt::print("{}", text);
    return;
  }
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw std::runtime_error("cannot write " + path);
}

int print_transfers(Source& source) {
  while (const auto arrival = source.next()) {
    if (terminal::interrupted()) return 130;
    std::cout << to_line(std::get<Transfer>(*arrival)) << '\n';
  }
  terminal::flush_output();
  return 0;
}

int run_command(Options options) {
  terminal::catch_interrupt();
  std::ios::sync_with_stdio(false);
  options.generator.random_amounts = options.amounts == "random";
  OpenSource open = open_source(options);
  if (options.print) return print_transfers(*open.source);

  std::FILE* to = options.json == "-" ? stderr : stdout;
  RunOptions run_options;
  run_options.runtime.workers = options.workers == 0 ? allowed_processors() : options.workers;
  run_options.runtime.threads = options.threads;
  run_options.border = border_options(options);
  run_options.verify = !options.no_verify;
  run_options.exhaustive = options.exhaustive;
  fmt::print(to, "bank: {}, {} late at most,\n      a step for {}, {} worker{}\n", open.name,
             fmt::format("{} s", options.lateness),
             run_options.border.step_rows ? fmt::format("every {} admitted", grouped(*run_options.border.step_rows))
                                          : std::string("each timestamp"),
             run_options.runtime.workers, run_options.runtime.workers == 1 ? "" : "s");
  std::fflush(to);

  Outcome outcome;
  {
    terminal::ProgressLine line;
    outcome = run(*open.source, run_options, [&line](const Progress& progress) {
      if (line.due()) {
        line.show(progress.part,
                  fmt::format("{} admitted, {} violations", grouped(progress.rows), grouped(progress.violations)));
      }
      return !terminal::interrupted();
    });
  }
  print_outcome(to, outcome, options);
  if (!options.json.empty()) write_json_report(outcome.report, options.json);
  terminal::flush_output();
  if (outcome.violations != 0) return 1;
  return outcome.interrupted ? 130 : 0;
}

/// A number of seconds; CLI11's own range lets NaN pass.
std::string check_lateness(const std::string& text) {
  constexpr double kMost = 1e9;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool number = error == std::errc() && end == text.data() + text.size();
  return number && seconds >= 0 && seconds <= kMost ? "" : "--lateness takes seconds from 0 to 1,000,000,000";
}

std::string check_path(const std::string& text) { return text.empty() ? "the name of a file is empty" : ""; }

std::string check_step(const std::string& text) {
  std::uint64_t rows = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rows);
  const bool number = error == std::errc() && end == text.data() + text.size() && rows != 0;
  return number || text == "event-time" ? "" : "--step takes a number of rows from 1 up, or event-time";
}

}  // namespace

void add_command(CLI::App& consistency, int& exit_code) {
  auto* bank = consistency.add_subcommand(
      "bank", "Runs Brandon's bank and compares every view at every step with an independent oracle");
  auto options = std::make_shared<Options>();
  const CLI::Range kCount(std::uint64_t{1}, std::uint64_t{1} << 62);

  auto* input = bank->add_option("--input", options->input,
                                 "Lines id|{json} of a FILE, - for standard input, which is read too if it is a file "
                                 "or pipe and no option of the generator is given; else transfers are generated")
                    ->check(check_path);
  std::vector<CLI::Option*> generator{
      bank->add_option("--rows", options->generator.rows, "Transfers to generate")
          ->capture_default_str()
          ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1} << 40)),
      bank->add_option("--accounts", options->generator.accounts, "Accounts of the generated transfers")
          ->capture_default_str()
          ->check(kCount),
      bank->add_option("--amounts", options->amounts,
                       "Amounts of the generated transfers: 1, or random from 1 to 1,000")
          ->capture_default_str()
          ->check(CLI::IsMember({"1", "random"})),
      bank->add_option("--seed", options->generator.seed, "Seed of the generator; the same transfers everywhere")
          ->capture_default_str()
          ->check(CLI::NonNegativeNumber),
      bank->add_flag("--print", options->print, "Prints the generated transfers instead of running on them")};
  for (CLI::Option* option : generator) option->excludes(input);
  bank->add_option("--step", options->step, "Admitted rows a step, or event-time: a step for each timestamp")
      ->capture_default_str()
      ->check(check_step);
  bank->add_option("--lateness", options->lateness, "Seconds that a transfer may be late behind the newest")
      ->capture_default_str()
      ->check(check_lateness);
  bank->add_option("--workers", options->workers, "Workers; 0: as many as processors")
      ->capture_default_str()
      ->check(CLI::Range(0U, 1024U));
  bank->add_option("--threads", options->threads, "Threads that run them; 0: as many as workers and processors allow")
      ->capture_default_str()
      ->check(CLI::Range(0U, 1024U));
  auto* no_verify = bank->add_flag("--no-verify", options->no_verify, "Runs the engine without the oracle");
  bank->add_flag("--exhaustive", options->exhaustive, "Recomputes all views from the first transfer on at every step")
      ->excludes(no_verify);
  bank->add_option("--json", options->json, "Writes the report to a FILE as JSON; - for standard output")
      ->check(check_path);
  bank->footer(
      "Exit code: 0 every view was right, 1 a view was wrong, 2 the command line, input or output failed, 130 "
      "interrupted.");

  bank->callback([options, generator, &exit_code] {
    for (const CLI::Option* option : generator) options->generate |= option->count() != 0;
    try {
      exit_code = run_command(*options);
    } catch (const std::bad_alloc&) {
      terminal::complain("there is not enough memory");
      exit_code = 2;
    } catch (const std::exception& error) {
      terminal::complain(error.what());
      exit_code = 2;
    }
  });
}

}  // namespace lockstep::bank
