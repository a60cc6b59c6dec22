"""Breaks each guard, and each rule of the house, in turn: at least one test has to notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mutants import MUTANTS, Mutant, guards
from mutated_tree import ROOT, MutatedTree

# One after the other in one process: they share the copy. The first has to build all of it.
pytestmark = [pytest.mark.alone, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def tree() -> Iterator[MutatedTree]:
    tree = MutatedTree()
    fails = tree.whole()
    assert fails is None, f"{fails} fails already while nothing is broken"
    yield tree


@pytest.mark.parametrize("mutant", [*guards(ROOT), *MUTANTS], ids=lambda mutant: mutant.what.replace(" ", "-"))
def test_a_test_notices(tree: MutatedTree, mutant: Mutant) -> None:
    noticed = tree.break_and_test(mutant)
    assert noticed, f"no test notices that this is broken: {mutant.what}"
    print(f"{mutant.what}: {noticed}")
