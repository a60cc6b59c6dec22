"""Runs the pytest modules of one folder; what can run side by side does."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from process import ROOT, Finished, run, sanitizer_environment
from tally import Tally, failed

NO_TESTS = 5  # exit status of pytest when nothing matched
TEST_SECONDS = 180
# Whole-program tests mostly wait, so there are more of them at once than cores. A test that measures
# time closely, or loads the machine, carries @pytest.mark.alone.
WORKERS = 4


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / "tests" / folder).glob("**/test_*.py"))


def _have(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _command(folder: str, report: Path, marker: str, workers: int) -> list[str | Path]:
    command: list[str | Path] = [sys.executable, "-B", "-m", "pytest", "-q", "-ra", "--tb=short"]
    command += ["-c", ROOT / "tests/pytest.ini", "--rootdir", ROOT / "tests", "-m", marker]
    command += [f"--junitxml={report}", "-o", "junit_family=xunit1"]
    if _have("pytest_timeout"):
        command.append(f"--timeout={TEST_SECONDS}")
    if workers > 1 and _have("xdist"):
        command += ["-n", str(workers), "--dist", "loadgroup"]
    return [*command, ROOT / "tests" / folder]


def _read_case(case: ElementTree.Element, tally: Tally) -> None:
    name = f"{case.get('classname', '')}: {case.get('name', '')}"
    skip = case.find("skipped")
    if case.find("failure") is not None or case.find("error") is not None:
        tally.fail(name)
    elif skip is not None:
        tally.skip(name, skip.get("message") or "the test gives no reason")
    else:
        tally.passed += 1


def read_report(folder: str, report: Path, finished: Finished) -> Tally:
    if finished.code == NO_TESTS:
        return Tally()
    if not report.exists():
        return failed(folder, f"pytest wrote no report, {finished.how()}\n{finished.output}")
    tally = Tally()
    for case in ElementTree.parse(report).iter("testcase"):
        _read_case(case, tally)
    if not finished.good and not tally.failures:
        tally.fail(folder, f"pytest: {finished.how()}")
    if tally.failures:
        tally.failures[-1].output += f"\n{finished.output}"
    return tally


def _run(folder: str, marker: str, workers: int, within: float) -> Tally:
    with tempfile.TemporaryDirectory(prefix="recoverd-pytest-") as scratch:
        report = Path(scratch) / "report.xml"
        command = _command(folder, report, marker, workers)
        return read_report(folder, report, run(command, within, sanitizer_environment()))


def collect(folder: str, within: float = 2400) -> Finished:
    """Runs no test. What the start of a session makes, as hosts and packages, is there afterwards."""
    command: list[str | Path] = [sys.executable, "-B", "-m", "pytest", "-q", "--collect-only"]
    command += ["-c", ROOT / "tests/pytest.ini", "--rootdir", ROOT / "tests", ROOT / "tests" / folder]
    return run(command, within)


def run_folder(folder: str, within: float = 2400) -> Tally:
    tally = _run(folder, "not alone", WORKERS, within)
    tally.add(_run(folder, "alone", 1, within))
    return tally
