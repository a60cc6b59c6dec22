"""PostgreSQL and Redis as pairs on two hosts, with the policies and the hooks that are shipped, and a client that writes all the
time from outside. The active host loses its power, the standby is promoted, the other one comes back as a standby, and a person
hands over to it; the standby's server and executor are killed: every write that was acknowledged is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import namespaces
from support.cluster import Member
from support.ensemble import needs_etcd, needs_zookeeper
from support.lab import Lab
from support.pair_hosts import PairOnHosts, pair_on_hosts
from support.pair_writers import Connect, PostgresqlWriter, RedisSession, RedisWriter
from support.real_servers import needs
from support.waiting import wait_until

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

# What docs/failover.md says has to be set up.
POSTGRESQL = """
listen_addresses = '*'
wal_log_hints = on
wal_keep_size = 64MB
synchronous_commit = on
synchronous_standby_names = 'ANY 1 (db1, db2)'
"""
ACCESS = """
host all,replication all 10.77.0.0/24 trust
"""
ROLES = """
SET synchronous_commit = local;
CREATE ROLE replicator LOGIN REPLICATION;
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
    pg_read_binary_file(text, bigint, bigint, boolean) TO replicator;
CREATE ROLE client LOGIN;
CREATE TABLE written (n int PRIMARY KEY);
GRANT ALL ON written TO client;
"""
REDIS = """
bind 0.0.0.0
protected-mode no
supervised systemd
dir /var/lib/redis
save ""
appendonly yes
appendfsync always
min-replicas-to-write 1
min-replicas-max-lag 10
include /var/lib/redis/recoverd-role.conf
"""


class PostgresqlPair(PairOnHosts):
    group = "postgresql"
    hook = "postgresql-pair"
    names = ("db1", "db2")
    unit = "postgresql@15-main.service"

    def equip(self, host: Member) -> None:
        settings = "/etc/postgresql/15/main"
        host.write(f"{settings}/conf.d/pair.conf", POSTGRESQL)
        host.write(f"{settings}/pg_hba.conf", host.read(f"{settings}/pg_hba.conf") + ACCESS)
        host.run(["chown", "postgres:", f"{settings}/pg_hba.conf"])
        if host.name == self.names[0]:
            host.systemctl("start", self.unit, within=120)
            host.run(["psql", "-XqAt", "-d", "postgres"], input=ROLES, user="postgres")
            host.systemctl("stop", self.unit)
        else:
            host.run(["rm", "-rf", "/var/lib/postgresql/15/main"])

    def writer(self) -> PostgresqlWriter:
        inside = ("nsenter", f"--net=/run/netns/{self.client.name}")
        return PostgresqlWriter(f"host={','.join(host.address for host in self.hosts.values())} user=client", inside)

    def written(self, name: str) -> set[int]:
        found = self.hosts[name].run(["psql", "-XqAt", "-d", "postgres", "-c", "SELECT n FROM written"], user="postgres")
        return {int(line) for line in found.out.split()}


class RedisPair(PairOnHosts):
    group = "redis"
    hook = "redis-pair"
    names = ("cache1", "cache2")

    def equip(self, host: Member) -> None:
        host.write("/etc/redis/redis.conf", REDIS)
        host.write("/var/lib/redis/recoverd-role.conf", "")
        host.run(["chown", "redis:", "/var/lib/redis/recoverd-role.conf"])

    def _connect(self, name: str) -> Connect:
        return lambda: namespaces.connect(self.client.name, (self.hosts[name].address, 6379), 5)

    def writer(self) -> RedisWriter:
        return RedisWriter([self._connect(name) for name in self.names])

    def written(self, name: str) -> set[int]:
        session = RedisSession(self._connect(name))
        found = session.ask("SMEMBERS", "written")
        session.close()
        assert isinstance(found, list)
        return {int(number) for number in found}


PAIRS = [
    pytest.param((PostgresqlPair, "etcd"), marks=[needs_etcd, needs("psql")], id="postgresql-etcd"),
    pytest.param((RedisPair, "zookeeper"), marks=needs_zookeeper, id="redis-zookeeper"),
]


@pytest.fixture(params=PAIRS)
def pair(lab: Lab, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PostgresqlPair | RedisPair]:
    kind, coordinator = request.param
    with pair_on_hosts(lab, kind, coordinator, tmp_path) as made:
        request.node.hosts = list(made.hosts.values())
        yield made


def test_no_acknowledged_write_is_lost(pair: PostgresqlPair | RedisPair) -> None:
    first, second = pair.names
    pair.start()
    pair.wait_for_active(first)
    pair.wait_for_standby(second)
    with pair.writer() as writer:
        pair.live_through_a_power_cut(writer)
        pair.kill_standby_and_its_executor(second)
        writer.wait_for_more(wait_until)
    lost = set(writer.acknowledged) - pair.written(first)
    assert not lost, f"{len(lost)} of {len(writer.acknowledged)} writes that were acknowledged are lost"
