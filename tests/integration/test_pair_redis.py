"""A Redis master and its replica under a group, with the hooks that are shipped: no write that a replica acknowledged
(WAIT 1) is lost, and at no time both take writes."""

from __future__ import annotations

import shutil
import socket
from functools import partial
from pathlib import Path

import pytest

from support import processes
from support.agent import Agent
from support.pair_writers import RedisSession, RedisWriter
from support.pairs import NAMES, WITHIN, Judge, Pair
from support.real_servers import needs, needs_root

pytestmark = [needs_root, needs("redis-server", "redis-cli")]


class RedisPair(Pair):
    hook = "redis-pair"
    user = "redis"

    def __init__(self, agent: Agent, folder: Path) -> None:
        super().__init__(agent, folder)
        for name, port in self.ports.items():
            (folder / name).mkdir()
            shutil.chown(folder / name, "redis", "redis")
            role = folder / f"{name}.role"
            role.touch()
            shutil.chown(role, "redis", "redis")
            (folder / f"{name}.conf").write_text(
                f"port {port}\nbind 127.0.0.1\ndir {folder / name}\nappendonly yes\nappendfsync always\nsave ''\n"
                f"repl-diskless-sync-delay 0\nmin-replicas-to-write 1\nmin-replicas-max-lag 10\ninclude {role}\n")

    def _step(self, verb: str, timeout: str, more: str = "") -> str:
        more = more and f", {more}"
        words = f"{self.hook_path}, {verb}, --role-file, {self.folder}/%m.role{more}"
        return f"exec: {{command: [{words}, {self.peers()}], timeout: {timeout}}}"

    def write_policy(self) -> None:
        members = "".join(f"""
          {name}:
            command: {self.command(name, f"/usr/bin/redis-server {self.folder}/{name}.conf")}
            user: redis
            member_of: db
            log: none
            start_grace: 5s
            verify: 10s
            interval: 500ms
            fast_interval: 200ms
            probes:
              ping: {{tcp: {{address: "127.0.0.1:{self.ports[name]}", protocol: redis}}}}
              replication:
                exec: {{command: [{self.hook_path}, check, --port, "{self.ports[name]}"], user: redis}}
                interval: 5s
                timeout: 5s
                fall: 6
                role: warning
            recover: [failover]""" for name in NAMES)
        self.agent.write_policy(f"""
        groups:
          db:
            mode: active-standby
            members: {{db1: {{priority: 200}}, db2: {{}}}}
            standby: running
            lease: 15s
            margin: 500ms
            stop_timeout: 3s
            max_failovers: {{count: 0}}
            promote: [start, {self._step("promote", "30s")}]
            demote: [{self._step("demote", "2s")}, stop]
            follow: [{self._step("follow", "10s")}, start, {self._step("check", "40s", "--wait, 20")}]
            requires_healthy: [replication]
        services:{members}
        """)

    def connect(self, name: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.ports[name]), timeout=5)

    def session(self, name: str) -> RedisSession:
        return RedisSession(lambda: self.connect(name))

    def role(self, name: str) -> str:
        try:
            session = self.session(name)
            try:
                return session.ask("ROLE")[0]
            finally:
                session.close()
        except OSError:
            return ""


class RedisJudge(Judge):
    """A server whose run id is the same and that is a master before and after was one in between."""

    def __init__(self, pair: RedisPair) -> None:
        super().__init__()
        self.pair = pair

    def life_as_primary(self, name: str) -> str | None:
        try:
            session = self.pair.session(name)
            try:
                info = dict(line.split(":", 1) for line in str(session.ask("INFO", "everything")).splitlines() if ":" in line)
            finally:
                session.close()
        except OSError:
            return None
        return f"{name} with {info['run_id']} since {info['master_replid']}" if info["role"] == "master" else None


@pytest.fixture
def pair(agent: Agent) -> RedisPair:
    agent.home.chmod(0o755)
    return RedisPair(agent, agent.home / "pair")


def test_no_write_that_a_replica_has_is_lost(agent: Agent, pair: RedisPair) -> None:
    pair.write_policy()
    agent.start()
    pair.wait_for_active("db1")
    pair.wait_for_standby("db2")
    assert (pair.role("db1"), pair.role("db2")) == ("master", "slave")
    with RedisJudge(pair) as judge, RedisWriter([partial(pair.connect, name) for name in NAMES]) as writer:
        writer.wait_for_more(agent.wait_until)

        pair.kill_beyond_repair("db1")
        pair.wait_for_active("db2")
        agent.wait_until(lambda: "could not be made to follow" in agent.log_text(), WITHIN, "it is told that db1 cannot follow")
        pair.set_broken("db1", False)
        pair.wait_for_standby("db1")
        writer.wait_for_more(agent.wait_until)

        agent.wait_until(lambda: agent.ctl("failover", "db").code == 0, WITHIN, "db1 can take over")
        pair.wait_for_active("db1")
        pair.wait_for_standby("db2")
        writer.wait_for_more(agent.wait_until)

        agent.freeze()
        agent.wait_until(lambda: not pair.role("db1"), WITHIN, "the executor stops the master by itself")
        assert pair.role("db2") == "slave", "the replica goes on, and stays one"
        agent.thaw()
        agent.wait_until(lambda: "active" in [pair.member(name)["duty"] for name in NAMES], WITHIN, "one is active again")
        active = next(name for name in NAMES if pair.member(name)["duty"] == "active")
        pair.wait_for_standby(pair.other(active))
        writer.wait_for_more(agent.wait_until)
    session = pair.session(active)
    kept = {int(number) for number in session.ask("SMEMBERS", "written")}
    session.close()
    lost = [number for number in writer.acknowledged if number not in kept]
    assert not lost, f"{len(lost)} of {len(writer.acknowledged)} writes that were acknowledged are lost: {lost[:9]}"
    assert judge.looks > 10 and not judge.overlaps


def test_what_runs_without_the_lease_and_follows_nobody_is_stopped(agent: Agent, pair: RedisPair) -> None:
    """A standby that ended and comes back by somebody else's hand may be anything."""
    pair.write_policy()
    agent.start()
    pair.wait_for_active("db1")
    pair.wait_for_standby("db2")
    assert agent.ctl("pause", "db2", "--reason", "maintenance").code == 0
    pid = pair.pid("db2")
    processes.kill(pid)
    agent.wait_until(lambda: not pair.member("db2").get("follows"), WITHIN, "it is known not to follow any more")
    why = agent.ctl("why", "db").out
    assert "its data may be older than those of" in why
    agent.wait_until(
        lambda: all(one["says"].startswith("can=0") for one in pair.member("db1")["peers"]), WITHIN, "db1 knows it, too"
    )
    assert agent.ctl("failover", "db").code == 1, "nobody is there to take over"
    assert agent.ctl("resume", "db2").code == 0
    pair.wait_for_standby("db2")
    assert pair.pid("db2") != pid
