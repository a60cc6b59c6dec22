"""Two network namespaces on this machine, as hosts with a cable between them. Needs root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

DEVICE = "eth0"  # in both


class Cable:
    def __init__(self) -> None:
        self.own, self.other = f"recoverd-{os.getpid()}-a", f"recoverd-{os.getpid()}-b"

    @property
    def hosts(self) -> tuple[str, str]:
        return self.own, self.other

    def addresses(self, number: int) -> list[tuple[str, ...]]:
        """What `ip address add` gets for the host of this number, 1 or 2."""
        raise NotImplementedError

    def ip(self, host: str, *words: str) -> str:
        done = subprocess.run(["ip", "-n", host, *words], check=True, capture_output=True, text=True)
        return done.stdout

    def start(self) -> None:
        for host in self.hosts:
            subprocess.run(["ip", "netns", "add", host], check=True, capture_output=True)
        self.ip(self.own, "link", "add", DEVICE, "type", "veth", "peer", "name", DEVICE, "netns", self.other)
        for number, host in enumerate(self.hosts, 1):
            self.ip(host, "link", "set", "lo", "up")
            for words in self.addresses(number):
                self.ip(host, "address", "add", *words, "dev", DEVICE)
            self.ip(host, "link", "set", DEVICE, "up")

    def inside(self, host: str, *command: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{host}", *command]

    def stop(self) -> None:
        for host in self.hosts:
            subprocess.run(["ip", "netns", "delete", host], capture_output=True)


def laid(cable: Cable) -> Iterator[Cable]:
    """For a fixture: started before the test, or the test is skipped, and stopped after it."""
    try:
        cable.start()
    except (OSError, subprocess.CalledProcessError) as error:
        cable.stop()
        reason = f"cannot make network namespaces: {error}"
        print(f"skip: {reason}")
        pytest.skip(reason)
    yield cable
    cable.stop()
