"""ZooKeeper as Debian has it, run as a plain program in little memory."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

JAR = Path("/usr/share/java/zookeeper.jar")
START_SECONDS = 150  # on a busy host; mostly five

CONFIG = """
tickTime=2000
dataDir={folder}
clientPort={port}
clientPortAddress=127.0.0.1
admin.enableServer=false
{more}
"""

needs_zookeeper = pytest.mark.skipif(
    not (JAR.exists() and shutil.which("java")), reason="needs the package zookeeperd: see packaging/dependencies"
)


def command(config: Path, folder: Path, port: int, more: str = "") -> list[str]:
    """Writes the configuration; its data go to `folder`."""
    config.write_text(CONFIG.format(folder=folder, port=port, more=more))
    java = [shutil.which("java") or "java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", str(JAR)]
    return [*java, "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(config)]


def says(port: int, text: bytes = b"Mode:") -> bool:
    """Whether its answer to `srvr` holds the text. One that has just begun to listen says that it is not serving yet."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.sendall(b"srvr")
            return text in connection.recv(4096)
    except OSError:
        return False
