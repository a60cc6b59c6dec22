"""A throw-away root for apt-get and dpkg: the real ones, over copies of what they change that are gone when
the last process of the test ends. Packages are made on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.agent import Agent

PROGRAMS = ("dpkg-deb", "apt-get", "dpkg-scanpackages", "unshare")
missing = [name for name in PROGRAMS if not shutil.which(name)]
needs_package_root = pytest.mark.skipif(
    os.geteuid() != 0 or bool(missing), reason=f"needs root and {', '.join(PROGRAMS)}: see packaging/dependencies")

ENTER = """set -e
mount -t tmpfs none {work}
for part in var usr etc; do
  mkdir {work}/$part {work}/$part.upper {work}/$part.work
  mount -t overlay none -o lowerdir=/$part,upperdir={work}/$part.upper,workdir={work}/$part.work /$part
done
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists
mkdir -p /etc/apt/sources.list.d /var/lib/apt/lists/partial
echo "deb [trusted=yes] file:{repository} ./" > /etc/apt/sources.list
rm -f /var/lib/dpkg/updates/*  # of whoever installs something on the host meanwhile
mkdir -p /etc/apt/apt.conf.d
echo 'APT::Sandbox::User "root";' > /etc/apt/apt.conf.d/99test
apt-get update -q
apt-get install -q -y {package}={version}
exec "$@"
"""


class PackageRoot:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repository = folder / "repository"
        self.work = folder / "work"
        self.repository.mkdir(parents=True)
        self.work.mkdir()

    def make(self, name: str, version: str, program: str, depends: str = "") -> None:
        """A package with one program, /usr/bin/NAME."""
        tree = self.folder / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "usr/bin").mkdir(parents=True)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\n"
        control += f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN/control").write_text(control + "Description: of a test\n")
        (tree / "usr/bin" / name).write_text(program)
        (tree / "usr/bin" / name).chmod(0o755)
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, self.repository], check=True, capture_output=True)

    def index(self) -> None:
        with open(self.repository / "Packages", "w") as packages:
            subprocess.run(["dpkg-scanpackages", "--multiversion", "."], cwd=self.repository, stdout=packages,
                           stderr=subprocess.DEVNULL, check=True)

    def command(self, package: str, version: str, *command: str) -> list[str]:
        script = ENTER.format(work=self.work, repository=self.repository, package=package, version=version)
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "enter", *command]


class AgentInRoot(Agent):
    """An agent whose whole host, as far as packages go, is a throw-away root."""

    def begin_in(self, root: PackageRoot, package: str, version: str) -> None:
        self._wrap = lambda command: root.command(package, version, *command)

    def command(self, *arguments: str) -> list[str]:
        return self._wrap(super().command(*arguments))

    def run_in(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["nsenter", "--mount", "--target", str(self.pid), *command], capture_output=True, text=True)
