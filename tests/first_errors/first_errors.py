#!/usr/bin/env python3
"""Compiles each program of mistakes.cpp, and looks whether its first error says what the comment there says.

  first_errors.py COMPILER [COMPILER...] -- FLAG...
"""

import os
import pathlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SOURCE = pathlib.Path(__file__).with_name("mistakes.cpp")


def first_error(compiler, flags, mistake):
    command = [compiler, "-std=c++20", "-fsyntax-only", f"-DMISTAKE={mistake}", *flags, str(SOURCE)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    return (errors or ["it compiles" if done.returncode == 0 else done.stderr])[0]


def main():
    split = sys.argv.index("--")
    compilers, flags = sys.argv[1:split], sys.argv[split + 1:]
    mistakes = re.findall(r"MISTAKE == (\d+)\n  // (.+)", SOURCE.read_text())
    jobs = [(compiler, number, text) for number, text in mistakes for compiler in compilers]
    jobs += [(compiler, "0", None) for compiler in compilers]
    wrong = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for (compiler, number, text), error in zip(jobs, pool.map(lambda job: first_error(job[0], flags, job[1]), jobs)):
            right = error == "it compiles" if text is None else "lockstep: " in error and text in error
            if not right:
                wrong += 1
                print(f"mistake {number}, {compiler}:\n  should say: {text or 'nothing'}\n  says: {error[:400]}")
    print(f"{len(jobs) - wrong} of {len(jobs)} first errors are right")
    sys.exit(1 if wrong else 0)


main()
