"""Real coordinators on loopback: three ZooKeepers as one ensemble, and an etcd."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path

import pytest

from support.ports import free_port
from support.real_servers import RealServers

ZOOKEEPER_JAR = Path("/usr/share/java/zookeeper.jar")
START_SECONDS = 120  # of Java, three times, on a busy machine
TICK = 500  # ms; sessions last from 2 to 20 of them

needs_zookeeper = pytest.mark.skipif(
    not ZOOKEEPER_JAR.exists() or not shutil.which("java") or not list(Path("/usr/lib").glob("*/libzookeeper_st.so.2")),
    reason="needs zookeeperd and libzookeeper-st2: see packaging/dependencies",
)
needs_etcd = pytest.mark.skipif(not shutil.which("etcd"), reason="needs etcd-server: see packaging/dependencies")


def _word(port: int, word: str) -> str:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as peer:
            peer.sendall(word.encode())
            return peer.makefile(errors="replace").read()
    except OSError:
        return ""


class Ensemble:
    """Three servers of ZooKeeper; `user` may do everything below /recoverd."""

    def __init__(self, servers: RealServers, folder: Path) -> None:
        self.servers, self.folder = servers, folder
        self.ports = [free_port() for _ in range(3)]
        peers = "\n".join(f"server.{n}=127.0.0.1:{free_port()}:{free_port()}" for n in (1, 2, 3))
        self.processes: list[subprocess.Popen] = []
        for n, port in enumerate(self.ports, 1):
            data = folder / f"zk{n}"
            data.mkdir(parents=True)
            (data / "myid").write_text(f"{n}\n")
            (folder / f"zk{n}.cfg").write_text(
                f"tickTime={TICK}\ninitLimit=40\nsyncLimit=8\ndataDir={data}\nclientPort={port}\n"
                f"clientPortAddress=127.0.0.1\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n{peers}\n"
            )
            self.processes.append(self._launch(n))
        for n in (1, 2, 3):
            servers.await_start(self.processes[n - 1], lambda port=self.ports[n - 1]: self.mode(port), START_SECONDS)

    def _launch(self, n: int) -> subprocess.Popen:
        java = ("java", "-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ZOOKEEPER_JAR)
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        return self.servers.launch(*java, main, self.folder / f"zk{n}.cfg")

    @staticmethod
    def mode(port: int) -> str:
        """leader, follower, or nothing."""
        return next((line[6:] for line in _word(port, "srvr").splitlines() if line.startswith("Mode: ")), "")

    def leader(self) -> subprocess.Popen:
        return next(process for process, port in zip(self.processes, self.ports) if self.mode(port) == "leader")

    def pause(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGCONT)

    def settings(self, user: str = "recoverd", password: str = "barley", root: str = "/recoverd") -> tuple[str, ...]:
        secret = self.folder / f"password-{password}"
        secret.write_text(f"{password}\n")
        servers = tuple(f"server=127.0.0.1:{port}" for port in self.ports)
        return (*servers, f"root={root}", f"user={user}", f"password_file={secret}")


class Etcd:
    """One etcd on loopback."""

    def __init__(self, servers: RealServers, folder: Path, *options: object, scheme: str = "http") -> None:
        self.port, peer = free_port(), free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.process = servers.launch(
            "etcd", "--name", "one", "--data-dir", folder / "etcd", "--unsafe-no-fsync", "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url, "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"one=http://127.0.0.1:{peer}",
            "--enable-pprof=false", "--log-level", "error", *options, env={"ETCD_UNSUPPORTED_ARCH": os.uname().machine},
        )  # fmt: skip
        if scheme == "http":
            servers.await_start(self.process, self._is_well, START_SECONDS)

    def _is_well(self) -> bool:
        try:
            return self.call("kv/range", {"key": "YQ=="}) is not None
        except OSError:
            return False

    def call(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(f"{self.url}/v3/{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
