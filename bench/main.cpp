#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "bench/benchmarks.hpp"
#include "bench/harness.hpp"

/// Options of its own, before Google Benchmark's: --quick, --rounds=N.
int main(int argc, char** argv) {
  using namespace lockstep::bench;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    if (argument == "--quick") {
      settings() = {.quick = true, .repetitions = 1};
    } else if (argument.starts_with("--rounds=")) {
      settings().repetitions = std::stoul(std::string(argument.substr(9)));
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  benchmark::AddCustomContext("quick", settings().quick ? "true" : "false");
  benchmark::AddCustomContext("compiler", __VERSION__);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  add_relational_benchmarks();
  add_bank_benchmarks();
  add_scaling_benchmarks();
  add_exchange_benchmarks();
  add_runtime_benchmarks();
  add_snapshot_benchmarks();
#ifdef LOCKSTEP_CHECKPOINT
  add_checkpoint_benchmarks();
#endif
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return any_failed() ? 1 : 0;
}
