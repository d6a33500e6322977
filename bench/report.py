#!/usr/bin/env python3
"""Runs the benchmarks and prints the table of targets with what was measured, as Markdown.

  bench/report.py [--bench build/release/lockstep_bench] [--json FILE] [--save FILE] [--quick] [--rounds N]

Exits with 1 if a benchmark failed (its outputs are wrong), not if a target is missed. `--json` reads an earlier run.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys

SUFFIX = "/iterations:1/manual_time"


def run(bench, quick, rounds):
    command = [bench, "--benchmark_format=json"]
    command += ["--quick"] if quick else []
    command += [f"--rounds={rounds}"] if rounds else []
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if not done.stdout:
        sys.exit(f"{bench} ended with {done.returncode} and no results")
    return json.loads(done.stdout)


def machine():
    def text(*command):
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout

    model = next((line.split(":", 1)[1].strip() for line in text("lscpu").splitlines() if line.startswith("Model name")),
                 "unknown processor")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": model, "processors": os.cpu_count(), "memory_gib": round(memory), "system": platform.release()}


def million(rate):
    return f"{rate / 1e6:.3g}" if rate < 1e9 else f"{rate / 1e6:.0f}"


class Row:
    """One line of the table: what it is about, the target in words, and how to judge a benchmark's counters."""

    def __init__(self, title, benchmark, target, show, passes, always=True):
        self.title, self.benchmark, self.target, self.show, self.passes = title, benchmark, target, show, passes
        self.always = always  # whether to say so if it was not run


def against_kernel(title, benchmark, least, counter="ratio"):
    def show(c):
        cpu = f", CPU {c['ratio_cpu']:.2f} ×" if counter == "ratio" and "ratio_cpu" in c else ""
        return (f"**{c[counter]:.2f} ×**{cpu}; {million(c['rows_per_s'])} M rows/s, {c['ns_per_row']:.1f} ns/row, "
                f"end to end {million(c['end_to_end_rows_per_s'])} M rows/s")

    return Row(title, benchmark, f"≥ {least} × kernel", show, lambda c: c[counter] >= least)


def reported(title, benchmark, show, always=True):
    return Row(title, benchmark, "reported", show, None, always)


def rate(c):
    beside = f" (kernel {million(c['kernel_rows_per_s'])})" if "kernel_rows_per_s" in c else ""
    return f"{million(c['rows_per_s'])} M rows/s{beside}"


def percentiles(c):
    return f"p50 {c['p50_ns']:.0f} ns, p99 {c['p99_ns']:.0f} ns, p99.9 {c['p999_ns']:.0f} ns"


def over_one(c):
    return f"wall **{c['ratio']:.2f} ×**, CPU **{c['ratio_cpu']:.2f} ×**; {million(c['rows_per_s'])} M rows/s"


def scaling(title, benchmark, least):
    return Row(title, benchmark, f"≥ {least} ×", over_one, lambda c: max(c["ratio"], c["ratio_cpu"]) >= least)


def bank_rate(order):
    name = f"bank/10_accounts/10000_rows/{order}"
    title = f"bank, 10,000 rows a step, 10 accounts, ids {order}"
    return [against_kernel(title, name, 0.5)]


def table():
    rows = []
    for step, label in ((1000, "1,000"), (100000, "100,000")):
        rows.append(against_kernel(f"keyed count, 10⁶ keys, {label} rows a step", f"count/1000000_keys/{step}_rows", 0.6))
    for step, label in ((1000, "1,000"), (100000, "100,000")):
        rows.append(against_kernel(f"keyed count, 10 keys, {label} rows a step", f"count/10_keys/{step}_rows", 0.6))
    for step, label in ((1000, "1,000"), (100000, "100,000")):
        rows.append(against_kernel(f"equi-join, 10⁶ rows a side, {label} rows a step",
                                   f"join/1000000_rows_a_side/{step}_rows", 0.5))
    for job in ("left", "anti"):
        for step, label in ((1000, "1,000"), (100000, "100,000")):
            rows.append(against_kernel(f"{job} join, 10⁶ rows a side, {label} rows a step",
                                       f"{job}_join/1000000_rows_a_side/{step}_rows", 0.45))
    for step, label in ((1000, "1,000"), (100000, "100,000")):
        rows.append(against_kernel(f"distinct, 10⁶ values, {label} rows a step",
                                   f"distinct/1000000_values/{step}_rows", 0.6))
    for step, label in ((1000, "1,000"), (100000, "100,000")):
        rows.append(against_kernel(f"min/max, 10⁵ groups with deletions, {label} rows a step",
                                   f"min_max/100000_groups/{step}_rows", 0.4))
    rows.append(against_kernel("map → filter → count, 100,000 rows a step", "map_filter_count/10_keys/100000_rows", 0.8))
    for threads in (1, 4):
        for how, label in (("rows", "row by row"), ("spans_of_1000", "spans of 1,000")):
            rows.append(reported(f"push + seal, {threads} pushing thread{'s' if threads > 1 else ''}, {label}",
                                 f"push_and_seal/{threads}_threads/{how}", rate))
    rows.append(Row("bank, 10 accounts, 1 row a step, 1 worker", "bank/10_accounts/1_row/1_workers",
                    "p50 ≤ 10 × kernel, p99 ≤ 5 × p50",
                    lambda c: f"{percentiles(c)}; {c['p50_ns'] / c['kernel_p50_ns']:.1f} × kernel",
                    lambda c: c["p50_ns"] <= 10 * c["kernel_p50_ns"] and c["p99_ns"] <= 5 * c["p50_ns"]))
    rows.append(Row("the same, 2 workers, 2 threads", "bank/10_accounts/1_row/2_workers", "p50 ≤ 25 × kernel",
                    lambda c: f"{percentiles(c)}; {c['p50_ns'] / c['kernel_p50_ns']:.1f} × kernel, a hop is {c['hop_ns']:.0f} ns",
                    lambda c: c["p50_ns"] <= 25 * c["kernel_p50_ns"]))
    rows.append(reported("the same, shared by both threads from the beginning",
                         "bank/10_accounts/1_row/2_workers_shared", percentiles))
    rows += bank_rate("ascending") + bank_rate("shuffled")
    name = "bank/1000000_accounts/10000_rows/ascending"
    rows.append(against_kernel("bank, 10,000 rows a step, 10⁶ accounts, kernel with a table per index", name, 0.6,
                               "ratio_by_index"))
    rows.append(against_kernel("bank, 10,000 rows a step, 10⁶ accounts, kernel with one fused table", name, 0.3,
                               "ratio_fused"))
    for job, label, least in (("join", "join", 1.7), ("count_10_keys", "count, 10 keys", 1.7),
                              ("count_1000000_keys", "count, 10⁶ keys", 1.6),
                              ("distinct_1000000_values", "distinct, 10⁶ values", 1.6)):
        rows.append(scaling(f"2 workers over 1, 100,000 rows a step: {label}",
                            f"scaling/{job}/2_workers_2_threads", least))
        for workers in (4, 8, 16):
            rows.append(reported(f"{workers} workers over 1, 100,000 rows a step: {label}",
                                 f"scaling/{job}/{workers}_workers_{workers}_threads", over_one, always=False))
    for job, label in (("count_1000000_keys", "count, 10⁶ keys"), ("join", "join")):
        rows.append(scaling(f"4 workers on 1 thread over 1 worker: {label}", f"scaling/{job}/4_workers_1_threads", 0.8))
    for workers, threads in ((2, 1), (4, 1), (2, 2), (4, 2)):
        rows.append(reported(f"exchange alone, {workers}×{workers} channels, {threads} thread{'s' if threads > 1 else ''}",
                             f"exchange/{workers}_workers_{threads}_threads", rate))
    for workers, threads in ((1, 1), (2, 1), (4, 1), (2, 2), (4, 2)):
        plural = "s" if threads > 1 else ""
        rows.append(reported(f"barrier alone, {workers} worker{'s' if workers > 1 else ''}, {threads} thread{plural}",
                             f"barrier/{workers}_workers_{threads}_threads", percentiles))
    rows.append(Row("1,000 operators, 10 touched", "thousand_operators/10_touched", "< 1 µs",
                    lambda c: f"{c['p50_ns']:.0f} ns", lambda c: c["p50_ns"] < 1000))
    for touched in (100, 1000):
        rows.append(Row(f"1,000 operators, {touched} touched", f"thousand_operators/{touched}_touched",
                        "∝ operators touched", lambda c: f"{c['p50_ns']:.0f} ns, {c['ns_per_operator']:.1f} ns each",
                        lambda c: c["ns_per_operator"] < 100))
    return rows + checkpoints()


def checkpoints():
    """10⁷ keys that are counted."""
    name = "checkpoint/10000000_keys"

    def milliseconds(seconds):
        return f"{1e3 * seconds:.0f} ms"

    def changed(kind):
        return lambda c: f"bytes {c[f'{kind}_bytes']:.2f}, time {c[f'{kind}_time']:.2f} of the whole"

    return [
        Row("whole checkpoint of 10⁷ counted keys", f"{name}/written", "≤ 1.5 × encoding by hand and bare files",
            lambda c: f"**{c['times_bare']:.2f} ×**; {milliseconds(c['seconds'])}, {c['bytes'] / 1e6:.0f} MB",
            lambda c: c["times_bare"] <= 1.5),
        Row("the next one, 1 % of the rows changed, scattered", f"{name}/written",
            "≤ 0.25 of the whole, or ≤ 0.65 with the reason",
            changed("scattered"), lambda c: max(c["scattered_bytes"], c["scattered_time"]) <= 0.65),
        Row("the next one, 1 % of the rows changed, neighbours by hash", f"{name}/written",
            "≤ 0.05 of the whole, or ≤ 0.1 with the reason",
            lambda c: changed("neighbours")(c) + f", of which {c['one_row_time']:.2f} is what that of one row takes",
            lambda c: max(c["neighbours_bytes"], c["neighbours_time"]) <= 0.1),
        Row("the next one of a join of 2·10⁶ rows a side, 1 % of the keys changed, scattered",
            "checkpoint/2000000_rows_a_side/written", "≤ 0.25 of the whole, or ≤ 0.65 with the reason",
            changed("scattered"), lambda c: max(c["scattered_bytes"], c["scattered_time"]) <= 0.65),
        Row("restore of 10⁷ counted keys, 2 threads", f"{name}/restored", "≤ 5 s, ≤ 2.5 × decoding and inserting",
            lambda c: f"**{c['times_bare']:.2f} ×**; {milliseconds(c['seconds'])}",
            lambda c: c["seconds"] <= 5 and c["times_bare"] <= 2.5),
        Row("10,000 rows a step at half load, while a whole checkpoint is taken, 1 worker", f"{name}/steps_paced",
            "p99 ≤ 3 × that without",
            lambda c: (f"p99 **{c['p99_ratio']:.2f} ×**; p50 {c['p50_ns'] / 1e6:.2f} ms, longest "
                       f"{c['longest_ns'] / 1e6:.1f} ms; p99 without {c['alone_p99_ns'] / 1e6:.2f} ms"),
            lambda c: c["p99_ratio"] <= 3),
        Row("the same back to back, 2 workers", f"{name}/steps_back_to_back", "rate ≥ 0.6 × that without",
            lambda c: f"**{c['rate_ratio']:.2f} ×**; longest step {c['longest_ns'] / 1e6:.1f} ms",
            lambda c: c["rate_ratio"] >= 0.6),
        Row("to open a directory of 1,000 operators with little state", "checkpoint/thousand_operators/opened", "≤ 100 ms",
            lambda c: milliseconds(c["seconds"]), lambda c: c["seconds"] <= 0.1),
        Row("look-ups by key in a snapshot of 10⁶ groups", "snapshot/1000000_keys/looked_up", "≤ 2 × a probe of a table",
            lambda c: f"**{c['times_probe']:.2f} ×**; {c['ns']:.0f} ns each", lambda c: c["times_probe"] <= 2),
        Row("count over 10⁶ keys with a snapshot held", "snapshot/1000000_keys/steps_with_pin", "rate ≥ 0.9 × that without",
            lambda c: f"**{c['rate_ratio']:.2f} ×**", lambda c: c["rate_ratio"] >= 0.9),
    ]


def markdown(results):
    counters = {one["name"].removesuffix(SUFFIX): one for one in results["benchmarks"]}
    lines = ["| benchmark | must reach | measured | |", "|---|---|---|---|"]
    for row in table():
        found = counters.get(row.benchmark)
        if found is None:
            if row.always:
                lines.append(f"| {row.title} | {row.target} | not run | |")
        elif found.get("error_occurred"):
            lines.append(f"| {row.title} | {row.target} | {found['error_message']} | **wrong** |")
        else:
            verdict = "" if row.passes is None else "pass" if row.passes(found) else "**miss**"
            lines.append(f"| {row.title} | {row.target} | {row.show(found)} | {verdict} |")
    return "\n".join(lines)


def describe(results):
    about = results["context"]["machine"]
    return (f"{results['context']['date'][:10]}; {about['processor']}, {about['processors']} processors, "
            f"{about['memory_gib']} GiB; Linux {about['system']}; GCC {results['context']['compiler']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="build/release/lockstep_bench")
    parser.add_argument("--json", help="results of an earlier run, instead of running")
    parser.add_argument("--save", help="where to keep the results, such as bench/results/2026-01-31.json")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    if options.json:
        with open(options.json, encoding="utf-8") as file:
            results = json.load(file)
    else:
        results = run(options.bench, options.quick, options.rounds)
    results["context"].setdefault("machine", machine())
    results["context"].setdefault("date", datetime.datetime.now().isoformat())
    print(describe(results) + "\n\n" + markdown(results))
    if options.save:
        os.makedirs(os.path.dirname(os.path.abspath(options.save)), exist_ok=True)
        with open(options.save, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    sys.exit(any(one.get("error_occurred") for one in results["benchmarks"]))


if __name__ == "__main__":
    main()
