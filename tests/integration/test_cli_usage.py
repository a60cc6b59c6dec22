"""recoverctl without an agent: help, usage errors, and a clear word that nobody answers."""

from __future__ import annotations

import json
import subprocess

import pytest

from support.agent import program

COMMANDS = [
    "check", "status", "why", "incidents", "incident", "probe", "pause", "resume", "ack", "restart",
    "start", "stop", "reload",
]  # fmt: skip
ASKING = {
    "status": [], "why": ["web"], "incidents": [], "incident": ["1"], "probe": ["web"], "pause": ["web"],
    "resume": ["web"], "ack": ["web"], "restart": ["web"], "start": ["web"], "stop": ["web"], "reload": [],
}  # fmt: skip


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("recoverctl"), *arguments], capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    done = _run(command, "--help")
    assert done.returncode == 0
    assert f"Usage: recoverctl {command}" in done.stdout
    assert f"\n  recoverctl {command}" in done.stdout
    assert "--json" in done.stdout
    assert "\033" not in done.stdout


def test_the_overview_names_every_command() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert all(f"\n  {command} " in done.stdout for command in COMMANDS)
    assert "generate" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "a command is missing"),
        (["statsu"], "did you mean 'status'?"),
        (["status", "--wacth"], "did you mean '--watch'?"),
        (["why"], "why needs SERVICE"),
        (["pause", "--for", "1h"], "name a service, or say --all"),
        (["pause", "web", "--all"], "do not go together"),
        (["pause", "web", "--for", "soon"], "--for takes a duration"),
        (["generate", "poetry"], "policy-reference"),
    ],
)
def test_a_wrong_command_line_is_usage(arguments: list[str], says: str) -> None:
    done = _run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert not done.stdout


@pytest.mark.parametrize("command", ASKING)
def test_no_agent_is_said_and_is_status_3(command: str, tmp_path) -> None:
    path = tmp_path / "control.sock"
    done = _run(command, *ASKING[command], "--socket", str(path))
    assert done.returncode == 3
    assert str(path) in done.stderr and "--socket" in done.stderr
    done = _run(command, *ASKING[command], "--socket", str(path), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["code"] == "no-agent"


@pytest.mark.parametrize("what", ["policy-reference", "json-schema", "state-machine"])
def test_references_are_generated(what: str) -> None:
    done = _run("generate", what)
    assert done.returncode == 0
    assert len(done.stdout) > 2000
    assert "recoverctl generate" in done.stdout


def test_a_full_disk_is_noticed() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [program("recoverctl"), "--help"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=20
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
