"""`reuse: true`: the connection is really used again, by nobody else, and never the reason of a failure."""

from __future__ import annotations

import socket

import pytest

from support.servers import Server
from support.waiting import wait_until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


class KeepingServer(Server):
    """Answers request after request on each connection; closes one that is idle for `patience`."""

    def __init__(self, patience: float | None = None) -> None:
        self.patience = patience
        self.closed = 0  # idle ones
        self.identities: list[set[bytes]] = []  # of each connection: what its requests showed
        self.requests = 0
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        connection.settimeout(self.patience)
        seen: set[bytes] = set()
        with self._lock:
            self.identities.append(seen)
        try:
            while data := connection.recv(65536):
                with self._lock:
                    self.requests += 1
                seen |= {line for line in data.split(b"\r\n") if line.startswith(b"Authorization:")}
                connection.sendall(ANSWER)
        except socket.timeout:
            with self._lock:
                self.closed += 1


@pytest.fixture
def new_server(request):
    servers: list[KeepingServer] = []

    def make(**more: object) -> KeepingServer:
        servers.append(KeepingServer(**more))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


def _policy(probes: str) -> str:
    return f"""
        defaults: {{interval: 1s, fast_interval: 1s, timeout: 900ms}}
        services:
          shop:
            probes:
              {probes}
        """


def _failures(agent) -> int:
    return sum(
        int(agent.metric("recoverd_probe_runs_total", service="shop", outcome=word) or 0)
        for word in ("fail", "timeout", "unknown")
    )


def test_each_probe_stays_on_a_connection_of_its_own(agent, new_server) -> None:
    server = new_server()
    for name in ("first", "second"):
        (agent.home / name).write_text(f"{name}:secret\n")
    lines = [
        f"{name}: {{http: {{url: 'http://127.0.0.1:{server.port}/', reuse: true, "
        f"basic_auth_file: {agent.home / name}}}}}"
        for name in ("first", "second")
    ]
    agent.write_policy(_policy("\n              ".join(lines)))
    agent.start()
    wait_until(lambda: server.requests >= 6, 30, "both probe three times")
    assert server.accepted == 2
    assert all(len(seen) == 1 for seen in server.identities)
    assert server.identities[0] != server.identities[1]


def test_a_server_that_closes_idle_connections_does_not_fail(agent, new_server) -> None:
    server = new_server(patience=0.3)
    agent.write_policy(
        _policy(f"page: {{http: {{url: 'http://127.0.0.1:{server.port}/', reuse: true}}}}")
    )
    agent.start()
    wait_until(lambda: server.requests >= 4, 30, "four runs")
    assert server.closed >= 3
    assert _failures(agent) == 0
