"""docs/benchmarks.md and the table on the terminal."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from figure import Figure
from figures import ALL

HEAD = ("what", "measured", "against", "ratio", "at most", "reached")


def _row(figure: Figure) -> tuple[str, ...]:
    cells = (figure.what, figure.measured, figure.against or "-", figure.ratio or "-", figure.limit)
    return (*cells, "yes" if figure.good else "NO")


def table(figures: Sequence[Figure]) -> str:
    """Markdown that also reads well as it is."""
    rows = [HEAD, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    padded = [[cell.ljust(width) for cell, width in zip(row, widths)] for row in rows]
    lines = [f"| {' | '.join(cells)} |" for cells in padded]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _first(pattern: str, path: str) -> str:
    match = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return match[1].strip() if match else "unknown"


def machine() -> list[str]:
    """Facts that explain the numbers; nothing that names the machine."""
    memory = int(_first(r"^MemTotal:\s+(\d+)", "/proc/meminfo")) / 1024 / 1024
    processor = _first(r"^model name\s*:(.*)", "/proc/cpuinfo")
    system = _first(r"^PRETTY_NAME=\"(.*)\"", "/etc/os-release")
    return [
        f"- processor: {processor}, {os.cpu_count()} cores",
        f"- memory: {memory:.0f} GiB",
        f"- system: {system}, Linux {platform.release().split('-')[0]}",
    ]


def _method(measure: Callable[[], list[Figure]]) -> str:
    return f"**{measure.__name__}**: {' '.join((measure.__doc__ or '').split())}"


def document(figures: Sequence[Figure]) -> str:
    methods = "\n\n".join(map(_method, ALL))
    facts = "\n".join(machine())
    return f"""# Benchmarks

Written by `tests/bench/run`, which builds the agent as it is installed (`cmake --preset bench`),
measures each figure against its floor in the same run, on loopback, or for `takeover` between hosts of the
[lab](../tests/lab/README.md), and writes this page.

{table(figures)}

## The machine

{facts}

## How each is measured

{methods}
"""
