"""A group whose members are two services of one host, blue and green: exactly one runs at a time, the other takes over
when it is beyond repair or when a person asks, and what becomes of the agent changes nothing of that."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import processes
from support.alone import command_alone, overlaps
from support.service import Service

WITHIN = 60
LEASE = "8s"


class Group:
    """Each service holds a lock while it lives, and notes when another has it. The lease has to be free for three
    seconds, so that two that are begun at the same moment have read of each other's priority."""

    def __init__(self, agent, folder: Path) -> None:
        self.agent = agent
        self.folder = folder
        self.services = {name: Service(folder / name) for name in ("blue", "green")}

    def write_policy(self, group: str = "", ladder: str = "[restart: {attempts: 1}]", lease: str = LEASE) -> None:
        members = "".join(
            f"""
          {name}:
            command: {command_alone(self.folder, name, self.services[name].command)}
            member_of: shop
            log: none
            start_grace: 3s
            stop_timeout: 1s
            verify: 6s
            interval: 300ms
            fast_interval: 100ms
            fall: 2
            probes: {{page: {{http: {service.url}}}}}
            recover: {ladder}
            backoff: {{initial: 100ms, jitter: none}}"""
            for name, service in self.services.items()
        )
        self.agent.write_policy(f"""
        groups:
          shop:
            mode: active-standby
            members: {{blue: {{priority: 200}}, green: {{}}}}
            lease: {lease}
            margin: 500ms
            stop_timeout: 1s
            failover_delay: 3s
            {group}
        services:{members}
        """)

    def running(self) -> list[str]:
        return [
            name
            for name, service in self.services.items()
            if any(processes.is_running(pid) for pid in service.starts()[-1:])
        ]

    def member(self, name: str) -> dict:
        members = self.agent.groups()["members"]
        return next((one for one in members if one["service"] == name), {"duty": None})

    def duty(self, name: str) -> str | None:
        return self.member(name)["duty"]

    def says_to(self, to: str, name: str) -> str:
        """What a member has published, as another one has read it."""
        peers = self.member(to).get("peers", [])
        return next((one["says"] for one in peers if one["member"].endswith(f"/{name}")), "")

    def is_known_to_be_able(self, name: str, to: str) -> bool:
        return self.says_to(to, name).startswith("can=1")

    def is_known_to_be_unable(self, name: str, to: str) -> bool:
        return self.says_to(to, name).startswith("can=0")

    def wait_for_active(self, name: str) -> None:
        what = f"{name} is active and well"
        self.agent.wait_until(lambda: self.running() == [name], WITHIN, what)
        self.agent.wait_for(name, health="healthy", within=WITHIN)
        assert not overlaps(self.folder)


@pytest.fixture
def group(agent, tmp_path) -> Group:
    return Group(agent, tmp_path)


def test_the_other_takes_over_when_the_active_one_is_beyond_repair(agent, group) -> None:
    group.write_policy()
    agent.start()
    group.wait_for_active("blue")
    assert agent.service("green")["state"] == "standby"
    group.services["blue"].set("fail")
    group.services["blue"].set("refuse-start")
    group.wait_for_active("green")
    assert agent.service("blue")["state"] == "standby"
    assert len(group.services["green"].starts()) == 1


def test_a_person_hands_over_and_back(agent, group) -> None:
    tokens = group.folder / "tokens"
    hook = group.folder / "hook"
    hook.write_text(f'#!/bin/sh\necho "$RECOVERD_GROUP $RECOVERD_ROLE $RECOVERD_FENCING_TOKEN" >> {tokens}\n')
    hook.chmod(0o755)
    group.write_policy(f"promote: [exec: {{command: [{hook}]}}, start]")
    agent.start()
    group.wait_for_active("blue")
    agent.wait_until(lambda: group.is_known_to_be_able("green", to="blue"), WITHIN, "blue knows that green can")
    answer = agent.ctl("failover", "shop")
    assert answer.code == 0 and "blue hands over" in answer.out
    group.wait_for_active("green")
    agent.wait_until(lambda: group.is_known_to_be_able("blue", to="green"), WITHIN, "green knows that blue can")
    assert agent.ctl("failover", "shop", "--to", "blue").code == 0
    group.wait_for_active("blue")
    lines = [line.split() for line in tokens.read_text().splitlines()]
    assert len(lines) == 3 and {line[0] for line in lines} == {"shop"}
    numbers = [int(line[-1]) for line in lines]
    assert numbers == sorted(set(numbers)), "each promotion has a larger fencing token"


def test_wrong_wishes_are_told_why(agent, group) -> None:
    group.write_policy()
    agent.start()
    group.wait_for_active("blue")
    assert "there is no group 'shp'" in agent.ctl("failover", "shp").err
    assert "no other member 'red'" in agent.ctl("failover", "shop", "--to", "red").err
    assert agent.ctl("pause", "green", "--reason", "maintenance").code == 0
    agent.wait_until(lambda: group.is_known_to_be_unable("green", to="blue"), WITHIN, "green could not be promoted")
    refused = agent.ctl("failover", "shop")
    assert refused.code == 1 and "no other member could be promoted" in refused.err
    started = agent.ctl("start", "green")
    assert started.code == 1 and "not the active member" in started.err
    assert group.running() == ["blue"]


def test_group_and_why_say_how_it_stands(agent, group) -> None:
    group.write_policy("requires_healthy: [page]")
    agent.start()
    agent.wait_until(lambda: "probe" in agent.ctl("group").out, WITHIN, "nobody is promoted")
    assert group.running() == [], "its page does not answer before it runs, so nobody is promoted"
    why = agent.ctl("why", "shop").out
    assert "blue is standby" in why and "a required probe is not healthy" in why
    group.write_policy()
    assert agent.ctl("reload").code == 0
    # Whichever: both could be at the same moment, before one has read that the other could.
    active = agent.wait_until(group.running, WITHIN, "one of them runs")[0]
    group.wait_for_active(active)
    table = agent.ctl("group").out
    assert "active" in table and "the lease is with" in table
    for name in group.services:
        assert agent.metric("recoverd_group_active", group="shop", service=name) == (name == active)
    assert agent.ctl("status").code == 0, "a standby is not down"


def test_the_active_one_outlives_the_agent(agent, group) -> None:
    group.write_policy(lease="20s")
    agent.start()
    group.wait_for_active("blue")
    agent.kill9()
    agent.start()
    agent.wait_until(lambda: group.duty("blue") == "active", WITHIN, "blue is active for the new agent, too")
    group.wait_for_active("blue")
    assert len(group.services["blue"].starts()) == 1, "it was not restarted"


def test_a_frozen_agent_cannot_keep_it_active(agent, group) -> None:
    group.write_policy()
    agent.start()
    group.wait_for_active("blue")
    agent.freeze()
    agent.wait_until(lambda: group.running() == [], WITHIN, "the executor stops it by itself")
    agent.thaw()
    agent.wait_until(lambda: len(group.running()) == 1, WITHIN, "one is active again")
    assert not overlaps(group.folder)


def test_an_executor_that_is_killed_changes_nothing(agent, group) -> None:
    group.write_policy(lease="20s")
    agent.start()
    group.wait_for_active("blue")
    processes.kill(agent.executor_pid)
    agent.wait_until(lambda: group.duty("blue") == "active" and agent.executor_pid, WITHIN, "blue is still active")
    group.services["blue"].set("fail")
    group.services["blue"].set("refuse-start")
    group.wait_for_active("green")
    assert len(group.services["blue"].starts()) <= 2


@pytest.mark.long
def test_one_without_budget_tells_the_other(agent, group) -> None:
    group.write_policy("budget: {actions: 2, per: 1h}")  # two promotions, of whichever
    agent.start()
    group.wait_for_active("blue")
    agent.wait_until(lambda: group.is_known_to_be_able("green", to="blue"), WITHIN, "blue knows that green can")
    assert agent.ctl("failover", "shop").code == 0
    group.wait_for_active("green")
    agent.wait_until(lambda: group.is_known_to_be_able("blue", to="green"), WITHIN, "green knows that blue can")
    assert agent.ctl("failover", "shop").code == 0
    said = "2 of 2 actions of the group spent within 1h"
    agent.wait_until(lambda: said in agent.ctl("why", "shop").out, WITHIN, "it says why it is not promoted")
    agent.wait_until(lambda: group.is_known_to_be_unable("blue", to="green"), WITHIN, "green knows that blue cannot")
    assert group.running() == []
    group.write_policy("budget: {actions: 20, per: 1h}")
    assert agent.ctl("reload").code == 0
    agent.wait_until(lambda: len(group.running()) == 1, WITHIN, "one is promoted after the reload")
    assert not overlaps(group.folder)


def test_without_another_the_ladder_goes_on(agent, group) -> None:
    group.write_policy(ladder="[failover, restart: {attempts: 1}]")
    agent.start()
    group.wait_for_active("blue")
    assert agent.ctl("pause", "green", "--reason", "maintenance").code == 0
    agent.wait_until(lambda: group.is_known_to_be_unable("green", to="blue"), WITHIN, "green could not be promoted")
    group.services["blue"].set("fail")
    agent.wait_until(lambda: len(group.services["blue"].starts()) == 2, WITHIN, "it is restarted where it is")
    agent.wait_until(lambda: "no other member could take over" in agent.log_text(), WITHIN, "it is told")
    assert agent.ctl("resume", "green").code == 0
    group.wait_for_active("green")


def test_a_new_agent_counts_the_failovers_before_it(agent, group) -> None:
    group.write_policy("max_failovers: {count: 2, per: 1h}", lease="20s")
    agent.start()
    for active, other in (("blue", "green"), ("green", "blue")):
        group.wait_for_active(active)
        agent.wait_until(lambda: group.is_known_to_be_able(other, to=active), WITHIN, f"{other} can")
        assert agent.ctl("failover", "shop").code == 0
    group.wait_for_active("blue")
    agent.kill9()
    agent.start()
    agent.wait_until(lambda: group.duty("blue") == "active", WITHIN, "blue is active for the new agent, too")
    agent.wait_until(lambda: group.is_known_to_be_unable("green", to="blue"), WITHIN, "green is held back")
    assert "2 of 2 failovers within 1h" in agent.ctl("why", "shop").out
    assert agent.ctl("failover", "shop").code == 1
    group.write_policy("max_failovers: {count: 3, per: 1h}", lease="20s")
    assert agent.ctl("reload").code == 0
    agent.wait_until(lambda: group.is_known_to_be_able("green", to="blue"), WITHIN, "one more is allowed")
    assert agent.ctl("failover", "shop").code == 0
    group.wait_for_active("green")
