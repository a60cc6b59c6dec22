"""Checkpoints are copied to another place, and from there to an empty host."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.checkpoints import DAMAGED, NOT_FOUND, REFUSED, USAGE, Checkpoints, difference, image


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "store")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "srv"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "deep" / "er" / "text").write_text("text\n" * 1000)
    (root / "deep" / "other").hardlink_to(root / "deep" / "er" / "text")
    (root / "empty").touch()
    (root / "link").symlink_to("deep/er")
    return root


def test_to_an_empty_host(store: Checkpoints, tree: Path, tmp_path: Path) -> None:
    point = store.recovery_point("shop", tree)
    good = image(tree)
    replica = tmp_path / "replica"
    first = store.run("replicate", "shop", "--to", replica)
    assert first["replicated"] == [point] and first["copied"] == 2
    again = store.run("replicate", "shop", "--to", f"file://{replica}")
    assert again["copied"] == 0 and again["there"] == 2
    shutil.rmtree(store.store)
    shutil.rmtree(tree)
    host = Checkpoints(tmp_path / "host")
    restored = host.run("restore", "shop", "last-good", "--to", tmp_path / "out", "--from", replica)
    assert restored["checkpoint"]["id"] == point
    assert difference(good, image(tmp_path / "out" / str(tree)[1:])) == []
    assert host.run("verify")["damaged"] == [] and host.states("shop")[point] == "recovery_point"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [tree.parts[1]]


def test_a_copy_goes_on_where_it_stopped(store: Checkpoints, tree: Path, tmp_path: Path) -> None:
    for number in range(3):
        (tree / f"file{number}").write_text(f"content {number}")
    store.recovery_point("shop", tree)
    replica = Checkpoints(tmp_path / "replica")
    store.run("replicate", "shop", "--to", replica.store)
    lost = replica.objects()[:2]
    for path in lost:
        path.unlink()
    assert store.run("replicate", "shop", "--to", replica.store)["copied"] == 2
    assert replica.run("verify")["damaged"] == []


def test_a_damaged_replica(store: Checkpoints, tree: Path, tmp_path: Path) -> None:
    store.recovery_point("shop", tree)
    replica = Checkpoints(tmp_path / "replica")
    store.run("replicate", "shop", "--to", replica.store)
    (content,) = replica.objects()
    content.write_bytes(content.read_bytes()[:-1])
    host = Checkpoints(tmp_path / "host")
    words = ("restore", "shop", "last-good", "--to", tmp_path / "out", "--from", replica.store)
    host.run(*words, status=DAMAGED)
    assert "cut off" in host.error or "not what its name says" in host.error
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
    assert store.run("replicate", "shop", "--to", replica.store)["copied"] == 1
    host.run(*words)


def test_what_restore_refuses(store: Checkpoints, tree: Path, tmp_path: Path) -> None:
    (tree / "empty").chmod(0o4755)
    store.recovery_point("shop", tree)
    out = tmp_path / "out"
    store.run("restore", "shop", "last-good", "--to", out, status=REFUSED)
    assert "setuid" in store.error
    store.run("restore", "shop", "last-good", "--to", out, "--allow-setuid")
    store.run("restore", "shop", "last-good", "--to", out, "--allow-setuid", status=REFUSED)
    assert "is not empty" in store.error


def test_places_that_are_no_replicas(store: Checkpoints, tree: Path, tmp_path: Path) -> None:
    store.recovery_point("shop", tree)
    store.run("replicate", "shop", "--to", "s3://bucket", status=USAGE)
    assert "directories" in store.error
    store.run("replicate", "shop", "--to", "relative", status=USAGE)
    store.run("replicate", "shop", "--to", tree, status=REFUSED)
    assert "no store of checkpoints" in store.error or "entered by others" in store.error
    words = ("restore", "shop", "last-good", "--to", tmp_path / "out")
    store.run(*words, "--from", tmp_path / "nowhere", status=NOT_FOUND)
    store.run("replicate", "shop", "--to", tmp_path / "replica")
    Checkpoints(tmp_path / "host").run(
        "restore", "web", "last-good", "--to", tmp_path / "out", "--from", tmp_path / "replica",
        status=NOT_FOUND,
    )  # fmt: skip
