"""The other end of programs/init_script.sh: a service that is managed by scripts, which a test can break."""

from __future__ import annotations

from pathlib import Path

from support import processes

PROGRAM = Path(__file__).parent / "programs/init_script.sh"


class InitScript:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
        self.folder = folder

    def yaml(self, *verbs: str, more: str = "") -> str:
        """The `scripts` of a policy; without a word: start, stop and status."""
        verbs = verbs or ("start", "stop", "status")
        programs = [f"{verb}: [/bin/sh, {PROGRAM}, {self.folder}, {verb}]" for verb in verbs]
        return f"{{{', '.join(programs)}{more}}}"

    @property
    def pid(self) -> int | None:
        """Of the daemon, where it runs."""
        path = self.folder / "pid"
        pid = int(path.read_text() or 0) if path.exists() else 0
        return pid if pid and processes.is_running(pid) else None

    @property
    def calls(self) -> list[str]:
        """The verbs so far, without those that only look."""
        path = self.folder / "calls"
        return [verb for verb in path.read_text().split() if verb != "status"] if path.exists() else []

    def set(self, name: str, content: str = "") -> None:
        """See the head of the script."""
        (self.folder / name).write_text(content)

    def unset(self, name: str) -> None:
        (self.folder / name).unlink()
