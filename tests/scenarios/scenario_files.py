"""Runs the scenarios and reads their files; shared by the test and by `regenerate`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("RECOVERD_BUILD", FOLDER.parents[1] / "build-test"))
RUNNER = BUILD / "tests" / "scenario_runner"
FILES = sorted(FOLDER.glob("*.scenario"))
HEADING = "decisions:\n"
SECONDS = 20


def _run(argument: str | Path) -> str:
    assert RUNNER.exists(), f"{RUNNER} does not exist: build it, as `tests/run scenarios` does"
    finished = subprocess.run([RUNNER, argument], capture_output=True, text=True, timeout=SECONDS)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def decisions(path: Path) -> str:
    return _run(path)


def rows_of_table() -> set[int]:
    return {int(line) for line in _run("--rows").split()}


def split(path: Path) -> tuple[str, str]:
    """What people wrote, up to and including the heading, and the decisions."""
    written, found, behind = path.read_text(encoding="utf-8").partition(HEADING)
    assert found, f"{path.name} has no `decisions:`"
    return written + found, behind


def expected(path: Path) -> str:
    return split(path)[1]
