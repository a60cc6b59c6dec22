"""Work in network namespaces of others: a socket, or a process, stays in the namespace in which it was made."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

CLONE_NEWNET = 0x40000000

T = TypeVar("T")


def _enter_and_do(namespace: str, work: Callable[[], T]) -> T:
    with open(f"/run/netns/{namespace}") as handle:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns to {namespace}: {os.strerror(ctypes.get_errno())}")
    return work()


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Only a thread of its own, which ends with it, goes there."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_enter_and_do, namespace, work).result()


def connect(namespace: str, peer: tuple[str, int], seconds: float) -> socket.socket:
    return inside(namespace, lambda: socket.create_connection(peer, seconds))
