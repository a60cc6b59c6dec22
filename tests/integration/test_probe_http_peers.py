"""The HTTP probe against peers that lie, trap and overwhelm, and with what TLS and HTTP/2 ask of it."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest

from support.ports import free_port, is_open
from support.servers import Answer
from support.waiting import wait_until

BOMB_MIB = 64
RESIDENT_MAX_MIB = 400  # most of it AddressSanitizer's own


def _result(agent, keys: str) -> tuple[str, str]:
    """Runs one probe now: its result and its text."""
    agent.write_policy(
        f"""
        services:
          shop: {{probes: {{page: {{http: {{{keys}}}, interval: 1h, timeout: 30s}}}}}}
        """
    )
    agent.start()
    probe = agent.ctl("probe", "shop/page", "--json").json["probes"][0]
    return probe["outcome"], probe["detail"]


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/"])
def test_redirects_stay_in_http(agent, http_server, target: str) -> None:
    server = http_server(Answer(status=302, headers={"Location": target}))
    outcome, detail = _result(
        agent, f"url: '{server.url}/', follow_redirects: true, expect: {{status: 200-399, body: root}}"
    )
    assert outcome == "fail", detail
    assert "not supported" in detail


@pytest.mark.alone
def test_header_of_100_mb_is_cut_off(agent, http_server) -> None:
    server = http_server(Answer(headers={"X-Large": "x" * 100_000_000}))
    outcome, detail = _result(agent, f"url: '{server.url}/'")
    assert outcome == "fail", detail
    assert "the header is larger than 32KiB" in detail
    assert _resident_mib(agent.pid) < RESIDENT_MAX_MIB


def test_compressed_bomb_stays_packed(agent, http_server) -> None:
    bomb = gzip.compress(b"needle" + b"\0" * BOMB_MIB * 2**20)
    server = http_server(Answer(body=bomb, headers={"Content-Encoding": "gzip"}))
    outcome, detail = _result(agent, f"url: '{server.url}/', expect: {{body: needle}}")
    assert outcome == "fail", detail
    assert 'the body does not contain "needle"' in detail
    assert "accept-encoding" not in server.requests[0].headers


def test_deep_json_is_refused(agent, http_server) -> None:
    server = http_server(Answer(body=b"[" * 200_000))
    outcome, detail = _result(agent, f"url: '{server.url}/', expect: {{json: {{/0: x}}}}")
    assert outcome == "fail", detail
    assert "the body is not JSON: nesting too deep" in detail
    assert agent.status()


def test_client_certificate(agent, http_server, certificates) -> None:
    server = http_server(tls=certificates.good.server_context(client_ca=certificates.ca_file))
    client = certificates.client
    tls = f"ca_file: {certificates.ca_file}, cert_file: {client.certificate}, key_file: {client.key}"
    outcome, detail = _result(agent, f"url: '{server.url}/', tls: {{{tls}}}")
    assert (outcome, detail[:6]) == ("pass", "200 OK"), detail


def test_server_that_wants_a_client_certificate(agent, http_server, certificates) -> None:
    server = http_server(tls=certificates.good.server_context(client_ca=certificates.ca_file))
    outcome, detail = _result(agent, f"url: '{server.url}/', tls: {{ca_file: {certificates.ca_file}}}")
    assert outcome == "fail", detail
    assert not server.requests


def test_certificate_of_another_host(agent, http_server, certificates) -> None:
    server = http_server(tls=certificates.other_host.server_context())
    outcome, detail = _result(agent, f"url: '{server.url}/', tls: {{ca_file: {certificates.ca_file}}}")
    assert outcome == "fail", detail
    assert "127.0.0.1" in detail


def test_server_name(agent, http_server, certificates) -> None:
    server = http_server(tls=certificates.other_host.server_context())
    tls = f"ca_file: {certificates.ca_file}, server_name: other.invalid"
    outcome, detail = _result(agent, f"url: '{server.url}/', tls: {{{tls}}}")
    assert outcome == "pass", detail
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_http2_where_there_is_only_http1(agent, http_server, certificates) -> None:
    server = http_server(tls=certificates.good.server_context())
    outcome, detail = _result(
        agent, f"url: '{server.url}/', http_version: 2, tls: {{ca_file: {certificates.ca_file}}}"
    )
    assert (outcome, detail) == ("fail", "answered over HTTP/1.1, expected HTTP/2")


@pytest.fixture
def http2_server(tmp_path: Path):
    (tmp_path / "index.html").write_text("hello\n")
    port = free_port()
    process = subprocess.Popen(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", str(tmp_path), str(port)])
    yield port
    process.terminate()
    process.wait(timeout=10)


@pytest.mark.skipif(not shutil.which("nghttpd"), reason="needs nghttpd")
def test_http2_with_prior_knowledge(agent, http2_server: int) -> None:
    wait_until(lambda: is_open(http2_server), within=10, what="nghttpd listens")
    keys = f"url: 'http://127.0.0.1:{http2_server}/index.html', http_version: 2-prior-knowledge"
    outcome, detail = _result(agent, f"{keys}, expect: {{body: hello}}")
    assert (outcome, detail[:6]) == ("pass", "200 OK"), detail
