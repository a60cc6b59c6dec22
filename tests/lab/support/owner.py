"""Everything that the lab makes outside of its processes (network namespaces, cgroups) carries the name of
the test process that made it, and that process holds a lock. What belongs to nobody any more, because
a test run was killed, is found by these names and removed by the next run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from support import cgroups, network

PREFIX = "recoverd-lab-"
LOCKS = Path("/run/recoverd-lab")  # one file an owner
GUARD = Path("/run/recoverd-lab.lock")  # held while these files come and go

_own_lock: IO[str] | None = None


def prefix() -> str:
    return f"{PREFIX}{os.getpid()}-"


@contextmanager
def _guarded() -> Iterator[None]:
    with open(GUARD, "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        LOCKS.mkdir(exist_ok=True)
        yield


def _take(path: Path) -> IO[str] | None:
    lock = open(path, "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def claim() -> None:
    """From now on what begins with `prefix()` has an owner."""
    global _own_lock
    with _guarded():
        _own_lock = _take(LOCKS / str(os.getpid()))
    if not _own_lock:
        raise RuntimeError(f"{LOCKS}/{os.getpid()} is held by another process")


def release() -> None:
    global _own_lock
    if _own_lock:
        with _guarded():
            (LOCKS / str(os.getpid())).unlink(missing_ok=True)
        _own_lock.close()
        _own_lock = None


def _remove_all_of(name: str) -> None:
    begin = f"{PREFIX}{name}-"
    for cgroup in cgroups.existing(begin):
        cgroups.destroy(cgroup)
    for namespace in network.existing(begin):
        network.delete(namespace)
    for disk in Path("/dev/shm").glob(f"{begin}*"):
        shutil.rmtree(disk, ignore_errors=True)


def remove_leftovers() -> None:
    with _guarded():
        for path in LOCKS.iterdir():
            lock = _take(path)
            if lock:
                _remove_all_of(path.name)
                path.unlink()
                lock.close()
