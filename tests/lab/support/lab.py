"""The hosts of one test process, and the network between them."""

from __future__ import annotations

import shutil
from pathlib import Path

from support import cgroups, debian, network, owner
from support.host import Host
from support.machine import Machine

FIRST_NUMBER = 11  # 10.77.0.11 is the first host
LINKS_MAX = 100
DISKS = Path("/dev/shm")


class Lab:
    def __init__(self, folder: Path) -> None:
        """`folder` keeps the output of the consoles."""
        self._folder = folder
        self._hosts: dict[str, Host] = {}
        self._linked = 0
        self._hub = ""

    def host(self, name: str = "web1") -> Host:
        """Booted when it is first asked for; then the same one for all tests."""
        if name not in self._hosts:
            self._hosts[name] = self.fresh_host(name)
        return self._hosts[name]

    def fresh_host(self, name: str, kind: type[Host] = Host) -> Host:
        """One that nobody else has; the caller ends it with `end`."""
        link = self._link(name)
        unique = link.name
        console = self._folder / f"{unique}.console"
        machine = Machine(unique, name, debian.tree(), console, kind.is_bare, self._disk(unique) if kind.has_disk else None)
        try:
            machine.boot()
            host = kind(machine, link)
            host.prepare()
        except BaseException:
            self._remove(machine)
            raise
        return host

    def _link(self, name: str) -> network.Link:
        assert self._linked < LINKS_MAX, "too many hosts"
        self._prepare()
        number = FIRST_NUMBER + self._linked
        self._linked += 1
        link = network.Link(f"{owner.prefix()}{name}-{number}", self._hub, number)
        link.make()
        return link

    def place(self, name: str) -> network.Link:
        """In the network of the hosts, for programs that are none of a host's; `give_up` ends it."""
        return self._link(name)

    def give_up(self, place: network.Link) -> None:
        network.delete(place.name)

    def _disk(self, unique: str) -> Path:
        """In memory, because an overlay wants a plain file system below it."""
        disk = DISKS / unique
        disk.mkdir()
        return disk

    def end(self, host: Host) -> None:
        self._remove(host.machine)

    def _remove(self, machine: Machine) -> None:
        machine.end()
        network.delete(machine.name)
        shutil.rmtree(DISKS / machine.name, ignore_errors=True)

    def _prepare(self) -> None:
        if not self._hub:
            owner.claim()
            self._hub = f"{owner.prefix()}hub"
            network.make_hub(self._hub)

    def close(self) -> None:
        """Nothing of it is left on the machine."""
        for host in self._hosts.values():
            self.end(host)
        if self._hub:
            network.delete(self._hub)
            assert not cgroups.existing(owner.prefix())
            owner.release()
