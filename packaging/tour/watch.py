"""Follows the agent's events, prints those that tell the story, and waits for conditions."""

from __future__ import annotations

import time
from collections.abc import Callable

from agent import Agent, moment
from report import line

PERIOD = 0.1  # seconds between two looks

# The kinds of events that people see without --verbose, and their colours.
SHOWN = {
    "incident-opened": "red",
    "attempt-started": "",
    "attempt-ended": "",
    "incident-closed": "green",
    "exhausted": "red",
    "notify": "yellow",
}


class Watch:
    def __init__(self, agent: Agent, verbose: bool) -> None:
        self.agent, self.verbose = agent, verbose
        self.began = time.time()
        self.seen: set[tuple] = set()
        self.blocked: set[str] = set()  # services that were left alone since the blow

    def begin(self, what: str) -> None:
        """The blow falls now; what happened before is no part of its story."""
        self._look(silent=True)
        self.blocked.clear()
        # The agent tells milliseconds, and may need less than one.
        self.began = time.time_ns() // 1_000_000 / 1000
        line(0, "tour", what, "bold")

    def elapsed(self) -> float:
        return time.time() - self.began

    def until(self, condition: Callable[[], bool], within: float) -> bool:
        limit = time.monotonic() + within
        while time.monotonic() < limit:
            self._look()
            if condition():
                self._look()
                return True
            time.sleep(PERIOD)
        self._look()
        return False

    def follow(self, seconds: float) -> None:
        self.until(lambda: False, seconds)

    def _look(self, silent: bool = False) -> None:
        self.agent.check_alive()
        for event in self.agent.events():
            key = (event["at"], event["service"], event["kind"], event["text"])
            if key not in self.seen:
                self.seen.add(key)
                if not silent:
                    self._show(event)

    def _show(self, event: dict) -> None:
        blocked = event["kind"] == "phase" and event["phase"] == "blocked"
        if blocked:
            self.blocked.add(event["service"])
        colour = "yellow" if blocked else SHOWN.get(event["kind"])
        if colour is not None or self.verbose:
            line(
                moment(event["at"]) - self.began,
                event["service"] or "agent",
                event["text"],
                colour or "",
            )
