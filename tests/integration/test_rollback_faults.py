"""The executor is killed at each of its own calls that write, and each of them fails, while it rolls a release
back, or a version by a program: what is there is wholly old or wholly new, it can say which, and it can take
it back. What recoverd-checkpoint does for it is in test_checkpoint_faults.py, the same way."""

from __future__ import annotations

import errno
import os
import random
import subprocess
from pathlib import Path

import pytest

from support.preload import PROGRAMS
from support.waiting import wait_until

KILL = 0
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)
# Set: every call, each error, alone and for good. Else every third call from a random one on.
ALL = bool(os.environ.get("CHECKPOINT_FAULTS"))
WITHIN = 20


class Release:
    """A symbolic link to one of two directories."""

    def __init__(self, folder: Path) -> None:
        self.link = folder / "current"
        for name in ("1", "2"):
            (folder / "releases" / name).mkdir(parents=True)
        self.step = f"release: {{link: {self.link}, releases: {folder}/releases}}"

    def deploy(self, name: str) -> None:
        beside = self.link.with_name("next")
        beside.symlink_to(f"releases/{name}")
        beside.replace(self.link)

    def present(self) -> str:
        return os.readlink(self.link).removeprefix("releases/")

    def litter(self) -> list[str]:
        return [path.name for path in self.link.parent.iterdir() if path.name not in ("current", "releases")]


class Version:
    """A file that a program of the policy replaces."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.file, self.busy = folder / "VERSION", folder / "busy"
        deploy = folder / "deploy"
        deploy.write_text(
            f'#!/bin/sh\ntouch {self.busy}\necho "$RECOVERD_TO" > {self.file}.new\n'
            f"mv {self.file}.new {self.file}\nrm {self.busy}\n"
        )
        deploy.chmod(0o755)
        self.step = f"exec: [{deploy}], version: {self.file}"

    def deploy(self, name: str) -> None:
        self.file.write_text(f"{name}\n")

    def present(self) -> str:
        wait_until(lambda: not self.busy.exists(), WITHIN, "the program has ended")
        return self.file.read_text().strip()

    def litter(self) -> list[str]:
        return []


class World:
    """An executor whose service was well with 1, and consists of 2."""

    def __init__(self, executor, what, folder: Path) -> None:
        self.executor, self.what = executor, what
        self.plan, self.came = folder / "plan", folder / "plan.came"
        library = folder / "failing_writes.so"
        flags = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
        subprocess.run(["cc", *flags, "-o", library, PROGRAMS / "failing_writes.c", "-ldl"], check=True)
        executor.wrapper = [
            "env", f"LD_PRELOAD={library}", f"FAULT_PLAN={self.plan}",
            "ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0",
        ]  # fmt: skip
        executor.write_policy(f"""
            services:
              shop:
                command: [/bin/sleep, "1000"]
                probes: {{page: {{tcp: {{address: 127.0.0.1:1}}}}}}
                recover: [rollback: {{{what.step}, good_after: 1s}}]
                budget: {{actions: 256, per: 1s}}
                log: {{to: none}}
            """)
        config = executor.home / "recoverd.yaml"
        config.write_text("version: 1\nagent: {budget: {actions: 256, per: 1s}}\n")
        self.arguments = ("--config", str(config))
        what.deploy("1")
        self.agent = executor.start(*self.arguments)
        wait_until(lambda: self.look("healthy", 60_000_000).get("to") == "1", WITHIN, "1 earns trust")
        what.deploy("2")
        self.begin()

    def begin(self) -> None:
        """It failed on 2, and that is written down."""
        assert self.look("failed")["files"] == "changed"
        wait_until(self.is_written, WITHIN, "its memory is written down")

    def is_written(self) -> bool:
        """The versions, the present one last, and the last rollback, which is over."""
        (file,) = self.executor.state.glob("executor/content/shop.*")
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in file.read_text().split("\n\n") if block]
        versions = [block for block in blocks if "state" not in block]
        begun = [block for block in blocks if block.get("state") == "1"]
        trusted = [block["name"] for block in versions if block.get("trusted")]
        return versions[-1]["name"] == "2" and "failed" in versions[-1] and trusted == ["1"] and not begun

    def look(self, health: str, duration: int = 0) -> dict[str, str]:
        self.agent.send("look", service="shop", health=health, duration=duration)
        return self.agent.wait_for("content")

    def answer(self) -> dict[str, str]:
        while True:
            message = self.agent.receive(WITHIN)
            if not message or (message["type"] in ("done", "refused") and message["request"] == self.request):
                return message

    def rollback(self, at: int, code: int, on: bool) -> dict[str, str]:
        """The answer; {} when it was killed first."""
        self.came.unlink(missing_ok=True)
        self.plan.with_suffix(".new").write_text(f"{at} {code} {int(on)}")
        digest = self.agent.service("shop")["digest"]
        self.plan.with_suffix(".new").rename(self.plan)
        self.request = self.agent.ask("shop", "rollback", digest=digest)
        answer = self.answer()
        self.plan.unlink()
        if not answer or (code == KILL and self.came.exists()):  # it may have answered before
            self.executor.process.wait(WITHIN)
            self.agent = self.executor.start(*self.arguments)
        return answer

    def settle(self) -> None:
        """The executor, or the next one, says what is there, and goes back to where the rollback began."""
        present = self.what.present()
        assert present in ("1", "2")
        seen = self.look("unknown")
        assert seen["from"] == present and seen["to"] == "1", seen
        undone = self.agent.do("shop", "undo")
        assert self.what.present() == "2", undone
        assert present == "2" or undone["ok"] == "1", undone
        self.begin()


def faults(kind: str):
    first = 1 if ALL else random.randrange(1, 4)
    print(f"from call {first} on")
    for at in range(first, 1000, 1 if ALL else 3):
        if kind == "killed":
            yield at, KILL, False
        elif ALL:
            yield from ((at, code, on) for code in ERRORS for on in (False, True))
        else:
            yield at, ERRORS[at % 3], at % 2 == 0


@pytest.mark.timeout(900 if ALL else 240)
@pytest.mark.parametrize("kind", ["killed", "failing"])
@pytest.mark.parametrize("what", [Release, Version])
def test_at_every_call(executor, tmp_path, what, kind: str) -> None:
    world = World(executor, what(tmp_path / "app"), tmp_path)
    runs = 0
    for at, code, on in faults(kind):
        answer = world.rollback(at, code, on)
        if not world.came.exists():
            break
        runs += 1
        told = f"call {at}, {os.strerror(code) if code else 'SIGKILL'}, on={on}: {answer}"
        if answer.get("ok") == "1":
            assert world.what.present() == "1", told
        try:
            world.settle()
        except AssertionError as error:
            raise AssertionError(f"{told}: {error}") from error
    print(f"{runs} runs")
    assert runs > 3
    assert answer.get("ok") == "1", answer
    assert world.what.present() == "1" and world.what.litter() == []
