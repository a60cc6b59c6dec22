"""The driver itself: fake servers misbehave as told, and nothing outlives a test."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from support import processes
from support.agent import SANITIZER_REPORT
from support.certificates import Certificates
from support.metrics import parse_metrics
from support.ports import free_port, is_open
from support.servers import Answer, FullListener, HttpServer, TcpServer
from support.service import Service
from support.waiting import stays, wait_until


def get(url: str, **more: object) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5, **more) as page:  # type: ignore[arg-type]
            return page.status, page.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def raw_get(port: int, timeout: float) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return connection


def test_http_answers_as_told(http_server: Callable[..., HttpServer]) -> None:
    server = http_server(Answer(status=503, body=b"down", headers={"X-Reason": "test"}))
    server.answers["/fine"] = Answer(body=b"fine")
    assert get(server.url + "/any") == (503, b"down")
    assert get(server.url + "/fine") == (200, b"fine")
    assert [request.path for request in server.requests] == ["/any", "/fine"]


def test_http_records_what_was_sent(http_server: Callable[..., HttpServer]) -> None:
    server = http_server()
    get(urllib.request.Request(server.url, data=b"a=1", headers={"X-Key": "k"}, method="PUT"))  # type: ignore[arg-type]
    request = server.requests[0]
    assert (request.method, request.body, request.headers["x-key"]) == ("PUT", b"a=1", "k")


def test_http_delay(http_server: Callable[..., HttpServer]) -> None:
    started = time.monotonic()
    get(http_server(Answer(delay=0.2)).url)
    assert time.monotonic() - started >= 0.2


def test_http_hangs_after_accept(http_server: Callable[..., HttpServer]) -> None:
    with raw_get(http_server(Answer(manner="hang")).port, timeout=0.2) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_http_drips(http_server: Callable[..., HttpServer]) -> None:
    with raw_get(http_server(Answer(manner="drip")).port, timeout=0.5) as connection:
        assert connection.recv(100) == b"H"
        with pytest.raises(TimeoutError):
            connection.recv(100)


@pytest.mark.parametrize("manner", ["endless", "endless-headers"])
def test_http_never_ends(http_server: Callable[..., HttpServer], manner: str) -> None:
    with raw_get(http_server(Answer(manner=manner)).port, timeout=5) as connection:
        received = 0
        while received < 1_000_000:
            received += len(connection.recv(65536))


@pytest.mark.parametrize("manner, start", [("close", b""), ("garbage", b"\0\1\2"), ("cut", b"HTTP/1.1 200")])
def test_http_breaks_off(http_server: Callable[..., HttpServer], manner: str, start: bytes) -> None:
    with raw_get(http_server(Answer(manner=manner)).port, timeout=5) as connection:
        with connection.makefile("rb") as stream:
            assert stream.read().startswith(start)


def test_http_on_unix_socket(http_server: Callable[..., HttpServer], tmp_path: Path) -> None:
    server = http_server(unix=tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(tmp_path / "s"))
        connection.sendall(b"GET /u HTTP/1.1\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert server.requests[0].path == "/u"


def test_stopped_server_refuses(http_server: Callable[..., HttpServer]) -> None:
    server = http_server(Answer(manner="hang"))
    raw_get(server.port, timeout=1)
    server.stop()
    assert not is_open(server.port)


def verdict(server: HttpServer, ca: Path) -> str:
    """What a careful client says of the server's certificate."""
    try:
        return str(get(server.url, context=ssl.create_default_context(cafile=str(ca)))[0])
    except urllib.error.URLError as error:
        return str(error.reason)


@pytest.mark.parametrize(
    "which, expected",
    [
        ("good", "200"),
        ("short", "200"),
        ("expired", "certificate has expired"),
        ("other_host", "IP address mismatch"),
        ("unknown_authority", "unable to get local issuer certificate"),
    ],
)
def test_tls(
    http_server: Callable[..., HttpServer], certificates: Certificates, which: str, expected: str
) -> None:
    server = http_server(tls=getattr(certificates, which).server_context())
    assert expected in verdict(server, certificates.ca_file)


def test_tls_asks_for_client_certificate(
    http_server: Callable[..., HttpServer], certificates: Certificates
) -> None:
    server = http_server(tls=certificates.good.server_context(client_ca=certificates.ca_file))
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    with pytest.raises((urllib.error.URLError, ssl.SSLError, ConnectionError)):
        get(server.url, context=context)
    context.load_cert_chain(certificates.client.certificate, certificates.client.key)
    assert get(server.url, context=context)[0] == 200


def test_tcp_greets_and_replies(tcp_server: Callable[..., TcpServer]) -> None:
    server = tcp_server(greeting=b"hello\r\n", replies={b"PING": b"+PONG\r\n"})
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        with connection.makefile("rwb") as stream:
            assert stream.readline() == b"hello\r\n"
            stream.write(b"PING\r\n")
            stream.flush()
            assert stream.readline() == b"+PONG\r\n"
    assert server.received == [b"PING\r\n"]


def test_tcp_hangs(tcp_server: Callable[..., TcpServer]) -> None:
    server = tcp_server(greeting=b"never", hang=True)
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.2) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_full_queue_neither_accepts_nor_refuses() -> None:
    with FullListener() as listener, pytest.raises(TimeoutError):
        socket.create_connection(("127.0.0.1", listener.port), timeout=0.3)


def test_service_breaks_as_told(new_service: Callable[..., Service]) -> None:
    service = new_service("web")
    process = subprocess.Popen(service.command)
    try:
        wait_until(lambda: is_open(service.port), 10, "the service listens")
        assert service.starts() == [process.pid]
        assert get(service.url)[0] == 200
        service.set("fail")
        assert get(service.url)[0] == 500
        service.set("fail", on=False)
        assert get(service.url)[0] == 200
    finally:
        process.kill()
        process.wait()


def test_service_refuses_to_start(new_service: Callable[..., Service]) -> None:
    service = new_service("web")
    service.set("refuse-start")
    assert subprocess.run(service.command).returncode == 3
    assert len(service.starts()) == 1


def test_wait_until_returns_the_value() -> None:
    values = iter([0, 0, 7])
    assert wait_until(lambda: next(values), 5, "a value") == 7


def test_wait_until_says_what_did_not_come() -> None:
    with pytest.raises(AssertionError, match="not within 0.05 s: rain; last: 0"):
        wait_until(lambda: 0, 0.05, "rain")


def test_stays_notices_a_change() -> None:
    values = iter([True, True, False])
    with pytest.raises(AssertionError, match="sunshine"):
        stays(lambda: next(values), 5, "sunshine")
    stays(lambda: True, 0.05, "sunshine")


def test_ports_differ() -> None:
    assert len({free_port() for _ in range(20)}) == 20


def test_orphans_of_orphans_are_found_and_ended() -> None:
    older = processes.descendants()
    script = "setsid sh -c 'env -i sleep 300 & env -i sleep 300 & sleep 300' & exec sleep 300"
    process = subprocess.Popen(["sh", "-c", script])

    def ours() -> set[int]:
        return processes.descendants() - older

    wait_until(lambda: len(ours()) == 5, 5, "four sleeps and a shell run")
    process.kill()
    process.wait()
    assert len(ours()) == 4
    processes.end_all(ours)
    assert ours() == set()


def test_marked_process_is_found() -> None:
    environment = {**os.environ, "RECOVERD_TEST_ID": "mark-of-this-test"}
    process = subprocess.Popen(["sleep", "300"], env=environment)
    try:
        wait_until(lambda: processes.marked("mark-of-this-test") == {process.pid}, 5, "it is found")
        assert processes.named("sleep", {process.pid}) == [process.pid]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not processes.is_running(process.pid)


METRICS = """# HELP up Whether.
# TYPE up gauge
up 1
state{service="a",path="C:\\\\x \\"y\\""} 2.5 1700000000
state{service="b"} +Inf
"""


def test_metrics_are_read() -> None:
    metrics = parse_metrics(METRICS)
    assert metrics.value("up") == 1
    assert metrics.value("state", service="a") == 2.5
    assert metrics["state"][0][0]["path"] == 'C:\\x "y"'
    assert metrics.value("state", service="c") is None
    assert metrics.total("state", service="b") == float("inf")
    with pytest.raises(AssertionError, match="2 samples"):
        metrics.value("state")
    with pytest.raises(AssertionError, match="not a sample"):
        parse_metrics("state{")


@pytest.mark.parametrize(
    "line",
    ["==7==ERROR: AddressSanitizer: heap-use-after-free", "x.c:3:1: runtime error: signed integer overflow"],
)
def test_sanitizer_report_is_noticed(line: str) -> None:
    assert SANITIZER_REPORT.search(f"before\n{line}\nafter")
    assert not SANITIZER_REPORT.search("a service failed: error")
