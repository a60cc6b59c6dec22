"""TLS and passwords of the listener, by a web.config.file as Prometheus exporters take it."""

from __future__ import annotations

import subprocess

import pytest

PASSWORD = "correct horse"


def _hash() -> str:
    done = subprocess.run(["htpasswd", "-nbBC", "4", "prometheus", PASSWORD], capture_output=True, text=True)
    return done.stdout.strip().split(":", 1)[1]


def _curl(*arguments: object) -> tuple[int, str]:
    """Status (000: no answer at all) and body."""
    done = subprocess.run(
        ["curl", "-s", "-w", "\n%{http_code}", *map(str, arguments)], capture_output=True, text=True, timeout=20
    )
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), body


@pytest.fixture
def start(agent):
    def start(web_config: str, ready: bool = True):
        path = agent.home / "web.yaml"
        path.write_text(web_config)
        path.chmod(0o644)
        agent.write_config(agent=f"web_config_file: {path}")
        agent.write_policy("services: {watched: {probes: {root: {disk: {path: /, max_used: 100%}}}}}")
        agent.start(ready=ready)
        return agent

    return start


def test_every_page_wants_the_password(start) -> None:
    agent = start(f"basic_auth_users:\n  prometheus: {_hash()}\n")
    for page in ("metrics", "healthz", "", "nothing"):
        url = f"http://127.0.0.1:{agent.port}/{page}"
        assert _curl(url)[0] == 401
        assert _curl("-u", "prometheus:wrong", url)[0] == 401
        assert _curl("-u", f"nobody:{PASSWORD}", url)[0] == 401
    status, page = _curl("-u", f"prometheus:{PASSWORD}", f"http://127.0.0.1:{agent.port}/metrics")
    assert status == 200 and "recoverd_build_info" in page
    assert agent.ctl("status").code == 0  # the control socket has rules of its own


def test_tls_takes_the_place_of_plain_text(start, certificates) -> None:
    good = certificates.good
    agent = start(f"tls_server_config: {{cert_file: {good.certificate}, key_file: {good.key}}}\n")
    url = f"https://127.0.0.1:{agent.port}/healthz"
    assert _curl("--cacert", certificates.ca_file, url)[0] == 200
    assert _curl(url)[0] == 0  # an unknown authority
    assert _curl(f"http://127.0.0.1:{agent.port}/healthz")[0] == 0
    assert _curl("--cacert", certificates.ca_file, "--tls-max", "1.1", url)[0] == 0


def test_client_certificates_are_demanded_and_verified(start, certificates) -> None:
    good, client, stranger = certificates.good, certificates.client, certificates.unknown_authority
    agent = start(
        f"tls_server_config:\n  cert_file: {good.certificate}\n  key_file: {good.key}\n"
        f"  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: {certificates.ca_file}\n"
    )
    ours = ["--cacert", certificates.ca_file, f"https://127.0.0.1:{agent.port}/healthz"]
    assert _curl("--cert", client.certificate, "--key", client.key, *ours)[0] == 200
    assert _curl(*ours)[0] == 0
    assert _curl("--cert", stranger.certificate, "--key", stranger.key, *ours)[0] == 0


def test_a_bad_file_is_refused_at_the_start(start) -> None:
    agent = start("basic_auth_users: {prometheus: plain-text}\n", ready=False)
    assert agent.process.wait(timeout=20) == 1
    assert "web.yaml:1:" in agent.log_text()
    assert not agent.socket.exists()
