"""Free TCP ports on loopback."""

from __future__ import annotations

import socket

_given: set[int] = set()


def free_port(family: socket.AddressFamily = socket.AF_INET) -> int:
    """A port that nobody listens on now, and that this process has not given out before."""
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port


def is_open(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
