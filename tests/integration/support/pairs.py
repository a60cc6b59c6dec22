"""A primary and its standby under a group, as real servers with the hooks that are shipped; a client that keeps writing,
and a judge who looks at both all the time."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from support import processes
from support.agent import ROOT
from support.ports import free_port

WITHIN = 120
HOOKS = ROOT / "policies" / "hooks"
NAMES = ("db1", "db2")


class Pair:
    """`db1` and `db2` are commands of one host; a file `broken-NAME` keeps one from being started."""

    hook: str
    user: str

    def __init__(self, agent, folder: Path) -> None:
        self.agent = agent
        self.folder = folder
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        shutil.chown(folder, self.user, self.user)
        self.ports = {name: free_port() for name in NAMES}
        self.hook_path = folder / self.hook  # where the user of the server can get at it
        shutil.copy(HOOKS / self.hook, self.hook_path)
        self.hook_path.chmod(0o755)

    def other(self, name: str) -> str:
        return NAMES[1 - NAMES.index(name)]

    def command(self, name: str, server: str) -> str:
        script = self.folder / f"run-{name}"
        script.write_text(f"#!/bin/sh\n[ ! -e {self.folder}/broken-{name} ] || exit 1\nexec {server}\n")
        script.chmod(0o755)
        return f"[{script}]"

    def peers(self) -> str:
        return ", ".join(f'--peer, "{name}=127.0.0.1:{port}"' for name, port in self.ports.items())

    def set_broken(self, name: str, broken: bool) -> None:
        path = self.folder / f"broken-{name}"
        path.touch() if broken else path.unlink(missing_ok=True)

    def member(self, name: str) -> dict:
        members = self.agent.groups()["members"]
        return next((one for one in members if one["service"] == name), {"duty": None})

    def pid(self, name: str) -> int:
        return self.agent.service(name)["pid"]

    def wait_for_active(self, name: str) -> None:
        self.agent.wait_until(lambda: self.member(name)["duty"] == "active", WITHIN, f"{name} is active")

    def wait_for_standby(self, name: str) -> None:
        """It follows, its probes say so, and the other one knows that it could be promoted."""

        def is_known() -> bool:
            peers = self.member(self.other(name)).get("peers", [])
            return any(one["member"].endswith(f"/{name}") and one["says"].startswith("can=1") for one in peers)

        self.agent.wait_until(lambda: self.member(name).get("follows"), WITHIN, f"{name} follows")
        self.agent.wait_until(is_known, WITHIN, f"{name} could be promoted, as the other one knows")

    def kill_beyond_repair(self, name: str) -> None:
        self.set_broken(name, True)
        processes.kill(self.pid(name))


class Repeated:
    """Something that is done again and again in a thread, until the end of a `with`."""

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.trouble: BaseException | None = None

    def turn(self) -> None:
        raise NotImplementedError

    def _run(self) -> None:
        try:
            while not self._ended.wait(self._pause):
                self.turn()
        except BaseException as error:  # told by the test
            self.trouble = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(60)
        assert not self.trouble, self.trouble


class Writer(Repeated):
    """Writes one number after the other, and notes which were acknowledged."""

    def __init__(self) -> None:
        super().__init__(0.02)
        self.acknowledged: list[int] = []
        self._next = 1

    def write(self, number: int) -> bool:
        """Whether it was acknowledged."""
        raise NotImplementedError

    def turn(self) -> None:
        number, self._next = self._next, self._next + 1
        if self.write(number):
            self.acknowledged.append(number)

    def wait_for_more(self, wait_until: Callable, count: int = 20) -> None:
        goal = len(self.acknowledged) + count
        wait_until(lambda: len(self.acknowledged) >= goal or self.trouble, WITHIN, f"{count} more are acknowledged")
        assert not self.trouble, self.trouble


class Judge(Repeated):
    """Two looks at one server between which the other was looked at: both primaries at the same time, if the one was
    the same server under the same role throughout."""

    def __init__(self) -> None:
        super().__init__(0.05)
        self.overlaps: list[str] = []
        self.looks = 0

    def life_as_primary(self, name: str) -> str | None:
        """What tells one life of a server from the next; None: it takes no writes, or does not answer."""
        raise NotImplementedError

    def turn(self) -> None:
        first = self.life_as_primary(NAMES[0])
        second = self.life_as_primary(NAMES[1])
        if first and second and self.life_as_primary(NAMES[0]) == first:
            self.overlaps.append(f"{time.time():.3f}: {first} and {second}")
        self.looks += 1
