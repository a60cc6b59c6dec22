"""Nothing is restarted under the hands of a deployment, or of the package manager; and neither is
believed for ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support import held

LOCKER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def package_manager(agent):
    """Locks the file as dpkg does, by fcntl; ends when its input does."""
    path = agent.home / "lock-frontend"
    path.touch()
    process = None

    def begin() -> subprocess.Popen:
        nonlocal process
        process = subprocess.Popen(
            [sys.executable, "-c", LOCKER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"locked\n"
        return process

    begin.path = path
    yield begin
    if process:
        process.communicate()


def test_a_package_manager_holds_recovery_while_it_runs(agent, new_service, package_manager) -> None:
    web = new_service("web")
    agent.write_config(agent=f"package_locks: [{package_manager.path}]")
    agent.write_policy(held.policy(web))
    agent.start()
    agent.wait_for("web", state="healthy")
    dpkg = package_manager()
    held.kill(web)  # at once: it is looked for before each attempt
    held.assert_stays_held(agent, web, "deploy")
    why = agent.ctl("why", "web").out
    assert f"pid {dpkg.pid}" in " ".join(why.split())
    assert agent.status()["agent"]["holds"][0]["source"] == "packages"
    dpkg.communicate()
    held.assert_comes_back(agent, web, 2)
    assert "the package manager is done" in agent.log_text()


@pytest.mark.long
def test_a_package_manager_that_hangs_is_not_waited_for_for_ever(agent, new_service, package_manager) -> None:
    web = new_service("web")
    agent.write_config(agent=f"package_locks: [{package_manager.path}]\nhold_at_most: 15s")
    agent.write_policy(held.policy(web))
    agent.start()
    agent.wait_for("web", state="healthy")
    package_manager()
    held.kill(web)
    held.assert_stays_held(agent, web, "deploy")
    held.assert_comes_back(agent, web, 2, within=30)
    agent.wait_until(lambda: "longer than hold_at_most (15s)" in agent.log_text(), 10, "it says so")


def test_a_deploy_lock_holds_its_service(agent, new_service) -> None:
    web = new_service("web")
    lock = agent.home / "deploy.lock"
    agent.write_policy(held.policy(web, f"deploy_lock: {lock}"))
    agent.start()
    agent.wait_for("web", state="healthy")
    lock.touch()
    held.kill(web)
    held.assert_stays_held(agent, web, "deploy")
    assert str(lock) in "".join(agent.ctl("why", "web").out.split())
    lock.unlink()
    held.assert_comes_back(agent, web, 2)
    assert "the deploy lock is gone" in agent.log_text()


def test_a_forgotten_deploy_lock_holds_no_more(agent, new_service) -> None:
    web = new_service("web")
    lock = agent.home / "deploy.lock"
    lock.touch()
    agent.write_policy(held.policy(web, f"deploy_lock: {lock}\n            deploy_lock_max: 15s"))
    agent.start()
    agent.wait_for("web", state="held", held_by="deploy")
    held.assert_comes_back(agent, web, 1, within=30)
    assert "longer than deploy_lock_max (15s): recovery goes on" in agent.log_text()
