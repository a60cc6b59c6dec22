"""Malformed, oversized, slow and abandoned requests: each gets its answer, and the agent goes on."""

from __future__ import annotations

import json
import socket

import pytest


def _ask(agent, request: bytes) -> tuple[int, dict]:
    """Sends bytes as they are; status and JSON of the answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(agent.socket))
        client.sendall(request)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body.startswith(b"{") else {}


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.fixture
def running(agent):
    agent.write_policy("services: {watched: {probes: {root: {disk: {path: /, max_used: 100%}}}}}")
    agent.start()
    return agent


def test_bad_requests_are_refused_with_a_reason(running) -> None:
    rows = [
        ("GET", "/", b"", 404, "unknown-path"),
        ("GET", "/v1/nothing", b"", 404, "unknown-path"),
        ("GET", "/v1/pause", b"", 405, "wrong-method"),
        ("DELETE", "/v1/status", b"", 405, "wrong-method"),
        ("GET", "/v1/status?service=wached", b"", 404, "unknown-service"),
        ("GET", "/v1/why", b"", 400, "missing"),
        ("GET", "/v1/incidents?limit=many", b"", 400, "invalid"),
        ("GET", "/v1/incidents/99999", b"", 404, "unknown-incident"),
        ("POST", "/v1/pause", b"{", 400, "malformed"),
        ("POST", "/v1/pause", b"\x00\xff\xfe", 400, "malformed"),
        ("POST", "/v1/pause", b"[" * 1000, 400, "malformed"),
        ("POST", "/v1/pause", b"[]", 400, "malformed"),
        ("POST", "/v1/pause", b'{"servcie": "watched"}', 400, "unknown-member"),
        ("POST", "/v1/pause", b'{"service": "watched", "for_seconds": -1}', 400, "invalid"),
        ("POST", "/v1/pause", b" " * 20_000, 413, "too-large"),
        ("POST", "/v1/probe", b'{"service": "watched", "probe": "none"}', 404, "unknown-probe"),
        ("POST", "/v1/ack", b'{"service": "watched"}', 409, "busy"),
    ]
    for method, path, body, status, code in rows:
        got, answer = _ask(running, _request(method, path, body))
        assert (got, answer["error"]["code"]) == (status, code), (method, path, body[:40])
        assert answer["error"]["message"]
    assert running.ctl("status").code == 0


def test_a_huge_body_is_refused_before_it_is_read(running) -> None:
    head, _, _ = _request("POST", "/v1/pause", b"x" * 200_000).partition(b"\r\n\r\n")
    assert _ask(running, head + b"\r\n\r\n")[0] == 413
    assert running.ctl("status").code == 0


def test_slow_and_silent_clients_hold_nobody_up(running) -> None:
    clients = []
    for request in (b"", b"GET /v1/sta", b"POST /v1/pause HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(running.socket))
        client.sendall(request)
        clients.append(client)
    assert running.ctl("status", within=5).code == 0
    for client in clients:
        client.close()
    assert running.ctl("status", within=5).code == 0


def test_a_client_that_leaves_before_its_answer(running) -> None:
    for _ in range(50):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(running.socket))
            client.sendall(_request("POST", "/v1/probe", b'{"service": "watched"}'))
    assert running.ctl("probe", "watched").code == 0
    assert running.is_running
