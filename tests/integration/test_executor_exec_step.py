"""An exec step: its environment, its result, its deadline."""

from __future__ import annotations

import os

import pytest
from support import processes
from support.waiting import wait_until


def _policy(*command: str, more: str = "") -> str:
    argv = ", ".join(f'"{word}"' for word in command)
    return (
        "services:\n"
        "  watched:\n"
        "    probes: {page: {tcp: {address: 127.0.0.1:1}}}\n"
        "    recover:\n"
        f"    - exec: {{command: [{argv}]{more}}}\n"
    )


def _run(executor, *command: str, more: str = ""):
    executor.write_policy(_policy(*command, more=more))
    agent = executor.start()
    return agent, agent.do("watched", step=0, incident=42, attempt=7, digest=_digest(agent))


def _digest(agent) -> str:
    """A service without a command is in the list only once there is something to say of it."""
    refused = agent.do("watched", step=0, digest="?")
    assert refused["refusal"] == "digest"
    return refused["digest"]


def test_success_with_the_last_line(executor) -> None:
    _, answer = _run(executor, "/bin/sh", "-c", "echo first; echo 'it is fine'; echo")
    assert answer["ok"] == "1"
    assert answer["text"] == "exited with status 0: it is fine"


def test_failure(executor) -> None:
    _, answer = _run(executor, "/bin/sh", "-c", "echo no luck >&2; exit 3")
    assert "ok" not in answer
    assert answer["text"] == "exited with status 3: no luck"


def test_environment(executor) -> None:
    path = executor.home / "environment"
    _, answer = _run(executor, "/bin/sh", "-c", f"/usr/bin/env >{path}")
    assert answer["ok"] == "1"
    environment = dict(line.split("=", 1) for line in path.read_text().splitlines())
    for shells_own in ("PWD", "OLDPWD", "SHLVL", "_"):
        environment.pop(shells_own, None)
    assert environment.pop("RECOVERD_SERVICE") == "watched"
    assert environment.pop("RECOVERD_INCIDENT") == "42"
    assert environment.pop("RECOVERD_ATTEMPT") == "7"
    assert environment.pop("RECOVERD_ACTION") == "exec"
    assert set(environment) == {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"}


def test_deadline(executor) -> None:
    _, answer = _run(executor, "/bin/sleep", "1000", more=", timeout: 300ms")
    assert "ok" not in answer
    assert answer["text"].startswith("timed out")
    wait_until(
        lambda: not [p for p in processes.descendants(executor.pid) if processes.is_running(p)], 5, "it is gone"
    )


def test_a_program_that_is_not_there(executor) -> None:
    _, answer = _run(executor, "/nonexistent/program")
    assert "ok" not in answer and "No such file or directory" in answer["text"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as somebody else")
def test_as_another_user(executor) -> None:
    _, answer = _run(executor, "/usr/bin/id", "-un", more=", user: nobody")
    assert answer["text"] == "exited with status 0: nobody"


def test_output_that_is_no_text(executor) -> None:
    _, answer = _run(executor, "/bin/sh", "-c", "printf '\\\\033[31m\\\\377bad'")
    assert answer["ok"] == "1" and answer["text"].endswith("bad")
    assert answer["text"].isprintable()
