"""The Debian tree from which all hosts boot: made once, kept, and never written to. Its name is a digest
of all that goes into it, so that another list of packages makes another tree."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.agent import program

CACHE = Path(os.environ.get("RECOVERD_LAB_CACHE", "/var/cache/recoverd-lab"))
MAKING_SECONDS = 1800
UNUSED_SECONDS = 7 * 24 * 3600  # then a tree of another list is removed
OUTPUT_SHOWN = 4000

# Beside the libraries that our programs are linked with: these come from the programs themselves.
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "iproute2", "procps",
    "python3",  # programs/service.py
    "nginx-light", "redis-server", "postgresql", "resource-agents",  # what is watched and acted upon
    "init-system-helpers", "rpm", "libzookeeper-st2",  # to install our own packages
    "keepalived",  # which the benchmarks compare with
)  # fmt: skip

PROGRAMS = ("recoverd", "recoverd-executor", "recoverd-haproxy", "recoverd-neighbour", "recoverctl")

# What a host of the lab has beside Debian's packages, and is better off without.
CUSTOMIZE = """
set -e
chroot "$1" useradd --create-home --shell /bin/sh shop
for unit in nginx redis-server postgresql keepalived logd console-getty; do
        systemctl --root="$1" --quiet disable "$unit" 2>/dev/null || true
done
systemctl --root="$1" --quiet mask \\
        apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \\
        systemd-tmpfiles-clean.timer systemd-networkd.service systemd-resolved.service
rm -f "$1/etc/hostname" "$1/etc/resolv.conf"
"""


def distribution() -> str | None:
    """The code name of this Debian, whose libraries our programs are linked with; None elsewhere."""
    text = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return fields.get("VERSION_CODENAME", "").strip('"') if fields.get("ID") == "debian" else None


def _libraries() -> set[str]:
    paths: set[str] = set()
    for name in PROGRAMS:
        done = subprocess.run(["ldd", str(program(name))], capture_output=True, text=True, check=True)
        paths |= set(re.findall(r"(/\S+) \(0x", done.stdout))
    # The agent opens this one only where a policy has a group over ZooKeeper.
    return paths | {str(path) for path in Path("/usr/lib").glob("*/libzookeeper_st.so.2")}


def _owners(paths: set[str]) -> set[str]:
    """The packages of libraries. dpkg knows one below / or below /usr, whichever it was packed as."""
    names = {name for path in paths for name in (path, os.path.realpath(path), path.removeprefix("/usr"))}
    done = subprocess.run(["dpkg-query", "--search", *sorted(names)], capture_output=True, text=True)
    return set(re.findall(r"^([^:,\s]+)(?::\S+)?: /", done.stdout, re.MULTILINE))


@functools.cache
def packages() -> list[str]:
    return sorted({*PACKAGES, *_owners(_libraries())})


def _path() -> Path:
    text = "\n".join([distribution() or "", *packages(), CUSTOMIZE])
    return CACHE / f"tree-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


@contextmanager
def _locked(name: str) -> Iterator[None]:
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    with open(CACHE / name, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(path: Path) -> None:
    partial = path.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    # When its time is over, nothing of it goes on, and what it has mounted is gone.
    command = ["unshare", "--mount", "--pid", "--mount-proc", "--kill-child"]
    command += ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages())}"]
    command += ["--dpkgopt=force-unsafe-io"]  # what is lost with the power is made again
    command += [f"--customize-hook={CUSTOMIZE}", distribution() or "", str(partial)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MAKING_SECONDS
    )
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap made no Debian tree:\n{done.stderr[-OUTPUT_SHOWN:]}")
    partial.rename(path)


def _remove_unused(used: Path) -> None:
    for other in CACHE.glob("tree-*"):
        if other != used and time.time() - other.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(other, ignore_errors=True)


def tree() -> Path:
    """Makes it when there is none yet, which takes a minute or two."""
    path = _path()
    with _locked("lock"):
        if not path.exists():
            _make(path)
        os.utime(path)
        _remove_unused(path)
    return path
