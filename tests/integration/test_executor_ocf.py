"""Services that OCF resource agents manage: Debian's own agents, unchanged."""

from __future__ import annotations

import os
import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from support import processes
from support.executor import Connection, Executor
from support.ports import free_port
from support.waiting import wait_until

AGENTS = Path("/usr/lib/ocf/resource.d/heartbeat")
REDIS = shutil.which("redis-server")

pytestmark = [
    pytest.mark.skipif(not AGENTS.is_dir(), reason="resource-agents is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="resource agents need root"),
]


@pytest.fixture
def begin(executor: Executor) -> Callable[..., Connection]:
    """An executor over one service, `cache`."""

    def make(agent: str, parameters: str = "{}", steps: str = "restart", more: str = "") -> Connection:
        executor.home.chmod(0o755)
        executor.write_policy(
            "services:\n"
            "  cache:\n"
            f"    scripts: {{ocf: {agent}, parameters: {parameters}}}\n"
            f"    recover: [{steps}]\n"
            f"    timeout: 2s\n{more}"
        )
        return executor.start()

    return make


def _state(agent: Connection) -> dict[str, str]:
    return wait_until(lambda: agent.list()[0].get("cache"), 30, "the state of the service is known")


def _do(agent: Connection, action: str = "", step: int = -1) -> dict[str, str]:
    return agent.do("cache", action, step=step, digest=_digest(agent))


def _digest(agent: Connection) -> str:
    """Also of a service whose state is not known."""
    refused = agent.do("cache", "start", digest="?")
    assert refused["refusal"] == "digest"
    return refused["digest"]


def test_dummy_from_start_to_stop(begin, executor) -> None:
    file = executor.home / "dummy.state"
    agent = begin("heartbeat:Dummy", f"{{state: {file}}}", "reload, restart")
    assert "running" not in _state(agent)
    assert _do(agent, "start")["ok"] == "1" and file.exists()
    assert _state(agent)["running"] == "1"
    assert _do(agent, step=0)["text"].startswith("reloaded within ")
    assert "; started within " in _do(agent, step=1)["text"]
    assert _do(agent, "stop")["ok"] == "1" and not file.exists()
    assert "running" not in _state(agent)


def test_parameters_are_judged_before_anything_is_stopped(begin, executor) -> None:
    agent = begin("heartbeat:Dummy", f"{{state: {executor.home}/missing/dummy.state}}")
    answer = _do(agent, step=0)
    assert "ok" not in answer
    assert answer["text"] == (
        "validate-all: exited with status 2, wrong parameters (OCF_ERR_ARGS), trying again does not help: "
        f'State file "{executor.home}/missing/dummy.state" is not writable'
    )


def test_an_agent_that_cannot_reload(begin, executor) -> None:
    agent = begin("heartbeat:redis", _redis(executor, free_port()), "reload")
    assert _do(agent, "start")["ok"] == "1"
    answer = _do(agent, step=0)
    assert "ok" not in answer and answer["text"] == "reload: its resource agent has no such action"
    assert _do(agent, "stop")["ok"] == "1"


def test_an_agent_that_is_not_installed(begin, executor) -> None:
    agent = begin("heartbeat:no-such-agent")
    answer = _do(agent, "start")
    assert "ok" not in answer
    assert answer["text"] == (
        "validate-all: the resource agent heartbeat:no-such-agent is not installed: "
        "there is no /usr/lib/ocf/resource.d/heartbeat/no-such-agent"
    )
    assert "cache" not in agent.list()[0]


def _redis(executor: Executor, port: int) -> str:
    folder = executor.home / "redis"
    folder.mkdir()
    shutil.chown(folder, "redis", "redis")
    config = executor.home / "redis.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\nunixsocket {folder}/socket\n"
        f"pidfile {folder}/pid\ndaemonize yes\nsave ''\n"
    )
    return (
        f"{{bin: {REDIS}, config: {config}, port: '{port}', rundir: {folder}, "
        f"pidfile_name: pid, socket_name: socket, user: redis}}"
    )


def _pid(executor: Executor) -> int | None:
    path = executor.home / "redis/pid"
    pid = int(path.read_text() or 0) if path.exists() else 0
    return pid if pid and processes.is_running(pid) else None


@pytest.mark.skipif(not REDIS, reason="redis-server is not installed")
def test_a_real_server(begin, executor) -> None:
    agent = begin("heartbeat:redis", _redis(executor, free_port()))
    assert "running" not in _state(agent)
    answer = _do(agent, "start")
    assert answer["ok"] == "1", answer
    first = _pid(executor)
    assert first and _state(agent)["running"] == "1"
    answer = _do(agent, step=0)
    assert answer["ok"] == "1", answer
    assert _pid(executor) not in (None, first)
    assert _do(agent, "stop")["ok"] == "1" and _pid(executor) is None


@pytest.mark.skipif(not REDIS, reason="redis-server is not installed")
def test_a_server_that_runs_is_not_started_again(begin, executor) -> None:
    agent = begin("heartbeat:redis", _redis(executor, free_port()))
    assert _do(agent, "start")["ok"] == "1"
    pid = _pid(executor)
    assert _do(agent, "start")["text"] == "already running" and _pid(executor) == pid
    assert _do(agent, "stop")["ok"] == "1"


NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


def _nginx(executor: Executor, port: int) -> str:
    config = executor.home / "nginx.conf"
    config.write_text(
        f"pid {executor.home}/nginx.pid;\nerror_log {executor.home}/error.log;\nuser root;\n"
        "events {}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; return 200 'one'; }} }}\n"
    )
    return f"{{httpd: {NGINX}, configfile: {config}, status10url: 'http://127.0.0.1:{port}/', status10regex: one|two}}"


@pytest.mark.skipif(not os.path.exists(NGINX), reason="nginx is not installed")
def test_a_real_server_is_reloaded(begin, executor) -> None:
    port = free_port()
    agent = begin("heartbeat:nginx", _nginx(executor, port), "reload")
    answer = _do(agent, "start")
    assert answer["ok"] == "1", answer
    pid = int((executor.home / "nginx.pid").read_text())
    config = executor.home / "nginx.conf"
    config.write_text(config.read_text().replace("'one'", "'two'"))
    assert _page(port) == "one"
    answer = _do(agent, step=0)
    assert answer["ok"] == "1" and answer["text"].startswith("reloaded within ")
    wait_until(lambda: _page(port) == "two", 15, "it serves by the new configuration")
    assert int((executor.home / "nginx.pid").read_text()) == pid
    assert _do(agent, "stop")["ok"] == "1"


def _page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
        return page.read().decode()


@pytest.mark.skipif(not os.path.exists(NGINX), reason="nginx is not installed")
def test_a_deeper_look_sees_more(begin, executor) -> None:
    """The agent looks at the process; at depth 10 it asks for a page."""
    port = free_port()
    parameters = _nginx(executor, port).replace("one|two", "three")
    probes = "    probes: {shallow: {status: {}}, deep: {status: {depth: 10}}}\n"
    agent = begin("heartbeat:nginx", parameters, more=probes)
    assert _do(agent, "start")["ok"] == "1"
    assert _probe(agent, "shallow")["outcome"] == "pass"
    deep = _probe(agent, "deep")
    assert (deep["outcome"], deep["cause"], deep["text"]) == ("fail", "wrong-answer", "failed (OCF_ERR_GENERIC)")
    assert _do(agent, "stop")["ok"] == "1"
    assert _probe(agent, "shallow")["text"].startswith("not running (OCF_NOT_RUNNING)")


def _probe(agent: Connection, name: str) -> dict[str, str]:
    digest = _digest(agent)
    agent.send("probe", request=7, service="cache", probe=name, digest=digest, timeout="2000000")
    return agent.wait_for("observation", service="cache")
