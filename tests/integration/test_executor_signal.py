"""Signals to a running command, and its reload."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.executor import Connection, Executor
from support.waiting import stays, wait_until

# Notes each signal; the second process has left the session, not the group of the service.
PROGRAM = """
note() { for signal in HUP USR1; do trap "echo $1 $signal >>$FOLDER/signals" $signal; done; }
rest() { while :; do sleep 0.05; done; }
export FOLDER=$1
if [ "$2" = child ]; then note child; touch "$FOLDER/ready"; rest; fi
note main
setsid sh "$0" "$FOLDER" child &
rest
"""


@pytest.fixture
def begin(executor: Executor) -> Callable[..., tuple[Connection, Path]]:
    """A running service `web`, whose signals are noted in a file."""

    def make(steps: str, more: str = "") -> tuple[Connection, Path]:
        program = executor.home / "program.sh"
        program.write_text(PROGRAM)
        executor.write_policy(
            "services:\n"
            "  web:\n"
            f"    command: [/bin/sh, {program}, {executor.home}]\n"
            f"    recover: [{steps}]\n{more}"
        )
        agent = executor.start()
        agent.start("web")
        wait_until((executor.home / "ready").exists, 15, "both processes wait")
        return agent, executor.home / "signals"

    return make


def _lines(path: Path) -> list[str]:
    return sorted(path.read_text().splitlines()) if path.exists() else []


def test_reload_is_sighup_to_the_main_process(begin) -> None:
    agent, signals = begin("reload")
    before = agent.service("web")
    answer = agent.do("web", step=0)
    assert answer["ok"] == "1" and answer["text"] == f"SIGHUP sent to pid {before['pid']}"
    wait_until(lambda: _lines(signals) == ["main HUP"], 15, "the main process got it")
    after = agent.service("web")
    assert (after["pid"], after["start_time"], after["running"]) == (before["pid"], before["start_time"], "1")


def test_reload_by_another_signal(begin) -> None:
    agent, signals = begin("reload", "    reload_signal: USR1\n")
    assert agent.do("web", step=0)["text"].startswith("SIGUSR1 sent to pid ")
    wait_until(lambda: _lines(signals) == ["main USR1"], 15, "the main process got it")


def test_signal_to_the_main_process_alone(begin) -> None:
    agent, signals = begin("signal: USR1")
    assert agent.do("web", step=0)["ok"] == "1"
    wait_until(lambda: _lines(signals) == ["main USR1"], 15, "the main process got it")
    stays(lambda: _lines(signals) == ["main USR1"], 0.3, "nobody else got it")


def test_signal_to_all(begin) -> None:
    agent, signals = begin("signal: {signal: USR1, to: all}")
    answer = agent.do("web", step=0)
    assert answer["ok"] == "1" and answer["text"].startswith("SIGUSR1 sent to ")
    wait_until(lambda: _lines(signals) == ["child USR1", "main USR1"], 15, "both got it")
    assert agent.service("web")["running"] == "1"


def test_what_does_not_run_gets_no_signal(begin) -> None:
    agent, signals = begin("reload, signal: USR1, signal: {signal: USR1, to: all}")
    assert agent.do("web", "stop")["ok"] == "1"
    for step, name in enumerate(["SIGHUP", "SIGUSR1", "SIGUSR1"]):
        answer = agent.do("web", step=step)
        assert "ok" not in answer and answer["text"] == f"not running, nobody is there to get {name}"
    assert _lines(signals) == []


def test_a_signal_that_ends_it_is_told_as_its_own_end(begin) -> None:
    agent, _ = begin("signal: KILL")
    assert agent.do("web", step=0)["ok"] == "1"
    message = wait_until(lambda: _if_down(agent.service("web")), 15, "its end is told")
    assert message["text"] == "killed by SIGKILL" and "expected" not in message


def _if_down(message: dict[str, str]) -> dict[str, str] | None:
    return None if message.get("running") else message


@pytest.mark.parametrize("action", ["reload", "signal", "exec", "notify"])
def test_a_person_cannot_ask_for_it_without_a_step(begin, action: str) -> None:
    agent, _ = begin("reload")
    assert agent.do("web", action)["refusal"] == "not-allowed"
