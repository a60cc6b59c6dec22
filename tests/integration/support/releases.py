"""A service behind a symbolic link to one of several releases, as deployments lay them out."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


class Releases:
    """`deploy` makes a release and switches the link to it, as a deployment does."""

    def __init__(self, folder: Path, service) -> None:
        self.folder = folder
        self.service = service
        self.link = folder / "current"
        self.releases = folder / "releases"
        self.releases.mkdir(parents=True)

    @property
    def present(self) -> str:
        return Path(os.readlink(self.link)).name

    def make(self, name: str, works: bool = True) -> None:
        """One that does not work ends at once."""
        folder = self.releases / name
        folder.mkdir(exist_ok=True)
        run = folder / "run"
        last = f"exec {shlex.join(self.service.command)}" if works else "echo no such table >&2; exit 3"
        run.write_text(f"#!/bin/sh\n{last}\n")
        run.chmod(0o755)

    def switch(self, name: str) -> None:
        beside = self.folder / "next"
        beside.symlink_to(Path("releases") / name)
        beside.replace(self.link)

    def deploy(self, name: str, works: bool = True) -> None:
        self.make(name, works)
        self.switch(name)

    def policy(self, ladder: str = "[restart: {attempts: 1}, rollback: {%s}, notify]", step: str = "", more: str = "") -> str:
        """`step`: more keys of the rollback."""
        release = f"release: {{link: {self.link}, releases: {self.releases}}}, good_after: 1s, blame_window: 1h"
        return f"""
            defaults: {{interval: 500ms, fast_interval: 100ms, timeout: 500ms, settle: 1s, verify: 10s}}
            services:
              checkout:
                command: [{self.link}/run]
                probes: {{page: {{http: {{url: '{self.service.url}'}}}}}}
                recover: {ladder % ", ".join(filter(None, [release, step]))}
                backoff: {{delays: [0s]}}
                budget: {{actions: 100, per: 1h}}
                start_grace: 5s
                log: {{to: none}}
                {more}
            """
