"""A host on which recoverd is what its package brings."""

from __future__ import annotations

from support import packages
from support.host import CONFIG, POLICIES, Host
from support.machine import PACKAGES, Done

APT = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--yes", "--quiet", "--no-install-recommends",
       "--option=Dpkg::Options::=--force-confold"]  # fmt: skip
INSTALL_SECONDS = 120


class PackageHost(Host):
    is_bare = True

    def prepare(self) -> None:
        """Nothing of recoverd is here yet."""

    def begin(self) -> None:
        self._mark_journal()

    def clean(self) -> None:
        """It is ended after its test."""

    def apt(self, *words: str) -> Done:
        return self.run([*APT, *words], within=INSTALL_SECONDS)

    def install(self, version: str = "", *options: str) -> Done:
        """From files, as a person does who has downloaded them; with its dependencies from where apt has them."""
        names = packages.debs(version or packages.version())
        return self.apt("install", *options, *(f"{PACKAGES}/{name}" for name in names))

    def act(self) -> None:
        """The one line that an operator edits."""
        self.run(["sed", "-i", "s/^  mode: observe/  mode: act/", CONFIG])

    def ready(self) -> None:
        self.wait_until(self.is_ready, 20, "the agent answers, and speaks to the executor")

    def add_policy(self, text: str, name: str = "test.yaml") -> None:
        self.policy(text, name)
        done = self.systemctl("reload", "recoverd", check=False)
        assert done.code == 0, self.journal_text()

    def files(self) -> set[str]:
        """All that is on its disk, with owner and mode, but for what changes by itself."""
        passing = ["/proc", "/sys", "/dev", "/run", "/tmp", "/var/log", "/var/cache", "/var/tmp", "/var/lib/apt",
                   "/var/lib/dpkg", "/opt", "/etc/ld.so.cache", "/var/lib/systemd/catalog", "/root"]  # fmt: skip
        prune = [word for path in passing for word in ("-path", path, "-prune", "-o")]
        found = self.run(["find", "/", "-xdev", *prune, "-printf", "%p %M %U %G\\n"]).out
        return set(found.splitlines())

    def account(self, name: str) -> bool:
        return self.run(["getent", "passwd", name], check=False).code == 0


__all__ = ["CONFIG", "POLICIES", "PackageHost"]
