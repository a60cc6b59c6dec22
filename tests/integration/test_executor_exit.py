"""The end of a main process is told at once, and how it ended."""

from __future__ import annotations

import os
import signal

import pytest

SCRIPTS = {
    "status": ("exit 3", {"exit": "status", "exit_code": "3"}, "exited with status 3"),
    "signal": ("kill -SEGV $$", {"exit": "signal", "exit_code": "11"}, "killed by SIGSEGV"),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_how_it_ended(executor, kind: str) -> None:
    script, fields, text = SCRIPTS[kind]
    executor.write_policy(
        f"""
        services:
          web:
            command: [/bin/sh, -c, "sleep 0.1; {script}"]
            log: none
        """
    )
    agent = executor.start()
    request = agent.ask("web", "start")
    agent.wait_for("done", request=request)
    service = agent.wait_for("service", service="web")
    assert "running" not in service and "expected" not in service
    assert fields.items() <= service.items()
    assert service["text"] == text


def test_a_program_that_ends_at_once_was_started(executor) -> None:
    executor.write_policy("services: {web: {command: [/bin/true], log: none}}")
    agent = executor.start()
    request = agent.ask("web", "start")
    assert agent.wait_for("done", request=request)["ok"] == "1"
    agent.wait_for("service", service="web", exit="status")


def test_each_kill_is_told_and_each_start_gives_a_new_process(executor) -> None:
    executor.write_policy("services: {web: {command: [/bin/sleep, 1000], log: none, budget: {actions: 200, per: 1h}}}")
    agent = executor.start()
    pids = [agent.start("web")]
    digest = agent.service("web")["digest"]
    for _ in range(20):
        os.kill(pids[-1], signal.SIGKILL)
        agent.wait_for("service", service="web", exit="signal")
        request = agent.ask("web", "start", digest=digest)
        pids.append(int(agent.wait_for("service", service="web", running="1")["pid"]))
        agent.wait_for("done", request=request)
    assert len(set(pids)) == len(pids)
