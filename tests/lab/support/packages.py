"""The packages under test, built once from this tree, and a next version of them to upgrade to."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.agent import BUILD, ROOT

FOLDER = BUILD / "packages"
NEXT = "0.2.0~next"  # above each version that is released before it
SOURCES = ("CMakeLists.txt", "agent", "probes", "packaging", "policies", "docs/man", "LICENSE")
BUILD_SECONDS = 900
OUTPUT_SHOWN = 4000
ZOOKEEPER = "recoverd-zookeeper_"
NEEDED = {"deb": ("dpkg-buildpackage", "dh", "cmake", "ninja"), "rpm": ("rpmbuild", "eu-strip", "cmake", "ninja")}


def why_not(kind: str) -> str | None:
    missing = [name for name in NEEDED[kind] if not shutil.which(name)]
    return f"building a {kind} needs {', '.join(missing)}: see packaging/dependencies" if missing else None


def version() -> str:
    found = re.search(r"project\(recoverd VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert found
    return found.group(1)


def _files() -> Iterator[Path]:
    for name in SOURCES:
        path = ROOT / name
        if path.is_file():
            yield path
        for folder, folders, names in os.walk(path):
            folders[:] = [each for each in folders if each != "__pycache__"]
            yield from (Path(folder) / each for each in names)


def _newest_source() -> float:
    return max(path.stat().st_mtime for path in _files())


@contextmanager
def _locked() -> Iterator[None]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def compiler_cache() -> dict[str, str]:
    """Where it is, for a build that has another home."""
    if not shutil.which("ccache"):
        return {}
    said = subprocess.run(["ccache", "--get-config=cache_dir"], capture_output=True, text=True, check=True)
    return {"CCACHE_DIR": said.stdout.strip()}


def build(kind: str, output: Path, **environment: str) -> None:
    """By packaging/build, as a person does."""
    command = [str(ROOT / "packaging/build"), kind, "--output", str(output)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, f"packaging/build {kind}:\n{(done.stdout + done.stderr)[-OUTPUT_SHOWN:]}"


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)


def _make_next(package: Path) -> None:
    """The same programs as another version, whose settings file has one more line."""
    room = FOLDER / "next"
    shutil.rmtree(room, ignore_errors=True)
    _run("dpkg-deb", "--raw-extract", str(package), str(room))
    control = room / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {NEXT}", control.read_text()))
    settings = room / "etc/recoverd/recoverd.yaml"
    if settings.exists():
        settings.write_text(settings.read_text() + "\n# A line of the next version.\n")
    name, _, architecture = package.stem.split("_")
    _run("dpkg-deb", "--root-owner-group", "--build", str(room), str(FOLDER / f"{name}_{NEXT}_{architecture}.deb"))
    shutil.rmtree(room)


@functools.cache
def folder(kind: str) -> Path:
    """Where they are: built when there are none yet, or a source is younger than they are."""
    with _locked():
        mark = FOLDER / f"{kind}.built"
        newest = _newest_source()
        if not mark.exists() or mark.stat().st_mtime < newest:
            for old in FOLDER.glob(f"*.{kind}"):
                old.unlink()
            build(kind, FOLDER)
            if kind == "deb":
                for package in list(FOLDER.glob(f"recoverd*_{version()}_*.deb")):
                    if "dbgsym" not in package.name:
                        _make_next(package)
            mark.touch()
            os.utime(mark, (newest, newest))
    return FOLDER


def debs(wanted: str) -> list[str]:
    """Names in the folder: the package of programs, and the library of policies."""
    found = sorted(path.name for path in folder("deb").glob(f"*_{wanted}_*.deb"))
    names = [name for name in found if "dbgsym" not in name and not name.startswith(ZOOKEEPER)]
    assert len(names) == 2, names
    return names


def zookeeper_deb() -> str:
    """Name in the folder: the package that brings the library of ZooKeeper's clients."""
    (name,) = (path.name for path in folder("deb").glob(f"{ZOOKEEPER}{version()}_*.deb"))
    return name
