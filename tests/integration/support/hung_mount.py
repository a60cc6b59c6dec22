"""A mount that can be hung and released: programs/hung_mount.c over FUSE."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "programs" / "hung_mount.c"


class HungMount:
    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
            pytest.skip("mounting needs root and /dev/fuse")
        self.path = folder / "mount"
        self.path.mkdir()
        self._switch = folder / "hung"
        program = folder / "hung_mount"
        flags = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "fuse3"], check=True, capture_output=True, text=True
        ).stdout.split()
        subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", str(program), str(SOURCE), *flags], check=True)
        self._process = subprocess.Popen(
            [str(program), "-f", str(self.path)], env={**os.environ, "HUNG_MOUNT": str(self._switch)}
        )

    def is_mounted(self) -> bool:
        return os.path.ismount(self.path)

    def hang(self) -> None:
        self._switch.touch()

    def release(self) -> None:
        self._switch.unlink(missing_ok=True)

    def close(self) -> None:
        """A call that waits for a file system whose process is gone ends with an error."""
        self.release()
        subprocess.run(["umount", "--lazy", str(self.path)], check=False)
        self._process.kill()
        self._process.wait()
