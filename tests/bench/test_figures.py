"""Every figure is reached on this machine; `tests/run bench`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import figures
from figure import Figure


@pytest.mark.alone
@pytest.mark.parametrize("measure", figures.ALL, ids=lambda measure: measure.__name__)
def test_figure_is_reached(measure: Callable[[], list[Figure]]) -> None:
    missed = [figure for figure in measure() if not figure.good]
    assert not missed
