"""Files that cannot be kept, stores that cannot be written: each has an error that says what it is, and nothing is lost."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from support.checkpoints import BUSY, DAMAGED, DONE, FAILED, NOT_FOUND, REFUSED, UNFINISHED, Checkpoints, difference, image

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, make devices and give files away")


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "store")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "srv"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "file").write_text("good\n")
    (root / "conf").write_text("good conf\n")
    return root


@pytest.fixture
def mounted(tree: Path):
    """A file system of its own below the tree."""
    folder = tree / "mounted"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], check=True)
    (folder / "inside").write_text("inside\n")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


# ---- Files --------------------------------------------------------------------------------------


def test_a_file_that_changes_while_it_is_read(store: Checkpoints, tree: Path) -> None:
    busy, stop = tree / "busy", threading.Event()
    busy.write_bytes(b"x" * 30_000_000)

    def write() -> None:
        with open(busy, "r+b") as file:
            while not stop.is_set():
                file.seek(0)
                file.write(os.urandom(8))
                file.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = store.create("shop", tree)
    finally:
        stop.set()
        writer.join()
    assert [row["path"] for row in taken["torn"]] == [str(busy)]
    assert "changes while it is read" in taken["torn"][0]["why"]
    assert taken["checkpoint"]["state"] == "suspect" and taken["checkpoint"]["torn"] == 1
    store.run("trust", "shop", taken["checkpoint"]["id"], status=REFUSED)
    quiet = store.create("shop", tree)
    assert quiet["torn"] == [] and quiet["checkpoint"]["state"] == "candidate"


def test_files_come_and_go_while_they_are_read(store: Checkpoints, tree: Path) -> None:
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            folder = tree / "churn"
            folder.mkdir()
            (folder / "file").write_text("x")
            shutil.rmtree(folder)
            folder.symlink_to("/etc")
            folder.unlink()

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        for _ in range(10):
            store.create("shop", tree)
    finally:
        stop.set()
        worker.join()
    assert store.create("shop", tree)["torn"] == []
    assert store.run("verify")["damaged"] == []


@as_root
def test_a_device_is_refused(store: Checkpoints, tree: Path) -> None:
    os.mknod(tree / "null", 0o600 | 0o020000, os.makedev(1, 3))
    store.create("shop", tree, status=REFUSED)
    assert "device node" in store.error and "exclude it" in store.error
    store.create("shop", tree, options=("--exclude", "null"))


def test_no_rollback_makes_a_file_setuid(store: Checkpoints, tree: Path) -> None:
    (tree / "conf").chmod(0o4755)
    store.recovery_point("shop", tree)
    (tree / "deep" / "file").write_text("bad\n")
    store.run("apply", "shop", "last-good")  # the setuid file is what it was
    (tree / "conf").chmod(0o755)
    bad = image(tree)
    store.run("apply", "shop", "last-good", status=REFUSED)
    assert "would be setuid" in store.error and difference(bad, image(tree)) == []


@as_root
def test_mounts(store: Checkpoints, tree: Path, mounted: Path) -> None:
    taken = store.create("shop", tree, options=("--one-file-system",))
    assert [row["path"] for row in taken["skipped"]] == [str(mounted)]
    point = store.recovery_point("shop", tree)
    (tree / "conf").write_text("bad\n")
    store.run("apply", "shop", point, status=REFUSED)
    assert "is mounted on" in store.error and (tree / "conf").read_text() == "bad\n"
    point = store.recovery_point("web", mounted)
    (mounted / "inside").write_text("bad\n")
    store.run("apply", "web", point, status=REFUSED)
    assert "is a mount point" in store.error


def test_a_path_whose_directory_is_gone(store: Checkpoints, tree: Path) -> None:
    store.recovery_point("shop", tree / "deep" / "file")
    shutil.rmtree(tree / "deep")
    store.run("apply", "shop", "last-good", status=REFUSED)
    assert "the directory that it was in is gone" in store.error


def test_nobody_leads_it_astray(store: Checkpoints, tree: Path, tmp_path: Path) -> None:
    """A directory above a declared path becomes a link: nothing is read or written behind it."""
    store.recovery_point("shop", tree / "deep" / "file")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("secret\n")
    shutil.rmtree(tree / "deep")
    (tree / "deep").symlink_to(tmp_path / "elsewhere")
    store.run("apply", "shop", "last-good", status=REFUSED)
    assert "symbolic link is on the way" in store.error
    assert (tmp_path / "elsewhere" / "file").read_text() == "secret\n"


# ---- Stores -------------------------------------------------------------------------------------


def test_no_store_and_no_service(store: Checkpoints, tree: Path) -> None:
    store.run("list", status=NOT_FOUND)
    store.create("shop", tree)
    store.run("list", "web", status=NOT_FOUND)
    store.run("apply", "shop", "last-good", status=NOT_FOUND)
    store.run("diff", "shop", "abcd", status=NOT_FOUND)


def test_a_folder_that_is_no_store(store: Checkpoints, tree: Path) -> None:
    store.store.mkdir(mode=0o755)
    store.create("shop", tree, status=REFUSED)
    assert "may be entered by others" in store.error
    store.store.chmod(0o700)
    (store.store / "photos").mkdir()
    store.create("shop", tree, status=REFUSED)
    assert "no store of checkpoints" in store.error
    (store.store / "photos").rmdir()
    (store.store / "version").write_text("recoverd checkpoint store 9\n")
    store.create("shop", tree, status=REFUSED)
    assert "another version" in store.error


@as_root
def test_somebody_elses_store(store: Checkpoints, tree: Path) -> None:
    store.store.mkdir(mode=0o700)
    os.chown(store.store, 65534, 65534)
    store.create("shop", tree, status=REFUSED)
    assert "belongs to uid 65534" in store.error


@as_root
def test_a_store_that_is_full(store: Checkpoints, tree: Path) -> None:
    store.store.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "none", str(store.store)], check=True)
    try:
        point = store.recovery_point("shop", tree)
        (tree / "large").write_bytes(os.urandom(8_000_000))
        store.create("shop", tree, status=FAILED)
        assert "would be stored" in store.error and "available" in store.error
        bad = image(tree)
        store.run("apply", "shop", point, status=FAILED)
        assert difference(bad, image(tree)) == []
        (tree / "large").unlink()
        (tree / "conf").write_text("bad\n")
        store.run("apply", "shop", point)
    finally:
        subprocess.run(["umount", str(store.store)], check=True)


@as_root
def test_a_store_that_is_read_only(store: Checkpoints, tree: Path) -> None:
    point = store.recovery_point("shop", tree)
    subprocess.run(["mount", "--bind", str(store.store), str(store.store)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(store.store)], check=True)
        store.create("shop", tree, status=FAILED)
        assert "Read-only file system" in store.error
        assert store.states("shop") == {point: "recovery_point"}
        assert store.run("diff", "shop", point)["same"]
    finally:
        subprocess.run(["umount", str(store.store)], check=True)


def test_a_record_that_cannot_be_read(store: Checkpoints, tree: Path) -> None:
    first = store.recovery_point("shop", tree)
    (tree / "conf").write_text("other\n")
    second = store.recovery_point("shop", tree)
    (store.store / "services" / "shop" / f"{second}.json").write_text("{")
    assert list(store.states("shop")) == [first]
    objects = store.objects()
    store.run("gc", status=DAMAGED)
    assert store.objects() == objects and "nothing was removed" in store.error
    assert store.run("verify", status=DAMAGED)["damaged"][0]["object"] == f"{second}.json"
    assert len(store.objects()) == 3 and store.run("gc")["objects"] == 1


def test_an_object_that_is_gone(store: Checkpoints, tree: Path) -> None:
    point = store.recovery_point("shop", tree)
    (tree / "conf").write_text("bad\n")
    bad = image(tree)
    for path in store.objects():
        path.unlink()
    store.run("apply", "shop", point, status=DAMAGED)
    assert "was withdrawn" in store.error and difference(bad, image(tree)) == []
    assert store.states("shop")[point] == "withdrawn"
    (tree / "conf").write_text("good conf\n")
    assert store.recovery_point("shop", tree) == point  # taken anew, it is whole
    assert store.run("verify")["damaged"] == []


def test_two_at_the_same_time(store: Checkpoints, tree: Path) -> None:
    store.recovery_point("shop", tree)
    with open(store.store / "services" / "shop" / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        store.create("shop", tree, status=BUSY)
        assert "try again" in store.error
        store.run("apply", "shop", "last-good", status=BUSY)
        store.run("list", "shop", status=DONE)
        store.create("web", tree)
    with open(store.store / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        store.run("gc", status=BUSY)
        store.create("shop", tree)


@pytest.mark.parametrize("lock", ["lock", "services/shop/lock"])
def test_one_that_is_about_to_end_is_waited_for(store: Checkpoints, tree: Path, lock: str) -> None:
    """A killed collection of garbage keeps its lock until it is gone; a rollback must not fail for that."""
    point = store.recovery_point("shop", tree)
    with open(store.store / lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        release = threading.Timer(0.5, fcntl.flock, (file, fcntl.LOCK_UN))
        release.start()
        store.run("apply", "shop", point, wait="60s")
        release.join()


def test_a_journal_that_cannot_be_read(store: Checkpoints, tree: Path) -> None:
    store.recovery_point("shop", tree)
    (store.store / "services" / "shop" / "journal").write_text("{}")
    store.run("recover", status=DAMAGED)
    assert "journal cannot be read" in store.error
    store.run("gc", "shop", status=UNFINISHED)


def test_a_cache_that_is_wrong_costs_only_time(store: Checkpoints, tree: Path) -> None:
    store.create("shop", tree)
    cache = store.store / "services" / "shop" / "cache"
    for bad in (b"", b"rdcache1", cache.read_bytes()[:-1], cache.read_bytes()[:-1] + b"!"):
        cache.write_bytes(bad)
        assert store.create("shop", tree)["read"] == 2
