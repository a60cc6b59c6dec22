"""Writes journal files from the export format (systemd.io/JOURNAL_EXPORT_FORMATS)."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

REMOTE = Path("/lib/systemd/systemd-journal-remote")
MISSING = "systemd-journal-remote is not installed"


class JournalWriter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [REMOTE, f"--output={folder}/app.journal", "--split-mode=none", "-"], stdin=subprocess.PIPE
        )
        self.sequence = 0

    def say(self, text: str, unit: str = "app.service", priority: int = 3) -> None:
        self.sequence += 1
        at = time.time_ns() // 1000
        entry = f"__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={self.sequence}\n_BOOT_ID={'0' * 31}1\n"
        entry += f"PRIORITY={priority}\n_SYSTEMD_UNIT={unit}\nSYSLOG_IDENTIFIER=app\nMESSAGE={text}\n\n"
        assert self.process.stdin
        self.process.stdin.write(entry.encode())
        self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(10)
