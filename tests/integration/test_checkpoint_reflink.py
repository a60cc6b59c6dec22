"""Where the file system can share blocks, the copy of a large file costs nothing, and changes of the file do not
reach it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.checkpoints import Checkpoints

SIZE = 4 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A btrfs of its own."""
    if os.geteuid() != 0 or not shutil.which("mkfs.btrfs") or not Path("/dev/loop-control").exists():
        pytest.skip("mounting an image needs root, loop devices and mkfs.btrfs: see packaging/dependencies")
    image, mount = tmp_path / "image", tmp_path / "disk"
    with open(image, "wb") as file:
        file.truncate(256 * 1024 * 1024)
    subprocess.run(["mkfs.btrfs", "--quiet", str(image)], check=True)
    mount.mkdir()
    done = subprocess.run(["mount", "-t", "btrfs", "-o", "loop", str(image), str(mount)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"this kernel mounts no btrfs: {done.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def blocks(path: Path) -> list[str]:
    """Where the file lies on the disk."""
    subprocess.run(["sync", "-f", str(path)], check=True)
    lines = subprocess.run(["filefrag", "-v", str(path)], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split(":")[2].split("..")[0].strip() for line in lines if line.strip()[:1].isdigit() and line.count(":") > 3]


@pytest.mark.skipif(not shutil.which("filefrag"), reason="needs filefrag of e2fsprogs")
def test_a_large_file_shares_its_blocks_with_its_copy(disk: Path) -> None:
    store, tree = Checkpoints(disk / "store"), disk / "srv"
    tree.mkdir()
    program = tree / "program"
    program.write_bytes(os.urandom(SIZE))
    good = program.read_bytes()
    store.recovery_point("shop", tree)
    (copy,) = store.objects()
    assert copy.stat().st_size == SIZE
    assert blocks(copy) and blocks(copy) == blocks(program)
    with open(program, "r+b") as file:  # in place: the copy keeps the old blocks
        file.write(b"changed")
    assert copy.read_bytes() == good
    assert store.run("verify")["damaged"] == []
    store.run("apply", "shop", "last-good")
    assert program.read_bytes() == good
