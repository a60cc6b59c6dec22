"""Runs recoverd for a test and speaks to it; ends it and all that it started."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from support import processes
from support.metrics import Metrics, parse_metrics
from support.ports import free_port
from support.questions import Answer, Questions

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("RECOVERD_BUILD", ROOT / "build-test"))
# With the first lines of the stack.
SANITIZER_REPORT = re.compile(r"^.*(?:ERROR: \w+Sanitizer|runtime error:).*$(?:\n.*){0,20}", re.MULTILINE)
PROMETHEUS_TEXT = "text/plain;version=0.0.4"


def program(name: str) -> Path:
    path = BUILD / name
    if not path.exists():
        raise AssertionError(f"{path} does not exist: build it, as `tests/run integration` does")
    return path


class ControlConnection(http.client.HTTPConnection):
    """HTTP on the control socket, as recoverctl speaks it."""

    def __init__(self, path: Path) -> None:
        super().__init__("agent", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Agent(Questions):
    """Folders of its own, below /tmp since the path of a unix socket is short: config file, policies,
    state and runtime. Nothing runs before `start`."""

    def __init__(self) -> None:
        self.marker = uuid.uuid4().hex
        self.home = Path(tempfile.mkdtemp(prefix="recoverd-"))
        self.config = self.home / "recoverd.yaml"
        self.policies = self.home / "policies"
        self.state = self.home / "state"
        self.runtime = self.home / "run"
        self.log = self.home / "log"
        for folder in (self.policies, self.state, self.runtime):
            folder.mkdir(mode=0o755)
        self.port = free_port()
        self.environment: dict[str, str] = {}  # added to that of the agent
        self.process: subprocess.Popen[bytes] | None = None
        self._older = processes.descendants()
        self.write_config()

    # ---- Files --------------------------------------------------------------------------------

    def write_config(self, text: str = "", agent: str = "") -> None:
        """`agent`: more lines of the agent block; `text`: more blocks."""
        block = textwrap.indent(textwrap.dedent(agent).strip(), "  ")
        lines = ["version: 1", "agent:", f"  listen: 127.0.0.1:{self.port}",
                 *(() if "package_locks" in agent else ("  package_locks: []",)), block, textwrap.dedent(text)]
        self.config.write_text("\n".join(line for line in lines if line.strip()) + "\n")

    def write_policy(self, text: str, name: str = "test.yaml") -> Path:
        """One file of policies; `version: 1` is put in front when the text has none."""
        text = textwrap.dedent(text).lstrip("\n")
        path = self.policies / name
        path.write_text(text if text.startswith("version:") else f"version: 1\n{text}")
        path.chmod(0o644)
        return path

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # ---- The process --------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        assert self.process, "the agent was not started"
        return self.process.pid

    @property
    def executor_pid(self) -> int | None:
        found = processes.named("recoverd-executor", self._ours())
        return found[0] if found else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def socket(self) -> Path:
        return self.runtime / "control.sock"

    def command(self, *arguments: str) -> list[str]:
        folders = ["--state-dir", str(self.state), "--runtime-dir", str(self.runtime)]
        files = ["--config", str(self.config), "--policies", str(self.policies)]
        return [str(program("recoverd")), *files, *folders, *arguments]

    def start(self, *arguments: str, ready: bool = True, within: float = 20) -> None:
        """ready: return once the control socket answers."""
        assert not self.is_running, "the agent runs already"
        environment = {**os.environ, **self.environment, "RECOVERD_TEST_ID": self.marker}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.command(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        if ready:
            self.wait_until(self._answers_or_died, within, "the agent answers")

    def _answers_or_died(self) -> bool:
        if not self.is_running:
            raise AssertionError(f"the agent ended with status {self.process and self.process.returncode}")
        try:
            return bool(self.status())
        except AssertionError:
            return False

    def stop(self, within: float = 20) -> int:
        """SIGTERM; the exit status, which the caller may want to be 0."""
        assert self.process
        self.process.terminate()
        return self.process.wait(timeout=within)

    def kill9(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(timeout=10)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _ours(self) -> set[int]:
        return (processes.descendants() - self._older) | processes.marked(self.marker)

    def service_pids(self) -> set[int]:
        """What runs for this agent beside itself and its executor."""
        programs = {"recoverd", "recoverd-executor"}
        running = {pid for pid in self._ours() if processes.is_running(pid)}
        return {pid for pid in running if processes.program_name(pid) not in programs}

    def close(self) -> None:
        """Ends everything and removes the folders; AssertionError when a sanitizer complained."""
        try:
            if self.is_running:
                self._stop_or_kill()
            processes.end_all(self._ours)
            complaint = SANITIZER_REPORT.search(self.log_text())
            assert not complaint, complaint and complaint.group()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)

    def _stop_or_kill(self) -> None:
        """In order, so that the leak check runs; a frozen agent would not hear SIGTERM."""
        self.thaw()
        try:
            self.stop(within=10)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError("the agent did not end within 10 s of SIGTERM") from None

    # ---- Questions ----------------------------------------------------------------------------

    def ctl(self, *arguments: str, within: float = 30) -> Answer:
        command = [str(program("recoverctl")), "--socket", str(self.socket), *arguments]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def ask(self, path: str) -> Any:
        connection = ControlConnection(self.socket)
        try:
            connection.request("GET", f"/v1/{path}")
            answer = connection.getresponse()
            text = answer.read().decode()
        except OSError as error:
            raise AssertionError(f"GET /v1/{path}: {error}") from None
        finally:
            connection.close()
        assert answer.status == 200, f"GET /v1/{path}: {answer.status} {text}"
        return json.loads(text)

    def http(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and body of a page on the listener."""
        url = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=10) as page:
                return page.status, page.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metrics(self) -> Metrics:
        status, text = self.http("/metrics", {"Accept": PROMETHEUS_TEXT})
        assert status == 200, text
        return parse_metrics(text)

    def metric(self, name: str, **labels: str) -> float | None:
        return self.metrics().value(name, **labels)
