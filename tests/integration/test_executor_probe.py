"""Probes that need the executor's rights are run by it, by name."""

from __future__ import annotations

import subprocess

import pytest

POLICY = """
services:
  web:
    command: [/bin/sleep, 1000]
    log: none
    recover: [restart, notify]
    probes:
      files: {process: {max_open_files: 90%}}
      room: {disk: {path: PATH, writable: true}}
      page: {http: {url: http://127.0.0.1:1/}}
"""


@pytest.fixture
def agent(executor):
    executor.write_policy(POLICY.replace("PATH", str(executor.home)))
    return executor.start()


def _probe(agent, name: str, **fields: object):
    digest = fields.pop("digest", None) or agent.service("web")["digest"]
    agent.send("probe", request=9, service="web", probe=name, digest=digest, timeout=2000000)
    while (message := agent.receive())["type"] not in ("observation", "refused"):
        pass
    assert (message["request"], message["service"], message["probe"]) == ("9", "web", name)
    return message


def test_a_process(agent) -> None:
    agent.start("web")
    for _ in range(3):
        observation = _probe(agent, "files")
        assert observation["type"] == "observation" and observation["outcome"] == "pass", observation


def test_a_disk(agent) -> None:
    assert _probe(agent, "room")["outcome"] == "pass"


def test_a_disk_that_is_not_there(executor, agent) -> None:
    executor.write_policy(POLICY.replace("PATH", "/nonexistent"))
    agent.send("reload", request=1)
    agent.wait_for("reloaded")
    assert _probe(agent, "room").get("outcome") != "pass"


def test_the_death_of_a_process_is_told_unasked(executor, agent) -> None:
    """Only the probe knows this process: nobody started it, and the agent may not see what it runs."""
    sleeper = subprocess.Popen(["/bin/sleep", "86401"])
    probe = "main: {process: {executable: /bin/sleep, arguments: ['86401']}}"
    try:
        executor.write_policy(f"{POLICY.replace('PATH', '/')}      {probe}\n")
        agent.send("reload", request=1)
        agent.wait_for("reloaded")
        observation = _probe(agent, "main")
        assert observation["outcome"] == "pass" and f"process {sleeper.pid}," in observation["text"]
    finally:
        sleeper.kill()
        sleeper.wait()
    told = agent.wait_for("observation", probe="main", certain=1)
    assert "request" not in told and (told["outcome"], told["cause"]) == ("fail", "exited")
    observation = _probe(agent, "main")
    assert observation["text"] == "no process runs /bin/sleep with these arguments"


def test_what_the_agent_can_do_itself_is_refused(agent) -> None:
    assert _probe(agent, "page")["refusal"] == "not-allowed"


def test_a_probe_that_is_not_there(agent) -> None:
    refused = _probe(agent, "nothing")
    assert (refused["refusal"], refused["text"]) == ("not-allowed", "the service has no such probe")


def test_another_policy(agent) -> None:
    assert _probe(agent, "room", digest="?")["refusal"] == "digest"
