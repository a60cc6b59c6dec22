"""A service that is killed, and an agent that may or may not start it again."""

from __future__ import annotations

import os
import signal

STAYS_SECONDS = 1.5  # long for an agent that acts at once


def policy(service, more: str = "") -> str:
    return f"""
        defaults: {{interval: 500ms, fast_interval: 100ms, timeout: 500ms, settle: 1s}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            recover: [{{restart: {{attempts: 50}}}}]
            backoff: {{delays: [0s]}}
            budget: {{actions: 100, per: 1h}}
            start_grace: 5s
            log: {{to: none}}
            {more}
        """


def kill(service) -> None:
    os.kill(service.starts()[-1], signal.SIGKILL)


def assert_stays_held(agent, service, guard: str) -> None:
    """It was killed: it is held by that guard, and nobody starts it."""
    starts = len(service.starts())
    agent.wait_for("web", state="held", held_by=guard)
    agent.stays(lambda: len(service.starts()) == starts, STAYS_SECONDS, f"held by {guard}")


def assert_comes_back(agent, service, starts: int, within: float = 20) -> None:
    agent.wait_until(lambda: len(service.starts()) == starts, within, f"start {starts}")
    agent.wait_for("web", state="healthy")
