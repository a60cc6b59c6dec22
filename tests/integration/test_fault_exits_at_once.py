"""A service that exits at once for ever: backoff, then given up, then quiet until a person acts."""

from __future__ import annotations

import time


def _policy(service, more: str) -> str:
    return f"""
        services:
          web:
            command: {service.yaml_command}
            fast_interval: 500ms
            verify: 3s
            start_grace: 500ms
            flapping: false
            min_uptime: 3s
            log: {{to: none}}
            {more}
        """


def _note_times(service, count: int, within: float) -> list[float]:
    """When each start appeared in the file, seen every few milliseconds."""
    times: list[float] = []
    limit = time.monotonic() + within
    while len(times) < count and time.monotonic() < limit:
        times += [time.monotonic()] * (len(service.starts()) - len(times))
        time.sleep(0.005)
    return times


def test_backs_off_then_gives_up(agent, new_service) -> None:
    service = new_service("web")
    service.set("refuse-start")
    more = """recover: [{restart: {attempts: 4}}]
            backoff: {delays: [200ms, 400ms, 800ms, 1600ms], jitter: none}"""
    agent.write_policy(_policy(service, more))
    agent.start()
    times = _note_times(service, count=5, within=15)
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert len(gaps) == 4, f"{len(times)} starts"
    for gap, delay in zip(gaps, (0.2, 0.4, 0.8, 1.6)):
        assert delay <= gap + 0.02, f"{gaps}: an attempt came before its time"
    agent.wait_for("web", state="exhausted")
    agent.stays(lambda: len(service.starts()) == 5, 3, "no start after it was given up")
    assert agent.incidents("web")[0]["exhausted"]


def test_an_acknowledged_service_gets_another_ladder(agent, new_service) -> None:
    service = new_service("web")
    service.set("refuse-start")
    more = """recover: [{restart: {attempts: 2}}]
            backoff: {initial: 50ms, max: 50ms, jitter: none}"""
    agent.write_policy(_policy(service, more))
    agent.start()
    agent.wait_for("web", state="exhausted")
    assert len(service.starts()) == 3
    service.set("refuse-start", False)
    assert agent.ctl("ack", "web").code == 0
    agent.wait_for("web", state="healthy")
    assert len(service.starts()) == 4


def test_a_spent_budget_holds_the_next_attempt_and_says_so(agent, new_service) -> None:
    service = new_service("web")
    service.set("refuse-start")
    more = """recover: [{restart: {attempts: 100}}]
            backoff: {initial: 50ms, max: 50ms, jitter: none}
            budget: {actions: 3, per: 1h}"""
    agent.write_policy(_policy(service, more))
    agent.start()
    agent.wait_for("web", held_by="service-budget")
    made = len(service.starts())
    assert 3 <= made <= 4  # whether the first start counts is the budget's own affair
    agent.stays(lambda: len(service.starts()) == made, 2, "no action beyond the budget")
    assert "budget" in agent.ctl("why", "web").out
