"""The protocol of groups, as models that SPIN searches whole: two members never run at once, whatever is delayed, lost,
paused or killed, who is promoted has the data, and one is active in the end. Each mistake that a model knows by a macro has to be found, or the search
proves nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "models"
SEARCHES = [  # of a whole model, in some sizes
    ("failover", []),
    ("promises", ["-DN=3", "-DLEASE=2"]),
    ("promises", ["-DN=2", "-DLEASE=4"]),
    ("following", []),
    ("liveness", ["-DFAULTS=2"]),
]
MODELS = sorted({model for model, _ in SEARCHES})
SECONDS = 300  # on a busy machine; a quarter of a minute on an idle one


def _text(model: str) -> str:
    return (FOLDER / f"{model}.pml").read_text()


def _bugs(model: str) -> list[str]:
    return sorted(set(re.findall(r"#if(?:n?def) (BUG_\w+)", _text(model))))


BUGS = [(model, bug) for model in MODELS for bug in _bugs(model)]

pytestmark = pytest.mark.skipif(not shutil.which("spin"), reason="needs spin: see packaging/dependencies")


def _search(folder: Path, model: str, definitions: list[str], compiled: str) -> str:
    """What holds at each moment is asserted; of what comes to pass in the end, `ltl`, SPIN looks for endless runs without it."""
    for_cycles = "\nltl " in _text(model)
    compiler = ["cc", compiled, "-w", "-DCOLLAPSE", *([] if for_cycles else ["-DSAFETY"]), "-o", "pan", "pan.c"]
    search = ["./pan", "-m2000000", "-w22", *(["-a"] if for_cycles else [])]
    subprocess.run(
        ["spin", "-a", *definitions, FOLDER / f"{model}.pml"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=SECONDS,
    )
    subprocess.run(compiler, cwd=folder, check=True, timeout=SECONDS)
    return subprocess.run(search, cwd=folder, capture_output=True, text=True, timeout=SECONDS).stdout


@pytest.mark.parametrize(("model", "definitions"), SEARCHES)
def test_no_run_breaks_what_is_promised(tmp_path, model, definitions) -> None:
    said = _search(tmp_path, model, definitions, "-O1")
    assert "errors: 0" in said, said
    assert "max search depth too small" not in said and "Search not completed" not in said, said


@pytest.mark.parametrize(("model", "bug"), BUGS)
def test_a_mistake_is_found(tmp_path, model, bug) -> None:
    said = _search(tmp_path, model, [f"-D{bug}"], "-O0")  # it is found sooner than more would be compiled
    assert "errors: 1" in said, said


@pytest.mark.parametrize(("model", "least"), [("failover", 8), ("promises", 5), ("following", 8), ("liveness", 8)])
def test_there_are_mistakes_to_be_found(model, least) -> None:
    assert len(_bugs(model)) >= least
