"""A release that does not work is left for the last one that did: by itself, once, and reversibly."""

from __future__ import annotations

import os
import signal

import pytest

from support.releases import Releases


@pytest.fixture
def shop(agent, new_service, tmp_path) -> Releases:
    releases = Releases(tmp_path / "checkout", new_service("checkout"))
    releases.deploy("1")
    return releases


def content(agent) -> dict:
    return agent.ctl_json("why", "checkout")["content"] or {}


def start(agent, shop: Releases, **policy: str) -> None:
    """It is well, and its first release has earned trust."""
    agent.write_policy(shop.policy(**policy))
    agent.start()
    agent.wait_for("checkout", state="healthy")
    earn_trust(agent, "1")


def earn_trust(agent, name: str) -> None:
    agent.wait_until(lambda: content(agent).get("good") == name, 20, f"{name} earns trust")


def restart(shop: Releases) -> None:
    """As the last step of a deployment: whatever runs ends, and what starts is the new release."""
    os.kill(shop.service.starts()[-1], signal.SIGKILL)


def actions(agent) -> list[tuple[str, str]]:
    incident = agent.ctl_json("incident", str(agent.incidents("checkout")[0]["id"]))["incident"]
    return [(one["action"], one["result"]) for one in incident["attempts"]]


def test_a_bad_release_is_rolled_back_to_the_last_that_earned_trust(agent, shop) -> None:
    start(agent, shop)
    shop.deploy("2", works=False)
    shop.deploy("3", works=False)  # the one before it is no better
    agent.wait_until(lambda: content(agent)["state"] == "changed", 20, "the change is seen")
    restart(shop)
    agent.wait_until(lambda: shop.present == "1", 30, "it is rolled back")
    agent.wait_for("checkout", state="healthy")
    assert actions(agent)[-1] == ("rollback", "recovered")
    identifier = str(agent.incidents("checkout")[0]["id"])
    assert "rolled back from 3 to 1" in agent.ctl("incident", identifier).out
    evidence = agent.ctl_json("incident", identifier)["incident"]["evidence"]["text"]
    assert "it was well with 1, and is 3" in evidence
    agent.wait_until(lambda: "is kept" in agent.log_text(), 10, "it is kept")


def test_why_says_what_changed_while_it_is_down(agent, shop) -> None:
    start(agent, shop, step="approve: manual")
    shop.deploy("2", works=False)
    restart(shop)
    agent.wait_for("checkout", state="exhausted", within=30)
    assert shop.present == "2"
    why = " ".join(agent.ctl("why", "checkout").out.split())
    assert "What changed: it was well with 1, and is 2 since" in why
    assert "`recoverctl rollback` does it" in why and "a rollback to 1 is prepared" in why
    done = agent.ctl("rollback", "checkout")
    assert done.code == 0, done
    agent.wait_for("checkout", state="healthy")
    assert shop.present == "1"


def test_a_rollback_that_does_not_help_is_taken_back(agent, shop) -> None:
    start(agent, shop)
    shop.deploy("2", works=False)
    shop.make("1", works=False)
    restart(shop)
    agent.wait_until(lambda: "is taken back" in agent.log_text(), 30, "it is taken back")
    agent.wait_until(lambda: shop.present == "2", 20, "the link is as it was")
    agent.wait_for("checkout", state="exhausted", within=30)
    assert [action for action, _ in actions(agent)].count("rollback") == 1


def test_without_a_change_nothing_is_rolled_back(agent, shop) -> None:
    shop.make("0")
    start(agent, shop)
    shop.service.set("refuse-start")
    restart(shop)
    agent.wait_for("checkout", state="exhausted", within=30)
    assert shop.present == "1"
    assert ("rollback", "recovered") not in actions(agent)
    assert "Nothing has changed since it was well." in " ".join(agent.ctl("why", "checkout").out.split())


def test_a_person_rolls_back_and_takes_it_back(agent, shop) -> None:
    start(agent, shop)
    assert agent.ctl("rollback", "checkout").code == 0
    agent.wait_until(lambda: "there is nothing to go back to" in agent.log_text(), 10, "nowhere to go")
    agent.wait_for("checkout", state="healthy")
    shop.deploy("2")
    assert agent.ctl("restart", "checkout").code == 0
    agent.wait_for("checkout", state="healthy")
    earn_trust(agent, "2")
    assert agent.ctl("rollback", "checkout").code == 0
    agent.wait_until(lambda: "from 2 to 1 is kept" in agent.log_text(), 20, "it is kept")
    assert shop.present == "1"
    assert agent.ctl("rollback", "checkout", "--undo").code == 0
    agent.wait_until(lambda: shop.present == "2", 20, "it is taken back")
    agent.wait_for("checkout", state="healthy")


def test_code_does_not_go_back_across_a_migration(agent, shop, tmp_path) -> None:
    schema = tmp_path / "schema"
    schema.write_text("41\n")
    start(agent, shop, step=f"schema_guard: {schema}")
    schema.write_text("42\n")
    shop.deploy("2", works=False)
    restart(shop)
    agent.wait_for("checkout", state="exhausted", within=30)
    assert shop.present == "2"
    assert "the schema guard says 42, and said 41 when 1 was well" in agent.log_text()


def test_a_deployment_that_runs_is_left_alone(agent, shop, tmp_path) -> None:
    lock = tmp_path / "lock"
    start(agent, shop, more=f"deploy_lock: {lock}")
    lock.touch()
    shop.deploy("2", works=False)
    restart(shop)
    agent.wait_for("checkout", state="held", held_by="deploy")
    assert shop.present == "2"
    lock.unlink()
    agent.wait_until(lambda: shop.present == "1", 30, "it is rolled back")


def test_a_link_that_leads_elsewhere_is_left_alone(agent, shop, tmp_path) -> None:
    start(agent, shop)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "run").write_text("#!/bin/sh\nexit 4\n")
    (elsewhere / "run").chmod(0o755)
    shop.link.unlink()
    shop.link.symlink_to(elsewhere)
    restart(shop)
    agent.wait_for("checkout", state="exhausted", within=30)
    assert os.readlink(shop.link) == str(elsewhere)
    assert "none of the releases" in " ".join(agent.ctl("why", "checkout").out.split())


def test_what_earned_trust_outlives_agent_and_executor(agent, shop) -> None:
    start(agent, shop)
    executor = agent.executor_pid
    agent.kill9()
    os.kill(executor, signal.SIGKILL)
    shop.deploy("2", works=False)
    restart(shop)
    agent.start()
    agent.wait_until(lambda: shop.present == "1", 40, "it is rolled back")
    agent.wait_for("checkout", state="healthy")
