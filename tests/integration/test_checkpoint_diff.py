"""What changed since a checkpoint: paths, lines without secrets, how long ago, and a hash that stays."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from support.checkpoints import DAMAGED, NOT_FOUND, Checkpoints


@pytest.fixture
def store(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "store")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "shop.conf").write_text("port = 80\npassword = hunter2\nname = shop\n")
    (folder / "mode").write_text("x")
    (folder / "gone").write_text("gone\n")
    (folder / "release").symlink_to("releases/41")
    return folder


def paths(rows: list[dict]) -> list[str]:
    return [Path(row["path"]).name for row in rows]


def test_every_kind_of_change(store: Checkpoints, etc: Path) -> None:
    store.recovery_point("shop", etc)
    assert store.run("diff", "shop", "last-good")["same"]
    (etc / "shop.conf").write_text("port = 81\npassword = secret7\nname = shop\n")
    (etc / "mode").chmod(0o600)
    (etc / "gone").unlink()
    (etc / "new").write_bytes(b"\0binary")
    (etc / "release").unlink()
    (etc / "release").symlink_to("releases/42")
    found = store.run("diff", "shop", "last-good", "now")
    assert paths(found["added"]) == ["new"] and paths(found["removed"]) == ["gone"]
    assert paths(found["metadata"]) == ["mode"] and found["metadata"][0]["what"] == ["mode"]
    assert found["metadata"][0]["detail"] == "mode 0644 -> 0600"
    assert paths(found["changed"]) == ["release", "shop.conf"]
    link, conf = (row["diff"] for row in found["changed"])
    assert "-releases/41\n+releases/42\n" in link
    assert "-port = 80\n+port = 81\n" in conf
    assert "hunter2" not in str(found) and "secret7" not in str(found)
    assert "diff" not in found["added"][0]
    assert 0 <= found["newest_change_age"] < 600 and found["newest_change"]


def test_a_touched_file_is_no_change(store: Checkpoints, etc: Path) -> None:
    store.recovery_point("shop", etc)
    (etc / "mode").touch()
    (etc / "mode").write_text("x")
    assert store.run("diff", "shop", "last-good")["same"]


def test_only_a_secret_differs(store: Checkpoints, etc: Path) -> None:
    store.recovery_point("shop", etc)
    (etc / "shop.conf").write_text("port = 80\npassword = other\nname = shop\n")
    (row,) = store.run("diff", "shop", "last-good")["changed"]
    assert "secret differs" in row["diff"]


def test_the_hash_is_of_the_difference(store: Checkpoints, etc: Path) -> None:
    store.recovery_point("shop", etc)
    (etc / "mode").write_text("y")
    first = store.run("diff", "shop", "last-good")["hash"]
    os.utime(etc / "mode", (1, 1))
    assert store.run("diff", "shop", "last-good")["hash"] == first
    (etc / "mode").write_text("z")
    assert store.run("diff", "shop", "last-good")["hash"] != first


def test_two_stored_sides(store: Checkpoints, etc: Path) -> None:
    one = store.create("shop", etc)["checkpoint"]["id"]
    (etc / "shop.conf").write_text("port = 82\n")
    two = store.create("shop", etc)["checkpoint"]["id"]
    (etc / "shop.conf").write_text("something else\n")
    found = store.run("diff", "shop", one, two)
    assert (found["from"], found["to"], found["newest_change"]) == (one, two, None)
    assert "+port = 82\n" in found["changed"][0]["diff"]
    store.run("diff", "shop", "0000000", status=NOT_FOUND)


def test_a_damaged_manifest(store: Checkpoints, etc: Path) -> None:
    point = store.recovery_point("shop", etc)
    (manifest,) = store.store.glob("manifests/*.zst")
    manifest.write_bytes(manifest.read_bytes()[:-3])
    store.run("diff", "shop", point, status=DAMAGED)
    store.run("apply", "shop", point, status=DAMAGED)
    assert store.states("shop")[point] == "withdrawn"


def test_long_lists_are_cut(store: Checkpoints, etc: Path) -> None:
    store.recovery_point("shop", etc)
    for number in range(130):
        (etc / f"n{number}").write_text("x\n")
    found = store.run("diff", "shop", "last-good")
    assert len(found["added"]) == 100 and found["more"] == 30
    assert sum("diff" in row for row in found["added"]) == 20


def mutated(lines: list[str], chance: random.Random) -> list[str]:
    lines = list(lines)
    for _ in range(chance.randrange(8)):
        at = chance.randrange(len(lines) + 1)
        kind = chance.randrange(3)
        if kind == 0:
            lines.insert(at, f"{chance.randrange(5)}\n")
        elif lines and kind == 1:
            lines.pop(at % len(lines))
        elif lines:
            lines[at % len(lines)] = f"{chance.randrange(5)}\n"
    return lines


def test_diffs_can_be_applied_by_patch(store: Checkpoints, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    folder, before = tmp_path / "texts", tmp_path / "before"
    folder.mkdir()
    before.mkdir()
    wanted = {}
    for number in range(20):
        lines = [f"{chance.randrange(5)}\n" for _ in range(chance.randrange(40))]
        text = "".join(lines)
        (folder / f"t{number}").write_text(text)
        (before / f"t{number}").write_text(text)
        wanted[f"t{number}"] = "".join(mutated(lines, chance)).removesuffix("\n" * chance.randrange(2))
    store.recovery_point("shop", folder)
    for name, text in wanted.items():
        (folder / name).write_text(text)
    for row in store.run("diff", "shop", "last-good")["changed"]:
        file = before / Path(row["path"]).name
        subprocess.run(["patch", "-s", "-N", str(file)], input=row["diff"], text=True, check=True)
    for name, text in wanted.items():
        assert (before / name).read_text() == text
