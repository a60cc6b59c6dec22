"""A policy file that others may write could make root run anything: it is refused, at the start and at
a reload."""

from __future__ import annotations

import os

import pytest

POLICY = "services: {web: {command: [/bin/sleep, '1000'], log: {to: none}}}"


def _refused(agent) -> str:
    agent.start(ready=False)
    assert agent.process.wait(timeout=20) == 1
    return agent.log_text()


@pytest.mark.parametrize("mode", [0o666, 0o664, 0o646])
def test_a_file_that_others_may_write_is_refused(agent, mode: int) -> None:
    agent.write_policy(POLICY, name="open.yaml").chmod(mode)
    log = _refused(agent)
    assert "open.yaml" in log and "untrusted-file" in log, log


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(agent) -> None:
    os.chown(agent.write_policy(POLICY, name="foreign.yaml"), 65534, 65534)
    log = _refused(agent)
    assert "foreign.yaml" in log and "untrusted-file" in log, log


def test_a_reload_refuses_it_and_keeps_the_old_policy(agent) -> None:
    policy = agent.write_policy(POLICY)
    agent.start()
    pid = agent.wait_for("web", running=True)["pid"]
    policy.chmod(0o666)
    refused = agent.ctl("reload")
    assert refused.code == 1 and "untrusted-file" in refused.out + refused.err, refused
    assert agent.service("web")["pid"] == pid
    policy.chmod(0o644)
    assert agent.ctl("reload").code == 0
    assert agent.service("web")["pid"] == pid
