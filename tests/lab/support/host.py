"""A host of the lab as a test sees it: files, units, commands, and recoverd as two systemd units."""

from __future__ import annotations

import json
import os
import shlex
import textwrap
from typing import Any

from support.agent import ROOT, SANITIZER_REPORT
from support.machine import BIN, RUN_SECONDS, Done, Machine
from support.network import Link
from support.questions import Answer, Questions

UNITS = "/etc/systemd/system"
POLICIES = "/etc/recoverd/policies.d"
CONFIG = "/etc/recoverd/recoverd.yaml"
STATE = "/var/lib/recoverd"
RUNTIME = "/run/recoverd"
SLICE = "recoverd.slice"  # of the command services
LISTEN = "127.0.0.1:7790"

AGENT = "recoverd.service"
EXECUTOR = "recoverd-executor.service"
SOCKET = "recoverd-executor.socket"
PACKAGING = ROOT / "packaging/systemd"

# Where the programs under test are, by the names that the units have for them.
PLACES = {"@LIBEXECDIR@/recoverd": BIN, "@SBINDIR@": BIN, "@BINDIR@": BIN, "@DATADIR@": "/usr/share"}


def packaged(name: str) -> str:
    """A file of packaging/systemd as it would be installed on a host of the lab."""
    text = (PACKAGING / name).read_text()
    for mark, place in PLACES.items():
        text = text.replace(mark, place)
    return text


def _sanitizer_lines() -> str:
    """As the runner sets them, but without the search for leaks, which the other tests have: its tracer
    now and then spins for ever at the end of a process with threads, and holds up the stop of the unit."""
    address = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
    undefined = os.environ.get("UBSAN_OPTIONS", "")
    return f'[Service]\nEnvironment="ASAN_OPTIONS={address}" "UBSAN_OPTIONS={undefined}"\n'


class Host(Questions):
    is_bare = False  # without recoverd
    has_disk = False  # what is written outlives a reboot

    def __init__(self, machine: Machine, link: Link) -> None:
        self.machine = machine
        self.name = machine.hostname
        self.link = link
        self.address = link.address  # in the lab's network
        self._units: set[str] = set()  # files that a test wrote
        self._cursor = ""  # of the journal, where the present test begins

    # ---- Commands and files -------------------------------------------------------------------

    def run(
        self,
        command: list[str],
        check: bool = True,
        input: str | None = None,
        within: float = RUN_SECONDS,
        user: str = "root",
    ) -> Done:
        """Without a shell. `check`: AssertionError when it fails."""
        done = self.machine.enter(*command, input=input, within=within, user=user)
        assert done.code == 0 or not check, f"{self.name}: {shlex.join(command)}: {done}"
        return done

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Folders on the way are made. Who watches the file sees it whole or not at all."""
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1.new" && chmod "$2" "$1.new" && mv "$1.new" "$1"'
        self.run(["sh", "-c", script, "sh", path, f"{mode:o}"], input=text)

    def read(self, path: str) -> str:
        return self.run(["cat", path]).out

    def exists(self, path: str) -> bool:
        return self.run(["test", "-e", path], check=False).code == 0

    # ---- Units --------------------------------------------------------------------------------

    def systemctl(self, *words: str, check: bool = True, within: float = RUN_SECONDS) -> Done:
        return self.run(["systemctl", "--no-ask-password", *words], check=check, within=within)

    def install_unit(self, name: str, text: str) -> None:
        """For the test that runs: afterwards it is stopped and removed. It is not started."""
        self.write(f"{UNITS}/{name}", textwrap.dedent(text))
        self._units.add(name)
        self.systemctl("daemon-reload")

    def unit(self, name: str, *properties: str) -> dict[str, str]:
        """What `systemctl show` says; all properties when none is named."""
        chosen = [f"--property={','.join(properties)}"] if properties else []
        lines = self.systemctl("show", *chosen, name).out.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def is_active(self, name: str) -> bool:
        return self.unit(name, "ActiveState")["ActiveState"] == "active"

    def oom_kill(self, unit: str, pid: int) -> None:
        """Kills it as systemd-oomd does, which needs no memory controller: the cgroup says how often."""
        group = self.unit(unit, "ControlGroup")["ControlGroup"]
        mark = "import os, sys\nfor name in ('oomd_ooms', 'oomd_kill'): os.setxattr(sys.argv[1], 'user.' + name, b'1')"
        self.run(["python3", "-c", mark, f"/sys/fs/cgroup{group}"])
        self.run(["kill", "-KILL", str(pid)])

    # ---- Journal ------------------------------------------------------------------------------

    def journal(self, **fields: str) -> list[dict[str, Any]]:
        """Entries since the test began, oldest first: journal(_SYSTEMD_UNIT="web.service", PRIORITY="3")."""
        self.run(["journalctl", "--sync"])
        since = [f"--after-cursor={self._cursor}"] if self._cursor else []
        # With matches of its own journalctl would leave out the first entry after a cursor.
        lines = self.run(["journalctl", "--output=json", "--all", "--quiet", *since]).out
        entries = [json.loads(line) for line in lines.splitlines()]
        return [entry for entry in entries if fields.items() <= entry.items()]

    def journal_text(self, **fields: str) -> str:
        entries = self.journal(**fields)
        return "\n".join(f"{entry.get('SYSLOG_IDENTIFIER', '?')}: {entry.get('MESSAGE')}" for entry in entries)

    def _mark_journal(self) -> None:
        self.run(["journalctl", "--sync"])
        last = self.run(["journalctl", "--output=json", "--lines=1", "--quiet"]).out
        self._cursor = json.loads(last)["__CURSOR"] if last else ""

    # ---- recoverd -----------------------------------------------------------------------------

    def policy(self, text: str, name: str = "test.yaml") -> None:
        """One file of policies, read at the next start or reload; `version: 1` is put in front when
        the text has none."""
        text = textwrap.dedent(text).lstrip("\n")
        self.write(f"{POLICIES}/{name}", text if text.startswith("version:") else f"version: 1\n{text}")

    def config(self, text: str) -> None:
        self.write(CONFIG, textwrap.dedent(text).lstrip("\n"))

    def start_recoverd(self, within: float = RUN_SECONDS) -> None:
        """Both units; returns once the agent answers and its executor is there."""
        self.systemctl("start", SOCKET, EXECUTOR, AGENT, within=within)
        self.wait_until(self.is_ready, within, "the agent answers, and speaks to the executor")

    def is_ready(self) -> bool:
        answer = self.ctl("status", "--json")
        return answer.code in (0, 1) and answer.json["agent"]["executor"]["up"]

    def stop_recoverd(self, within: float = RUN_SECONDS) -> None:
        """Both units; command services go on, as on any host."""
        self.systemctl("stop", AGENT, SOCKET, EXECUTOR, within=within)

    def main_pid(self, unit: str) -> int:
        return int(self.unit(unit, "MainPID")["MainPID"])

    def kill_executor(self) -> None:
        """By SIGKILL; returns when systemd has started another one."""
        killed = self.main_pid(EXECUTOR)
        self.systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", EXECUTOR)
        self.wait_until(lambda: self.main_pid(EXECUTOR) not in (0, killed), 10, "another executor")

    def ctl(self, *arguments: str, within: float = RUN_SECONDS) -> Answer:
        """recoverctl, as root."""
        done = self.run(["recoverctl", *arguments], check=False, within=within)
        return Answer(done.code, done.out, done.err)

    # ---- Between tests ------------------------------------------------------------------------

    def prepare(self) -> None:
        """Once, after the boot: what a package brings, for the programs under test."""
        for unit in (AGENT, EXECUTOR):
            self.write(f"{UNITS}/{unit}", packaged(f"{unit}.in") + _sanitizer_lines())
        self.write(f"{UNITS}/{SOCKET}", packaged(f"{SOCKET}.in"))
        self.write("/usr/lib/sysusers.d/recoverd.conf", packaged("recoverd.sysusers"))
        self.write("/usr/lib/tmpfiles.d/recoverd.conf", packaged("recoverd.tmpfiles"))
        self.run(["systemd-sysusers", "recoverd.conf"])
        self.run(["systemd-tmpfiles", "--create", "recoverd.conf"])
        self.run(["mkdir", "-p", POLICIES])
        self.systemctl("daemon-reload")

    def begin(self) -> None:
        """A new test starts here, with an agent that knows nothing and does not run."""
        self.config(f"version: 1\nagent: {{listen: '{LISTEN}'}}\n")
        self._mark_journal()

    def clean(self) -> None:
        """Ends and removes what the test made. AssertionError when a sanitizer complained."""
        self.systemctl("kill", "--kill-whom=main", "--signal=SIGCONT", AGENT, EXECUTOR, check=False)
        self.systemctl("stop", AGENT, SOCKET, EXECUTOR, *self._units, check=False)
        self.systemctl("kill", "--signal=SIGKILL", EXECUTOR, SLICE, check=False)
        try:
            self._judge()
        finally:
            self._remove_traces()

    def _judge(self) -> None:
        complaint = SANITIZER_REPORT.search(self.journal_text())
        assert not complaint, complaint and complaint.group()

    def _remove_traces(self) -> None:
        files = [f"{UNITS}/{name}" for name in self._units]
        files += [f"{UNITS}/{AGENT}.d", f"{UNITS}/{EXECUTOR}.d"]
        script = f'rm -rf {POLICIES}/* {STATE}/* {RUNTIME}/* "$@"'
        self.run(["sh", "-c", script, "sh", *files])
        self._units.clear()
        self.systemctl("daemon-reload")
        self.systemctl("reset-failed")
