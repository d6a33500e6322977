#pragma once

namespace lockstep::bench {

/// Operators beside their kernels.
void add_relational_benchmarks();
/// The bank beside its kernels: throughput and latency.
void add_bank_benchmarks();
/// More workers against one.
void add_scaling_benchmarks();
/// The exchange and the barrier alone.
void add_exchange_benchmarks();
/// Push and seal, dataflows of many operators.
void add_runtime_benchmarks();
/// Checkpoints beside bare files, steps meanwhile, restarts.
void add_checkpoint_benchmarks();
/// Look-ups in snapshots, steps while one is held.
void add_snapshot_benchmarks();

}  // namespace lockstep::bench
