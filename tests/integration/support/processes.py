"""Nothing that a test starts outlives it: orphans come back to this process, which ends them."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

from support.waiting import wait_until

PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """From now on a descendant whose parent dies becomes a child of this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def is_running(pid: int) -> bool:
    """A zombie does not run any more."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in "ZX"


def _parents() -> dict[int, int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    stats = {pid: _stat(pid) for pid in pids}
    return {pid: int(stat[1]) for pid, stat in stats.items() if stat}


def descendants(of: int | None = None) -> set[int]:
    parents = _parents()
    found: set[int] = set()
    newest = {os.getpid() if of is None else of}
    while newest:
        newest = {pid for pid, parent in parents.items() if parent in newest} - found
        found |= newest
    return found


def command_line(pid: int) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return raw.rstrip(b"\0").decode(errors="replace").split("\0")


def program_name(pid: int) -> str:
    """Base name of argv[0]; empty for a process that is gone."""
    return Path((command_line(pid) or [""])[0]).name


def named(program: str, among: set[int]) -> list[int]:
    return sorted(pid for pid in among if program_name(pid) == program and is_running(pid))


def environment(pid: int) -> dict[str, str]:
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = [entry.partition("=") for entry in raw.decode(errors="replace").split("\0")]
    return {key: value for key, _, value in pairs if key}


def marked(marker: str) -> set[int]:
    """Processes that carry RECOVERD_TEST_ID=marker in their environment, whoever their parent is."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {pid for pid in pids if environment(pid).get("RECOVERD_TEST_ID") == marker}


def reap() -> None:
    """Takes the exit status of dead children, orphans that came to this process among them. For the
    end of a test: nobody waits for a child any more."""
    for pid in descendants():
        if _stat(pid)[:1] == ["Z"]:
            _reap_one(pid)


def _reap_one(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def kill_orphan(pid: int) -> None:
    """Kills what has come to this process since its parent died, and takes its exit status, as an init does: a server
    that is started anew takes the zombie of its former self for one that runs."""
    kill(pid)
    os.waitpid(pid, 0)


def end_all(find: Callable[[], set[int]], within: float = 10) -> None:
    """Kills what `find()` returns, again and again, until it returns nothing that runs: what is
    being started while others are killed is found in the next round."""

    def all_gone() -> bool:
        running = [pid for pid in find() if is_running(pid)]
        for pid in running:
            kill(pid)
        reap()
        return not running

    wait_until(all_gone, within, "all processes of the test ended")
