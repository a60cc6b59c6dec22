"""Waiting for what should come true, and watching that something stays true. Tests never sleep."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

POLL_SECONDS = 0.02

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], within: float, what: str) -> T:
    """The first true value of the predicate; AssertionError with `what` when there is none in time."""
    deadline = time.monotonic() + within
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within:g} s: {what}; last: {value!r}")
        time.sleep(POLL_SECONDS)


def stays(predicate: Callable[[], object], for_: float, what: str) -> None:
    """Fails as soon as the predicate is false."""
    started = time.monotonic()
    while (passed := time.monotonic() - started) < for_:
        value = predicate()
        if not value:
            raise AssertionError(f"stopped after {passed:.2f} s of {for_:g}: {what}; now: {value!r}")
        time.sleep(POLL_SECONDS)
