"""tests/run counts what happened: a failure, a crash or a test that never ended is never a pass."""

from __future__ import annotations

import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runner"))

import fuzz  # noqa: E402
import process  # noqa: E402
import pytests  # noqa: E402
import unit  # noqa: E402
from tally import Tally  # noqa: E402

GOOD = "1..2\nok 1 - a\nok 2 - b\n# ok - group\n"


@pytest.mark.parametrize(
    "output, code, expected",
    [
        (GOOD, 0, "2 passed, 0 failed, 0 skipped"),
        (GOOD + GOOD, 0, "4 passed, 0 failed, 0 skipped"),
        (GOOD, 1, "2 passed, 1 failed, 0 skipped"),
        (GOOD, -11, "2 passed, 1 failed, 0 skipped"),
        ("1..2\nok 1 - a\n", -6, "1 passed, 1 failed, 0 skipped"),
        ("1..1\nnot ok 1 - a\n# 0x1 != 0x2\n", 1, "0 passed, 1 failed, 0 skipped"),
        ("1..1\nnot ok 0 - g [  FAILED  ] GROUP SETUP\n", 1, "0 passed, 1 failed, 0 skipped"),
        ("1..1\nnot ok 1 # SKIP a\n", 0, "0 passed, 0 failed, 1 skipped"),
        ("", 0, "0 passed, 1 failed, 0 skipped"),
        ("Segmentation fault", -11, "0 passed, 1 failed, 0 skipped"),
    ],
)
def test_tap(output: str, code: int, expected: str) -> None:
    assert str(unit.read_tap("test_x", process.Finished(code, output))) == expected


def test_tap_skip_says_why() -> None:
    tally = unit.read_tap("test_x", process.Finished(0, "1..1\nskip: no IPv6\nnot ok 1 # SKIP a\n"))
    assert tally.skips[0].reason == "no IPv6"


REPORT = """<testsuites><testsuite>
<testcase classname="m" name="good"/>
<testcase classname="m" name="bad"><failure message="x"/></testcase>
<testcase classname="m" name="twice"><failure message="x"/><error message="y"/></testcase>
<testcase classname="m" name="left"><skipped message="needs root"/></testcase>
</testsuite></testsuites>"""


def test_pytest_report(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    tally = pytests.read_report("m", report, process.Finished(1, "what pytest printed"))
    assert str(tally) == "1 passed, 2 failed, 1 skipped"
    assert tally.skips[0].reason == "needs root"
    assert "what pytest printed" in tally.failures[-1].output


def test_pytest_that_died_failed(tmp_path: Path) -> None:
    tally = pytests.read_report("m", tmp_path / "none.xml", process.Finished(-9, "killed"))
    assert str(tally) == "0 passed, 1 failed, 0 skipped"


def test_nothing_run_is_not_success() -> None:
    assert not Tally().good
    assert Tally(passed=1).good


def test_deadline_ends_the_whole_group() -> None:
    finished = process.run(["sh", "-c", "echo started; sleep 60 & sleep 60"], within=0.5)
    assert finished.code < 0
    assert finished.output.startswith("started")
    assert "not done after" in finished.output


def test_work_aside_has_the_lowest_priority() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    with ThreadPoolExecutor(max_workers=1, initializer=process.yield_to_others, initargs=(process.LOWEST_PRIORITY,)) as aside:
        finished = aside.submit(process.run, ["nice"], within=20).result()
    assert finished.output.split() == ["19"]
    assert os.getpriority(os.PRIO_PROCESS, 0) == ours


FUZZ_TARGET = """
#include <stddef.h>
#include <stdlib.h>
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
        if (size == 3 && data[0] == 'a' && %s) {
                abort();
        }
        return 0;
}
"""


@pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
@pytest.mark.parametrize("minds, passed", [("0", 1), ("1", 0)])
def test_fuzz_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minds: str, passed: int) -> None:
    """The seed is "abc": a target that minds it fails at once."""
    monkeypatch.setattr(fuzz.builds, "folder", lambda _: tmp_path / "build")
    monkeypatch.setattr(fuzz, "ROOT", tmp_path)
    monkeypatch.setattr(fuzz, "SECONDS", 1)
    seed = tmp_path / "tests/fuzz/corpus/fuzz_x/seed"
    seed.parent.mkdir(parents=True)
    seed.write_text("abc")
    source = tmp_path / "fuzz_x.c"
    source.write_text(FUZZ_TARGET % minds)
    (tmp_path / "build/sub").mkdir(parents=True)
    compiled = process.run(
        ["clang", "-fsanitize=fuzzer", source, "-o", tmp_path / "build/sub/fuzz_x"], within=60
    )
    assert compiled.good, compiled.output
    tally = fuzz.run_target("fuzz_x")
    assert (tally.passed, len(tally.failures)) == (passed, 1 - passed)


def test_fuzz_target_that_was_not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz.builds, "folder", lambda _: tmp_path)
    assert fuzz.run_target("fuzz_x").failures[0].output == "it was not built"
