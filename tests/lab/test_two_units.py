"""Agent and executor as two systemd units: what a host with the package has."""

from __future__ import annotations

from support.host import AGENT, EXECUTOR, RUNTIME, Host

SLEEPER = """
    services:
      sleeper:
        command: [/usr/bin/sleep, "3600"]
        user: shop
        probes: {alive: {process: {}, interval: 200ms}}
        recover: [restart]
"""


def sleepers(host: Host) -> list[str]:
    return host.run(["pgrep", "-x", "sleep"], check=False).out.split()


def executor_of(host: Host) -> dict[str, object]:
    return host.status()["agent"]["executor"]


def test_the_agent_finds_the_executor_of_the_host(host: Host) -> None:
    host.policy(SLEEPER)
    host.start_recoverd()
    host.wait_for("sleeper", health="healthy")
    assert executor_of(host)["pid"] == host.main_pid(EXECUTOR)
    assert host.run(["ps", "-o", "user=", "-p", str(host.main_pid(AGENT))]).out.strip() == "recoverd"
    assert host.run(["ps", "-o", "user=", "-C", "sleep"]).out.strip() == "shop"


def test_the_agent_starts_no_executor_in_place_of_the_hosts(host: Host) -> None:
    host.policy(SLEEPER)
    host.systemctl("start", "--job-mode=ignore-dependencies", AGENT)
    host.wait_until(lambda: host.ctl("status").code in (0, 1), 20, "the agent answers")
    host.stays(lambda: not host.run(["pgrep", "-f", "recoverd-executor"], check=False).out, 1)
    assert not executor_of(host)["up"]
    host.start_recoverd()
    host.wait_for("sleeper", health="healthy")


def test_a_service_outlives_both_units(host: Host) -> None:
    host.policy(SLEEPER)
    host.start_recoverd()
    host.wait_for("sleeper", health="healthy")
    before = sleepers(host)
    host.stop_recoverd()
    assert sleepers(host) == before
    host.start_recoverd()
    host.wait_for("sleeper", health="healthy")
    assert sleepers(host) == before


def test_a_killed_executor_is_replaced_by_systemd(host: Host) -> None:
    """The agent holds its actions until it is back."""
    host.policy(SLEEPER)
    host.start_recoverd()
    host.wait_for("sleeper", health="healthy")
    before = sleepers(host)
    host.kill_executor()
    host.wait_until(lambda: executor_of(host)["up"], 10, "the agent speaks to it")
    assert sleepers(host) == before


def test_the_agent_cannot_take_away_what_is_the_executors(host: Host) -> None:
    host.start_recoverd()
    for name in ("services", "executor.lock"):
        moved = host.run(["mv", f"{RUNTIME}/{name}", f"{RUNTIME}/x"], check=False, user="recoverd")
        assert moved.code != 0, f"{name} could be moved"


def test_a_planted_folder_is_refused(host: Host) -> None:
    """What the executor believes to have started is read from it."""
    host.run(["mkdir", "-m", "0777", f"{RUNTIME}/services"], user="recoverd")
    assert host.systemctl("start", EXECUTOR, check=False).code != 0
    assert "services, which has to be a folder of uid 0: Operation not permitted" in host.journal_text()
