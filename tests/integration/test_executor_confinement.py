"""An executor whose unit shuts what its policies need says so, when it starts and when policies are read again."""

from __future__ import annotations

import os

import pytest

from support.executor import Executor
from support.init_script import InitScript
from support.waiting import wait_until

MANY = 12
SUMMARY = "what the unit of this executor shuts"
PROBED = "services:\n  shop:\n    probes: {{icmp: {{exec: {{command: [/bin/true]{more}}}}}}}\n"


def scripts(executor: Executor, count: int) -> str:
    script = InitScript(executor.home / "web").yaml()
    return "services:\n" + "".join(f"  web{i}:\n    scripts: {script}\n    recover: [restart]\n" for i in range(count))


def said(executor: Executor, text: str) -> int:
    return executor.log_text().count(text)


def test_nothing_is_said_of_an_open_unit(executor: Executor) -> None:
    executor.write_policy(scripts(executor, 1))
    executor.start()
    assert not said(executor, SUMMARY)


def test_at_the_start(executor: Executor) -> None:
    executor.wrapper = ["setpriv", "--no-new-privs"]
    executor.write_policy(scripts(executor, MANY))
    executor.start()
    assert said(executor, "run without new privileges") == 10, "the first ones are named"
    assert said(executor, f"{MANY} services of the policies need {SUMMARY}") == 1


def test_at_a_reload(executor: Executor) -> None:
    executor.wrapper = ["setpriv", "--no-new-privs"]
    executor.write_policy(PROBED.format(more=""))
    agent = executor.start()
    assert not said(executor, SUMMARY), "without a user it runs in the agent's sandbox"
    executor.write_policy(PROBED.format(more=", user: nobody"))
    agent.send("reload", request=1)
    agent.wait_for("reloaded")
    wait_until(lambda: said(executor, SUMMARY), 15, "the warning")
    assert said(executor, "shop: its exec probe with a user runs without new privileges") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a mount namespace, which needs root")
def test_a_tmp_of_its_own_and_a_read_only_usr(executor: Executor) -> None:
    """As PrivateTmp= and ProtectSystem= make them; its own folders are seen in the other /tmp, too."""
    script = (
        'tmp="$1/systemd-private-0-recoverd-executor.service/tmp" && mkdir -p "$tmp/${1#/tmp/}" && '
        'mount --bind "$1" "$tmp/${1#/tmp/}" && mount --rbind "$tmp" /tmp && '
        'mount --bind /usr /usr && mount -o remount,ro,bind /usr && shift && exec "$@"'
    )
    executor.wrapper = ["unshare", "--mount", "sh", "-c", script, "sh", str(executor.home)]
    rollback = "    recover: [rollback]\n"
    executor.write_policy(
        "services:\n"
        f"  a:\n    command: [/bin/sleep, 1000]\n    checkpoint: {{paths: [/tmp/shop]}}\n{rollback}"
        f"  b:\n    command: [/bin/sleep, 1000]\n    checkpoint: {{paths: [/usr/share/shop]}}\n{rollback}"
        f"  c:\n    command: [/bin/sleep, 1000]\n    checkpoint: {{paths: [/etc/shop]}}\n{rollback}"
    )
    executor.start()
    assert said(executor, "a: a rollback cannot reach what it has in /tmp") == 1
    assert said(executor, "b: a rollback cannot change what it has in /usr or /boot") == 1
    assert said(executor, f"2 services of the policies need {SUMMARY}") == 1
