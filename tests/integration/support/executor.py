"""Runs recoverd-executor for a test and speaks to it as the agent does: key=value packets over a unix
socket, see agent/model/wire.h."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import time
from pathlib import Path

from support import processes
from support.agent import SANITIZER_REPORT, program
from support.waiting import wait_until

Message = dict[str, str]

WITHIN = 15.0  # seconds for what normally takes milliseconds
# Ids are unique across agents, as an agent's own are: they begin with the wall clock.
_requests = itertools.count(time.time_ns() // 1000)


class Connection:
    """One agent."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.seen: list[Message] = []  # everything that came, oldest first
        self.roles: dict[str, Message] = {}  # of members of groups, by service: what came last

    def send_raw(self, packet: bytes) -> None:
        self.socket.send(packet)

    def send(self, type: str, **fields: object) -> None:
        lines = [f"type={type}", *(f"{key}={value}" for key, value in fields.items())]
        self.send_raw("".join(f"{line}\n" for line in lines).encode())

    def receive(self, within: float = WITHIN) -> Message:
        """The next message; {} when the executor closed the connection."""
        self.socket.settimeout(max(within, 0.001))
        try:
            packet = self.socket.recv(65536)
        except ConnectionResetError:
            packet = b""
        message = dict(line.split("=", 1) for line in packet.decode().splitlines())
        if message:
            self.seen.append(message)
        if message.get("type") == "role":
            self.roles[message["service"]] = message
        return message

    def wait_for(self, type: str, within: float = WITHIN, **fields: object) -> Message:
        """The next message of this type and with these fields; the others are passed over."""
        wanted = {"type": type, **{key: str(value) for key, value in fields.items()}}
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self.receive(left)
            except TimeoutError:
                break
            if not message:
                raise AssertionError(f"closed while waiting for {wanted}; seen: {self.seen}")
            if wanted.items() <= message.items():
                return message
        raise AssertionError(f"not within {within:g} s: {wanted}; seen: {self.seen}")

    def is_closed(self, within: float = WITHIN) -> bool:
        while self.receive(within):
            pass
        return True

    def hello(self) -> Message:
        self.send("hello", version=1)
        return self.wait_for("welcome")

    def list(self) -> tuple[dict[str, Message], dict[str, Message]]:
        """The services and the last results, by name."""
        self.send("list")
        services: dict[str, Message] = {}
        results: dict[str, Message] = {}
        while (message := self.receive())["type"] != "listed":
            assert message, f"closed while listing; seen: {self.seen}"
            kinds = {"service": services, "done": results, "refused": results, "role": self.roles}
            if (kind := kinds.get(message["type"])) is not None:  # not what is said meanwhile, such as `content`
                kind[message["service"]] = message
        return services, results

    def service(self, name: str) -> Message:
        return self.list()[0][name]

    def ask(self, service: str, action: str = "", step: int = -1, **fields: object) -> str:
        """Sends a `do`, and returns its request id. The digest is the executor's own unless given."""
        if "digest" not in fields:
            fields["digest"] = self.service(service)["digest"]
        request = str(fields.pop("request", None) or next(_requests))
        named = {"action": action} if action else {}
        self.send("do", request=request, service=service, step=step, **named, **fields)
        return request

    def do(self, service: str, action: str = "", step: int = -1, **fields: object) -> Message:
        """The answer to a `do`: `done` or `refused`."""
        request = self.ask(service, action, step, **fields)
        deadline = time.monotonic() + 3 * WITHIN
        while time.monotonic() < deadline:
            message = self.receive()
            assert message, f"closed without an answer; seen: {self.seen}"
            if message["type"] in ("done", "refused") and message["request"] == request:
                return message
        raise AssertionError(f"no answer; seen: {self.seen}")

    def start(self, service: str) -> int:
        """Starts it, and returns the pid."""
        answer = self.do(service, "start")
        assert answer.get("ok") == "1", answer
        return int(self.service(service)["pid"])

    def role(self, service: str) -> Message:
        """Of a member, as it is now."""
        self.list()
        return self.roles[service]

    def wait_for_role(self, service: str, role: str, within: float = WITHIN) -> Message:
        if self.role(service)["role"] == role:
            return self.roles[service]
        return self.wait_for("role", within, service=service, role=role)

    def guard(self, service: str, token: int, seconds: float) -> Message:
        """A lease that ends so many seconds from now; the answer, `role` or `refused`."""
        digest = self.service(service)["digest"]
        deadline = int((boottime() + seconds) * 1e6) if seconds else 0
        request = next(_requests)
        self.send("guard", request=request, service=service, digest=digest, token=token, deadline=deadline)
        while message := self.receive():
            if message["type"] == "role" and message["service"] == service:
                return message
            if message["type"] == "refused" and message["request"] == str(request):
                return message
        raise AssertionError(f"closed without an answer; seen: {self.seen}")

    def promote(self, service: str, token: int, seconds: float) -> int:
        """Makes it the active member under such a lease, and returns its pid."""
        self.wait_for_role(service, "standby")
        assert self.guard(service, token, seconds)["type"] == "role"
        answer = self.do(service, "promote")
        assert answer.get("ok") == "1", answer
        return int(self.service(service).get("pid", 0))

    def close(self) -> None:
        self.socket.close()


def boottime() -> float:
    """The clock that leases are counted on."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Executor:
    """Folders of its own below /tmp; nothing runs before `start`."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="recoverd-executor-"))
        self.policies = self.home / "policies"
        self.state = self.home / "state"
        self.runtime = self.home / "run"
        self.log = self.home / "log"
        for folder in (self.policies, self.state, self.runtime):
            folder.mkdir(mode=0o755)
        self.wrapper: list[str] = []  # in front of the command line
        self.process: subprocess.Popen[bytes] | None = None
        self._connections: list[Connection] = []
        self._older = processes.descendants()

    def write_policy(self, text: str) -> None:
        path = self.policies / "test.yaml"
        path.write_text("version: 1\n" + textwrap.dedent(text).lstrip("\n"))
        path.chmod(0o644)

    def command(self, *arguments: str) -> list[str]:
        folders = ["--state-dir", str(self.state), "--runtime-dir", str(self.runtime)]
        # Also on a host with systemd, whose units are not the tests' to make.
        files = ["--policies", str(self.policies), "--transient-units", "no"]
        return [*self.wrapper, str(program("recoverd-executor")), *files, *folders, *arguments]

    def spawn(self, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
        with open(self.log, "ab") as log:
            return subprocess.Popen(
                self.command(*arguments), stdout=log, stderr=log, **options  # type: ignore[call-overload]
            )

    def start(self, *arguments: str) -> Connection:
        """Returns the connection of an agent that has said hello."""
        self.process = self.spawn(*arguments)
        return self.connect()

    def start_with_pair(self, *arguments: str) -> Connection:
        """As an agent starts its own: the connection is one end of a socket pair."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = self.spawn("--socket-fd", "0", *arguments, stdin=theirs)
        return self._greet(ours)

    def connect(self, hello: bool = True) -> Connection:
        return wait_until(lambda: self._try(hello), WITHIN, "the executor listens")

    def _try(self, hello: bool) -> Connection | None:
        """None also when it was the socket of a killed executor, that a child of it held a moment longer."""
        assert self.process and self.process.poll() is None, f"the executor ended:\n{self.log_text()}"
        end = self._try_connect()
        try:
            return end and (self._greet(end) if hello else self._remember(end))
        except (AssertionError, OSError):
            return None

    def _try_connect(self) -> socket.socket | None:
        end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            end.connect(str(self.runtime / "executor.sock"))
        except OSError:
            end.close()
            return None
        return end

    def _remember(self, end: socket.socket) -> Connection:
        self._connections.append(Connection(end))
        return self._connections[-1]

    def _greet(self, end: socket.socket) -> Connection:
        connection = self._remember(end)
        connection.hello()
        return connection

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    def kill9(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait(timeout=WITHIN)

    def restart(self) -> Connection:
        """Killed, and started anew."""
        self.kill9()
        return self.start()

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(timeout=WITHIN)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def close(self) -> None:
        """AssertionError when a sanitizer complained."""
        try:
            if self.process and self.process.poll() is None:
                self.process.send_signal(signal.SIGCONT)
                self.stop()
            for connection in self._connections:
                connection.close()
            processes.end_all(lambda: processes.descendants() - self._older)
            complaint = SANITIZER_REPORT.search(self.log_text())
            assert not complaint, f"{complaint and complaint.group()}\n{self.log_text()}"
        finally:
            self._remove_cgroups()
            shutil.rmtree(self.home, ignore_errors=True)

    def _remove_cgroups(self) -> None:
        """The services of a killed executor leave theirs behind."""
        for line in self.log_text().splitlines():
            _, found, root = line.partition("in cgroups below ")
            if found:
                wait_until(lambda root=root: _remove_tree(root), WITHIN, f"{root} is removed")


def _remove_tree(root: str) -> bool:
    """A cgroup is busy until the kernel is done with the processes that ended in it."""
    for folder, _, _ in os.walk(root, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            return False
    return True
