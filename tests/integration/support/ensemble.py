"""Real coordinators: three ZooKeepers as one ensemble, and an etcd, on loopback or in a network namespace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from support import namespaces
from support.ports import free_port
from support.real_servers import RealServers

ZOOKEEPER_JAR = Path("/usr/share/java/zookeeper.jar")
START_SECONDS = 120  # of Java, three times, on a busy machine
TICK = 500  # ms; sessions last from 2 to 20 of them, unless longer ones are asked for

needs_zookeeper = pytest.mark.skipif(
    not ZOOKEEPER_JAR.exists() or not shutil.which("java") or not list(Path("/usr/lib").glob("*/libzookeeper_st.so.2")),
    reason="needs zookeeperd and libzookeeper-st2: see packaging/dependencies",
)
needs_etcd = pytest.mark.skipif(not shutil.which("etcd"), reason="needs etcd-server: see packaging/dependencies")


@dataclass(frozen=True)
class Place:
    """Where the servers of a coordinator run, and how their clients find them."""

    address: str = "127.0.0.1"
    namespace: str = ""

    def inside(self, *command: object) -> tuple[object, ...]:
        return ("nsenter", f"--net=/run/netns/{self.namespace}", *command) if self.namespace else command

    def connect(self, port: int, seconds: float) -> socket.socket:
        peer = (self.address, port)
        return namespaces.connect(self.namespace, peer, seconds) if self.namespace else socket.create_connection(peer, seconds)


LOOPBACK = Place()


class Ensemble:
    """Three servers of ZooKeeper; `user` may do everything below /recoverd."""

    def __init__(self, servers: RealServers, folder: Path, place: Place = LOOPBACK, session_max: int = 20 * TICK) -> None:
        self.servers, self.folder, self.place = servers, folder, place
        self.ports = [free_port() for _ in range(3)]
        peers = "\n".join(f"server.{n}=127.0.0.1:{free_port()}:{free_port()}" for n in (1, 2, 3))
        self.processes: list[subprocess.Popen] = []
        for n, port in enumerate(self.ports, 1):
            data = folder / f"zk{n}"
            data.mkdir(parents=True)
            (data / "myid").write_text(f"{n}\n")
            (folder / f"zk{n}.cfg").write_text(
                f"tickTime={TICK}\nmaxSessionTimeout={session_max}\ninitLimit=40\nsyncLimit=8\ndataDir={data}\nclientPort={port}\n"
                f"clientPortAddress={place.address}\nadmin.enableServer=false\n4lw.commands.whitelist=srvr\n{peers}\n"
            )
            self.processes.append(self._launch(n))
        self.await_start()

    def await_start(self) -> None:
        """Until each of them leads or follows."""
        for process, port in zip(self.processes, self.ports):
            self.servers.await_start(process, lambda port=port: self.mode(port), START_SECONDS)

    def _launch(self, n: int) -> subprocess.Popen:
        java = ("java", "-Xmx48m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ZOOKEEPER_JAR)
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        return self.servers.launch(*self.place.inside(*java, main, self.folder / f"zk{n}.cfg"))

    def _word(self, port: int, word: str) -> str:
        try:
            with self.place.connect(port, 2) as peer:
                peer.sendall(word.encode())
                return peer.makefile(errors="replace").read()
        except OSError:
            return ""

    def mode(self, port: int) -> str:
        """leader, follower, or nothing."""
        return next((line[6:] for line in self._word(port, "srvr").splitlines() if line.startswith("Mode: ")), "")

    def leader(self) -> subprocess.Popen | None:
        found = (process for process, port in zip(self.processes, self.ports) if self.mode(port) == "leader")
        return next(found, None)

    def kill(self, *chosen: subprocess.Popen) -> None:
        """Those, or all."""
        for process in chosen or self.processes:
            process.kill()
            process.wait()

    def revive(self) -> None:
        """Those that were killed; they find their data again."""
        for n, process in enumerate(self.processes, 1):
            if process.poll() is not None:
                self.processes[n - 1] = self._launch(n)
        self.await_start()

    def pause(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGCONT)

    def settings(self, user: str = "recoverd", password: str = "barley", root: str = "/recoverd") -> tuple[str, ...]:
        secret = self.folder / f"password-{password}"
        secret.write_text(f"{password}\n")
        servers = tuple(f"server={self.place.address}:{port}" for port in self.ports)
        return (*servers, f"root={root}", f"user={user}", f"password_file={secret}")


class Etcd:
    """One etcd."""

    def __init__(
        self, servers: RealServers, folder: Path, *options: object, scheme: str = "http", place: Place = LOOPBACK
    ) -> None:
        self.servers, self.place = servers, place
        self.port, peer = free_port(), free_port()
        self.url = f"{scheme}://{place.address}:{self.port}"
        self._command = place.inside(
            "etcd", "--name", "one", "--data-dir", folder / "etcd", "--unsafe-no-fsync", "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url, "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"one=http://127.0.0.1:{peer}",
            "--enable-pprof=false", "--log-level", "error", *options,
        )  # fmt: skip
        self.process = self._launch()
        if scheme == "http":
            self.await_start()

    def _launch(self) -> subprocess.Popen:
        return self.servers.launch(*self._command, env={"ETCD_UNSUPPORTED_ARCH": os.uname().machine})

    def await_start(self) -> None:
        self.servers.await_start(self.process, self._is_well, START_SECONDS)

    def _is_well(self) -> bool:
        try:
            return self.call("kv/range", {"key": "YQ=="}) is not None
        except (OSError, HTTPException):
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def revive(self) -> None:
        """It finds its data again."""
        if self.process.poll() is not None:
            self.process = self._launch()
        self.await_start()

    def call(self, path: str, body: dict) -> dict:
        connection = HTTPConnection(self.place.address, self.port)
        connection.sock = self.place.connect(self.port, 5)
        try:
            connection.request("POST", f"/v3/{path}", json.dumps(body))
            answer = connection.getresponse()
            if answer.status != 200:
                raise HTTPException(f"{path}: {answer.status} {answer.read(200)!r}")
            return json.load(answer)
        finally:
            connection.close()
