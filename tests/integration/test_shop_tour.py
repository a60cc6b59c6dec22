"""The tour of packaging/quickstart over the shop of real servers, as somebody new sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.agent import BUILD, ROOT, program
from support.waiting import wait_until

TOUR = ROOT / "packaging" / "tour"
PREFIX = "recoverd-quickstart-"


def _start(folder: Path, *options: str) -> subprocess.Popen[str]:
    """In a session of its own, with its directory below `folder`, so that leftovers are seen."""
    folder.chmod(0o755)
    return subprocess.Popen(
        [sys.executable, "-B", str(TOUR), *options],
        env={**os.environ, "RECOVERD_BUILD": str(BUILD), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _left_behind(folder: Path) -> list[str]:
    """Directories, and processes that were started with their names."""
    found = [str(path) for path in folder.glob(f"{PREFIX}*")]
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if f"{folder}/{PREFIX}" in line:
            found.append(line)
    return found


@pytest.fixture
def short_folder(tmp_path_factory):
    """Directly below /tmp, since the path of a unix socket is short."""
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/shop-XXXXXX"], text=True).strip())
    yield folder
    assert not _left_behind(folder)
    folder.rmdir()


def _end_what_was_kept(folder: Path, output: str) -> None:
    (root,) = folder.glob(f"{PREFIX}*")
    assert f"packaging/quickstart --end {root}" in output
    control = [str(program("recoverctl")), "--socket", str(root / "run/control.sock"), "status"]
    assert subprocess.run(control, capture_output=True, check=False).returncode == 0
    ended = _start(folder, "--end", str(root))
    output, _ = ended.communicate(timeout=60)
    assert ended.returncode == 0, output


@pytest.mark.alone
def test_every_recovery_is_verified(short_folder) -> None:
    """Then the shop is kept, and ended as the tour says."""
    program("recoverd")
    tour = _start(short_folder, "--keep")
    output, _ = tour.communicate(timeout=170)
    assert tour.returncode == 0, output
    assert "the checkout was left alone" in output
    rows = [line for line in output.splitlines() if line.rstrip().endswith(" yes")]
    assert len(rows) == (7 if os.geteuid() == 0 else 6), output
    assert "rolled back: release 1.0 is there again" in output
    _end_what_was_kept(short_folder, output)


@pytest.mark.alone
@pytest.mark.parametrize("after", [0.5, 4.0])
def test_an_interrupted_tour_leaves_nothing_behind(short_folder, after: float) -> None:
    tour = _start(short_folder)
    wait_until(lambda: list(short_folder.glob(f"{PREFIX}*")), 20, "it has begun")
    time.sleep(after)
    tour.send_signal(signal.SIGINT)
    output, _ = tour.communicate(timeout=60)
    assert tour.returncode == 130, output
