"""A file system that finds itself damaged, as ext4 is told to be by its switch for tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

IMAGE_BYTES = 16 * 1024 * 1024


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Where a small ext4 is mounted, and the switch that damages it."""
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control") or not shutil.which("mkfs.ext4"):
        pytest.skip("mounting an image needs root, loop devices and mkfs.ext4")
    image, mount = tmp_path / "image", tmp_path / "mount"
    image.write_bytes(b"")
    os.truncate(image, IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    mount.mkdir()
    subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(image), str(mount)], check=True)
    device = os.stat(mount).st_dev
    name = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve().name
    yield mount, Path(f"/sys/fs/ext4/{name}/trigger_fs_error")
    subprocess.run(["umount", "--lazy", str(mount)], check=False)


def test_errors_of_the_file_system(agent, damaged: tuple[Path, Path]) -> None:
    mount, switch = damaged
    if not switch.exists():
        pytest.skip("this kernel has no trigger_fs_error")
    agent.write_policy(
        f"""
        defaults: {{interval: 200ms, timeout: 150ms, fall: 1}}
        services:
          errors:
            probes: {{data: {{disk: {{path: {mount}, max_io_errors: 0}}}}}}
          space:
            probes: {{data: {{disk: {{path: {mount}, max_used: 90%}}}}}}
        """
    )
    agent.start()
    agent.wait_for("errors", health="healthy")
    agent.wait_for("space", health="healthy")
    switch.write_text("by a test\n")
    agent.wait_for("errors", health="failed")
    agent.wait_for("space", health="failed")
    detail = agent.service("space")["probes"][0]["detail"]
    assert detail == f"{mount}: the file system was writable and is read-only now"[: len(detail)]
