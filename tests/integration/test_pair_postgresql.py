"""A PostgreSQL primary and its standby under a group, with the hooks that are shipped: no write that was acknowledged
is lost with synchronous replication, and at no time both take writes, whatever becomes of the primary, its supervisor
and the standby."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from support import processes
from support.agent import Agent
from support.pair_writers import PostgresqlWriter
from support.pairs import NAMES, WITHIN, Judge, Pair
from support.real_servers import RealServers, needs_root, postgresql
from support.waiting import wait_until

pytestmark = [needs_root, pytest.mark.skipif(not postgresql(), reason="needs postgresql: see packaging/dependencies")]

SETTINGS = """
listen_addresses = '127.0.0.1'
fsync = off
shared_buffers = 16MB
max_connections = 100
wal_keep_size = 64MB
wal_log_hints = on
wal_retrieve_retry_interval = 500ms
wal_receiver_timeout = 10s
synchronous_commit = on
synchronous_standby_names = 'ANY 1 (db1, db2)'
"""


class PostgresqlPair(Pair):
    hook = "postgresql-pair"
    user = "postgres"

    def __init__(self, agent: Agent, folder: Path) -> None:
        super().__init__(agent, folder)
        self.bin = postgresql()
        self.data = {name: folder / name for name in NAMES}
        self.run(self.bin / "initdb", "-D", self.data["db1"], "--no-sync", "-A", "trust")
        with (self.data["db1"] / "postgresql.conf").open("a") as config:
            config.write(SETTINGS)

    def run(self, *command: object) -> str:
        done = subprocess.run([str(word) for word in command], user="postgres", group="postgres", extra_groups=[], cwd="/",
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def target(self) -> str:
        ports = ",".join(str(port) for port in self.ports.values())
        return f"host=127.0.0.1,127.0.0.1 port={ports} user=postgres"

    def query(self, name: str, text: str) -> str | None:
        done = subprocess.run([self.bin / "psql", "-XqAt", "-h", "127.0.0.1", "-p", str(self.ports[name]), "-U", "postgres", "-d", "postgres",
                               "-c", text], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "PGCONNECT_TIMEOUT": "5"})
        return done.stdout.strip() if done.returncode == 0 else None

    def _step(self, verb: str, timeout: str, more: str = "") -> str:
        words = f"{self.hook_path}, {verb}, --bin, {self.bin}, --data, {self.folder}/%m, --socket, {self.folder}"
        more = more and f"{more}, "
        return f"exec: {{command: [{words}, --user, postgres, {more}{self.peers()}], timeout: {timeout}}}"

    def write_policy(self) -> None:
        members = "".join(f"""
          {name}:
            command: {self.command(name, f"{self.bin}/postgres -D {self.data[name]} -p {self.ports[name]} -k {self.folder}")}
            user: postgres
            stop_signal: INT
            member_of: db
            log: none
            start_grace: 5s
            verify: 10s
            interval: 500ms
            fast_interval: 200ms
            fall: 10
            probes:
              sessions: {{tcp: {{address: "127.0.0.1:{self.ports[name]}", protocol: postgresql}}}}
              replication:
                exec:
                  command: [{self.hook_path}, check, --bin, {self.bin}, --socket, {self.folder}, --port, "{self.ports[name]}"]
                  user: postgres
                interval: 5s
                timeout: 5s
                fall: 6
                role: warning
            recover: [restart: {{attempts: 1}}]
            backoff: {{initial: 100ms, jitter: none}}""" for name in NAMES)
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
            follow: [{self._step("follow", "1m")}, start, {self._step("check", "40s", "--wait, 20")}]
            requires_healthy: [replication]
        services:{members}
        """)


class PostgresqlJudge(Judge):
    def __init__(self, pair: PostgresqlPair) -> None:
        super().__init__()
        self.pair = pair

    def life_as_primary(self, name: str) -> str | None:
        said = self.pair.query(name, "SELECT pg_is_in_recovery(), pg_postmaster_start_time()")
        return f"{name} since {said[2:]}" if said and said.startswith("f|") else None


@pytest.fixture
def pair(agent: Agent, tmp_path_factory) -> PostgresqlPair:
    agent.home.chmod(0o755)
    return PostgresqlPair(agent, agent.home / "pair")


def assert_nothing_lost(pair: PostgresqlPair, name: str, writer: PostgresqlWriter, judge: PostgresqlJudge) -> None:
    kept = {int(line) for line in (pair.query(name, "SELECT n FROM written") or "").split()}
    lost = [number for number in writer.acknowledged if number not in kept]
    assert not lost, f"{len(lost)} of {len(writer.acknowledged)} writes that were acknowledged are lost: {lost[:9]}"
    assert judge.looks > 10 and not judge.overlaps


def test_no_acknowledged_write_is_lost(agent: Agent, pair: PostgresqlPair) -> None:
    pair.write_policy()
    agent.start()
    pair.wait_for_active("db1")
    pair.wait_for_standby("db2")
    assert pair.query("db2", "SELECT pg_is_in_recovery()") == "t"
    assert pair.query("db1", "CREATE TABLE written (n int PRIMARY KEY)") is not None
    with PostgresqlJudge(pair) as judge, PostgresqlWriter(pair.target()) as writer:
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

        standby = pair.pid("db2")
        processes.kill(agent.executor_pid)
        agent.wait_until(lambda: agent.executor_pid and pair.member("db2").get("follows"), WITHIN, "another executor knows it")
        agent.kill9()
        agent.start()
        pair.wait_for_active("db1")
        pair.wait_for_standby("db2")
        assert pair.pid("db2") == standby, "the standby has gone on"

        processes.kill_orphan(standby)  # adopted by the executor, whose child it is not
        agent.wait_until(lambda: pair.pid("db2") not in (0, standby), WITHIN, "it is started anew")
        pair.wait_for_standby("db2")
        writer.wait_for_more(agent.wait_until)
    assert_nothing_lost(pair, "db1", writer, judge)


def test_a_copy_whose_first_start_fails_is_not_lost(agent: Agent, pair: PostgresqlPair) -> None:
    """Its control file is that of the primary, and pg_rewind has no use for it."""
    pair.set_broken("db2", True)
    pair.write_policy()
    agent.start()
    pair.wait_for_active("db1")
    failed = "it could not be made to follow: the service has ended"
    agent.wait_until(lambda: failed in agent.log_text(), WITHIN, "it is told that db2 does not start")
    pair.set_broken("db2", False)
    pair.wait_for_standby("db2")
    assert "kept its data, and follows db1" in agent.log_text()


def test_data_are_compared_only_after_the_checkpoint_of_a_promotion(pair: PostgresqlPair, servers: RealServers) -> None:
    """Before it, pg_rewind would find nothing of what the old primary has of its own."""

    def start(name: str) -> subprocess.Popen:
        words = (pair.bin / "postgres", "-D", pair.data[name], "-p", pair.ports[name], "-k", pair.folder)
        server = servers.launch(*words, user="postgres")
        wait_until(lambda: pair.query(name, "SELECT 1"), WITHIN, f"{name} answers")
        return server

    old = start("db1")
    source = f"host=127.0.0.1 port={pair.ports['db1']}"
    pair.run(pair.bin / "pg_basebackup", "-D", pair.data["db2"], "-d", source, "-R", "-c", "fast")
    start("db2")
    pair.query("db1", "ALTER SYSTEM SET synchronous_standby_names = ''")
    pair.query("db1", "SELECT pg_reload_conf()")
    pair.query("db1", "CREATE TABLE much AS SELECT n, repeat('x', 500) FROM generate_series(1, 60000) n")
    wait_until(lambda: pair.query("db2", "SELECT count(*) FROM much") == "60000", WITHIN, "db2 has all of it")
    assert pair.query("db2", "SELECT pg_promote()") == "t"  # by hand, so without the checkpoint that the hook begins
    assert pair.query("db1", "CREATE TABLE of_its_own (n int)") is not None
    old.send_signal(signal.SIGINT)
    old.wait(WITHIN)

    words = ("follow", "--bin", pair.bin, "--data", pair.data["db1"], "--user", "postgres", "--peer", f"db2=127.0.0.1:{pair.ports['db2']}")
    environment = {**os.environ, "RECOVERD_MEMBER": "db1", "RECOVERD_ACTIVE": "db2"}
    following = subprocess.Popen([str(word) for word in (pair.hook_path, *words)], user="postgres", group="postgres", extra_groups=[],
                                 cwd="/", env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with pytest.raises(subprocess.TimeoutExpired):
        following.wait(3)
    assert pair.query("db2", "CHECKPOINT") is not None
    said, _ = following.communicate(timeout=WITHIN)
    assert following.returncode == 0 and said.startswith("compared its data, and took back what was its own"), said
    start("db1")
    wait_until(lambda: pair.query("db1", "SELECT status FROM pg_stat_wal_receiver") == "streaming", WITHIN, "db1 follows")
    assert pair.query("db1", "SELECT to_regclass('of_its_own') IS NULL") == "t"
