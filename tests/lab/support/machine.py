"""One booted Debian: systemd as PID 1, in namespaces of its own, over the shared tree. What it writes is in
memory, and gone with it."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support import cgroups, network, packages
from support.agent import ROOT, program
from support.debian import PROGRAMS
from support.waiting import wait_until

BOOT_SECONDS = 60
RUN_SECONDS = 30.0
END_SECONDS = 20
CONSOLE_SHOWN = 6000

# Where the programs under test and those of the tests are seen in a machine.
BIN = "/usr/sbin"
TEST_PROGRAMS = "/opt/recoverd-tests"
PACKAGES = "/opt/recoverd-packages"

# Mounts what was written so far over the tree, in the mount namespace of the machine alone.
MOUNT_DISK = 'mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" && shift 2 && exec "$@"'

# Goes into the cgroups that the arguments before "--" name, then becomes what stands behind it.
ENTER_CGROUPS = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


@dataclass(frozen=True)
class Done:
    """How a command in a machine ended."""

    code: int
    out: str
    err: str


class Machine:
    """`name` is known to the whole outer machine, `hostname` to the one inside. `bare`: without our programs, but with
    our packages at hand. `disk`: a folder that keeps what is written, so that it can be booted again."""

    def __init__(
        self, name: str, hostname: str, tree: Path, console: Path, bare: bool = False, disk: Path | None = None
    ) -> None:
        self.name = name
        self.hostname = hostname
        self._tree = tree
        self._console = console
        self._bare = bare
        self._disk = disk
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.leader = 0  # its PID 1, as seen from outside

    # ---- Boot and end -------------------------------------------------------------------------

    def _binds(self) -> list[str]:
        programs = [f"--bind-ro={program(name)}:{BIN}/{name}" for name in PROGRAMS]
        if self._bare:
            packages.FOLDER.mkdir(parents=True, exist_ok=True)
            programs = [f"--bind-ro={packages.FOLDER}:{PACKAGES}"]
        return [*programs, f"--bind-ro={ROOT}/tests/integration/support/programs:{TEST_PROGRAMS}"]

    def _mounting(self) -> list[str]:
        if not self._disk:
            return []
        for name in ("upper", "work", "root"):
            (self._disk / name).mkdir(mode=0o755, exist_ok=True)
        script = ["sh", "-c", MOUNT_DISK, "sh", str(self._tree), str(self._disk)]
        return ["unshare", "--mount", "--propagation=private", *script]

    def _command(self) -> list[str]:
        folders = [str(folder) for folder in cgroups.folders(self.name)]
        # When this test process dies, however, the machine is shut down.
        tied = ["setpriv", "--pdeathsig", "TERM", *self._mounting(), "systemd-nspawn", "--quiet"]
        root = [f"--directory={self._disk}/root"] if self._disk else [f"--directory={self._tree}", "--volatile=overlay"]
        tree = [*root, "--boot", *self._binds()]
        names = ["--register=no", "--keep-unit", f"--machine={self.name}", f"--hostname={self.hostname}"]
        # As on any host; nspawn gives the capability only with a network that it has made itself.
        space = [f"--network-namespace-path={network.NAMESPACES / self.name}", "--capability=CAP_NET_ADMIN"]
        space += ["--console=read-only"]
        return ["sh", "-c", ENTER_CGROUPS, "sh", *folders, "--", *tied, *tree, *names, *space]

    def boot(self) -> None:
        """Returns when systemd has started all that it had to start. The network namespace exists."""
        cgroups.make(self.name)
        # Also where the outer machine is a hybrid: Debian's own default is cgroup2 alone.
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with open(self._console, "wb") as console:
            self._nspawn = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
                start_new_session=True,  # what kills the tests as a group leaves it time to shut down
            )
        self.leader = wait_until(self._find_leader, BOOT_SECONDS, f"{self.hostname} has a PID 1")
        wait_until(self._is_up, BOOT_SECONDS, f"{self.hostname} is up")

    def _find_leader(self) -> int:
        assert self._nspawn and self._nspawn.poll() is None, f"no boot:\n{self.console()}"
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        return next((pid for pid in map(int, children.read_text().split()) if _is_init(pid)), 0)

    def _is_up(self) -> bool:
        assert self._nspawn and self._nspawn.poll() is None, f"no boot:\n{self.console()}"
        return self.enter("systemctl", "is-system-running").out.strip() in ("running", "degraded")

    def console(self) -> str:
        return self._console.read_text(errors="replace")[-CONSOLE_SHOWN:]

    @property
    def is_running(self) -> bool:
        return self._nspawn is not None and self._nspawn.poll() is None

    def cut(self) -> None:
        """As if its power had been cut: everything in it is gone at once."""
        assert self._nspawn
        self._nspawn.kill()
        self._nspawn.wait()
        self._nspawn = None
        cgroups.destroy(self.name)

    def end(self) -> None:
        """Shuts it down; nothing is left of it but its network namespace."""
        if self._nspawn:
            self._nspawn.send_signal(signal.SIGTERM)
            try:
                self._nspawn.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._nspawn = None
        cgroups.destroy(self.name)

    # ---- Inside -------------------------------------------------------------------------------

    def enter(
        self, *command: str, input: str | None = None, within: float = RUN_SECONDS, user: str = "root"
    ) -> Done:
        """Runs a command inside, with the environment of a login and nothing of ours."""
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user != "root" else []
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root"]
        nsenter = ["nsenter", f"--target={self.leader}", "--all", "--", *become, *clean, *command]
        child = subprocess.Popen(
            nsenter,
            stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        try:
            out, err = child.communicate(input, timeout=within)
        except BaseException:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            raise
        return Done(child.returncode, out, err)


def _is_init(pid: int) -> bool:
    """nspawn's first child prepares the namespaces; it is PID 1 in them only once it is systemd."""
    try:
        spaces = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "NSpid" in line]
        return spaces[0].split()[-1] == "1" and Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"
    except (OSError, IndexError):
        return False
