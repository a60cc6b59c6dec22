"""Free TCP ports on loopback."""

from __future__ import annotations

import os
import random
import socket

# Below those that the kernel gives to connections. Workers that run at the same time have ports of their own, for some
# are listened on only much later.
FIRST, LAST = 12000, 32000

_given: set[int] = set()


def _own_share() -> range:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return range(FIRST + int(worker), LAST, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))


def free_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    """A port that nobody listens on now, and that this process has not given out before."""
    share = _own_share()
    while len(_given) < len(share):
        port = random.choice(share)
        if port in _given:
            continue
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise AssertionError("all ports were given out")


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
