"""Each *.scenario file holds a policy, a script, and the decisions that follow; they are compared exactly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from scenario_files import FILES, SIMULATIONS, decisions, expected, rows_of_table

ROWS = re.compile(r"^ *[0-9.]+ \S+ +rows +([0-9 ]+)$", re.MULTILINE)
NAME = re.compile(r"^([0-9]{3})-[a-z0-9-]+\.scenario$")


def fired(text: str) -> set[int]:
    return {int(number) for line in ROWS.findall(text) for number in line.split()}


@pytest.mark.parametrize("path", FILES + SIMULATIONS, ids=lambda path: path.stem)
def test_decisions(path: Path) -> None:
    assert decisions(path) == expected(path), (
        f"the decisions differ; where that is right, run tests/scenarios/regenerate {path.stem} and review the diff"
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_about_the_row_that_it_is_named_after(path: Path) -> None:
    match = NAME.match(path.name)
    assert match, f"{path.name}: call it NUMBER-WORDS.scenario"
    number = int(match.group(1))
    assert number >= 600 or number in fired(expected(path))


def test_each_row_fires_in_a_scenario() -> None:
    seen = set().union(*(fired(expected(path)) for path in FILES))
    assert rows_of_table() - seen == set()


def test_a_scenario_that_is_wrong_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.scenario"
    wrong.write_text(FILES[0].read_text().replace("script:\n", "script:\n  at 1s web sings\n"))
    with pytest.raises(AssertionError, match="not a statement: at 1s web sings"):
        decisions(wrong)


def test_a_decision_that_differs_is_seen() -> None:
    assert decisions(FILES[0]) != expected(FILES[1])
