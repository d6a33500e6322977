#!/usr/bin/env python3
"""Copies the engine's sources and puts into the copy the bugs and counters that self_test.txt lists.

  plant.py SOURCES TABLE OUT

The table says of each edit in which file it is, which text is there, and what stands there when the bug is active. A text
that is not found exactly once is an error. Files whose content does not change are not written again.
"""

import pathlib
import re
import sys

problems = []
FOLDERS = ["runtime", "exchange", "operators"]


class Bug:
    def __init__(self, name):
        self.name, self.edits = name, []  # of (file, right, wrong)


def parse(table):
    """The bugs, and the places as (name, file, text, condition): `text` is a condition itself if the last is True."""
    bugs, places = [], []
    kind = file = condition = None
    right, wrong = [], []

    def finish_edit():
        if right or wrong:
            bugs[-1].edits.append((file, "\n".join(right), "\n".join(wrong)))
            right.clear()
            wrong.clear()

    for number, line in enumerate(table.read_text().splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        head = re.fullmatch(r"(bug|place): (.+)", text)
        if head:
            finish_edit()
            kind, name = head.groups()
            if kind == "bug":
                bugs.append(Bug(name))
        elif text.startswith("- ") and kind == "bug":
            if wrong:
                finish_edit()
            right.append(text[2:])
        elif text.startswith("+ ") and kind == "bug":
            wrong.append(text[2:])
        elif text.startswith("if ") and kind == "place":
            condition = text[len("if "):]
        elif text.startswith("before ") and kind == "place":
            places.append((name, file, text[len("before "):], condition))
            condition = None
        elif text.startswith("when ") and kind == "place":
            places.append((name, file, text[len("when "):], True))
        elif re.fullmatch(r"[\w/]+\.[ch]pp", text):
            finish_edit()
            file = text
        else:
            sys.exit(f"{table}:{number}: {text!r} is neither a bug, a place, a file nor a text")
    finish_edit()
    return bugs, places


def find(content, file, text):
    """Where the text is; its lines may be indented in any way."""
    pattern = r"\n\s*".join(re.escape(line) for line in text.split("\n"))
    found = list(re.finditer(pattern, content))
    if len(found) != 1:
        problems.append(f"{file} has {len(found)} times, instead of once: {text}")
        return 0, 0
    return found[0].span()


def switched(right, alternatives):
    """The text that does what is right unless one of the bugs is active."""
    if right.endswith((";", "}")):
        branches = "".join(f"if (planted({number})) {{ {wrong} }} else " for number, wrong in alternatives)
        return branches + f"{{ {right} }}"
    branches = "".join(f"planted({number}) ? ({wrong}) : " for number, wrong in alternatives)
    return f"({branches}({right}))"


def place_names(places):
    return list(dict.fromkeys(place[0] for place in places))


def edit(content, file, bugs, places):
    texts, edits = {}, []
    for number, bug in enumerate(bugs, 1):
        for edited, right, wrong in bug.edits:
            if edited == file:
                texts.setdefault(right, []).append((number, wrong))
    for right, alternatives in texts.items():
        edits.append((*find(content, file, right), switched(right, alternatives)))
    names = place_names(places)
    for name, edited, text, condition in places:
        if edited != file:
            continue
        start, end = find(content, file, text)
        count = f"reached({names.index(name)})"
        if condition is True:
            edits.append((start, end, f"({text}) && ({count}, true)"))
        else:
            edits.append((start, start, f"if ({condition}) {{ {count}; }}\n" if condition else f"{count};\n"))
    if not edits:
        return content
    edits.sort()
    for (_, end, _), (start, _, _) in zip(edits, edits[1:]):
        if start < end:
            sys.exit(f"self_test.txt: two texts in {file} overlap")
    for start, end, text in reversed(edits):
        content = content[:start] + text + content[end:]
    include = '#include "self_test.hpp"\n'
    return content.replace("#pragma once\n", "#pragma once\n" + include, 1) if "#pragma once\n" in content else include + content


def header(bugs, places):
    names = place_names(places)

    def array(kind, items):
        return f"inline constexpr const char* {kind}[] = {{" + ", ".join(f'"{item}"' for item in items) + "};\n"

    return f"""#pragma once
// Made by plant.py.
#include <array>
#include <atomic>
#include <cstdint>

namespace lockstep {{

/// Bugs count from 1; 0 is none.
{array("kBugNames", ["none"] + [bug.name for bug in bugs])}{array("kPlaceNames", names)}
inline std::atomic<int> active_bug{{0}};
inline std::array<std::atomic<std::uint64_t>, {len(names)}> places_reached{{}};

inline bool planted(int bug) {{ return active_bug.load(std::memory_order_relaxed) == bug; }}
inline void reached(int place) {{
  places_reached[static_cast<std::size_t>(place)].fetch_add(1, std::memory_order_relaxed);
}}

}}  // namespace lockstep
"""


def write(path, content):
    if path.exists() and path.read_text() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def main():
    sources, table, out = map(pathlib.Path, sys.argv[1:])
    bugs, places = parse(table)
    known = {file for bug in bugs for file, _, _ in bug.edits} | {place[1] for place in places}
    files = sorted(sources.glob("lockstep*.hpp"))
    for folder in FOLDERS:
        files += sorted((sources / folder).rglob("*.?pp"))
    for path in files:
        file = path.relative_to(sources).as_posix()
        known.discard(file)
        write(out / file, edit(path.read_text(), file, bugs, places))
    problems.extend(f"there is no file {file}" for file in sorted(known))
    if problems:
        sys.exit("\n".join(f"self_test.txt: {problem}" for problem in problems))
    write(out / "self_test.hpp", header(bugs, places))


main()
