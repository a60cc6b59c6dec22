"""What the executor answers to requests: repeated, refused, and not understood."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from support import processes

POLICY = """
services:
  web:
    command: [/bin/sleep, 1000]
    stop_signal: SIGWINCH
    stop_timeout: 500ms
    log: none
    recover:
    - restart: {attempts: 3}
    - notify: {}
  watched:
    probes: {page: {tcp: {address: 127.0.0.1:1}}}
    recover:
    - notify: {}
"""


@pytest.fixture
def agent(executor):
    executor.write_policy(POLICY)
    return executor.start()


def _refusal(answer) -> tuple[str, str]:
    assert answer["type"] == "refused", answer
    return answer["refusal"], answer["text"]


def test_a_request_that_comes_twice_is_done_once(agent) -> None:
    first = agent.do("web", "start")
    pid = agent.service("web")["pid"]
    again = agent.do("web", "restart", request=first["request"])
    assert again == first
    assert agent.service("web")["pid"] == pid


def test_a_request_that_comes_twice_while_it_is_under_way(agent) -> None:
    agent.start("web")
    request = agent.ask("web", "restart")
    agent.ask("web", "restart", request=request)
    agent.wait_for("done", request=request)
    pid = agent.service("web")["pid"]
    agent.list()
    agent.list()
    answers = [message for message in agent.seen if message.get("request") == request]
    assert {message["type"] for message in answers} <= {"done", "service"}
    assert agent.service("web")["pid"] == pid


def test_another_policy(agent) -> None:
    refusal, text = _refusal(agent.do("web", "start", digest="0" * 64))
    assert refusal == "digest" and text == "the executor's policy is another one"
    assert "running" not in agent.service("web")


def test_an_unknown_service(agent) -> None:
    refusal, text = _refusal(agent.do("nobody", "start", digest="0" * 64))
    assert refusal == "unknown-service" and text == "not in the executor's policy"


@pytest.mark.parametrize("step, text", [(7, "the ladder has no such step"), (-2, "the ladder has no such step")])
def test_a_step_that_is_not_there(agent, step: int, text: str) -> None:
    assert _refusal(agent.do("web", step=step)) == ("not-allowed", text)


def test_a_step_that_is_the_agents_own(agent) -> None:
    assert _refusal(agent.do("web", step=1)) == ("not-allowed", "not an action of the executor")


def test_an_exec_that_no_step_names(agent) -> None:
    assert _refusal(agent.do("web", "exec")) == ("not-allowed", "not an action of the executor")


def test_a_second_action_at_the_same_time(agent) -> None:
    agent.start("web")
    digest = agent.service("web")["digest"]
    first = agent.ask("web", "stop", digest=digest)
    second = agent.ask("web", "start", digest=digest)
    refused = agent.wait_for("refused", request=second)
    assert _refusal(refused) == ("busy", "another action is under way")
    assert agent.wait_for("done", request=first)["ok"] == "1"


def test_an_action_outlives_its_agent(executor, agent) -> None:
    pid = agent.start("web")
    request = agent.ask("web", "stop")
    agent.close()
    other = executor.connect()
    answer = other.wait_for("done", request=request)
    assert answer["ok"] == "1" and not processes.is_running(pid)


def test_the_newer_agent_takes_over(executor, agent) -> None:
    other = executor.connect()
    assert agent.is_closed()
    assert other.do("web", "start")["ok"] == "1"


@pytest.mark.parametrize(
    "packet",
    [b"\x00\x01\x02", b"type=explode\n", b"type=do\nrequest=-1\n", b"x" * 5000],
    ids=["binary", "unknown type", "bad number", "too long"],
)
def test_what_is_not_a_message_ends_the_connection(executor, agent, packet: bytes) -> None:
    agent.send_raw(packet)
    assert agent.is_closed()
    assert executor.connect().do("web", "start")["ok"] == "1"


def test_who_does_not_say_hello_is_not_served(executor, agent) -> None:
    rude = executor.connect(hello=False)
    rude.send("list")
    assert rude.is_closed()


def test_another_version_is_told_and_let_go(executor, agent) -> None:
    other = executor.connect(hello=False)
    other.send("hello", version=99)
    assert other.wait_for("welcome")["version"] == "1"
    assert other.is_closed()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_other_users_are_not_let_in(executor, agent) -> None:
    assert (executor.runtime / "executor.sock").stat().st_mode & 0o777 == 0o600
    executor.home.chmod(0o755)
    (executor.runtime / "executor.sock").chmod(0o666)
    program = (
        "import os, socket, sys\n"
        "os.setresuid(65534, 65534, 65534)\n"
        "end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        f"end.connect({str(executor.runtime / 'executor.sock')!r})\n"
        "try:\n"
        "    end.send(b'type=hello\\nversion=1\\n')\n"
        "    sys.exit(1 if end.recv(100) else 0)\n"
        "except (BrokenPipeError, ConnectionResetError):\n"
        "    sys.exit(0)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=20).returncode == 0
    assert "refusing a connection" in executor.log_text()
    assert agent.service("web")
