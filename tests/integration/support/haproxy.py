"""A real HAProxy in front of services, its Runtime API, and clients that count what fails."""

from __future__ import annotations

import socket
import threading
import urllib.error
import urllib.request
from pathlib import Path

from support.ports import free_port

CONFIG = """
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/user.sock mode 600 level user
  stats socket ipv4@127.0.0.1:{api} level admin
{settings}
defaults
  mode http
  retries 0
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend entry
  bind 127.0.0.1:{port}
{rules}
  default_backend shop
backend shop
  balance roundrobin
{servers}
"""


def server_line(name: str, port: int, more: str = "") -> str:
    return f"  server {name} 127.0.0.1:{port} check inter 200ms fall 2 rise 1 weight 100 {more}"


class HAProxy:
    """Beside its own socket for admins it has one that may only look, and one on TCP."""

    def __init__(self, servers, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.servers, self.folder = servers, folder
        self.port, self.api = free_port(), free_port()
        self.admin, self.user = folder / "admin.sock", folder / "user.sock"
        self.process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self, *lines: str, settings: str = "", rules: str = "") -> None:
        """Each line is one `server` of the backend `shop`; `settings` are of `global`, `rules` of the frontend."""
        config = self.folder / "haproxy.cfg"
        config.write_text(
            CONFIG.format(
                folder=self.folder, port=self.port, api=self.api, servers="\n".join(lines), settings=settings, rules=rules
            ).lstrip()
        )
        self.process = self.servers.launch("haproxy", "-db", "-f", config)
        self.servers.await_start(self.process, self.admin.exists)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def say(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(10)
            talk.connect(str(self.admin))
            talk.sendall(f"{command}\n".encode())
            pieces = []
            while piece := talk.recv(65536):
                pieces.append(piece)
        return b"".join(pieces).decode()

    def server(self, name: str) -> dict[str, str]:
        """Its line of `show stat`."""
        head, *lines = self.say("show stat shop 4 -1").strip().splitlines()
        rows = (dict(zip(head[2:].split(","), line.split(","))) for line in lines)
        return next(row for row in rows if row["svname"] == name)

    def status(self, name: str) -> str:
        return self.server(name)["status"]

    def weight(self, name: str) -> int:
        return int(self.server(name)["weight"])


class Clients:
    """Ask one after the other, each request on a connection of its own, until they are stopped."""

    def __init__(self, url: str, count: int = 3) -> None:
        self.url = url
        self.answered = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]

    def _ask(self) -> str | None:
        try:
            with urllib.request.urlopen(self.url, timeout=30) as page:
                page.read()
        except urllib.error.HTTPError as error:
            return f"{error.code}"
        except OSError as error:
            return repr(error)
        return None

    def _run(self) -> None:
        while not self._end.wait(0.005):
            failure = self._ask()
            with self._lock:
                self.answered += 1
                if failure:
                    self.failures.append(failure)

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(60)
