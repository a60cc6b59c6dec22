"""Heartbeats: by recoverctl, by the datagrams of sd_notify, over HTTP with a token; and who may not."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from support.agent import program

TOKEN = "a token that nobody guesses"
NOBODY = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's id, which needs root")


@pytest.fixture
def job(agent):
    """An agent with one heartbeat probe, `job/done`; returns what starts it."""

    def start(probe: str = "{period: 1h}", service: str = ""):
        agent.home.chmod(0o755)
        agent.write_policy(f"""
            services:
              job:
                {service}
                probes:
                  done: {{heartbeat: {probe}, interval: 200ms, fall: 1, rise: 1}}
        """)
        agent.start()
        return agent

    return start


def _probe(agent) -> dict:
    return next(probe for probe in agent.service("job")["probes"] if probe["name"] == "done")


def _wait(agent, outcome: str) -> dict:
    agent.wait_until(lambda: _probe(agent)["outcome"] == outcome, within=15, what=f"the probe is {outcome}")
    return _probe(agent)


def _post(agent, path: str, token: str | None, body: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    request = urllib.request.Request(f"http://127.0.0.1:{agent.port}{path}", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.alone
def test_missing_late_and_back(job) -> None:
    agent = job("{period: 1s, grace: 1s}")
    assert "no heartbeat since the agent began to listen" in _wait(agent, "fail")["detail"]
    answer = agent.ctl("heartbeat", "job", "--status", "42 files")
    assert (answer.code, answer.out) == (0, "")
    assert "status: 42 files" in _wait(agent, "pass")["detail"]
    _wait(agent, "degraded")
    assert _wait(agent, "fail")["detail"].startswith("no heartbeat for ")


def test_a_reported_failure_counts_at_once(job) -> None:
    agent = job()
    assert _wait(agent, "unknown")["value"] is None
    assert agent.ctl("heartbeat", "job/done").code == 0
    assert _wait(agent, "pass")["value_unit"] == "seconds"
    assert agent.ctl("heartbeat", "job", "--failed", "--status", "disk full").code == 0
    assert _wait(agent, "fail")["detail"].endswith("ago: disk full")
    assert agent.ctl("heartbeat", "job/other").code != 0
    assert agent.ctl("heartbeat", "nobody").code != 0


def test_the_last_call_survives_a_reload(job) -> None:
    agent = job()
    agent.ctl("heartbeat", "job")
    _wait(agent, "pass")
    agent.write_policy("services: {job: {probes: {done: {heartbeat: 2h, interval: 200ms}}}}")
    assert agent.ctl("reload").code == 0
    assert _wait(agent, "pass")["detail"].startswith("last heartbeat ")


def test_tokens(job, agent) -> None:
    secret = agent.home / "token"
    secret.write_text(TOKEN + "\n")
    agent = job(f"{{period: 1h, token_file: {secret}}}")
    for path, token in (
        ("/heartbeat/job/done", "a token that was guessed"),
        ("/heartbeat/job/done", ""),
        ("/heartbeat/job/done", None),
        ("/heartbeat/job/done", TOKEN + "x"),
        ("/heartbeat/job/done", TOKEN[:-1]),
        ("/heartbeat/job/other", TOKEN),
        ("/heartbeat/nobody/done", TOKEN),
    ):
        assert _post(agent, path, token) == 401, (path, token)
    agent.wait_until(lambda: "wrong token" in _probe(agent)["detail"], within=10, what="the probe tells of it")
    assert _probe(agent)["outcome"] == "unknown"
    assert _post(agent, "/heartbeat/job/done", TOKEN, "by HTTP") == 200
    assert "by HTTP" in _wait(agent, "pass")["detail"]
    assert _post(agent, "/heartbeat/job/done?failed", TOKEN) == 200
    _wait(agent, "fail")
    secret.write_text("too short")
    assert _post(agent, "/heartbeat/job/done", "too short") == 401


def test_without_a_token_file_http_takes_nothing(job) -> None:
    agent = job()
    for token in ("", "x" * 20, "/dev/null"):
        assert _post(agent, "/heartbeat/job/done", token) == 401


@needs_root
def test_other_users_need_the_token(job, agent) -> None:
    secret = agent.home / "token"
    secret.write_text(TOKEN)
    secret.chmod(0o644)
    agent = job(f"{{period: 1h, token_file: {secret}}}")
    command = [str(program("recoverctl")), "--socket", str(agent.socket), "heartbeat", "job/done"]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more], user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True, timeout=20
        )

    refused = run()
    assert refused.returncode != 0 and "token" in refused.stderr, refused
    assert _probe(agent)["outcome"] == "unknown"
    taken = run("--token-file", str(secret))
    assert taken.returncode == 0, taken
    _wait(agent, "pass")


SEND = """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(sys.argv[1])
s.send(sys.argv[2].encode())
"""


def test_datagrams(job) -> None:
    agent = job()
    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.connect(str(agent.runtime / "notify.sock"))
    end.send(b"STATUS=only")
    end.send(b"WATCHDOG=1")  # of no service
    end.send(b"WATCHDOG=1\nRECOVERD_HEARTBEAT=job/other")
    agent.stays(lambda: _probe(agent)["outcome"] == "unknown", for_=1)
    end.send(b"WATCHDOG=1\nSTATUS=alive\nRECOVERD_HEARTBEAT=job/done")
    assert "alive" in _wait(agent, "pass")["detail"]
    end.send(b"WATCHDOG=trigger\nRECOVERD_HEARTBEAT=job")
    _wait(agent, "fail")
    end.close()


@needs_root
def test_datagrams_of_other_users_are_not_believed(job) -> None:
    agent = job()
    subprocess.run(
        [sys.executable, "-c", SEND, str(agent.runtime / "notify.sock"), "WATCHDOG=1\nRECOVERD_HEARTBEAT=job"],
        user=NOBODY, group=NOBODY, extra_groups=[], check=True, timeout=20,
    )  # fmt: skip
    agent.stays(lambda: _probe(agent)["outcome"] == "unknown", for_=1)


def test_a_service_speaks_for_itself(job, agent) -> None:
    """It need not say which one it is: the kernel knows."""
    script = agent.home / "service.py"
    script.write_text(f"import time\n{SEND}\nwhile True: time.sleep(60)\n")
    path = agent.runtime / "notify.sock"
    user = "user: nobody" if os.geteuid() == 0 else ""
    agent = job(service=f"""command: [{sys.executable}, {script}, {path}, "READY=1\\nSTATUS=serving"]
                log: none
                start_grace: 0s
                {user}""")
    assert "serving" in _wait(agent, "pass")["detail"]


def test_the_last_call_outlives_the_agent(job) -> None:
    agent = job()
    assert agent.ctl("heartbeat", "job", "--status", "42 files").code == 0
    _wait(agent, "pass")
    agent.stop()
    agent.start()
    assert _wait(agent, "pass")["detail"].endswith("ago, status: 42 files")


def test_a_call_that_ends_a_failure_outlives_a_kill(job) -> None:
    """Others are written once a minute, and when the agent stops."""
    agent = job()
    assert agent.ctl("heartbeat", "job", "--failed").code == 0
    assert agent.ctl("heartbeat", "job", "--status", "mended").code == 0

    def kept() -> bool:
        with closing(sqlite3.connect(f"file:{agent.state / 'state.db'}?mode=ro", uri=True)) as database:
            return database.execute("SELECT text, failed FROM call").fetchall() == [("mended", 0)]

    agent.wait_until(kept, 10, "it is written down")
    agent.kill9()
    agent.start()
    assert _wait(agent, "pass")["detail"].endswith("ago, status: mended")


def test_a_missing_job_stays_missing_over_a_restart(job) -> None:
    agent = job("{period: 1s, grace: 1s}")
    assert agent.ctl("heartbeat", "job").code == 0
    _wait(agent, "fail")
    agent.stop()
    agent.start()
    assert _wait(agent, "fail")["detail"].startswith("no heartbeat for ")
