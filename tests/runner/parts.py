"""The table of the parts that tests/run offers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import fuzz
import pytests
import unit
from tally import Tally


@dataclass(frozen=True)
class Part:
    name: str
    builds: tuple[str, ...]  # presets of CMakePresets.json
    find: Callable[[], list[Path]]  # its tests; a part without any is not offered
    run: Callable[[], Tally]
    programs: tuple[str, ...] = ()  # without one of them the part is skipped
    by_name_only: bool = False  # not part of a run without words
    aside: bool = False  # needs only processor time: it takes what the other parts leave
    prepare: Callable[[], object] | None = None  # what can be made while other parts run


def _pytest_part(name: str, builds: tuple[str, ...], **more: object) -> Part:
    find = partial(pytests.modules, name)
    return Part(name, builds, find, partial(pytests.run_folder, name), **more)


PARTS = [
    Part("unit", ("test",), unit.sources, unit.run_all),
    _pytest_part("scenarios", ("test",)),
    _pytest_part("mutation", (), by_name_only=True),
    _pytest_part("integration", ("test",)),
    _pytest_part("lab", ("test",), prepare=partial(pytests.collect, "lab")),
    Part("fuzz", ("fuzz",), fuzz.sources, fuzz.run_all, programs=("clang",), aside=True),
    _pytest_part("style", ("test",), aside=True),
    _pytest_part("bench", ("bench",), by_name_only=True),
]


def offered() -> list[Part]:
    return [part for part in PARTS if part.find()]


def missing_program(part: Part) -> str | None:
    return next((name for name in part.programs if not shutil.which(name)), None)
