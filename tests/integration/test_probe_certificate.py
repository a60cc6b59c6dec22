"""The certificate probe of a whole agent, on files and against real TLS servers."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from support.ports import free_port
from support.waiting import wait_until


def _probe(agent) -> dict:
    return agent.service("shop")["probes"][0]


def _result(agent, keys: str) -> tuple[str, str]:
    """Runs one probe now: its result and its text."""
    agent.write_policy(
        f"""
        services:
          shop: {{probes: {{certificate: {{certificate: {{{keys}}}, interval: 1h, timeout: 10s}}}}}}
        """
    )
    agent.start()
    probe = agent.ctl("probe", "shop/certificate", "--json").json["probes"][0]
    return probe["outcome"], probe["detail"]


def _dates(days: int) -> list[str]:
    """The day in so many days, and the one before: the certificates were made a moment ago."""
    then = datetime.now(timezone.utc) + timedelta(days=days)
    return [f"({day:%Y-%m-%d})" for day in (then, then - timedelta(days=1))]


def _server(tcp_server, certificate, **more: object) -> str:
    return f"address: '127.0.0.1:{tcp_server(tls=certificate.server_context(**more)).port}'"


def test_good(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.good)
    outcome, detail = _result(agent, f"{address}, ca_file: {certificates.ca_file}")
    assert outcome == "pass" and detail.startswith(("expires in 29d (", "expires in 30d (")), detail
    assert detail.endswith("): CN=good") and any(date in detail for date in _dates(30)), detail


def test_soon_expiring(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.short)
    outcome, detail = _result(agent, f"{address}, min_left: 7d")
    assert outcome == "degraded" and detail.startswith(("expires in 1d23h (", "expires in 2d (")), detail
    assert detail.endswith("), at least 7d wanted: CN=short"), detail
    assert any(date in detail for date in _dates(2)), detail


def test_expired(agent, tcp_server, certificates) -> None:
    outcome, detail = _result(agent, _server(tcp_server, certificates.expired))
    assert outcome == "fail" and detail.startswith("expired 1d") and detail.endswith(": CN=expired"), detail
    assert " ago (" in detail, detail


def test_of_another_host(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.other_host)
    assert _result(agent, address) == ("fail", "certificate is for other.invalid, not for 127.0.0.1")


def test_server_name(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.other_host)
    outcome, detail = _result(agent, f"{address}, server_name: other.invalid")
    assert outcome == "pass", detail


def test_self_signed(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.self_signed)
    assert _result(agent, f"{address}, chain: true") == ("fail", "self-signed, and not trusted: CN=lonely")


def test_self_signed_and_trusted(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.self_signed)
    outcome, detail = _result(agent, f"{address}, ca_file: {certificates.self_signed.certificate}")
    assert outcome == "pass", detail


def test_of_an_unknown_authority(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.unknown_authority)
    outcome, detail = _result(agent, f"{address}, chain: true")
    assert (outcome, detail) == (
        "fail",
        "issuer neither trusted nor in the chain: CN=Test authority, of CN=unknown",
    )


def test_server_that_wants_a_client_certificate(agent, tcp_server, certificates) -> None:
    address = _server(tcp_server, certificates.good, client_ca=certificates.ca_file)
    outcome, detail = _result(agent, address)
    assert outcome == "pass", detail


def test_starttls(agent, certificates) -> None:
    controller = pytest.importorskip("aiosmtpd.controller", reason="needs the package python3-aiosmtpd")
    handlers = pytest.importorskip("aiosmtpd.handlers")
    port = free_port()
    server = controller.Controller(
        handlers.Sink(), hostname="127.0.0.1", port=port, tls_context=certificates.short.server_context()
    )
    server.start()
    try:
        outcome, detail = _result(agent, f"address: '127.0.0.1:{port}', starttls: smtp")
    finally:
        server.stop()
    assert outcome == "degraded" and detail.endswith(": CN=short"), detail


def test_no_server(agent) -> None:
    port = free_port()
    outcome = _result(agent, f"address: '127.0.0.1:{port}'")
    assert outcome == ("fail", f"connection refused by 127.0.0.1:{port}")


def test_server_without_tls(agent, tcp_server) -> None:
    server = tcp_server(greeting=b"220 in clear\r\n")
    outcome, detail = _result(agent, f"address: '127.0.0.1:{server.port}'")
    assert (outcome, detail) == ("fail", "connected, TLS failed: wrong version number")


def test_file_and_key(agent, certificates) -> None:
    good = certificates.good
    outcome, detail = _result(agent, f"file: {good.certificate}, key_file: {good.key}, min_left: 7d")
    assert outcome == "pass" and detail.endswith(": CN=good"), detail


def test_file_and_the_key_of_another(agent, certificates) -> None:
    outcome, detail = _result(agent, f"file: {certificates.good.certificate}, key_file: {certificates.short.key}")
    assert outcome == "fail" and detail.endswith("/short.key: the key does not match CN=good"), detail


def test_renewed_file_counts_at_once(agent, certificates, tmp_path: Path) -> None:
    """A degraded probe leaves the service healthy."""
    file = tmp_path / "shop.pem"
    file.write_bytes(certificates.short.certificate.read_bytes())
    agent.write_policy(
        f"""
        services:
          shop:
            probes: {{certificate: {{certificate: {{file: {file}}}}}}}
            interval: 100ms
        """
    )
    agent.start()
    agent.wait_for("shop", health="healthy")
    assert _probe(agent)["outcome"] == "degraded", _probe(agent)
    replacement = tmp_path / "new.pem"
    replacement.write_bytes(certificates.good.certificate.read_bytes())
    replacement.rename(file)
    wait_until(lambda: _probe(agent)["outcome"] == "pass", within=20, what="the new certificate passes")
    file.unlink()
    agent.wait_for("shop", health="failed")
    assert "it does not exist" in _probe(agent)["detail"], _probe(agent)
