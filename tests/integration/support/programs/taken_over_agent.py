"""Plays an agent that somebody else has taken over: it runs in place of recoverd, in its sandbox and as its user, and tries
what it can against the executor and the host. Each attempt is a function that returns what came of it; a report in JSON
goes to standard output. It judges nothing: that is for the test."""

from __future__ import annotations

import array
import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

RUNTIME = Path("/run/recoverd")
STATE = Path("/var/lib/recoverd")
PATIENCE = 10.0
FLOOD = 8_000  # requests whose answers nobody reads

Message = dict[str, str]


class Link:
    """A connection to the executor, as the agent's."""

    requests = time.time_ns() // 1000

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(RUNTIME / "executor.sock"))
        self.digests: dict[str, str] = {}
        self.send("hello", version=1)
        assert self.receive()["type"] == "welcome"
        self.send("list")
        while (message := self.receive())["type"] != "listed":
            if "digest" in message:
                self.digests[message["service"]] = message["digest"]

    def send(self, type: str, **fields: object) -> None:
        self.send_raw("".join(f"{key}={value}\n" for key, value in {"type": type, **fields}.items()).encode())

    def send_raw(self, packet: bytes) -> None:
        self.socket.send(packet)

    def receive(self) -> Message:
        try:
            packet = self.socket.recv(65536)
        except ConnectionResetError:
            packet = b""
        return dict(line.split("=", 1) for line in packet.decode().splitlines()) or {"type": "closed"}

    def answer(self, *types: str) -> Message:
        while (message := self.receive())["type"] not in (*types, "closed"):
            pass
        return message

    def do(self, service: str, **fields: object) -> str:
        """What came of it, in a word."""
        Link.requests += 1
        named = {"step": -1, "request": Link.requests, "digest": self.digests.get(service, "0" * 64), **fields}
        try:
            self.send("do", service=service, **named)
        except BrokenPipeError:
            return "closed"
        while (answer := self.answer("done", "refused")).get("request") not in (str(named["request"]), None):
            pass
        return answer.get("refusal") or ("done" if answer.get("ok") == "1" else answer["type"])


# ---- The protocol -----------------------------------------------------------------------------


def unknown_services() -> list[str]:
    names = ["nginx", "../web", "/bin/sh", "web/../../etc", "", "web\0", "*", "x" * 63]
    return [Link().do(name, action="restart") for name in names]


def smuggled_lines() -> str:
    """A line break inside of a name begins another key, and there is none that would be a command."""
    link = Link()
    return link.do("web\ncommand=/bin/touch /tmp/smuggled\npath=/bin/sh\nuser=root\nservice=nowhere", action="restart")


def extra_keys() -> str:
    link = Link()
    return link.do("web", action="restart", command="[/bin/touch, /tmp/smuggled]", path="/bin/sh", argument="-c", user="root")


def wrong_digests() -> list[str]:
    link = Link()
    old = (STATE / "old-digest").read_text() if (STATE / "old-digest").exists() else "0" * 64
    digests = [old, "", "0" * 64, link.digests["other"]]
    return [Link().do("web", action="restart", digest=digest) for digest in digests]


def actions_beyond_the_policy() -> list[str]:
    actions = ("exec", "signal", "reload", "failover", "rollback", "notify")
    named = [Link().do("web", action=action) for action in actions]
    return named + [Link().do("web", step=step) for step in (1, 7, 63, 2**31 - 1)]


def a_service_without_a_manager() -> str:
    return Link().do("watched", action="stop")


def a_member_without_a_lease() -> list[str]:
    named = [Link().do("spare", action=action) for action in ("start", "restart", "promote")]
    return [*named, Link().do("spare", step=0)]


def leases() -> dict[str, float]:
    """One without a token, and one for a year: how many seconds each gives, 0 for a refusal."""
    found = {}
    for name, token in (("without a token", 0), ("for a year", 1)):
        link = Link()
        now = time.clock_gettime(time.CLOCK_BOOTTIME)
        deadline = int((now + 365 * 86400) * 1e6)
        link.send("guard", request=1, service="spare", digest=link.digests["spare"], token=token, deadline=deadline)
        while (answer := link.answer("role", "refused")).get("service") != "spare":
            pass
        found[name] = int(answer.get("deadline", 0)) / 1e6 - now if answer["type"] == "role" else 0
    return found


def broken_packets() -> list[str]:
    """How each connection ended. The executor answers with its end, and serves the next one."""
    packets = [
        b"\0" * 4096, b"type=do", b"=\n=\n", b"type=\n", os.urandom(4096), b"type=do\nrequest=-1\n", b"A" * 40_000,
        b"type=do\nrequest=99999999999999999999999999\n", b"type=do\nservice=" + b"x" * 3000 + b"\n", b"type=welcome\n",
        b"type=probe\nservice=web\nprobe=\ntimeout=18446744073709551615\n", b"type=do\nstep=2147483648\nservice=web\n",
    ]  # fmt: skip
    ends = []
    for packet in packets:
        link = Link()
        link.send_raw(packet)
        try:
            link.send("list")
            ends.append(link.answer("listed")["type"])
        except BrokenPipeError:
            ends.append("closed")
    return ends


def too_large_a_packet() -> str:
    link = Link()
    try:
        link.send_raw(b"type=list\n" + b"x" * 100_000)
    except OSError as error:
        return type(error).__name__
    return link.receive()["type"]


def before_hello() -> str:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    end.settimeout(PATIENCE)
    end.connect(str(RUNTIME / "executor.sock"))
    end.send(b"type=stop-all\nrequest=1\n")
    try:
        return "closed" if not end.recv(65536) else "answered"
    except ConnectionResetError:
        return "closed"


def flood() -> str:
    """Requests without end, and no answer is read."""
    link = Link()
    link.socket.settimeout(0.5)
    sent = 0
    try:
        for sent in range(FLOOD):
            link.send("do", request=sent + 1, service="nowhere", action="restart")
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        return "cut off"
    return f"{sent} taken"


def connections_without_number() -> str:
    ends = []
    for _ in range(300):
        end = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        end.setblocking(False)
        try:
            end.connect(str(RUNTIME / "executor.sock"))
        except BlockingIOError:
            end.close()
            continue
        ends.append(end)
    for end in ends:
        end.close()
    return "listed" if Link().digests else "nothing"


def handed_descriptors() -> str:
    """Descriptors that come along with packets must not pile up in the executor."""
    link = Link()
    with open("/dev/null") as null:
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null.fileno()] * 50))
        for _ in range(20):
            link.socket.sendmsg([b"type=list\n"], [rights])
            link.answer("listed")
    return "listed"


def beyond_the_budget() -> list[str]:
    """`web` may cost three actions an hour, by the ladder or by a person's word, however often one comes back."""
    words = []
    for attempt in range(6):
        link = Link()
        words.append(link.do("web", step=0, attempt=attempt) if attempt % 2 else link.do("web", action="restart"))
    return words


# ---- The host ---------------------------------------------------------------------------------


def attempt(what: Callable[[], object]) -> str:
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "worked"


def files() -> dict[str, str]:
    """What it may not change, and the two folders in which it may."""
    return {
        "policy": attempt(lambda: Path("/etc/recoverd/policies.d/mine.yaml").write_text("x")),
        "unit": attempt(lambda: Path("/etc/systemd/system/mine.service").write_text("x")),
        "home": attempt(lambda: Path("/home/shop/x").write_text("x")),
        "program": attempt(lambda: Path("/usr/local/bin/x").write_text("x")),
        "tunable": attempt(lambda: Path("/proc/sys/kernel/core_pattern").write_text("|/tmp/x")),
        "control group": attempt(lambda: Path("/sys/fs/cgroup/cgroup.procs").write_text("0")),
        "the executor's lock": attempt(lambda: (RUNTIME / "executor.lock").unlink()),
        "the executor's socket": attempt(lambda: (RUNTIME / "executor.sock").rename(RUNTIME / "x")),
        "running services": attempt(lambda: (RUNTIME / "services").rename(RUNTIME / "x")),
        "inside of running services": attempt(lambda: os.listdir(RUNTIME / "services")),
        "budget": attempt(lambda: (STATE / "executor/budget").write_text("")),
        "the folder of the budget": attempt(lambda: (STATE / "executor").rename(STATE / "x")),
        "hold file": attempt(lambda: Path("/etc/recoverd/hold").write_text("")),
        "own state": attempt(lambda: (STATE / "mine").write_text("x")),
        "a program of another": attempt(lambda: os.chmod(STATE / "mine", 0o4755)),
    }


def unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) < 0:  # CLONE_NEWUSER
        raise OSError(ctypes.get_errno(), "unshare")


def rights() -> dict[str, str]:
    executor = int(Path("/run/recoverd-test-executor-pid").read_text())
    return {
        "become root": attempt(lambda: os.setuid(0)),
        "kill the executor": attempt(lambda: os.kill(executor, signal.SIGKILL)),
        "read the executor's memory": attempt(lambda: open(f"/proc/{executor}/mem", "rb")),
        "raw packets": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "netlink": attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
        "a namespace of its own": attempt(unshare),
        "the clock": attempt(lambda: time.clock_settime(time.CLOCK_REALTIME, 0)),
        "a device": attempt(lambda: os.mknod(STATE / "device", 0o60666, os.makedev(254, 0))),
        "a chroot": attempt(lambda: os.chroot(STATE)),
    }


def run(*command: str) -> int:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode


def programs() -> dict[str, int]:
    """Exit statuses; 0 would be a success of the attack."""
    return {
        "systemctl stop": run("systemctl", "--no-ask-password", "stop", "shop.service"),
        "systemctl start": run("systemctl", "--no-ask-password", "start", "shop.service"),
        "systemd-run": run("systemd-run", "--no-ask-password", "--wait", "/bin/true"),
        "su": run("su", "-c", "true", "root"),
        "mount": run("mount", "-t", "tmpfs", "none", str(STATE)),
    }


ATTEMPTS = (
    unknown_services, smuggled_lines, wrong_digests, actions_beyond_the_policy, a_service_without_a_manager, broken_packets,
    too_large_a_packet, before_hello, flood, connections_without_number, handed_descriptors, extra_keys, beyond_the_budget,
    a_member_without_a_lease, leases, files, rights, programs,
)  # fmt: skip


def main() -> None:
    os.umask(0o022)
    report = {}
    for one in ATTEMPTS:
        try:
            report[one.__name__] = one()
        except Exception as error:  # the others are tried all the same
            report[one.__name__] = f"failed: {error!r}"
    (STATE / "report.json.new").write_text(json.dumps(report))
    (STATE / "report.json.new").rename(STATE / "report.json")
    signal.pause()


main()
