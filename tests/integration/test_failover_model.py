"""The protocol of groups, as models that SPIN searches whole: two members never run at once, whatever is delayed, lost,
paused or killed. Each mistake that a model knows by a macro has to be found, or the search proves nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "models"
MODELS = ("failover", "promises")


def _bugs(model: str) -> list[str]:
    return sorted(set(re.findall(r"#if(?:n?def) (BUG_\w+)", (FOLDER / f"{model}.pml").read_text())))


BUGS = [(model, bug) for model in MODELS for bug in _bugs(model)]
SECONDS = 300  # on a busy machine; half a minute on an idle one

pytestmark = pytest.mark.skipif(not shutil.which("spin"), reason="needs spin: see packaging/dependencies")


def _search(folder: Path, model: str, *definitions: str) -> str:
    source = FOLDER / f"{model}.pml"
    subprocess.run(
        ["spin", "-a", *definitions, source], cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS
    )
    compiler = ["cc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"]
    subprocess.run(compiler, cwd=folder, check=True, timeout=SECONDS)
    return subprocess.run(
        ["./pan", "-m6000000", "-w23"], cwd=folder, capture_output=True, text=True, timeout=SECONDS
    ).stdout


@pytest.mark.parametrize("model", MODELS)
def test_two_are_never_active(tmp_path, model) -> None:
    said = _search(tmp_path, model)
    assert "errors: 0" in said, said
    assert "max search depth too small" not in said and "Search not completed" not in said, said


@pytest.mark.parametrize(("model", "bug"), BUGS)
def test_a_mistake_is_found(tmp_path, model, bug) -> None:
    said = _search(tmp_path, model, f"-D{bug}")
    assert "errors: 1" in said, said


def test_there_are_mistakes_to_be_found() -> None:
    assert len(_bugs("failover")) >= 8 and len(_bugs("promises")) >= 5
