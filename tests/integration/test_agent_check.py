"""HAProxy's agent-check, answered by recoverd: a real HAProxy drains what is not ready, and what a HAProxy never does
(say nothing, say too much, open many connections) holds nobody up."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from support.haproxy import HAProxy, server_line
from support.ports import free_port
from support.real_servers import needs

WITHIN = 60


def ask(port: int, line: bytes = b"") -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as talk:
        talk.sendall(line)
        pieces = []
        while piece := talk.recv(4096):
            pieces.append(piece)
    return b"".join(pieces).decode()


@pytest.fixture
def web(agent, new_service):
    """One service that is watched and never acted on; `agent.check` is where HAProxy asks."""
    service = new_service("web")
    agent.check = free_port()
    agent.write_config(agent=f"agent_check: 127.0.0.1:{agent.check}")
    agent.write_policy(f"""
        services:
          web:
            command: {service.yaml_command}
            log: none
            interval: 200ms
            fast_interval: 100ms
            fall: 2
            start_grace: 5s
            probes:
              live: {{http: "{service.url}live"}}
              ready: {{http: "{service.url}ready", role: readiness}}
            recover: [notify]
        """)
    agent.start()
    agent.wait_for("web", state="healthy", within=WITHIN)
    return service


@needs("haproxy")
def test_a_server_that_is_not_ready_is_drained_and_comes_back(agent, web, start_server, tmp_path) -> None:
    haproxy = HAProxy(start_server, tmp_path / "haproxy")
    check = f'agent-check agent-addr 127.0.0.1 agent-port {agent.check} agent-inter 200ms agent-send "web\\n"'
    haproxy.start(server_line("web", web.port, check))
    agent.wait_until(lambda: haproxy.server("web")["agent_status"] == "L7OK", WITHIN, "HAProxy has asked")
    assert haproxy.status("web") == "UP"
    web.set("overload")
    agent.wait_until(lambda: haproxy.status("web").startswith("DRAIN"), WITHIN, "it is drained")
    web.set("overload", False)
    agent.wait_until(lambda: haproxy.status("web") == "UP", WITHIN, "it is back")
    os.kill(web.starts()[0], signal.SIGKILL)
    agent.wait_until(lambda: haproxy.server("web")["agent_status"] == "L7STS", WITHIN, "its death is told")
    assert haproxy.status("web").startswith("DOWN")


def test_what_is_said_and_counted(agent, web) -> None:
    assert ask(agent.check, b"web\n") == "up ready #web\n"
    assert ask(agent.check, b"web\r\n") == "up ready #web\n"
    assert ask(agent.check) == "up ready #web\n", "without a line it is about all"
    assert ask(agent.check, b"shop\n") == "#no such service in recoverd's policies\n"
    web.set("overload")
    agent.wait_for("web", state="not-ready", within=WITHIN)
    assert ask(agent.check, b"web\n").startswith("up drain #web: ")
    assert agent.ctl("stop", "web", within=WITHIN).code == 0
    agent.wait_for("web", state="stopped", within=WITHIN)
    assert ask(agent.check, b"web\n").startswith("stopped #web")
    assert agent.metric("recoverd_agent_checks_total", answer="ready") == 3
    assert agent.metric("recoverd_agent_checks_total", answer="drain") == 1
    assert agent.metric("recoverd_agent_checks_total", answer="stopped") == 1


def test_many_that_say_nothing_hold_nobody_up(agent, web) -> None:
    idle = [socket.create_connection(("127.0.0.1", agent.check), timeout=20) for _ in range(100)]
    try:
        assert ask(agent.check, b"web\n") == "up ready #web\n", "its turn comes"
        assert agent.service("web")["state"] == "healthy"
        agent.wait_until(
            lambda: agent.metric("recoverd_agent_checks_total", answer="ready") >= 101, WITHIN, "all are answered"
        )
        assert all(one.recv(100) == b"up ready #web\n" for one in idle)
    finally:
        for one in idle:
            one.close()


def test_a_line_without_end_is_cut(agent, web) -> None:
    assert ask(agent.check, b"x" * 300 + b"\n").startswith("#no such service")


def test_a_port_that_is_taken_is_told(agent, new_service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        agent.write_config(agent=f"agent_check: 127.0.0.1:{taken.getsockname()[1]}")
        agent.write_policy(f"services: {{web: {{command: {new_service('web').yaml_command}}}}}")
        agent.start(ready=False)
        agent.wait_until(lambda: not agent.is_running, WITHIN, "it gives up")
    assert "agent_check: " in agent.log_text() and "another program uses this port" in agent.log_text()
