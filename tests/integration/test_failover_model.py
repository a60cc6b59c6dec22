"""The protocol of groups, as a model that SPIN searches whole: two members never run at once, whatever is delayed, lost,
paused or killed. Each mistake that the model knows by a macro has to be found, or the search proves nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).resolve().parents[1] / "models/failover.pml"
BUGS = sorted(set(re.findall(r"#if(?:n?def) (BUG_\w+)", MODEL.read_text())))
SECONDS = 300  # on a busy machine; half a minute on an idle one

pytestmark = pytest.mark.skipif(not shutil.which("spin"), reason="needs spin: see packaging/dependencies")


def _search(folder: Path, *definitions: str) -> str:
    subprocess.run(
        ["spin", "-a", *definitions, MODEL], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS
    )
    compiler = ["cc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"]
    subprocess.run(compiler, cwd=folder, check=True, timeout=SECONDS)
    return subprocess.run(
        ["./pan", "-m6000000", "-w23"], cwd=folder, capture_output=True, text=True, timeout=SECONDS
    ).stdout


def test_two_are_never_active(tmp_path) -> None:
    said = _search(tmp_path)
    assert "errors: 0" in said, said
    assert "max search depth too small" not in said and "Search not completed" not in said, said


@pytest.mark.parametrize("bug", BUGS)
def test_a_mistake_is_found(tmp_path, bug) -> None:
    said = _search(tmp_path, f"-D{bug}")
    assert "errors: 1" in said, said


def test_there_are_mistakes_to_be_found() -> None:
    assert len(BUGS) >= 8
