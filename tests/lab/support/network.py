"""The network of a lab: a namespace with a bridge in it, and one namespace a host, wired to the bridge.
The machine's own network is not part of it: no host reaches it, and 10.77.0.0/24 may be in use twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

NAMESPACES = Path("/run/netns")
BRIDGE = "lab"
HOST_INTERFACE = "host0"


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")


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


def make_host(name: str, hub: str, number: int) -> None:
    """A namespace whose only way out is to the other hosts of that hub."""
    make(name)
    port = f"port{number}"
    _ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", HOST_INTERFACE, "netns", name)
    _ip("-n", hub, "link", "set", port, "master", BRIDGE, "up")
    _ip("-n", name, "address", "add", f"{address(number)}/24", "dev", HOST_INTERFACE)
    _ip("-n", name, "link", "set", HOST_INTERFACE, "up")
