"""The other end of programs/service.py: a supervised service that a test can break."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from support.ports import free_port

PROGRAM = Path(__file__).parent / "programs/service.py"


class Service:
    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self._options = options

    @property
    def command(self) -> list[str]:
        arguments = ["--port", str(self.port), "--control", str(self.folder), *self._options]
        return [sys.executable, str(PROGRAM), *arguments]

    @property
    def yaml_command(self) -> str:
        """The command as a YAML flow list, which JSON is."""
        return json.dumps(self.command)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def starts(self) -> list[int]:
        """The pid of each start so far."""
        path = self.folder / "starts"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def set(self, behaviour: str, on: bool = True) -> None:
        """behaviour: fail, overload, hang, refuse-start."""
        if on:
            (self.folder / behaviour).touch()
        else:
            (self.folder / behaviour).unlink(missing_ok=True)
