#!/usr/bin/env python3
"""Compiles some programs, and prints what each took: processor seconds, and the most memory.

  bench/compile_times.py [--compiler g++] [--flag -O2] [--times 3]
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = [("the first program", "examples/first.cpp", 9, None),
            ("30 operators over five row types", "bench/compile/thirty_operators.cpp", 30, 1.2),
            ("a test file of 25 small flows", "bench/compile/twenty_five_flows.cpp", 22, None)]


def compile_once(compiler, flags, source):
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler, "-std=c++20", *flags, f"-I{ROOT}", "-c", str(ROOT / source), "-o", f"{folder}/out.o"]
        pid = os.posix_spawnp(command[0], command, os.environ)
        _, status, usage = os.wait4(pid, 0)
        if status != 0:
            sys.exit(f"{' '.join(command)} failed")
        return usage.ru_utime + usage.ru_stime


def memory(compiler, flags, source):
    """The most that the compiler proper held, which is a child of its driver, in GB."""
    script = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    command = [compiler, "-std=c++20", *flags, f"-I{ROOT}", "-c", str(ROOT / source), "-o", os.devnull]
    done = subprocess.run([sys.executable, "-c", script, *command], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout) * 1024 / 1e9


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--flag", action="append", dest="flags")
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    flags = options.flags or ["-O2"]
    print(f"| {options.compiler} {' '.join(flags)} | must take | takes | |\n|---|---|---|---|")
    missed = False
    for name, source, most, most_memory in PROGRAMS:
        seconds = min(compile_once(options.compiler, flags, source) for _ in range(options.times))
        held = memory(options.compiler, flags, source)
        good = seconds <= most and (most_memory is None or held <= most_memory)
        missed |= not good
        limit = f"≤ {most} s" + (f", ≤ {most_memory} GB" if most_memory else "")
        print(f"| {name} | {limit} | {seconds:.1f} s, {held:.2f} GB | {'pass' if good else '**miss**'} |")
    sys.exit(missed)


main()
