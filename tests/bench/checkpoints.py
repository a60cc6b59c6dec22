"""What checkpoints cost, against what others do with the same files."""

from __future__ import annotations

import os
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from figure import Figure, ratio_of
from measure import BUILD

FOLDERS, FILES = 200, 100  # of the small tree
CHANGED_EACH = 20  # every 20th file: 1,000 of 20,000
ROUNDS = 3
LARGE_FILES, LARGE_BYTES = 8, 128 * 1024 * 1024  # of the large tree: 1 GiB
QUIET = 1.2  # what was written more shortly before a scan is read again


class Home:
    """A tree, a store, and repositories of others, below one temporary folder."""

    def __init__(self, folder: str) -> None:
        self.path = Path(folder)
        self.tree = self.path / "tree"
        self.environment = {
            **os.environ,
            "HOME": folder,
            "RESTIC_PASSWORD": "bench",
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    def run(self, *words: object) -> tuple[float, float]:
        """Seconds that it took, and CPU seconds that it used."""
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [str(word) for word in words], env=self.environment, check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def checkpoint(self, *words: object) -> tuple[float, float]:
        return self.run(BUILD / "recoverd-checkpoint", "--store", self.path / "store", "--hurry", *words)

    def create(self) -> tuple[float, float]:
        return self.checkpoint("create", "bench", "--path", self.tree)


def _plant(tree: Path) -> None:
    for folder in range(FOLDERS):
        (tree / f"folder{folder}").mkdir(parents=True)
        for file in range(FILES):
            text = random.randbytes(100).hex() * random.randrange(1, 20)
            (tree / f"folder{folder}" / f"file{file}").write_text(text)
    os.sync()
    time.sleep(QUIET)


def _median(act, *words: object) -> float:
    return statistics.median(act(*words)[0] for _ in range(ROUNDS))


def _unchanged(home: Home) -> list[Figure]:
    home.create()
    ours = _median(home.create)
    what = "checkpoint of 20,000 unchanged files"
    stat = _median(home.run, "find", home.tree, "-printf", "%s")
    figures = [ratio_of(f"{what}, against find(1) that prints their sizes", ours * 1e3, stat * 1e3, "ms", 5)]
    others = []
    if shutil.which("restic"):
        repository = ("restic", "-r", home.path / "restic")
        home.run(*repository, "init")
        home.run(*repository, "backup", home.tree)
        others.append(_median(home.run, *repository, "backup", home.tree))
    if shutil.which("borg"):
        home.run("borg", "init", "-e", "none", home.path / "borg")
        home.run("borg", "create", f"{home.path}/borg::first", home.tree)
        again = [home.run("borg", "create", f"{home.path}/borg::{i}", home.tree)[0] for i in range(ROUNDS)]
        others.append(statistics.median(again))
    if others:
        floor = min(others) * 1e3
        figures.append(ratio_of(f"{what}, against the faster of restic and borg", ours * 1e3, floor, "ms", 0.5))
    return figures


def _copied_with_fsync(files: list[Path], to: Path) -> float:
    to.mkdir()
    began = time.perf_counter()
    for index, file in enumerate(files):
        fd = os.open(to / str(index), os.O_WRONLY | os.O_CREAT)
        os.write(fd, file.read_bytes())
        os.fsync(fd)
        os.close(fd)
    return time.perf_counter() - began


def _rollback(home: Home) -> Figure:
    home.checkpoint("trust", "bench", _newest(home))
    files = sorted(home.tree.glob("*/*"))[::CHANGED_EACH]
    ours, floor = [], []
    for round_number in range(ROUNDS):
        for file in files:
            file.write_bytes(random.randbytes(1000))
        os.sync()
        floor.append(_copied_with_fsync(files, home.path / f"copies{round_number}"))
        ours.append(home.checkpoint("apply", "bench", "last-good")[0])
        home.checkpoint("recover", "bench")
    what = "rollback of 1,000 changed of 20,000 files, against copying these with fsync each"
    return ratio_of(what, statistics.median(ours) * 1e3, statistics.median(floor) * 1e3, "ms", 2)


def _newest(home: Home) -> str:
    records = (home.path / "store" / "services" / "bench").glob("????????????????.json")
    return max(records, key=os.path.getmtime).stem


def _large(home: Home) -> Figure:
    home.tree.mkdir()
    for index in range(LARGE_FILES):
        piece = random.randbytes(LARGE_BYTES // 256)
        (home.tree / f"file{index}").write_bytes((piece + piece.hex().encode()[: len(piece)]) * 128)
    files = sorted(home.tree.iterdir())
    ours = home.create()[1]
    floor = home.run("sha256sum", *files)[1]
    return ratio_of("first checkpoint of 1 GiB, CPU, against sha256sum", ours, floor, "s", 1.5)


def checkpoints() -> list[Figure]:
    """`recoverd-checkpoint` over 200 directories with 100 small files each, and over 8 files that hold 1 GiB,
    half of it text. Times are medians of 3, in one run and on one disk, files in the page cache. restic and
    borg take their second and later backups of the same tree; a rollback is `apply`, after which
    the service could be started; the old tree is removed afterwards, at idle priority."""
    with tempfile.TemporaryDirectory(prefix="recoverd-bench-", dir="/var/tmp") as folder:
        home = Home(folder)
        _plant(home.tree)
        figures = [*_unchanged(home), _rollback(home)]
    with tempfile.TemporaryDirectory(prefix="recoverd-bench-", dir="/var/tmp") as folder:
        figures.append(_large(Home(folder)))
    return figures
