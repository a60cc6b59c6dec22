"""Random trees with everything that files can be: a checkpoint, random damage, and back. A comparer that
shares nothing with the program, and the tools of others, find no difference."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from support.checkpoints import Checkpoints, difference, image, tools_agree

RUNS = int(os.environ.get("CHECKPOINT_RANDOM_RUNS", "2"))
SEED = int(os.environ.get("CHECKPOINT_RANDOM_SEED", random.randrange(1 << 32)))
ROOT = os.geteuid() == 0


class Chance(random.Random):
    def name(self) -> bytes:
        kind = self.randrange(4)
        if kind == 0:
            return bytes(self.choice(b"abc\n \t\\#=\"'*") for _ in range(self.randrange(1, 12)))
        if kind == 1:
            return bytes(self.choice([*range(1, 47), *range(48, 256)]) for _ in range(self.randrange(1, 20)))
        return f"{'n' * self.randrange(1, 40)}{self.randrange(30)}".encode()

    def content(self) -> bytes:
        size = self.choice([0, 1, 10, 4096, 70_000, 300_000])
        return self.randbytes(size) if self.random() < 0.5 else b"line\n" * (size // 5)


def make_file(path: bytes, chance: Chance) -> None:
    with open(path, "wb") as file:
        if chance.random() < 0.2:
            for _ in range(chance.randrange(1, 4)):
                file.seek(chance.randrange(1 << 24))
                file.write(chance.randbytes(chance.randrange(1, 5000)))
            file.truncate(max(file.tell(), chance.randrange(1 << 24)))
        else:
            file.write(chance.content())


def tool(*arguments: object) -> None:
    subprocess.run([os.fsencode(str(a)) if not isinstance(a, bytes) else a for a in arguments], check=True)


def decorate(path: bytes, chance: Chance) -> None:
    """Owner, attributes, ACLs, mode and times, of what is no link."""
    if ROOT and chance.random() < 0.3:
        os.chown(path, chance.randrange(2000), chance.randrange(2000))
    if chance.random() < 0.3:
        for _ in range(chance.randrange(1, 4)):
            os.setxattr(path, f"user.k{chance.randrange(9)}", chance.randbytes(chance.randrange(200)))
    os.chmod(path, chance.choice([0o644, 0o600, 0o755, 0o700, 0o777, 0o444 if ROOT else 0o644]))
    if chance.random() < 0.2:
        tool("setfacl", "-m", f"u:{chance.randrange(1000)}:rx,g:{chance.randrange(1000)}:w", "--", path)
        if os.path.isdir(path):
            tool("setfacl", "-d", "-m", f"u:{chance.randrange(1000)}:rwx", "--", path)
    os.utime(path, ns=(chance.randrange(1 << 60), chance.randrange(1 << 60)))


def grow(folder: bytes, chance: Chance, depth: int, files: list[bytes], plain: bool) -> None:
    for _ in range(chance.randrange(2, 7)):
        path = os.path.join(folder, chance.name())
        if os.path.lexists(path) or os.path.basename(path) in (b".", b".."):
            continue
        kind = chance.randrange(8)
        if kind < 2 and depth > 0:
            os.mkdir(path)
            grow(path, chance, depth - 1, files, plain)
        elif kind == 2:
            os.symlink(chance.choice([b"/etc/passwd", b"../..", chance.name()]), path)
            continue
        elif kind == 3 and files:
            os.link(chance.choice(files), path)
            continue
        elif kind == 4 and not plain:
            os.mkfifo(path)
        else:
            make_file(path, chance)
            files.append(path)
        decorate(path, chance)
    decorate(folder, chance)


def plant(root: Path, chance: Chance) -> None:
    root.mkdir()
    files: list[bytes] = []
    grow(os.fsencode(root), chance, 3, files, plain=True)
    deep = os.fsencode(root)
    for _ in range(40):
        deep = os.path.join(deep, b"d" * chance.randrange(1, 40))
        os.mkdir(deep)
    make_file(os.path.join(deep, b"at the bottom"), chance)
    decorate(os.fsencode(root), chance)


def everything(root: Path) -> list[bytes]:
    found = [os.path.join(top, name) for top, ds, fs in os.walk(os.fsencode(root)) for name in ds + fs]
    return sorted(found)


def damage(root: Path, chance: Chance) -> None:
    for path in chance.sample(paths := everything(root), k=max(1, len(paths) // 3)):
        if not os.path.lexists(path):
            continue
        kind = chance.randrange(6)
        folder, link = os.path.isdir(path) and not os.path.islink(path), os.path.islink(path)
        if kind == 0:
            shutil.rmtree(path) if folder else os.unlink(path)
        elif kind == 1 and not link:
            decorate(path, chance)
        elif kind == 2 and not folder:
            os.unlink(path)
            os.mkdir(path)
            grow(path, chance, 1, [], plain=True)
        elif kind == 3 and folder:
            grow(path, chance, 1, [], plain=True)
        elif kind == 4 and folder:
            shutil.rmtree(path)
            make_file(path, chance)
        elif not folder and not link:
            make_file(path, chance)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("run", range(RUNS))
def test_there_and_back(tmp_path: Path, run: int) -> None:
    seed = SEED + run
    print(f"CHECKPOINT_RANDOM_RUNS=1 CHECKPOINT_RANDOM_SEED={seed}")
    chance = Chance(seed)
    tree, copy, out = tmp_path / "tree", tmp_path / "copy", tmp_path / "out"
    store = Checkpoints(tmp_path / "store")
    plant(tree, chance)
    subprocess.run(["cp", "-a", str(tree), str(copy)], check=True)
    good = image(tree)
    store.recovery_point("shop", tree)
    damage(tree, chance)
    bad = image(tree)
    store.run("apply", "shop", "last-good")
    assert difference(good, image(tree)) == []
    tools_agree(copy, tree)
    store.run("restore", "shop", "last-good", "--to", out)
    assert difference(good, image(out / str(tree)[1:])) == []
    store.run("undo", "shop")
    assert difference(bad, image(tree)) == []
    assert store.run("verify")["damaged"] == []


def test_special_files(tmp_path: Path) -> None:
    """What diff(1) cannot compare: FIFOs, and a path of nearly 4096 bytes."""
    tree = tmp_path / "tree"
    store = Checkpoints(tmp_path / "store")
    tree.mkdir()
    os.mkfifo(tree / "fifo", 0o620)
    deep = os.fsencode(tree)
    while len(deep) < 3600:
        deep = os.path.join(deep, b"d" * 200)
        os.mkdir(deep)
    make_file(os.path.join(deep, b"f"), Chance(1))
    good = image(tree)
    store.recovery_point("shop", tree)
    (tree / "fifo").unlink()
    os.unlink(os.path.join(deep, b"f"))
    store.run("apply", "shop", "last-good")
    assert difference(good, image(tree)) == []
