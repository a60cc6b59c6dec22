"""What people see: the timeline of each disaster as it happens, and the table at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence

COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
TEXT_WIDTH = 88


def paint(text: str, colour: str) -> str:
    """Only for a terminal."""
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if sys.stdout.isatty() else text


def say(text: str = "") -> None:
    print(text, flush=True)


def headline(text: str) -> None:
    say()
    say(paint(text, "bold"))


def line(seconds: float, who: str, text: str, colour: str = "") -> None:
    """One line of a timeline; seconds since the disaster struck."""
    short = text if len(text) <= TEXT_WIDTH else text[: TEXT_WIDTH - 3] + "..."
    say(f"  {seconds:+7.2f} s  {who:<10}  {paint(short, colour) if colour else short}")


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def cells(row: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()

    say("  " + paint(cells(head), "bold"))
    for row in rows:
        text = cells(row)
        say("  " + (paint(text, "red") if row[-1].startswith("NO") else text))
