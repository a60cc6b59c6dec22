"""A redis.conf that was cut off in the middle of a word is put back; a person who wants to say yes first is asked."""

from __future__ import annotations

import os
import signal

from support import recovery_points
from support.ports import free_port
from support.real_servers import needs
from support.recovery_points import RecoveryPoints

pytestmark = needs("redis-server")


def test_a_corrupted_configuration_waits_for_a_person(agent, tmp_path) -> None:
    port = free_port()
    config = tmp_path / "redis/redis.conf"
    config.parent.mkdir()
    text = f"port {port}\nbind 127.0.0.1\nsave \"\"\nrequirepass open-sesame\nmaxmemory 64mb\nmaxmemory-policy allkeys-lru\n"
    config.write_text(text)
    points = RecoveryPoints(agent, "cache")
    probe = f"{{tcp: {{address: '127.0.0.1:{port}'}}}}"
    ladder = "restart: {attempts: 1}, rollback: {approve: manual}, notify: {}"
    agent.write_policy(recovery_points.policy(
        "cache", f"[/usr/bin/redis-server, {config}]", f"[{config}]", probe, f"directory: {tmp_path}", ladder))
    agent.start()
    points.wait_for_first()
    config.write_text(text.replace("open-sesame", "other-sesame").replace("allkeys-lru", "allkeys-l"))
    os.kill(agent.service("cache")["pid"], signal.SIGKILL)
    agent.wait_for("cache", within=40, state="exhausted")
    why = agent.ctl("why", "cache").out
    assert "-maxmemory-policy allkeys-lru" in why and "+maxmemory-policy allkeys-l" in why
    assert "sesame" not in why, "secrets are scrubbed"
    assert "`recoverctl rollback` does it" in " ".join(why.split())
    assert config.read_text() != text
    assert agent.ctl("rollback", "cache").code == 0
    agent.wait_for("cache", within=30, state="healthy")
    assert config.read_text() == text
