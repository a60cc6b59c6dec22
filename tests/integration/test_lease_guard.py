"""The guard of a group with one active member, in the executor: nothing is active without a lease, and what
loses its lease has been stopped by the deadline, whatever has become of the agent."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from support import processes
from support.executor import Connection, Executor, boottime
from support.waiting import wait_until

HOST = "{host: here}"


def _policy(
    executor: Executor, command: str = "[/bin/sleep, 1000]", group: str = "", service: str = "", lease: str = "6s"
) -> None:
    """A group of which this host is a member. A demotion takes 1.5 s at most, unless `group` has programs."""
    config = executor.home / "recoverd.yaml"
    config.write_text(f"version: 1\nagent: {HOST}\n")
    config.chmod(0o644)
    executor.write_policy(f"""
        groups:
          shop:
            mode: active-standby
            coordinator: zookeeper
            members: {{here: {{}}, there: {{}}}}
            lease: {lease}
            margin: 100ms
            stop_timeout: 500ms
            {group}
        services:
          web:
            command: {command}
            log: none
            member_of: shop
            {service}
            recover: [restart: {{attempts: 3}}]
    """)


def _start(executor: Executor) -> Connection:
    return executor.start("--config", str(executor.home / "recoverd.yaml"))


def _deaf(folder: Path) -> str:
    """A program that ignores SIGTERM, once the file `ready` is there."""
    path = folder / "deaf"
    path.write_text(f"#!/bin/sh\ntrap '' TERM\n: > {folder}/ready\nwhile :; do sleep 1000; done\n")
    path.chmod(0o755)
    return f"[{path}]"


def _program(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def _refused(answer) -> str:
    assert (answer["type"], answer.get("refusal")) == ("refused", "no-lease"), answer
    return answer["text"]


# ---- Without a lease ----


def test_nothing_starts_a_member_but_a_promotion_under_a_lease(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    agent.wait_for_role("web", "standby")
    only = "it is not the active member of its group, only a promotion starts it"
    assert _refused(agent.do("web", "start")) == only
    assert _refused(agent.do("web", step=0)) == only
    assert _refused(agent.do("web", "promote")) == "it has no lease, or no time left under it"
    pid = agent.promote("web", 7, seconds=5)
    assert processes.is_running(pid) and agent.role("web")["token"] == "7"
    assert agent.do("web", step=0)["ok"] == "1"
    assert agent.do("web", "demote")["ok"] == "1"
    role = agent.role("web")
    assert (role["role"], role["proven"]) == ("standby", "1")
    assert "running" not in agent.service("web")


def test_the_programs_know_group_role_and_token(executor, tmp_path) -> None:
    seen = tmp_path / "seen"
    note = _program(tmp_path, "note", f'echo "$1 $RECOVERD_GROUP $RECOVERD_ROLE $RECOVERD_FENCING_TOKEN" >> {seen}')
    group = f"""fence: [exec: {{command: [{note}, fence]}}]
            promote: [exec: {{command: [{note}, before]}}, start, exec: {{command: [{note}, after]}}]
            demote: [exec: {{command: [{note}, down]}}, stop, exec: {{command: [{note}, gone]}}]"""
    _policy(executor, group=group, lease="20s")
    agent = _start(executor)
    agent.promote("web", 12, seconds=15)
    agent.do("web", "demote")
    assert agent.do("web", "demote")["ok"] == "1", "once more what is proven, without the programs"
    expected = ["fence", "before", "after"], ["down", "gone"]
    lines = [f"{word} shop {role} 12" for words, role in zip(expected, ("active", "standby")) for word in words]
    assert seen.read_text().splitlines() == lines


def test_a_token_is_never_older_than_one_before(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    agent.promote("web", 9, seconds=5)
    assert "takes 10 once it is proven to be a standby" in _refused(agent.guard("web", 10, 5))
    agent.do("web", "demote")
    assert "8 is older than 9" in _refused(agent.guard("web", 8, 5))
    tokens = executor.state / "executor/tokens"
    wait_until(lambda: tokens.exists() and tokens.read_text() == "shop 9\n", 10, "the token is on disk")
    executor.kill9()
    for file in (executor.runtime / "services").iterdir():
        file.unlink()  # as a boot does
    agent = _start(executor)
    agent.wait_for_role("web", "standby")
    assert f"remove {tokens}" in _refused(agent.guard("web", 8, 5))
    agent.promote("web", 9, seconds=5)


def test_a_lease_longer_than_the_groups_is_cut(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    agent.wait_for_role("web", "standby")
    role = agent.guard("web", 1, seconds=3600)
    assert int(role["deadline"]) / 1e6 <= boottime() + 6


# ---- A lease that ends ----


def _is_gone_in_time(pid: int, deadline: float) -> None:
    wait_until(lambda: not processes.is_running(pid), 30, "it is gone")
    assert boottime() < deadline + 0.5, "later than its deadline"


@pytest.mark.alone
@pytest.mark.parametrize("program", ["obedient", "deaf"])
def test_a_silent_agent(executor, tmp_path, program: str) -> None:
    _policy(executor, _deaf(tmp_path) if program == "deaf" else "[/bin/sleep, 1000]")
    agent = _start(executor)
    deadline = boottime() + 4
    pid = agent.promote("web", 1, seconds=4)
    _is_gone_in_time(pid, deadline)
    role = agent.wait_for_role("web", "standby")
    assert role["proven"] == "1"
    assert "its lease of shop was not extended" in executor.log_text()


@pytest.mark.alone
def test_a_demotion_whose_programs_hang_and_fail(executor, tmp_path) -> None:
    hang = _program(tmp_path, "hang", "trap '' TERM\nexec sleep 1000")
    fail = _program(tmp_path, "fail", "echo no such disk; exit 3")
    programs = f"demote: [exec: {{command: [{hang}], timeout: 1s}}, stop, exec: {{command: [{fail}], timeout: 500ms}}]"
    _policy(executor, _deaf(tmp_path), programs)
    agent = _start(executor)
    deadline = boottime() + 5
    pid = agent.promote("web", 1, seconds=5)
    _is_gone_in_time(pid, deadline)
    text = agent.wait_for_role("web", "standby")["text"]
    assert "a program failed: killed after 1s" in text and "no such disk" in text


def test_an_extended_lease_goes_on(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    first = boottime() + 3
    pid = agent.promote("web", 1, seconds=3)
    while boottime() < first + 1:
        assert agent.guard("web", 1, seconds=5)["role"] == "active"
    assert processes.is_running(pid)


def test_a_lease_that_is_given_up(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    pid = agent.promote("web", 1, seconds=5)
    agent.guard("web", 0, seconds=0)
    agent.wait_for_role("web", "standby")
    assert not processes.is_running(pid)
    assert agent.guard("web", 0, seconds=0)["role"] == "standby"


def test_a_promotion_that_hangs_ends_with_the_lease(executor, tmp_path) -> None:
    hang = _program(tmp_path, "hang", "exec sleep 1000")
    _policy(executor, group=f"promote: [start, exec: {{command: [{hang}], timeout: 1m}}]")
    agent = _start(executor)
    agent.wait_for_role("web", "standby")
    agent.guard("web", 1, seconds=4)
    answer = agent.do("web", "promote")
    assert "ok" not in answer and answer["text"] == "its lease is over"
    agent.wait_for_role("web", "standby")
    assert "running" not in agent.service("web")


def test_a_promotion_that_fails_is_taken_back(executor, tmp_path) -> None:
    fail = _program(tmp_path, "fail", "echo no disk; exit 1")
    _policy(executor, group=f"promote: [start, exec: {{command: [{fail}]}}]")
    agent = _start(executor)
    agent.wait_for_role("web", "standby")
    agent.guard("web", 1, seconds=5)
    answer = agent.do("web", "promote")
    assert "ok" not in answer and "no disk" in answer["text"], answer
    assert agent.role("web")["role"] == "standby"
    assert "running" not in agent.service("web")


def test_a_fence_that_fails_starts_nothing(executor, tmp_path) -> None:
    fail = _program(tmp_path, "fail", "echo it lives; exit 1")
    _policy(executor, group=f"fence: [exec: {{command: [{fail}]}}]")
    agent = _start(executor)
    agent.wait_for_role("web", "standby")
    agent.guard("web", 1, seconds=5)
    answer = agent.do("web", "promote")
    assert "ok" not in answer and "it lives" in answer["text"]
    assert agent.role("web")["role"] == "standby" and "pid" not in agent.service("web")


@pytest.mark.alone
def test_a_restart_in_the_midst_ends_with_the_lease(executor, tmp_path) -> None:
    _policy(executor, _deaf(tmp_path), service="stop_timeout: 1m")
    agent = _start(executor)
    deadline = boottime() + 4
    pid = agent.promote("web", 1, seconds=4)
    wait_until((tmp_path / "ready").exists, 3, "it ignores SIGTERM")
    request = agent.ask("web", step=0)
    _is_gone_in_time(pid, deadline)
    assert agent.wait_for("done", request=request)["text"] == "its lease is over"
    agent.wait_for_role("web", "standby")
    assert "running" not in agent.service("web")


# ---- An executor that is killed ----


def test_an_executor_that_is_killed_goes_on(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    pid = agent.promote("web", 3, seconds=6)
    executor.kill9()
    agent = _start(executor)
    assert agent.guard("web", 3, seconds=6)["role"] == "active"
    assert processes.is_running(pid)
    agent.close()
    wait_until(lambda: not processes.is_running(pid), 20, "it is demoted without any agent")


def test_an_executor_that_comes_back_too_late(executor, tmp_path) -> None:
    seen = tmp_path / "seen"
    note = _program(tmp_path, "note", f"echo down >> {seen}")
    _policy(executor, group=f"demote: [exec: {{command: [{note}], timeout: 500ms}}, stop]")
    agent = _start(executor)
    deadline = boottime() + 5
    pid = agent.promote("web", 3, seconds=5)
    executor.kill9()
    wait_until(lambda: boottime() > deadline, 10, "the deadline passes")
    assert processes.is_running(pid)
    agent = _start(executor)
    agent.wait_for_role("web", "standby")
    assert not processes.is_running(pid)
    assert seen.read_text() == "down\n", "its programs run, after it was killed"
    assert "stuck" not in executor.log_text(), "late, and proven all the same"


def test_an_executor_without_a_policy_still_demotes(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    deadline = boottime() + 5
    pid = agent.promote("web", 3, seconds=5)
    executor.kill9()
    (executor.policies / "test.yaml").write_text("version: 1\nservices: [")
    executor.process = executor.spawn("--config", str(executor.home / "recoverd.yaml"))
    wait_until(lambda: not processes.is_running(pid), 20, "it is demoted")
    assert boottime() < deadline + 5


# ---- Not proven ----


def _scripts(executor: Executor, folder: Path, group: str = "") -> Path:
    """A service whose status says what is in a file, and whose stop does nothing while `stuck` is there."""
    (folder / "state").write_text("3")
    start = _program(folder, "start", f"echo 0 > {folder}/state")
    stop = _program(folder, "stop", f"test -e {folder}/stuck || echo 3 > {folder}/state")
    status = _program(folder, "status", f"exit $(cat {folder}/state)")
    _policy(executor, group=group)
    path = executor.policies / "test.yaml"
    scripts = f"scripts: {{start: [{start}], stop: [{stop}], status: [{status}]}}"
    path.write_text(path.read_text().replace("command: [/bin/sleep, 1000]", scripts).replace("log: none", ""))
    return folder / "stuck"


def test_what_cannot_be_proven_to_be_gone_is_stuck_until_it_is(executor, tmp_path) -> None:
    stuck = _scripts(executor, tmp_path)
    stuck.touch()
    agent = _start(executor)
    agent.promote("web", 1, seconds=4)
    role = agent.wait_for_role("web", "stuck")
    assert "proven" not in role
    assert agent.do("web", "start")["type"] == "refused"
    stuck.unlink()
    assert agent.wait_for_role("web", "standby", within=40)["proven"] == "1"


def test_a_host_that_may_reboot_does(executor, tmp_path) -> None:
    stuck = _scripts(executor, tmp_path, "on_stop_unproven: reboot")
    trigger = tmp_path / "sysrq"
    trigger.touch()
    stuck.touch()
    config = str(executor.home / "recoverd.yaml")
    agent = executor.start("--config", config, "--sysrq-trigger", str(trigger))
    agent.promote("web", 1, seconds=4)
    wait_until(lambda: trigger.read_text() == "b", 20, "it is rebooted")
    assert "REBOOTING this host" in executor.log_text()
    stuck.unlink()
    agent.wait_for_role("web", "standby", within=40)


def test_a_service_of_scripts_that_ignores_its_stop_is_killed(executor, tmp_path) -> None:
    pid_file = tmp_path / "pid"
    start = _program(tmp_path, "start", f"setsid sh -c 'trap \"\" TERM; echo $$ > {pid_file}; exec sleep 1000' &")
    stop = _program(tmp_path, "stop", f"kill $(cat {pid_file})")
    status = _program(tmp_path, "status", f"kill -0 $(cat {pid_file}) 2>/dev/null || exit 3")
    _policy(executor)
    path = executor.policies / "test.yaml"
    scripts = f"scripts: {{start: [{start}], stop: [{stop}], status: [{status}]}}"
    path.write_text(path.read_text().replace("command: [/bin/sleep, 1000]", scripts).replace("log: none", ""))
    agent = _start(executor)
    agent.promote("web", 1, seconds=5)
    wait_until(lambda: pid_file.exists() and pid_file.read_text().strip(), 10, "it runs")
    pid = int(pid_file.read_text())
    answer = agent.do("web", "demote")
    assert answer.get("ok") == "1", answer
    assert not processes.is_running(pid)


# ---- Policies ----


def test_a_service_that_leaves_its_group_is_demoted(executor, tmp_path) -> None:
    seen = tmp_path / "seen"
    note = _program(tmp_path, "note", f"echo $RECOVERD_FENCING_TOKEN >> {seen}")
    _policy(executor, group=f"demote: [stop, exec: {{command: [{note}], timeout: 500ms}}]")
    agent = _start(executor)
    pid = agent.promote("web", 5, seconds=6)
    path = executor.policies / "test.yaml"
    path.write_text(path.read_text().replace("member_of: shop", ""))
    agent.send("reload", request=1)
    agent.wait_for("reloaded")
    wait_until(lambda: not processes.is_running(pid), 15, "it is demoted")
    wait_until(lambda: seen.exists() and seen.read_text() == "5\n", 15, "by the programs of the group that it left")
    wait_until(lambda: "demote done: stopped" in executor.log_text(), 15, "the demotion is over")
    assert agent.start("web") != pid, "from now on it is as any other service"


def test_a_service_that_leaves_the_policy_is_demoted(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    pid = agent.promote("web", 5, seconds=6)
    executor.write_policy("services: {other: {command: [/bin/true]}}\n")
    agent.send("reload", request=1)
    agent.wait_for("reloaded")
    wait_until(lambda: not processes.is_running(pid), 15, "it is demoted")
    wait_until(lambda: "web" not in agent.list()[0], 15, "it is forgotten")


def test_stop_all_demotes(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    pid = agent.promote("web", 5, seconds=6)
    agent.send("stop-all", request=1)
    assert agent.wait_for("stopped-all")["ok"] == "1"
    assert not processes.is_running(pid) and agent.role("web")["role"] == "standby"


def test_a_stopped_executor_is_late_and_demotes(executor) -> None:
    """SIGSTOP takes its time away; it makes up for it at once when it goes on."""
    _policy(executor)
    agent = _start(executor)
    pid = agent.promote("web", 5, seconds=5)
    os.kill(executor.pid, signal.SIGSTOP)
    deadline = boottime() + 5
    wait_until(lambda: boottime() > deadline, 10, "the deadline passes")
    os.kill(executor.pid, signal.SIGCONT)
    wait_until(lambda: not processes.is_running(pid), 15, "it is demoted")


# ---- An executor that is told to end ----


def test_told_to_end_beside_an_agent_it_leaves_the_active_member(executor) -> None:
    _policy(executor)
    agent = _start(executor)
    pid = agent.promote("web", 1, seconds=6)
    assert executor.stop() == 0
    assert processes.is_running(pid)


def test_told_to_end_without_an_agent_it_demotes_first(executor, tmp_path) -> None:
    _policy(executor, _deaf(tmp_path))
    agent = _start(executor)
    pid = agent.promote("web", 1, seconds=6)
    wait_until((tmp_path / "ready").exists, 3, "it ignores SIGTERM")
    agent.close()
    wait_until(lambda: "is gone: it closed" in executor.log_text(), 10, "the agent is gone")
    assert executor.stop() == 0
    assert not processes.is_running(pid)


def test_it_does_not_end_for_want_of_an_agent_before_the_demotion(executor, tmp_path) -> None:
    """Also where the service is no child of it."""
    _scripts(executor, tmp_path)
    agent = executor.start_with_pair("--config", str(executor.home / "recoverd.yaml"), "--linger", "100ms")
    agent.promote("web", 1, seconds=4)
    agent.close()
    assert executor.process and executor.process.wait(timeout=30) == 0
    assert (tmp_path / "state").read_text() == "3\n", "it was stopped first"


# ---- Budget and hold file ----


def test_a_demotion_is_never_refused(executor) -> None:
    _policy(executor, service="budget: {actions: 1, per: 1h}")
    hold = executor.home / "hold"
    config = executor.home / "recoverd.yaml"
    config.write_text(f"version: 1\nagent: {{host: here, hold_file: {hold}}}\n")
    agent = _start(executor)
    agent.promote("web", 1, seconds=6)
    assert agent.do("web", step=0)["refusal"] == "budget", "the promotion was counted"
    hold.write_text("everything\n")
    hold.chmod(0o644)
    assert agent.do("web", "demote")["ok"] == "1"
    agent.guard("web", 1, seconds=6)
    assert agent.do("web", "promote")["refusal"] == "held"
