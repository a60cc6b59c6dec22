"""Monit, for comparison: a daemon of its own, in a folder of its own."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 10.0


def _control_file(folder: Path, cycle: int, checks: str) -> Path:
    files = {word: folder / word for word in ("log", "id", "state", "pid")}
    settings = [f"set daemon {cycle}", f"set log {files['log']}", f"set idfile {files['id']}"]
    settings += [f"set statefile {files['state']}", f"set pidfile {files['pid']}"]
    path = folder / "monitrc"
    path.write_text("\n".join(settings) + f"\n{checks}\n")
    path.chmod(0o600)
    return path


@contextmanager
def monit(checks: str, cycle: int) -> Iterator[subprocess.Popen[bytes]]:
    """Runs in the foreground; `checks` are those of its control file, `cycle` is in seconds."""
    with tempfile.TemporaryDirectory(prefix="monit-bench-") as folder:
        control = _control_file(Path(folder), cycle, checks)
        process = subprocess.Popen(["monit", "-I", "-c", str(control)], stdout=subprocess.DEVNULL)
        try:
            _wait_running(process, Path(folder) / "log")
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_running(process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while not (log.exists() and " started\n" in log.read_text()):
        assert process.poll() is None, "monit ended: is its control file right?"
        assert time.monotonic() < limit, "monit does not start"
        time.sleep(0.05)
