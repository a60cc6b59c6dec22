"""What a service writes goes to a file that stays small, whoever lives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.waiting import wait_until

MAX = 64 * 1024


def _policy(script: str, log: str) -> str:
    return f"services:\n  web:\n    command: [/bin/sh, -c, '{script}']\n    log: {log}\n"


def test_both_streams_go_to_the_file(executor) -> None:
    path = executor.home / "web.log"
    executor.write_policy(_policy("echo out; echo err >&2; exec sleep 1000", f"{{file: {path}}}"))
    executor.start().start("web")
    wait_until(lambda: path.exists() and path.read_text() == "out\nerr\n", 5, "both lines are there")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_restart_appends(executor) -> None:
    path = executor.home / "web.log"
    executor.write_policy(_policy("echo started; exec sleep 1000", f"{{file: {path}}}"))
    agent = executor.start()
    agent.start("web")
    wait_until(lambda: path.exists() and path.read_text(), 5, "the first line is there")
    agent.do("web", "restart")
    wait_until(lambda: path.read_text() == "started\nstarted\n", 5, "the second line is there")


@pytest.mark.skipif(os.path.exists("/run/systemd/journal/stdout"), reason="the journal runs here, and is preferred")
def test_without_a_journal_there_is_a_standard_file(executor) -> None:
    executor.write_policy(_policy("echo here; exec sleep 1000", "auto"))
    executor.start().start("web")
    path = executor.state / "log/web.log"
    wait_until(lambda: path.exists() and path.read_text() == "here\n", 5, "the line is there")


def _pieces(path: Path) -> list[Path]:
    return sorted(path.parent.glob(path.name + "*"))


def test_the_file_is_kept_small(executor) -> None:
    path = executor.home / "log.d/web.log"
    path.parent.mkdir()
    script = "while :; do head -c 8192 /dev/zero | tr \"\\\\000\" x; echo; sleep 0.05; done"
    executor.write_policy(_policy(script, f"{{file: {path}, max_size: 64KiB, keep: 2}}"))
    executor.start().start("web")
    wait_until(lambda: len(_pieces(path)) == 3, 20, "there are two older pieces")
    first = path.with_name("web.log.1").stat().st_ino
    wait_until(lambda: path.with_name("web.log.1").stat().st_ino != first, 20, "they move on")
    assert len(_pieces(path)) == 3
    # One second of this service is about 160 KiB.
    assert all(piece.stat().st_size < MAX + 400 * 1024 for piece in _pieces(path))
    assert set(path.with_name("web.log.2").read_text()) == {"x", "\n"}


def test_the_log_outlives_the_executor(executor) -> None:
    path = executor.home / "web.log"
    executor.write_policy(_policy("while :; do echo x; sleep 0.05; done", f"{{file: {path}}}"))
    executor.start().start("web")
    executor.kill9()
    size = path.stat().st_size
    wait_until(lambda: path.stat().st_size > size, 5, "it goes on writing")


@pytest.mark.parametrize("kind", ["symlink", "fifo", "hard link"])
def test_what_is_not_a_file_of_its_own_is_refused(executor, kind: str) -> None:
    path, target = executor.home / "web.log", executor.home / "target"
    target.write_text("precious\n")
    make = {
        "symlink": lambda: path.symlink_to(target),
        "fifo": lambda: os.mkfifo(path),
        "hard link": lambda: os.link(target, path),
    }
    make[kind]()
    executor.write_policy(_policy("echo overwritten; exec sleep 1000", f"{{file: {path}}}"))
    answer = executor.start().do("web", "start")
    assert "ok" not in answer and answer["text"].startswith(f"log file {path}: ")
    assert target.read_text() == "precious\n"
