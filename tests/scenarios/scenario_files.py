"""Runs the scenarios and simulations and reads their files; shared by the tests and by `regenerate`."""

from __future__ import annotations

import os
import subprocess
import tempfile
import textwrap
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("RECOVERD_BUILD", FOLDER.parents[1] / "build-test"))
RUNNER = BUILD / "tests" / "scenario_runner"
SIMULATOR = BUILD / "recoverctl"
FILES = sorted(FOLDER.glob("*.scenario"))
SIMULATIONS = sorted(FOLDER.glob("*.simulation"))
HEADING = "decisions:\n"
SECONDS = 20


def _run(argument: str | Path) -> str:
    assert RUNNER.exists(), f"{RUNNER} does not exist: build it, as `tests/run scenarios` does"
    finished = subprocess.run([RUNNER, argument], capture_output=True, text=True, timeout=SECONDS)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def _simulate(path: Path) -> str:
    """Sections `policy:` and `faults:`, indented, and a line `arguments:`."""
    written = split(path)[0]
    policy = written.partition("policy:\n")[2].partition("faults:\n")[0]
    faults, _, arguments = written.partition("faults:\n")[2].partition("arguments: ")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "policy.yaml").write_text(textwrap.dedent(policy))
        (Path(folder) / "faults.yaml").write_text(textwrap.dedent(faults))
        command = [SIMULATOR, "simulate", "policy.yaml", "--faults", "faults.yaml", *arguments.splitlines()[0].split()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=folder)
    assert done.returncode == 0, done.stderr
    return textwrap.indent(done.stdout, "  ", lambda line: line.strip() != "")


def decisions(path: Path) -> str:
    return _simulate(path) if path in SIMULATIONS else _run(path)


def rows_of_table() -> set[int]:
    return {int(line) for line in _run("--rows").split()}


def split(path: Path) -> tuple[str, str]:
    """What people wrote, up to and including the heading, and the decisions."""
    written, found, behind = path.read_text(encoding="utf-8").partition(HEADING)
    assert found, f"{path.name} has no `decisions:`"
    return written + found, behind


def expected(path: Path) -> str:
    return split(path)[1]
