"""The wall clock set back and forth: durations keep their length, what is healthy is left alone."""

from __future__ import annotations

import os
import signal
import time

from support.preload import ShiftedClock

DAY = 86400


def _policy(service) -> str:
    return f"""
        defaults: {{interval: 200ms, fast_interval: 50ms, timeout: 200ms}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            backoff: {{initial: 1s, max: 1s, jitter: none}}
            log: {{to: none}}
        """


def _restart_seconds(agent, service) -> float:
    starts = len(service.starts())
    os.kill(service.starts()[-1], signal.SIGKILL)
    began = time.monotonic()
    agent.wait_until(lambda: len(service.starts()) > starts, 20, "it is started anew")
    taken = time.monotonic() - began
    agent.wait_for("web", state="healthy")
    return taken


def test_clock_set_back_and_forth(agent, new_service, tmp_path) -> None:
    clock, service = ShiftedClock(agent, tmp_path), new_service("web")
    agent.write_policy(_policy(service))
    agent.start()
    agent.wait_for("web", state="healthy")
    for shift in (DAY, -2 * DAY, 30 * DAY, 0, -3600):
        clock.set(shift)
        agent.stays(lambda: len(service.starts()) == 1, 0.6, "a healthy service is left alone")
    assert agent.incidents() == []
    for shift in (-2 * DAY, 30 * DAY):
        clock.set(shift)
        assert 0.9 < _restart_seconds(agent, service) < 4, "the backoff of 1 s keeps its length"


def test_a_pause_ends_in_time_whatever_the_clock_says(agent, new_service, tmp_path) -> None:
    clock, service = ShiftedClock(agent, tmp_path), new_service("web")
    agent.write_policy(_policy(service))
    agent.start()
    agent.wait_for("web", state="healthy")
    assert agent.ctl("pause", "web", "--for", "4s", "--reason", "clock test").code == 0
    began = time.monotonic()
    clock.set(30 * DAY)
    os.kill(service.starts()[-1], signal.SIGKILL)
    agent.stays(lambda: len(service.starts()) == 1, 2.5, "the pause holds the restart")
    clock.set(-30 * DAY)
    agent.wait_until(lambda: len(service.starts()) == 2, 10, "the pause has ended")
    assert 3.5 < time.monotonic() - began < 8


def test_a_restarted_agent_survives_a_clock_that_went_back(agent, new_service, tmp_path) -> None:
    clock, service = ShiftedClock(agent, tmp_path), new_service("web")
    agent.write_policy(_policy(service))
    clock.set(DAY)
    agent.start()
    agent.wait_for("web", state="healthy")
    _restart_seconds(agent, service)
    agent.kill9()
    clock.set(-DAY)
    agent.start()
    agent.wait_for("web", state="healthy")
    assert _restart_seconds(agent, service) < 4
