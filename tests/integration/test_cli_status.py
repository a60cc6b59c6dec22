"""recoverctl status: the table, its exit status, --watch, and colour on a terminal only."""

from __future__ import annotations

import os
import pty
import signal
import subprocess

import pytest

from support.agent import program
from support.waiting import wait_until


@pytest.fixture
def web(agent, new_service):
    """A watched page that can be broken; nothing acts on it."""
    service = new_service("web")
    agent.write_policy(
        f"""
        defaults: {{interval: 300ms, fast_interval: 100ms, timeout: 300ms, fall: 2, rise: 1}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            recover: []
            log: {{to: none}}
        """
    )
    agent.start()
    agent.wait_for("web", state="healthy")
    return service


def test_the_exit_status_tells_whether_all_is_up(agent, web) -> None:
    up = agent.ctl("status")
    assert up.code == 0
    assert up.out.splitlines()[0].split() == ["SERVICE", "STATE", "SINCE", "PROBE", "NEXT", "DETAIL"]
    assert "1 of 1 services up" in up.out
    assert "\033" not in up.out

    web.set("fail")
    agent.wait_for("web", health="failed")
    down = agent.ctl("status", "web")
    assert down.code == 1
    (row,) = [line for line in down.out.splitlines() if line.startswith("web ")]
    assert "page" in row.split() and "500" in row
    assert "1 down" in down.out
    assert agent.ctl("status", "--json").json["summary"]["down"] == 1


def test_an_unknown_service_is_usage(agent, web) -> None:
    answer = agent.ctl("status", "wed")
    assert answer.code == 2
    assert "did you mean 'web'?" in answer.err


def test_watch_ends_with_ctrl_c_and_tells_the_last_state(agent, web) -> None:
    command = [program("recoverctl"), "status", "--watch", "--json", "--socket", str(agent.socket)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        try:
            for line in watch.stdout:
                if '"services"' in line:
                    break
            watch.send_signal(signal.SIGINT)
            watch.stdout.read()
            assert watch.wait(timeout=10) == 0
        finally:
            watch.kill()


@pytest.mark.parametrize("no_color", ["", "1"])
def test_colour_only_on_a_terminal_that_wants_it(agent, web, no_color: str) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": no_color}
    command = [program("recoverctl"), "status", "--socket", str(agent.socket)]
    done = subprocess.run(command, stdout=theirs, env=environment, timeout=20)
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0
    assert ("\033[32mhealthy\033[0m" in text) == (not no_color)
    assert "healthy" in text


def test_watch_on_a_terminal_redraws_and_restores_the_cursor(agent, web) -> None:
    ours, theirs = pty.openpty()
    command = [program("recoverctl"), "status", "--watch", "--socket", str(agent.socket)]
    seen = b""
    with subprocess.Popen(command, stdout=theirs, env={**os.environ, "TERM": "xterm"}) as watch:
        os.close(theirs)
        while b"services up" not in seen:
            seen += os.read(ours, 65536)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(timeout=10) == 0
    os.set_blocking(ours, False)

    def restored() -> bool:
        nonlocal seen
        try:
            seen += os.read(ours, 65536)
        except (BlockingIOError, OSError):
            pass
        return seen.endswith(b"\033[?25h")

    wait_until(restored, 5, "the cursor is shown again")
    os.close(ours)
    assert b"\033[?25l" in seen and b"\033[H" in seen
