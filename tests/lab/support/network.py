"""The network of a lab: a namespace with a bridge in it, and one namespace a host, wired to the bridge.
The machine's own network is not part of it: no host reaches it, and 10.77.0.0/24 may be in use twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

NAMESPACES = Path("/run/netns")
BRIDGE = "lab"
HOST_INTERFACE = "host0"
NOBODY = "02:00:00:00:00:99"  # the MAC of no interface


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def existing(prefix: str) -> list[str]:
    return [path.name for path in NAMESPACES.glob(f"{prefix}*")]


def make(name: str) -> None:
    _ip("netns", "add", name)
    _ip("-n", name, "link", "set", "lo", "up")


def delete(name: str) -> None:
    _ip("netns", "delete", name)


def make_hub(name: str) -> None:
    make(name)
    _ip("-n", name, "link", "add", BRIDGE, "type", "bridge")
    _ip("-n", name, "link", "set", BRIDGE, "up")


def address(number: int) -> str:
    return f"10.77.0.{number}"


class Link:
    """How one namespace is wired to the others of a hub; that is its only way out."""

    def __init__(self, name: str, hub: str, number: int) -> None:
        self.name = name
        self.address = address(number)
        self._hub, self._port = hub, f"port{number}"

    def make(self) -> None:
        make(self.name)
        _ip("-n", self._hub, "link", "add", self._port, "type", "veth", "peer", "name", HOST_INTERFACE, "netns", self.name)
        _ip("-n", self._hub, "link", "set", self._port, "master", BRIDGE, "up")
        self._begin()

    def _begin(self) -> None:
        _ip("-n", self.name, "address", "add", f"{self.address}/24", "dev", HOST_INTERFACE)
        _ip("-n", self.name, "link", "set", HOST_INTERFACE, "up")

    def renew(self) -> None:
        """As after a boot: nothing is left of the addresses that were there."""
        _ip("-n", self.name, "address", "flush", "dev", HOST_INTERFACE)
        _ip("-n", self.name, "neighbour", "flush", "dev", HOST_INTERFACE)
        self._begin()

    def add(self, more: str) -> None:
        _ip("-n", self.name, "address", "add", f"{more}/24", "dev", HOST_INTERFACE)

    def remove(self, more: str) -> None:
        _ip("-n", self.name, "address", "delete", f"{more}/24", "dev", HOST_INTERFACE)

    # ---- Cuts ----

    def unplug(self) -> None:
        """The cable, at the other end: this one has no carrier any more."""
        _ip("-n", self._hub, "link", "set", self._port, "down")

    def plug(self) -> None:
        _ip("-n", self._hub, "link", "set", self._port, "up")

    def lose(self, other: Link) -> None:
        """What is sent to the other one arrives nowhere, without an error, as behind a firewall that drops."""
        _ip("-n", self.name, "neighbour", "replace", other.address, "lladdr", NOBODY, "dev", HOST_INTERFACE, "nud", "permanent")

    def find(self, other: Link) -> None:
        """Also when it was never lost."""
        if NOBODY in _ip("-n", self.name, "neighbour", "show", other.address):
            _ip("-n", self.name, "neighbour", "delete", other.address, "dev", HOST_INTERFACE)


def cut(one: Link, *others: Link) -> None:
    """In both directions."""
    for other in others:
        one.lose(other)
        other.lose(one)


def mend(one: Link, *others: Link) -> None:
    for other in others:
        one.find(other)
        other.find(one)
