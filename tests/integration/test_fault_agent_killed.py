"""The agent killed 200 times at random moments while its service dies: one start for each death. In four shares, each
with an agent and a service of its own, which may run side by side."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from support import processes

KILLS, SHARES = 200, 4
LIFE_SECONDS = 0.35  # of an agent, at most
DEATH_SHARE = 0.3  # of the lives in which the service dies
CALM_EVERY = 8  # of the lives lasts until the service is well, and then it dies: also on a slow machine there is progress


def _policy(service) -> str:
    return f"""
        defaults: {{interval: 200ms, fast_interval: 50ms, timeout: 200ms}}
        services:
          web:
            command: {service.yaml_command}
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            recover: [{{restart: {{attempts: 1000}}}}]
            backoff: {{delays: [0s]}}
            budget: {{actions: 256, per: 1h}}
            start_grace: 5s
            verify: 20s
            flapping: false
            log: {{to: none}}
        """


def _kill_service(service) -> int:
    """1 if it was there to be killed."""
    pid = service.starts()[-1]
    if not processes.is_running(pid):
        return 0
    os.kill(pid, signal.SIGKILL)
    return 1


def _live(agent, service, rng: random.Random, calm: bool) -> int:
    """One life of the agent; returns how often the service was killed in it."""
    agent.start(ready=calm)
    if calm:
        agent.wait_for("web", within=60, state="healthy")
    before = rng.uniform(0, LIFE_SECONDS)
    time.sleep(before)
    deaths = _kill_service(service) if calm or rng.random() < DEATH_SHARE else 0
    time.sleep(rng.uniform(0, LIFE_SECONDS - before))
    agent.kill9()
    return deaths


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", range(SHARES))
def test_no_action_is_lost_or_doubled(agent, new_service, share: int) -> None:
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    print(f"SEED={seed}")
    rng = random.Random(seed)
    service = new_service("web")
    agent.write_config(agent="budget: {actions: 256, per: 1h}\ncrash_loop: {starts: 0}")
    agent.write_policy(_policy(service))
    agent.start()
    agent.wait_for("web", state="healthy")
    agent.kill9()
    deaths = sum(_live(agent, service, rng, life % CALM_EVERY == 0) for life in range(KILLS // SHARES))
    assert deaths >= KILLS // SHARES // CALM_EVERY, "the service was hardly ever killed"
    agent.start()
    agent.wait_for("web", within=60, state="healthy")
    agent.stays(lambda: agent.service("web")["state"] == "healthy", 3, "it stays well")
    assert len(service.starts()) == deaths + 1, f"{deaths} deaths, {len(service.starts())} starts"
