"""Killed at every call that writes, and failing at every call that writes: the store stays valid, a copy too,
and every path is wholly old or wholly new, all of them together."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.checkpoints import DONE, FAILED, UNFINISHED, Checkpoints, difference, image
from support.preload import PROGRAMS

KILL = 0
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)
WORKERS = 2
# Set: a kill and each error at each call, alone and for good. Else a kill at every other call, and one of the errors at
# every fourth, from a random one on, which is a matter of seconds.
ALL = bool(os.environ.get("CHECKPOINT_FAULTS"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("preload") / "failing_writes.so"
    flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
    source = PROGRAMS / "failing_writes.c"
    subprocess.run(["cc", *flags, "-o", str(made), str(source), "-ldl"], check=True)
    return made


class World:
    """A store and a service that has two paths, put back to the beginning before each run."""

    def __init__(self, home: Path, library: Path) -> None:
        self.home, self.start, self.library = home / "world", home / "start", library
        self.home.mkdir(parents=True)
        self.tree, self.conf = self.home / "srv", self.home / "shop.conf"
        self.paths = (self.tree, self.conf)
        (self.tree / "deep").mkdir(parents=True)
        (self.tree / "same").write_text("same\n")
        (self.tree / "deep" / "file").write_text("good\n" * 100)
        (self.tree / "link").symlink_to("same")
        self.conf.write_text("good\n")
        self.store = Checkpoints(self.home / "store")
        self.good = self.store.recovery_point("shop", *self.paths)
        self.new_state = self.look()
        (self.tree / "deep" / "file").write_text("bad\n" * 100)
        (self.tree / "more").write_text("more\n")
        self.conf.write_text("bad\n")
        self.old_state = self.look()
        shutil.copytree(self.home, self.start, symlinks=True)

    def look(self) -> dict[bytes, dict]:
        found = {b"srv/" + path: seen for path, seen in image(self.tree).items()}
        return found | {b"conf": image(self.conf)[b""]}

    def reset(self) -> None:
        shutil.rmtree(self.home)
        shutil.copytree(self.start, self.home, symlinks=True)

    def faulty(self, at: int, code: int, on: bool, count: Path | None = None) -> Checkpoints:
        return Checkpoints(
            self.store.store,
            {
                "LD_PRELOAD": str(self.library),
                "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0",
                "FAULT_AT": str(at),
                "FAULT_ERRNO": str(code),
                "FAULT_ON": "1" if on else "0",
                "FAULT_COUNT": str(count or ""),
            },
        )

    def leftovers(self) -> list[str]:
        return [path.name for path in self.home.rglob(".recoverd-*")]


Act = Callable[[Checkpoints, World], None]


def create(store: Checkpoints, world: World) -> None:
    words = [word for path in world.paths for word in ("--path", path)]
    store.run("create", "shop", *words, status=None)


def replicate(store: Checkpoints, world: World) -> None:
    store.run("replicate", "shop", "--to", world.home / "replica", status=None)


def apply(store: Checkpoints, world: World) -> None:
    """And what is left to do afterwards, which fails at the same call of its own."""
    store.run("apply", "shop", world.good, status=None)
    status, error = store.status, store.error
    store.environment = {**store.environment, "FAULT_COUNT": ""}  # the calls of apply are counted
    store.run("recover", "shop", status=None)
    store.status, store.error = status, error


def prepare(store: Checkpoints, world: World) -> None:
    """Ahead, and then carried out."""
    store.run("apply", "shop", world.good, "--prepare", status=None)
    store.environment = {**store.environment, "FAULT_COUNT": ""}  # it has the most calls
    apply(store, world)


def after_create(world: World, _status: int) -> None:
    assert world.store.run("verify")["damaged"] == []
    create(world.store, world)
    assert world.store.status == DONE, world.store.error
    records = list(world.store.store.glob("services/shop/????????????????.json"))
    assert len(records) == 2 and world.good in [record.stem for record in records]


def after_replicate(world: World, _status: int) -> None:
    replica = Checkpoints(world.home / "replica")
    if (replica.store / "version").exists():
        assert replica.run("verify")["damaged"] == []
    replicate(world.store, world)
    assert world.store.status == DONE, world.store.error
    assert (replica.store / "services" / "shop" / f"{world.good}.json").exists()
    assert len(replica.objects()) == 3


def after_apply(world: World, status: int) -> None:
    journal = world.store.store / "services" / "shop" / "journal"
    if status == FAILED:
        assert difference(world.old_state, world.look()) == [] and not journal.exists()
    if status == DONE:
        assert difference(world.new_state, world.look()) == []
    if journal.exists():
        world.store.run("recover")
    now = world.look()
    old, new = difference(world.old_state, now), difference(world.new_state, now)
    assert not old or not new, (old, new)
    assert world.leftovers() == [] and not journal.exists()
    assert world.store.run("verify")["damaged"] == []


ACTS = {"create": (create, after_create), "replicate": (replicate, after_replicate), "apply": (apply, after_apply), "prepare": (prepare, after_apply)}


def plan(calls: int, kind: str) -> list[tuple[int, int, bool]]:
    if ALL and kind == "killed":
        return [(at, KILL, False) for at in range(1, calls + 1)]
    if ALL:
        return [(at, code, on) for at in range(1, calls + 1) for code in ERRORS for on in (False, True)]
    step = 2 if kind == "killed" else 4
    first = 1 + random.randrange(step)
    print(f"from call {first}")
    if kind == "killed":
        return [(at, KILL, False) for at in range(first, calls + 1, step)]
    return [(at, ERRORS[at // step % 3], at // (3 * step) % 2 == 0) for at in range(first, calls + 1, step)]


def run_one(world: World, name: str, at: int, code: int, on: bool) -> None:
    act, after = ACTS[name]
    world.reset()
    faulty = world.faulty(at, code, on)
    act(faulty, world)
    if code != KILL:
        assert faulty.status in (DONE, FAILED, UNFINISHED), faulty.error
    try:
        after(world, faulty.status)
    except AssertionError as error:
        what = os.strerror(code) if code else "SIGKILL"
        raise AssertionError(f"{name}, call {at}, {what}, on={on}: {faulty.error}{error}") from error


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", ["killed", "failing"])
@pytest.mark.parametrize("name", ACTS)
def test_at_every_call(tmp_path: Path, library: Path, name: str, kind: str) -> None:
    worlds = [World(tmp_path / str(index), library) for index in range(WORKERS)]
    count = tmp_path / "count"
    ACTS[name][0](worlds[0].faulty(0, 0, False, count), worlds[0])
    runs = plan(int(count.read_text()), kind)
    print(f"{len(runs)} runs")
    assert len(runs) > 3

    def work(index: int) -> None:
        for one in runs[index::WORKERS]:
            run_one(worlds[index], name, *one)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(work, range(WORKERS)))
