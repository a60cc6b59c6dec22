"""The judge of a group whose hosts are hosts of the lab: it runs support/storage.py on a place of its own in their network,
and reads what that saw."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from support.network import Link
from support.verdict import Life, Record

PROGRAM = Path(__file__).parent / "storage.py"
PORT = 7000
UNREAD_BYTES = 1 << 20  # minutes of what it sees, while its reader is busy


class Judge:
    def __init__(self, place: Link, address: str, port: int) -> None:
        """`address` is the group's, `port` where its active member answers there."""
        self.storage = f"{place.address}:{PORT}"
        self.record = Record()
        inside = ["nsenter", f"--net=/run/netns/{place.name}"]
        self._process = subprocess.Popen(
            [*inside, sys.executable, "-B", str(PROGRAM), self.storage, f"{address}:{port}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=UNREAD_BYTES,
            text=True,
        )

    def read(self) -> Record:
        """All that was seen until now."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("mark\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("mark"):
                return self.record
            self.record.add(line)
        raise AssertionError("the storage process has ended")

    def check(self) -> None:
        faults = self.read().faults()
        assert not faults, "\n".join(faults)

    def excuse(self, host: str) -> None:
        """A host that is suspended as a whole knows nothing of time: what runs there now may be refused later."""
        self.record.excused |= {who for who in self.read().lives if who.host == host}

    def active(self, within: float = 1.0) -> Life | None:
        """Who wrote last, if that was so lately."""
        latest = self.read().latest()
        return latest if latest and time.monotonic() - latest.last < within else None

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()
