"""The agent as a process, and its control socket (docs/control-api.md)."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
from collections import deque
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

PATIENCE = 5  # seconds for an answer of the control socket
OPTIONS = {
    "--config": "recoverd.yaml",
    "--policies": "policies.d",
    "--state-dir": "state",
    "--runtime-dir": "run",
}
STOP_PATIENCE = 20  # seconds for the agent to stop the shop and itself


class Unreachable(Exception):
    """The agent does not answer."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("agent", timeout=PATIENCE)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Agent:
    def __init__(self, build: Path, root: Path) -> None:
        self.build, self.root = build, root
        self.socket = root / "run" / "control.sock"
        self.log = root / "log" / "recoverd.log"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """In a session of its own: Ctrl-C reaches only the tour, which then stops it in order."""
        command = [str(self.build / "recoverd")]
        for option, name in OPTIONS.items():
            command += [option, str(self.root / name)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def check_alive(self) -> None:
        if self.process and self.process.poll() is not None:
            raise Unreachable(f"the agent ended with status {self.process.returncode}")

    def get(self, path: str, **query: object) -> dict:
        connection = _UnixConnection(self.socket)
        try:
            connection.request("GET", f"{path}?{urlencode(query)}" if query else path)
            answer = connection.getresponse()
            body = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as why:
            raise Unreachable(f"the agent does not answer: {why}") from why
        finally:
            connection.close()
        if answer.status != 200:
            raise Unreachable(f"{path}: {body.get('error', body)}")
        return body

    def services(self) -> dict[str, dict]:
        return {service["name"]: service for service in self.get("/v1/status")["services"]}

    def incidents(self, service: str) -> list[dict]:
        """Oldest first."""
        return self.get("/v1/incidents", service=service)["incidents"][::-1]

    def events(self) -> list[dict]:
        """The last ones, oldest first."""
        return self.get("/v1/events", limit=200)["events"][::-1]

    def log_tail(self, lines: int = 30) -> str:
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return "".join(deque(log, lines))
        except FileNotFoundError:
            return ""


def moment(text: str) -> float:
    """Seconds since 1970 of a moment as the agent writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
