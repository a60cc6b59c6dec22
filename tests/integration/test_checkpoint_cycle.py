"""A checkpoint is taken, earns trust, and is gone back to, and from there forward again."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from support.checkpoints import DAMAGED, NOT_FOUND, REFUSED, USAGE, Checkpoints, difference, image


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "store")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "srv"
    (root / "bin" / "deep").mkdir(parents=True)
    (root / "shop.conf").write_text("port = 80\npassword = hunter2\n")
    (root / "bin" / "shop").write_bytes(b"#!/bin/sh\n" * 40000)
    (root / "bin" / "shop").chmod(0o755)
    (root / "bin" / "same").hardlink_to(root / "bin" / "shop")
    (root / "current").symlink_to("bin/shop")
    (root / "bin" / "deep" / "x").write_text("x")
    return root


def spoil(root: Path) -> None:
    (root / "shop.conf").write_text("port = eighty\n")
    (root / "bin" / "same").unlink()
    (root / "bin" / "shop").chmod(0o600)
    (root / "bin" / "more").write_text("more")
    (root / "bin" / "deep" / "x").unlink()
    (root / "bin" / "deep").rmdir()
    (root / "current").unlink()
    (root / "current").mkdir()


def test_there_and_back(store: Checkpoints, tree: Path) -> None:
    good = image(tree)
    identity = store.recovery_point("shop", tree)
    spoil(tree)
    bad = image(tree)
    applied = store.run("apply", "shop", "last-good")
    assert applied["to"] == identity and applied["done"]
    assert difference(good, image(tree)) == []
    assert store.states("shop") == {identity: "recovery_point", applied["from"]: "suspect"}
    store.run("undo", "shop")
    assert difference(bad, image(tree)) == []
    store.run("undo", "shop")
    assert difference(good, image(tree)) == []
    assert store.run("recover", "shop")["recovered"] == [{"service": "shop", "result": "cleaned"}]
    assert aside(tree) == []


def test_what_did_not_change_is_not_read_and_not_new(store: Checkpoints, tree: Path) -> None:
    for path in tree.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    first = store.create("shop", tree)
    assert first["new"] and first["read"] == 3
    (tree / "shop.conf").touch()
    again = store.create("shop", tree)
    assert not again["new"] and again["checkpoint"]["id"] == first["checkpoint"]["id"]
    assert again["stored_bytes"] == 0


def aside(tree: Path) -> list[str]:
    return [path.name for path in tree.parent.iterdir() if path.name.startswith(".recoverd")]


def apply_with_many_the_same(store: Checkpoints, tree: Path) -> None:
    """Of ten files one is written, and the others are linked."""
    for number in range(10):
        (tree / f"same{number}").write_text(f"{number}\n")
    store.recovery_point("shop", tree)
    time.sleep(1.1)  # what was changed within a second before a scan is read again
    (tree / "shop.conf").write_text("bad\n")
    store.create("shop", tree)
    store.run("apply", "shop", "last-good")


def test_what_an_apply_has_linked_is_not_read_again(store: Checkpoints, tree: Path) -> None:
    apply_with_many_the_same(store, tree)
    assert len(aside(tree)) == 1
    assert store.create("shop", tree)["read"] <= 2
    store.run("gc", "shop")  # which removes the other names of these files
    assert aside(tree) == []
    assert store.create("shop", tree)["read"] <= 2


def test_a_change_before_the_old_tree_is_removed_is_seen(store: Checkpoints, tree: Path) -> None:
    apply_with_many_the_same(store, tree)
    changed = tree / "same3"
    times = changed.stat()
    changed.write_text("x\n")  # as long as before, and as old
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    store.run("recover", "shop")
    assert [one["path"] for one in store.run("diff", "shop", "last-good", "now")["changed"]] == [str(changed)]


def test_trust_is_for_what_is_there(store: Checkpoints, tree: Path) -> None:
    identity = store.create("shop", tree)["checkpoint"]["id"]
    (tree / "shop.conf").write_text("other\n")
    store.run("trust", "shop", identity, status=REFUSED)
    assert "are not those of" in store.error
    suspect = store.create("shop", tree, options=("--state", "suspect"))["checkpoint"]["id"]
    store.run("trust", "shop", suspect, status=REFUSED)
    assert "is suspect" in store.error
    assert store.create("shop", tree)["checkpoint"]["state"] == "candidate"
    store.run("trust", "shop", suspect[:4])
    assert store.states("shop")[suspect] == "recovery_point"


def test_only_recovery_points_are_applied(store: Checkpoints, tree: Path) -> None:
    identity = store.create("shop", tree)["checkpoint"]["id"]
    store.run("apply", "shop", identity, status=REFUSED)
    store.run("apply", "shop", "last-good", status=NOT_FOUND)
    store.run("undo", "shop", status=NOT_FOUND)
    store.run("trust", "shop", identity)
    store.run("withdraw", "shop", identity, "--reason", "did not start")
    store.run("apply", "shop", identity, status=REFUSED)
    assert "did not start" in store.error


def test_several_paths_of_all_kinds(store: Checkpoints, tree: Path, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    file, link, absent = etc / "a.conf", etc / "link", etc / "absent"
    file.write_text("a")
    link.symlink_to("a.conf")
    store.recovery_point("shop", tree, file, link, absent)
    good = image(etc)
    file.unlink()
    link.unlink()
    link.symlink_to("elsewhere")
    absent.write_text("came later")
    applied = store.run("apply", "shop", "last-good")
    changes = {Path(row["path"]).name: row["change"] for row in applied["paths"]}
    assert changes == {"a.conf": "created", "link": "exchanged", "absent": "removed", "srv": "none"}
    store.run("recover", "shop")
    good[b""]["mtime"] = image(etc)[b""]["mtime"]
    assert difference(good, image(etc)) == []
    store.run("undo", "shop")
    assert not file.exists() and absent.read_text() == "came later"


def test_what_is_excluded_stays_as_it_is(store: Checkpoints, tree: Path) -> None:
    cache, log = tree / "cache", tree / "shop.log"
    cache.mkdir()
    (cache / "old").write_text("old")
    log.write_text("one\n")
    options = ("--exclude", "*.log", "--exclude", "cache/*")
    store.recovery_point("shop", tree, options=options)
    with socket.socket(socket.AF_UNIX) as listener, open(log, "a") as writer:
        listener.bind(str(tree / "socket"))
        (cache / "new").mkdir()
        (cache / "new" / "deeper").write_text("new")
        (tree / "shop.conf").write_text("bad\n")
        store.run("apply", "shop", "last-good")
        writer.write("two\n")
    assert log.read_text() == "one\ntwo\n"
    assert (cache / "new" / "deeper").read_text() == "new" and (cache / "old").read_text() == "old"
    assert (tree / "socket").is_socket()
    assert "port = 80" in (tree / "shop.conf").read_text()


def test_a_damaged_object_costs_one_recovery_point(store: Checkpoints, tree: Path) -> None:
    first = store.recovery_point("shop", tree)
    mine = set(store.objects())
    (tree / "shop.conf").write_text("port = 81\n")
    second = store.recovery_point("shop", tree)
    (new,) = set(store.objects()) - mine
    new.write_bytes(b"rotten")
    checked = store.run("verify", "shop", status=DAMAGED)
    assert [row["id"] for row in checked["withdrawn"]] == [second] and len(checked["damaged"]) == 1
    assert store.states("shop") == {first: "recovery_point", second: "withdrawn"}
    store.run("apply", "shop", second, status=REFUSED)
    store.run("apply", "shop", first)
    assert store.states("shop")[second] == "suspect"  # for the apply has stored it anew
    store.run("undo", "shop")
    assert (tree / "shop.conf").read_text() == "port = 81\n"
    assert store.run("verify", "shop")["damaged"] == []


def test_gc_keeps_the_newest(store: Checkpoints, tree: Path) -> None:
    points = []
    for number in range(4):
        (tree / "shop.conf").write_text(f"port = {number}\n")
        points.append(store.recovery_point("shop", tree))
    before = len(store.objects())
    (store.store / "tmp" / "left").write_text("by a crash")
    swept = store.run("gc", "shop", "--keep", 2)
    assert sorted(swept["removed"]) == sorted(points[:2])
    assert swept["objects"] == 2 and len(store.objects()) == before - 2
    assert list((store.store / "tmp").iterdir()) == []
    assert set(store.states("shop")) == set(points[2:])
    assert store.run("verify")["damaged"] == []


REFUSALS = {
    "/": "the whole host",
    "relative": "absolute",
    "/srv/../etc": "absolute",
    "/srv/": "absolute",
}


@pytest.mark.parametrize("path", REFUSALS)
def test_paths_that_are_refused(store: Checkpoints, path: str) -> None:
    store.run("create", "shop", "--path", path, status=REFUSED)
    assert REFUSALS[path] in store.error


def test_paths_within_one_another(store: Checkpoints, tree: Path) -> None:
    store.create("shop", tree, tree / "bin", status=REFUSED)
    assert "lies within" in store.error
    store.create("shop", tree.parent, status=REFUSED)
    assert "within one another" in store.error


def test_a_link_on_the_way_is_refused(store: Checkpoints, tree: Path) -> None:
    (tree.parent / "way").symlink_to(tree)
    store.create("shop", tree.parent / "way" / "bin", status=REFUSED)
    assert "symbolic link" in store.error


def test_too_large(store: Checkpoints, tree: Path) -> None:
    store.create("shop", tree, options=("--max-size", "100kB"), status=REFUSED)
    assert "max_size" in store.error


@pytest.mark.parametrize("words", [(), ("crate",), ("create", "shop"), ("list", "--keep", "3"), ("gc", "a", "--keep", "0")])
def test_usage(store: Checkpoints, words: tuple[str, ...]) -> None:
    store.run(*words, status=USAGE)
    assert store.error.startswith("recoverd-checkpoint: ")
