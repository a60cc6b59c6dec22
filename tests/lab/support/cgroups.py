"""Each host of the lab gets a cgroup of its own in the hierarchies that systemd uses. Whatever runs
in the host is in it, so that nothing of a host can be missed when it has to go."""

from __future__ import annotations

import os
from pathlib import Path

from support import processes
from support.waiting import wait_until


def roots() -> list[Path]:
    """Where the hierarchies that systemd uses are mounted: cgroup2, and on a hybrid machine its own."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(" ")[-1].split(",")):
            found.append(Path(before.split(" ")[4]))
    return found


def why_not() -> str | None:
    if not any((root / "cgroup.controllers").exists() for root in roots()):
        return "the lab needs a cgroup2 hierarchy, and none is mounted"
    if not all(os.access(root, os.W_OK) and not os.statvfs(root).f_flag & os.ST_RDONLY for root in roots()):
        return "the lab makes cgroups, and /sys/fs/cgroup is read-only here"
    return None


def folders(name: str) -> list[Path]:
    return [root / name for root in roots()]


def make(name: str) -> None:
    for folder in folders(name):
        folder.mkdir(exist_ok=True)


def existing(prefix: str) -> set[str]:
    return {path.name for root in roots() for path in root.glob(f"{prefix}*") if path.is_dir()}


def _members(folder: Path) -> set[int]:
    found: set[int] = set()
    for path in folder.glob("**/cgroup.procs"):
        try:
            found |= {int(line) for line in path.read_text().split()}
        except OSError:
            pass  # the cgroup went away in between
    return found


def _remove_tree(folder: Path) -> bool:
    for path, _, _ in os.walk(folder, topdown=False):
        try:
            os.rmdir(path)
        except OSError:
            pass
    return not folder.exists()


def destroy(name: str, within: float = 15) -> None:
    """Kills what is left in it, and removes it."""

    def gone() -> bool:
        for folder in folders(name):
            for pid in _members(folder):
                processes.kill(pid)
        return all([_remove_tree(folder) for folder in folders(name)])

    wait_until(gone, within, f"the cgroup {name} is empty and removed")
