"""A host of a group over several hosts, which here is an agent with a name of its own: the group `data`, whose member on
each of them is the service `db`."""

from __future__ import annotations

from pathlib import Path

from support import processes
from support.alone import command_alone
from support.service import Service


class GroupHost:
    """`shared` is the folder in which the members notice each other, see support.alone."""

    def __init__(self, agent, name: str, folder: Path, shared: Path) -> None:
        self.agent, self.name = agent, name
        self.service = Service(folder)
        self.command = command_alone(shared, name, self.service.command)

    def write_policy(self, kind: str, members: str, lease: str, more: str = "") -> None:
        self.agent.write_policy(f"""
        groups:
          data:
            mode: active-standby
            coordinator: {kind}
            members: {{{members}}}
            lease: {lease}
            margin: 500ms
            stop_timeout: 1s
            max_failovers: {{count: 0}}
            {more}
        services:
          db:
            command: {self.command}
            member_of: data
            log: none
            start_grace: 3s
            stop_timeout: 1s
            interval: 300ms
            fast_interval: 100ms
            fall: 2
            probes: {{page: {{http: {self.service.url}}}}}
            recover: [restart: {{attempts: 1}}]
            verify: 6s
            backoff: {{initial: 100ms, jitter: none}}
        """)

    def runs(self) -> bool:
        return any(processes.is_running(pid) for pid in self.service.starts()[-1:])
