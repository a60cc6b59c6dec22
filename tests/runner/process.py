"""Runs a program with a deadline; nothing of it is left behind when the deadline passes."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOW_PRIORITY, LOWEST_PRIORITY = 10, 19

_running: set[subprocess.Popen[str]] = set()


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


def yield_to_others(priority: int) -> None:
    """From here on this thread, and what it runs, takes only the processor time that nobody else wants."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), priority)


def _pass_priority_on(child: subprocess.Popen[str]) -> None:
    """The kernel gives each session a share of its own (autogroup), whatever its priority is."""
    nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    try:
        Path(f"/proc/{child.pid}/autogroup").write_text(str(nice))
    except OSError:  # a kernel without it, or a child that is gone
        pass


def end_all() -> None:
    """Ends what other threads run at this moment."""
    for child in list(_running):
        _end_group(child)


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
    _running.add(child)
    _pass_priority_on(child)
    try:
        output, _ = child.communicate(timeout=within)
    except BaseException as interruption:
        _end_group(child)
        output, _ = child.communicate()
        if not isinstance(interruption, subprocess.TimeoutExpired):
            raise
        output += f"\nnot done after {within:.0f} s, killed\n"
    finally:
        _running.discard(child)
    return Finished(child.returncode, output)
