"""A member of a group as a process of its own: seat_driver round the real coordinators."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from pathlib import Path

from support.agent import BUILD
from support.waiting import stays, wait_until


class Seat:
    """`coordinator` is what stands between the folders and the end of the command line."""

    def __init__(self, folder: Path, kind: str, member: str, lease: float = 6, group: str = "shop", settings: tuple[str, ...] = ()) -> None:
        self.member = member
        self.views: list[dict] = []
        self._lines: queue.Queue[dict] = queue.Queue()
        state, runtime = folder / "state", folder / "run"
        for path in (state, runtime):
            path.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{member.replace('/', '-')}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BUILD / "tests/seat_driver", kind, group, member, str(int(lease * 1000)), state, runtime, *settings],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(json.loads(line))

    def tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def _drain(self) -> None:
        while not self._lines.empty():
            self.views.append(self._lines.get())

    @property
    def view(self) -> dict:
        """The newest that was told by itself."""
        self._drain()
        return self.views[-1] if self.views else {}

    def ask(self) -> dict:
        """As it is now, usable_until as well."""
        self._drain()
        seen = len(self.views)
        self.tell("view")
        wait_until(lambda: self.view and len(self.views) > seen, within=20, what=f"{self.member} answers")
        return self.view

    def wait(self, within: float = 30, **wanted: object) -> dict:
        def fits() -> dict | None:
            view = self.view
            return view if all(view.get(key) == value for key, value in wanted.items()) else None

        try:
            return wait_until(fits, within, f"{self.member}: {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.views[-6:]}\n{self.log_text()[-3000:]}") from None

    def keeps(self, for_: float, **wanted: object) -> None:
        stays(lambda: all(self.view.get(key) == value for key, value in wanted.items()), for_, f"{self.member}: {wanted}")

    def is_ours(self) -> bool:
        return self.view.get("standing") == "ours"

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def close(self) -> None:
        """Fails when the driver did not end well by itself."""
        killed = self.process.poll() == -signal.SIGKILL
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            assert self.process.stdin
            self.process.stdin.close()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.member} does not end") from None
        assert killed or status in (0, 1), f"{self.member}: {status}\n{self.log_text()[-6000:]}"
