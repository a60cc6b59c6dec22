"""One row of the table: what was measured, against what, and whether it is good enough."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    what: str
    measured: str  # with its unit
    against: str  # the floor's value, or what it is a share of
    ratio: str
    limit: str
    good: bool


def ratio_of(what: str, ours: float, floor: float, unit: str, limit: float) -> Figure:
    ratio = ours / floor
    values = (f"{ours:.3g} {unit}", f"{floor:.3g} {unit}", f"{ratio:.2f} x", f"{limit:g} x")
    return Figure(what, *values, ratio <= limit)


def absolute(what: str, value: float, unit: str, limit: float) -> Figure:
    return Figure(what, f"{value:.3g} {unit}", "", "", f"{limit:g} {unit}", value <= limit)


def beside(what: str, ours: float, other: float, unit: str, limit: float) -> Figure:
    """An absolute limit; what another program needs for the same is shown."""
    values = (f"{ours:.3g} {unit}", f"{other:.3g} {unit}", f"{ours / other:.2f} x", f"{limit:.3g} {unit}")
    return Figure(what, *values, ours <= limit)


def lateness_of(what: str, late: float, interval: float, limit: float) -> Figure:
    """Seconds; the limit is a share of the interval."""
    values = (f"{late * 1e3:.3g} ms", f"{interval:g} s", f"{late / interval:.2%}", f"{limit * 100:g} %")
    return Figure(what, *values, late <= limit * interval)
