#include <fmt/format.h>

#include "bench/benchmarks.hpp"
#include "bench/engines/engines.hpp"
#include "bench/hop.hpp"
#include "bench/kernels/bank_by_index.hpp"
#include "bench/kernels/bank_fused.hpp"

namespace lockstep::bench {

namespace {

template <class Kernel>
class BankSide final : public Side {
 public:
  BankSide(Shared<Transfer> history, std::size_t accounts) : history_(std::move(history)), kernel_(accounts) {}

  void stage(std::size_t step) override {
    const auto rows = history_->step(step);
    batch_.assign(rows.begin(), rows.end());
  }
  void run() override { kernel_.run(batch_, out_); }
  void tally(Tally& tally) override {
    tally.add(0, out_.accepted_transactions.span());
    tally.add(1, out_.credits.span());
    tally.add(2, out_.debits.span());
    tally.add(3, out_.balance.span());
    tally.add(4, out_.balance_all.span());
    tally.add(5, out_.total.span());
    tally.add(6, out_.total_all.span());
  }

 private:
  Shared<Transfer> history_;
  Kernel kernel_;
  Batch<Transfer> batch_;
  BankDeltas out_;
};

template <Ahead kAhead>
std::vector<Contestant> with_kernels(Contestant engine, Shared<Transfer> history, std::size_t accounts) {
  return {std::move(engine),
          {"fused", [=] { return std::make_unique<BankSide<BankFused<kAhead>>>(history, accounts); }},
          {"by_index", [=] { return std::make_unique<BankSide<BankByIndex<kAhead>>>(history, accounts); }}};
}

void add_throughput(std::size_t accounts, Ids ids, const char* order) {
  const std::size_t rows_per_step = 10'000;
  const std::size_t steps = settings().rows(4'000'000) / rows_per_step;
  const std::size_t used_accounts = accounts > 10 ? settings().rows(accounts) : accounts;
  add({.name = fmt::format("bank/{}_accounts/10000_rows/{}", accounts, order),
       .rows_per_step = rows_per_step,
       .steps = steps,
       .state_rows = used_accounts,
       .prepare = [=] {
         const auto history = random_transfers(used_accounts, ids, rows_per_step, steps);
         Contestant engine{"engine", [=] { return bank_engine(history, false); }};
         return accounts == 10 ? with_kernels<Ahead::none>(std::move(engine), history, used_accounts)
                               : with_kernels<Ahead::prefetch>(std::move(engine), history, used_accounts);
       }});
}

/// `small_step_rows`: 0 for helpers that take part in every step.
void add_latency(unsigned workers, std::size_t small_step_rows) {
  const std::size_t steps = settings().rows(300'000);
  Contest contest{
      .name = fmt::format("bank/10_accounts/1_row/{}_workers{}", workers, small_step_rows == 0 ? "_shared" : ""),
      .rows_per_step = 1,
      .steps = steps,
      .state_rows = 10,
      .threads = workers,
      .prepare = [=] {
        const auto history = random_transfers(10, Ids::ascending, 1, steps);
        const RuntimeOptions options{.workers = workers, .threads = workers, .small_step_rows = small_step_rows};
        Contestant engine{"engine", [=] { return bank_engine(history, true, options); }};
        return with_kernels<Ahead::none>(std::move(engine), history, 10);
      }};
  if (workers > 1) {
    contest.alongside = [] { return std::map<std::string, double>{{"hop_ns", hop_nanoseconds()}}; };
  }
  add(std::move(contest));
}

}  // namespace

void add_bank_benchmarks() {
  const std::size_t usual = RuntimeOptions().small_step_rows;
  add_latency(1, usual);
  add_latency(2, usual);
  add_latency(2, 0);
  add_throughput(10, Ids::ascending, "ascending");
  add_throughput(10, Ids::shuffled, "shuffled");
  add_throughput(1'000'000, Ids::ascending, "ascending");
}

}  // namespace lockstep::bench
