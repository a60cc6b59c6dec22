"""The real Prometheus scrapes a host; alerts of ours go pending, fire with texts that a person can use, and resolve."""

from __future__ import annotations

import shutil

import pytest

from support.host import AGENT, Host
from support.prometheus import Prometheus

UNIT = """
[Service]
ExecStart=/bin/sh -c 'test ! -e /run/shop-is-broken && exec sleep 3600; exit 3'
"""

POLICY = """
services:
  shop:
    unit: shop.service
    probes: {state: {unit: {}, interval: 200ms}}
    recover: [{restart: {attempts: 2}}]
    backoff: {initial: 100ms, max: 200ms}
    verify: 2s
"""


@pytest.fixture
def watched(host: Host, tmp_path):
    if not shutil.which("prometheus"):
        pytest.skip("prometheus is not installed")
    host.install_unit("shop.service", UNIT)
    host.systemctl("start", "shop.service")
    host.policy(POLICY)
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    with Prometheus(host, tmp_path) as prometheus:
        host.wait_until(lambda: prometheus.value("recoverd_service_up") == 1, 30, "it is scraped")
        yield prometheus
    host.run(["rm", "-f", "/run/shop-is-broken"])


@pytest.mark.long
def test_a_service_that_is_down_and_given_up(host: Host, watched: Prometheus) -> None:
    assert watched.state("RecoverdServiceDown") is None
    host.write("/run/shop-is-broken", "")
    host.systemctl("kill", "--signal=SIGKILL", "shop.service")
    host.wait_until(lambda: watched.state("RecoverdServiceDown") == "pending", 30, "the alert is pending")
    host.wait_until(lambda: watched.state("RecoverdServiceDown") == "firing", 30, "the alert fires")
    host.wait_until(lambda: watched.state("RecoverdServiceGivenUp") == "firing", 30, "it is given up")
    told = watched.alert("RecoverdServiceGivenUp")
    assert told and told["annotations"]["summary"] == "shop on 127.0.0.1:7790 was given up"
    assert "`recoverctl ack shop`" in told["annotations"]["description"]
    host.run(["rm", "/run/shop-is-broken"])
    assert host.ctl("ack", "shop").code == 0  # as the runbook says
    host.wait_for("shop", health="healthy")
    for name in ("RecoverdServiceDown", "RecoverdServiceGivenUp"):
        host.wait_until(lambda: watched.state(name) is None, 30, f"{name} is resolved")
    assert watched.value("service:recoverd_actions:increase1h{action='restart'}") is not None
    assert not watched.broken_rules()


@pytest.mark.long
def test_an_agent_that_is_gone(host: Host, watched: Prometheus) -> None:
    host.systemctl("stop", AGENT)
    host.wait_until(lambda: watched.state("RecoverdAgentSilent") == "pending", 30, "the alert is pending")
    host.wait_until(lambda: watched.state("RecoverdAgentSilent") == "firing", 30, "the alert fires")
    host.start_recoverd()
    host.wait_until(lambda: watched.state("RecoverdAgentSilent") is None, 30, "the alert is resolved")
