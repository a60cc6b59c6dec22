"""recoverd-checkpoint as a child, and a comparer of trees that shares nothing with it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

from support.agent import BUILD

PROGRAM = BUILD / "recoverd-checkpoint"

DONE, FAILED, USAGE, REFUSED, NOT_FOUND, DAMAGED, BUSY, UNFINISHED = range(8)


class Checkpoints:
    """A store of its own. Each method is a command; it has to end with `status`."""

    def __init__(self, store: Path, environment: dict[str, str] | None = None) -> None:
        self.store = store
        self.environment = environment or {}
        self.error = ""  # what the last one said on standard error

    def run(self, *arguments: object, status: int | None = DONE, wait: str = "0s") -> dict:
        options = ["--store", str(self.store), "--hurry", "--wait", wait]
        done = subprocess.run(
            [str(PROGRAM), *options, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **self.environment},
        )
        self.error, self.status = done.stderr, done.returncode
        told = f"{arguments} ended with {done.returncode}: {done.stderr}"
        assert status is None or done.returncode == status, told
        assert done.returncode >= 0 or status is None, told
        return json.loads(done.stdout) if done.stdout else {}

    def create(self, service: str, *paths: Path, options: tuple = (), status: int = DONE) -> dict:
        named = [word for path in paths for word in ("--path", path)]
        return self.run("create", service, *named, *options, status=status)

    def recovery_point(self, service: str, *paths: Path, options: tuple = ()) -> str:
        identity = self.create(service, *paths, options=options)["checkpoint"]["id"]
        self.run("trust", service, identity)
        return identity

    def states(self, service: str) -> dict[str, str]:
        return {one["id"]: one["state"] for one in self.run("list", service)["checkpoints"]}

    def objects(self) -> list[Path]:
        return sorted(path for path in self.store.glob("objects/*/*") if path.is_file())


def _look(path: bytes) -> dict:
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    seen: dict = {
        "kind": kind,
        "mode": stat.S_IMODE(status.st_mode),
        "owner": (status.st_uid, status.st_gid),
        "mtime": status.st_mtime_ns,
    }
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            seen["content"] = file.read()
        seen["inode"], seen["links"] = status.st_ino, status.st_nlink
    if kind == stat.S_IFLNK:
        seen["target"] = os.readlink(path)
    else:
        seen["xattr"] = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return seen


def image(root: Path, without: tuple[bytes, ...] = ()) -> dict[bytes, dict]:
    """All that one can know of a tree; which names are of one file is said by the first of them."""
    top = os.fsencode(root)
    found = {b"": _look(top)}
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in without]
        for name in folders + files:
            path = os.path.join(folder, name)
            if name not in without:
                found[os.path.relpath(path, top)] = _look(path)
    first: dict[int, bytes] = {}
    for path in sorted(found):
        seen = found[path]
        if "inode" in seen:
            links, inode = seen.pop("links"), seen.pop("inode")
            seen["first"] = first.setdefault(inode, path) if links > 1 else path
    return found


def difference(wanted: dict[bytes, dict], found: dict[bytes, dict]) -> list[str]:
    """Sentences; none where the trees are the same."""
    told = [f"missing: {path!r}" for path in sorted(set(wanted) - set(found))]
    told += [f"too much: {path!r}" for path in sorted(set(found) - set(wanted))]
    for path in sorted(set(wanted) & set(found)):
        for key in sorted(set(wanted[path]) | set(found[path])):
            one, other = wanted[path].get(key), found[path].get(key)
            if one != other:
                told.append(f"{path!r}: {key}: {str(one)[:200]} became {str(other)[:200]}")
    return told


def tools_agree(one: Path, other: Path) -> None:
    """By programs that others wrote: diff, getfattr and getfacl."""
    diff = subprocess.run(
        ["diff", "-r", "--no-dereference", str(one), str(other)], capture_output=True, errors="replace"
    )
    # diff has no opinion on special files of the same kind but says so.
    words = [line for line in diff.stdout.splitlines() if " is a fifo while " not in line]
    assert not words, "\n".join(words)
    for command in (["getfattr", "-R", "-P", "-d", "-m", "-", "."], ["getfacl", "-R", "-P", "-n", "."]):
        # Their status is of no use: getfattr fails on links that lead nowhere.
        texts = [subprocess.run(command, cwd=root, capture_output=True).stdout for root in (one, other)]
        assert b"# file: " in texts[0] or command[0] == "getfattr"
        assert sorted(texts[0].split(b"\n\n")) == sorted(texts[1].split(b"\n\n")), command[0]
