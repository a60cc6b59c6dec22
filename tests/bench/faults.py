"""The figure of lateness while everything around goes wrong."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from figure import Figure, lateness_of
from measure import Targets, agent

from support.hung_mount import HungMount
from support.journal_writer import JournalWriter
from support.waiting import wait_until

FAULTS_TARGETS = 500
FAULTS_INTERVAL = 2.0
FAULTS_ROUNDS = 6
FLOOD_BURST, FLOOD_PAUSE = 100, 0.02  # 5,000 messages a second at most

DEAF = "trap '' TERM; while :; do sleep 1; done"


def _flood(writer: JournalWriter, enough: threading.Event) -> None:
    while not enough.wait(FLOOD_PAUSE):
        for _ in range(FLOOD_BURST):
            writer.say("one more line of a flood")


@contextmanager
def _flooded_journal(folder: Path) -> Iterator[Path]:
    journal = folder / "journal"
    journal.mkdir()
    writer, enough = JournalWriter(journal), threading.Event()
    flood = threading.Thread(target=_flood, args=(writer, enough))
    flood.start()
    try:
        yield journal
    finally:
        enough.set()
        flood.join()
        writer.close()


@contextmanager
def _hung_mount(folder: Path) -> Iterator[HungMount]:
    mount = HungMount(folder)
    try:
        wait_until(mount.is_mounted, 10, "the file system is mounted")
        mount.hang()
        yield mount
    finally:
        mount.close()


def _faulty(mount: Path, journal: Path) -> str:
    return f"""
  hung: {{probes: {{a: {{disk: {{path: {mount}, max_used: 90%}}}}}}, interval: 500ms, fast_interval: 500ms, timeout: 400ms}}
  deaf: {{probes: {{a: {{exec: [/bin/sh, -c, "{DEAF}"]}}}}, interval: 2s, timeout: 1s}}
  flooded: {{probes: {{a: {{journal: {{unit: app.service, directory: {journal}}}}}}}, interval: 500ms, fast_interval: 500ms, timeout: 400ms}}
"""


def faults() -> list[Figure]:
    """500 targets at 2 s as for the other lateness, while a FUSE mount under a disk probe hangs, the
    plug-in of an exec probe ignores SIGTERM, and a journal that a probe follows is flooded."""
    with tempfile.TemporaryDirectory(prefix="recoverd-bench-") as name:
        folder = Path(name)
        os.chmod(folder, 0o755)
        with _hung_mount(folder) as mount, _flooded_journal(folder) as journal:
            late = _lateness(mount, journal)
    what = "worst lateness of any check while a mount hangs, a plug-in is deaf and a journal floods"
    return [lateness_of(what, late, FAULTS_INTERVAL, 0.05)]


def _lateness(mount: HungMount, journal: Path) -> float:
    with Targets(FAULTS_TARGETS) as targets:
        policy = targets.policy("2s", "1s") + _faulty(mount.path, journal)
        with agent(policy) as one:
            targets.wait_accepted(2 * targets.count, within=30)
            assert one.service("hung")["health"] == "failed"
            targets.reset()
            time.sleep(FAULTS_INTERVAL * FAULTS_ROUNDS)
            report = targets.report()
            for name in ("deaf", "flooded"):
                assert one.service(name)["health"] == "failed", one.service(name)
            mount.release()  # no process ends while a call of its hangs in the kernel
    assert report["accepted"] >= targets.count * (FAULTS_ROUNDS - 1), report
    return report["gap"] / 1e6 - FAULTS_INTERVAL
