"""The listener: a page that promtool accepts, both formats, healthz, the status page, and where it may listen."""

from __future__ import annotations

import shutil
import socket
import subprocess

import pytest

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
POLICY = """
services:
  web:
    description: <b>Front</b> & "more"
    probes: {closed: {tcp: {address: '127.0.0.1:1'}}}
  disk:
    probes: {root: {disk: {path: /, max_used: 100%}}}
"""


@pytest.fixture
def running(agent):
    agent.write_policy("defaults: {interval: 300ms, fast_interval: 100ms, timeout: 300ms}\n" + POLICY)
    agent.start()
    agent.wait_for("web", health="failed")
    agent.wait_for("disk", health="healthy")
    return agent


def test_the_page_is_clean_and_true(running) -> None:
    metrics = running.metrics()
    assert metrics.value("recoverd_service_up", service="disk") == 1
    assert metrics.value("recoverd_service_up", service="web") == 0
    assert metrics.value("recoverd_service_health", service="web") == 3
    assert metrics.value("recoverd_incident_open", service="web") == 1
    assert metrics.value("recoverd_incidents_total", service="web") == 1
    assert metrics.value("recoverd_probe_result", service="web", probe="closed") == 3
    assert metrics.value("recoverd_probe_runs_total", service="web", outcome="fail") >= 3
    assert metrics.value("recoverd_service_state", service="web") == 1
    running.wait_until(lambda: running.metric("recoverd_executor_up") == 1, 10, "the executor is there")
    assert metrics.value("recoverd_last_reload_successful") == 1
    assert metrics.value("process_resident_memory_bytes") > 1_000_000
    assert metrics.value("recoverd_detection_seconds_count", service="web") == 1


def test_promtool_finds_nothing(running) -> None:
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    _, page = running.http("/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_openmetrics_on_request(running) -> None:
    _, page = running.http("/metrics", {"Accept": OPENMETRICS})
    assert page.endswith("# EOF\n") and "# TYPE recoverd_build info" in page
    _, page = running.http("/metrics", {"Accept": "text/plain"})
    assert "# EOF" not in page


def test_health_and_status_pages(running) -> None:
    running.wait_until(lambda: running.http("/healthz") == (200, "ok\n"), 10, "all is well, the executor too")
    status, page = running.http("/")
    assert status == 200
    assert "&lt;b&gt;Front&lt;/b&gt; &amp; &quot;more&quot;" in page and "<b>Front" not in page
    assert page.index("<b>web</b>") < page.index("<b>disk</b>")  # what needs someone comes first
    assert "connection refused" in page
    assert "<script" not in page and "http://" not in page
    assert running.http("/v1/status")[0] == 404


def test_none_means_no_listener(agent) -> None:
    agent.config.write_text("version: 1\nagent: {listen: none}\n")
    agent.write_policy(POLICY)
    agent.start()
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", agent.port)) != 0


def test_a_taken_port_is_a_clear_error(agent) -> None:
    agent.write_policy(POLICY)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", agent.port))
        taken.listen(1)
        agent.start(ready=False)
        assert agent.process.wait(timeout=20) == 1
    assert "another program uses this port" in agent.log_text()
    assert not agent.socket.exists()
