"""Who may do what on the control socket is the kernel's word: other users see the status, no more."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

NOBODY = 65534
OPERATORS = 4321  # a group that nobody has by chance

READS = ["/v1/why?service=watched", "/v1/incidents", "/v1/incidents/1", "/v1/events"]
COMMANDS = ["pause", "resume", "ack", "restart", "start", "stop", "probe", "reload"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="takes other users' ids, which needs root")


def _as(uid: int, gid: int, groups: list[int], agent, path: str, body: str | None = None) -> tuple[int, dict]:
    data = ["--data", body] if body is not None else []
    done = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code}", "--unix-socket", agent.socket, *data, f"http://agent{path}"],
        user=uid, group=gid, extra_groups=groups, capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    text, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(text)


@pytest.fixture
def watched(agent):
    def start(settings: str = ""):
        agent.home.chmod(0o755)
        agent.write_config(agent=settings)
        agent.write_policy("services: {watched: {probes: {root: {disk: {path: /, max_used: 100%}}}}}")
        agent.start()
        return agent

    return start


def test_others_see_the_status_only(watched) -> None:
    agent = watched()
    for path in ("/v1/status", "/v1/version"):
        assert _as(NOBODY, NOBODY, [], agent, path)[0] == 200
    for path in READS:
        status, answer = _as(NOBODY, NOBODY, [], agent, path)
        assert (status, answer["error"]["code"]) == (403, "forbidden"), path
    for command in COMMANDS:
        status, answer = _as(NOBODY, NOBODY, [], agent, f"/v1/{command}", '{"service": "watched"}')
        assert (status, answer["error"]["code"]) == (403, "forbidden"), command
    assert agent.service("watched")["paused"] is None


def test_operators_command(watched) -> None:
    name = _new_group()
    try:
        agent = watched(f"operators_group: {name}")
        pause = '{"service": "watched", "for_seconds": 60, "by": "alice"}'

        def allowed() -> bool:  # the group is looked up in a thread
            return _as(NOBODY, NOBODY, [OPERATORS], agent, "/v1/pause", pause)[0] == 200

        agent.wait_until(allowed, 5, "a member of the operators' group may command")
        assert agent.service("watched")["paused"]["by"] == f"alice (uid {NOBODY})"
        assert _as(NOBODY, OPERATORS, [], agent, "/v1/resume", '{"service": "watched"}')[0] == 200
        assert _as(NOBODY, NOBODY, [OPERATORS + 1], agent, "/v1/pause", pause)[0] == 403
    finally:
        subprocess.run(["groupdel", name], check=True)


def _new_group() -> str:
    name = f"recoverd-test-{os.getpid()}"
    subprocess.run(["groupadd", "--gid", str(OPERATORS), "--non-unique", name], check=True)
    return name


def test_nobody_commands_over_the_network(watched) -> None:
    agent = watched()
    for command in COMMANDS:
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data", '{"service": "watched"}',
             f"http://127.0.0.1:{agent.port}/v1/{command}"],
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        assert done.stdout == "404", command
