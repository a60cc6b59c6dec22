"""Runs the cmocka programs of build-test/tests and counts their test functions."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import builds
from process import ROOT, Finished, run, sanitizer_environment
from tally import Tally, failed

PROGRAM_SECONDS = 120

# Test anything protocol as cmocka writes it: a skip is "not ok 3 # SKIP name".
PLAN = re.compile(r"\b1\.\.(\d+)$", re.MULTILINE)
LINE = re.compile(r"\b(?P<bad>not )?ok (?P<number>\d+) (?P<skip># SKIP|-) (?P<name>.*)$")
REASON = re.compile(r"skip(?:ped)?: *(.*)")


def sources() -> list[Path]:
    return sorted((ROOT / "tests/unit").glob("test_*.c"))


def _read_lines(program: str, output: str) -> Tally:
    tally = Tally()
    reason = ""
    for line in output.splitlines():
        said = REASON.search(line)
        reason = said.group(1) if said else reason
        match = LINE.search(line)
        if not match:
            continue
        name = f"{program}: {match['name']}"
        if match["skip"] == "# SKIP":
            tally.skip(name, reason or "the test gives no reason")
        elif match["bad"]:
            tally.fail(name)
        else:
            tally.passed += 1
        reason = ""
    return tally


def read_tap(program: str, finished: Finished) -> Tally:
    """A program that dies, or that ends in failure after tests which all passed, fails as a whole."""
    tally = _read_lines(program, finished.output)
    planned = sum(int(count) for count in PLAN.findall(finished.output))
    seen = tally.passed + len(tally.failures) + len(tally.skips)
    if planned == 0:
        tally.fail(program, f"no test was run, {finished.how()}")
    elif seen < planned:
        tally.fail(program, f"only {seen} of {planned} tests ended, {finished.how()}")
    elif not finished.good and not tally.failures:
        tally.fail(program, finished.how())
    if tally.failures:
        tally.failures[-1].output += f"\n{finished.output}"
    return tally


def run_program(source: Path) -> Tally:
    program = builds.folder("test") / "tests" / source.stem
    if not program.exists():
        return failed(source.stem, f"{source} belongs to no CMakeLists.txt: it was not built")
    environment = {**sanitizer_environment(), "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    return read_tap(source.stem, run([program], PROGRAM_SECONDS, environment))


def run_all() -> Tally:
    total = Tally()
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for tally in pool.map(run_program, sources()):
            total.add(tally)
    return total
