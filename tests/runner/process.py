"""Runs a program with a deadline; nothing of it is left behind when the deadline passes."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Finished:
    code: int  # negative: ended by that signal
    output: str

    @property
    def good(self) -> bool:
        return self.code == 0

    def how(self) -> str:
        if self.code >= 0:
            return f"exit status {self.code}"
        return f"ended by {signal.Signals(-self.code).name}"


def sanitizer_environment() -> dict[str, str]:
    return {
        "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    }


def _end_group(child: subprocess.Popen[str]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(
    arguments: list[str | Path], within: float, environment: dict[str, str] | None = None
) -> Finished:
    """Runs it in the root of the project; standard output and error come back as one text."""
    child = subprocess.Popen(
        [str(argument) for argument in arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=within)
    except BaseException as interruption:
        _end_group(child)
        output, _ = child.communicate()
        if not isinstance(interruption, subprocess.TimeoutExpired):
            raise
        output += f"\nnot done after {within:.0f} s, killed\n"
    return Finished(child.returncode, output)
