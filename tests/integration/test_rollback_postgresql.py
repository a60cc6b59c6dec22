"""A setting that PostgreSQL cannot start with is taken back; its data is not touched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

import pytest

from support import recovery_points
from support.ports import free_port
from support.real_servers import needs_root, postgresql
from support.recovery_points import RecoveryPoints

pytestmark = [needs_root, pytest.mark.skipif(not postgresql(), reason="needs postgresql: see packaging/dependencies")]


def test_a_setting_that_prevents_its_start_is_taken_back(agent, tmp_path_factory) -> None:
    programs, port = postgresql(), free_port()
    agent.home.chmod(0o755)
    folder = agent.home / "orders"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    subprocess.run([programs / "initdb", "-D", data, "--no-sync", "-A", "trust"], user="postgres", group="postgres",
                   extra_groups=[], cwd="/", check=True, capture_output=True)
    config = data / "postgresql.conf"
    text = f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\nfsync = off\nshared_buffers = 16MB\n"
    config.write_text(text)
    points = RecoveryPoints(agent, "orders")
    probe = f"{{tcp: {{address: '127.0.0.1:{port}'}}}}"
    agent.write_policy(recovery_points.policy(
        "orders", f"[{programs}/postgres, -D, {data}]", f"[{config}, {data}/pg_hba.conf]", probe,
        "user: postgres\n                stop_signal: INT"))
    agent.start()
    points.wait_for_first()
    owner = (config.stat().st_uid, config.stat().st_mode)
    config.write_text(text.replace("16MB", "16 elephants"))
    os.kill(agent.service("orders")["pid"], signal.SIGINT)
    points.assert_rolled_back(config, text, "-shared_buffers = 16MB", "+shared_buffers = 16 elephants")
    assert (config.stat().st_uid, config.stat().st_mode) == owner
