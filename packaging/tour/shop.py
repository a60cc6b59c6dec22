"""Lays the shop out below one directory: ports, users, configurations, policies, a database."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
TEMPLATES = SOURCE / "policies" / "quickstart"
PREFIX = "recoverd-quickstart-"  # of the directory's name; nothing else is ever removed
DATABASE_USER = "shop"
UPLOADS_SIZE = "8m"
FIRST_RELEASE = "1.0"  # of the checkout

# The user that each service runs as when root prepares the shop: the first that exists.
USERS = {
    "orders": ("postgres",),
    "cart": ("redis", "nobody"),
    "checkout": ("nobody",),
    "storefront": ("www-data", "nginx", "nobody"),
}

# Where each template goes.
FILES = {
    "recoverd.yaml.in": "recoverd.yaml",
    "shop.yaml.in": "policies.d/shop.yaml",
    "nginx.conf.in": "storefront/nginx.conf",
    "redis.conf.in": "cart/redis.conf",
    "postgresql.conf.in": "orders/data/postgresql.conf",
}

Words = "dict[str, str | None]"


class Unprepared(Exception):
    """The shop cannot be laid out here; the text says why."""


@dataclass(frozen=True)
class Shop:
    root: Path
    storefront: str  # host:port
    checkout: str
    agent: str
    no_uploads: str  # why there is no small file system, empty when there is

    @property
    def uploads(self) -> Path:
        return self.root / "uploads"

    @property
    def release(self) -> str:
        """The one of the checkout that is deployed."""
        return os.readlink(self.root / "checkout" / "current").rpartition("/")[2]

    def deploy(self, release: str, program: str) -> None:
        """Beside the others, then the link is switched, as deployments do it."""
        checkout = self.root / "checkout"
        folder = checkout / "releases" / release
        folder.mkdir()
        (folder / "checkout.py").write_text(program)
        (checkout / "next").symlink_to(Path("releases") / release)
        (checkout / "next").replace(checkout / "current")


def prepare(root: Path) -> Shop:
    words = _words(root)
    _make_directories(root)
    _make_database(root, words)
    release = root / "checkout" / "releases" / FIRST_RELEASE
    release.mkdir(parents=True)
    shutil.copy(TEMPLATES / "checkout.py", release)
    (root / "checkout" / "current").symlink_to(Path("releases") / FIRST_RELEASE)
    for template, target in FILES.items():
        _fill(TEMPLATES / template, root / target, words)
    no_uploads = _mount_uploads(root / "uploads")
    if not no_uploads:
        _fill(TEMPLATES / "uploads.yaml.in", root / "policies.d" / "uploads.yaml", words)
    _hand_over(root)
    addresses = [
        f"127.0.0.1:{words[f'{name}_port']}" for name in ("storefront", "checkout", "agent")
    ]
    return Shop(root, *addresses, no_uploads)


def remove(root: Path) -> None:
    """Ends what is left of the processes of this directory, then removes it."""
    end_leftovers(root)
    if os.path.ismount(root / "uploads"):
        subprocess.run(["umount", root / "uploads"], check=False)
    if root.name.startswith(PREFIX) and not os.path.ismount(root / "uploads"):
        shutil.rmtree(root, ignore_errors=True)


# ---- What the templates need to know -----------------------------------------------------------


def _words(root: Path) -> Words:
    words: Words = {
        "root": str(root),
        "database_user": DATABASE_USER,
    }
    words["python"] = "/usr/bin/python3"
    for name, program in (("nginx", "nginx"), ("redis", "redis-server"), ("find", "find")):
        words[name] = _program(program)
    words["postgres"] = str(_postgresql() / "postgres")
    for name, port in zip(("storefront", "checkout", "cart", "agent"), _free_ports(4)):
        words[f"{name}_port"] = str(port)
    for service in USERS:
        words[f"{service}_user"] = _user(service)
    return words


def _program(name: str) -> str:
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin")
    if not path:
        raise Unprepared(f"{name} is not installed")
    return path


def _postgresql() -> Path:
    """The folder of its programs: Debian keeps one for each major version."""
    versions = [
        path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()
    ]
    if versions:
        return max(versions, key=lambda path: int(path.parent.name))
    return Path(_program("postgres")).parent


def _free_ports(count: int) -> list[int]:
    """Below those that the kernel gives to clients, who could take one while its server is down."""
    highest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    free: list[int] = []
    while len(free) < count:
        port = random.randrange(min(10240, highest - 1000), highest)
        if port not in free and _is_free(port):
            free.append(port)
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as attempt:
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _user(service: str) -> str | None:
    """None: an ordinary user runs everything as himself."""
    if os.geteuid() != 0:
        return None
    for name in USERS[service]:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise Unprepared(f"none of the users {', '.join(USERS[service])} exists")


# ---- Files --------------------------------------------------------------------------------------


def _make_directories(root: Path) -> None:
    root.chmod(0o755)
    for name in ("policies.d", "log", "run", "state", "uploads", "orders", "cart", "checkout"):
        (root / name).mkdir()
    (root / "storefront" / "tmp").mkdir(parents=True)


def _fill(template: Path, target: Path, words: Words) -> None:
    lines = []
    for line in template.read_text().splitlines(keepends=True):
        if any(value is None and f"@{word}@" in line for word, value in words.items()):
            continue
        for word, value in words.items():
            line = line.replace(f"@{word}@", value or "")
        lines.append(line)
    target.write_text("".join(lines))


def _make_database(root: Path, words: Words) -> None:
    user = words["orders_user"]
    if user:
        shutil.chown(root / "orders", user)
    command = [str(_postgresql() / "initdb"), "-D", str(root / "orders/data"), "-U", DATABASE_USER]
    command += ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]
    identity = (
        {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    )
    done = subprocess.run(
        command,
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **identity,
    )
    if done.returncode != 0:
        raise Unprepared(f"initdb failed:\n{done.stdout}{done.stderr}")


def _hand_over(root: Path) -> None:
    """Each service owns its directory."""
    for service in USERS:
        user = _user(service)
        if user:
            for path in (root / service, *(root / service).rglob("*")):
                os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid, follow_symlinks=False)


def _mount_uploads(where: Path) -> str:
    """A file system that is filled in an instant. Returns why there can be none, or nothing."""
    if os.geteuid() != 0:
        return "only root can mount a small file system"
    options = f"size={UPLOADS_SIZE},mode=0755,nosuid,nodev"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", where],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else f"no tmpfs can be mounted here: {done.stderr.strip()}"


# ---- Processes ----------------------------------------------------------------------------------


def end_leftovers(root: Path, patience: float = 3) -> None:
    """Whatever happened to the agent, no process of the shop outlives its directory."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + patience
        for pid in _processes(root):
            _signal(pid, number)
            _signal(pid, signal.SIGCONT)
        while _processes(root) and time.monotonic() < until:
            time.sleep(0.05)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _processes(root: Path) -> list[int]:
    """Those that work in the directory or were started with its name; it is unique to this run."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if pid != os.getpid() and _belongs(pid, str(root))]


def _belongs(pid: int, root: str) -> bool:
    try:
        where = os.readlink(f"/proc/{pid}/cwd")
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    started_with_it = os.fsencode(root + "/") in arguments and b"/tour\0" not in arguments
    return where == root or where.startswith(root + "/") or started_with_it
