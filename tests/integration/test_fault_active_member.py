"""The agent, the executor, or both are killed or stopped while a member of a group is active: it is stopped by the
end of its lease, never two run, and afterwards one runs again."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from support import processes

WITHIN = 60
MEMBERS = ("blue", "green")


class Pair:
    """Two members on one host. Each holds a lock while it lives, and notes when the other has it."""

    def __init__(self, agent, folder) -> None:
        self.agent = agent
        self.folder = folder
        script = folder / "member.sh"
        script.write_text(
            "#!/bin/bash\n"
            f"exec 9>{folder}/lock\n"
            f"flock -n 9 || echo $1 >> {folder}/overlaps\n"
            f"echo $$ >> {folder}/$1\n"
            "trap '' TERM\n"  # it has to be killed
            "while :; do sleep 1000 9>&-; done\n"
        )
        script.chmod(0o755)
        services = "".join(
            f"""
          {name}:
            command: [{script}, {name}]
            member_of: shop
            log: none
            interval: 500ms
            recover: [restart: {{attempts: 60}}]
            backoff: {{initial: 200ms, max: 500ms}}
            budget: {{actions: 256, per: 1h}}"""
            for name in MEMBERS
        )
        agent.write_policy(f"""
        groups:
          shop:
            mode: active-standby
            members: {{blue: {{priority: 200}}, green: {{}}}}
            lease: 6s
            margin: 300ms
            stop_timeout: 500ms
            max_failovers: {{count: 0}}
            budget: {{actions: 256, per: 1h}}
        services:{services}
        """)

    def running(self) -> list[int]:
        files = [self.folder / name for name in MEMBERS]
        pids = [int(line) for file in files if file.exists() for line in file.read_text().split()]
        return [pid for pid in pids if processes.is_running(pid)]

    def wait_for_one(self, but: int = 0) -> int:
        def one() -> int:
            running = self.running()
            return running[0] if len(running) == 1 and running[0] != but else 0

        pid = self.agent.wait_until(one, WITHIN, "one member is active")
        self.check()
        return pid

    def check(self) -> None:
        overlaps = self.folder / "overlaps"
        assert not overlaps.exists(), f"two at a time: {overlaps.read_text()}"

    def wait_for_none(self) -> None:
        self.agent.wait_until(lambda: not self.running(), WITHIN, "the active member is stopped")


@pytest.fixture
def pair(agent, tmp_path) -> Pair:
    agent.write_config(agent="""
        crash_loop: {starts: 0}
        budget: {actions: 256, per: 1h}
        self_suspicion: {enabled: false}
    """)
    pair = Pair(agent, tmp_path)
    agent.start()
    return pair


def test_an_agent_that_is_stopped(agent, pair) -> None:
    pid = pair.wait_for_one()
    agent.freeze()
    pair.wait_for_none()
    agent.thaw()
    pair.wait_for_one(but=pid)


def test_an_agent_that_is_killed_and_back_at_once(agent, pair) -> None:
    pair.wait_for_one()
    agent.kill9()
    agent.start()
    pair.wait_for_one()


def test_an_agent_that_is_killed_and_stays_away(agent, pair) -> None:
    pid = pair.wait_for_one()
    agent.kill9()
    pair.wait_for_none()
    agent.start()
    pair.wait_for_one(but=pid)


def test_an_executor_that_is_killed(agent, pair) -> None:
    pair.wait_for_one()
    old = agent.executor_pid
    os.kill(old, signal.SIGKILL)
    agent.wait_until(lambda: agent.executor_pid not in (old, None), WITHIN, "there is another executor")
    pair.wait_for_one()


def test_both_are_killed(agent, pair) -> None:
    """Where systemd does not start them again nobody stops it in time; the next ones do before anything else."""
    old = pair.wait_for_one()
    os.kill(agent.executor_pid, signal.SIGKILL)
    agent.kill9()
    agent.start()
    pair.wait_for_one()
    assert old in pair.running() or not processes.is_running(old)


# ---- Any of it ----


class Faults:
    def __init__(self, agent, pair: Pair, chance: random.Random) -> None:
        self.agent, self.pair, self.chance = agent, pair, chance

    def _pause(self, *seconds: float) -> None:
        time.sleep(self.chance.choice(seconds))  # the fault itself

    def kill_executor(self) -> None:
        if pid := self.agent.executor_pid:
            os.kill(pid, signal.SIGKILL)

    def kill_agent(self) -> None:
        self.agent.kill9()
        self._pause(0, 0, 1, 7)
        self.agent.start()

    def kill_both(self) -> None:
        self.kill_executor()
        self.kill_agent()

    def stop_agent(self) -> None:
        self.agent.freeze()
        self._pause(0.3, 3, 7)
        self.agent.thaw()

    def stop_executor(self) -> None:
        if pid := self.agent.executor_pid:
            os.kill(pid, signal.SIGSTOP)
            self._pause(0.3, 2)
            os.kill(pid, signal.SIGCONT)

    def kill_member(self) -> None:
        for pid in self.pair.running():
            os.kill(pid, signal.SIGKILL)

    def ask_for_failover(self) -> None:
        self.agent.ctl("failover", "shop")


@pytest.mark.long
def test_one_fault_after_the_other(agent, pair) -> None:
    """RECOVERD_FAULTS makes it longer, RECOVERD_SEED the same as before."""
    seed = int(os.environ.get("RECOVERD_SEED", time.time_ns() % 100_000))
    print(f"seed {seed}")
    chance = random.Random(seed)
    faults = Faults(agent, pair, chance)
    names = [name for name in dir(Faults) if not name.startswith("_")]
    for _ in range(int(os.environ.get("RECOVERD_FAULTS", 6))):
        name = chance.choice(names)
        print(name)
        getattr(faults, name)()
        pair.check()
        if chance.random() < 0.5:
            pair.wait_for_one()
    pair.wait_for_one()
