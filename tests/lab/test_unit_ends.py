"""How a unit of systemd ended, as the incident tells it: by what systemd itself says, on a real host."""

from __future__ import annotations

import pytest

from support.host import Host

END = "/run/shop-end"
UNTIL_THE_END = f"while ! test -e {END}; do sleep 0.05; done"
POLICY = """
services:
  shop:
    unit: shop.service
    probes:
      state: {unit: {}, interval: 100ms}
      main: {process: {}, interval: 100ms}
    rise: 1
    recover: [{restart: {attempts: 3}}]
    backoff: {initial: 100ms, max: 1s}
    verify: 10s
"""


def begin(host: Host, unit: str) -> int:
    """The pid of a unit that runs, and is healthy."""
    host.run(["rm", "-f", END])
    host.install_unit("shop.service", unit)
    host.systemctl("start", "shop.service")
    host.policy(POLICY)
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    return int(host.unit("shop.service", "MainPID")["MainPID"])


def end(host: Host) -> None:
    host.write(END, "")


def told(host: Host) -> str:
    """What the one incident says, once the unit is well again."""
    host.wait_until(lambda: host.incidents(), 15, "an incident")
    host.wait_until(lambda: host.incidents()[0]["closed"], 20, "it was recovered")
    assert [one["end"] for one in host.incidents()] == ["recovered"]
    return host.incidents()[0]["detail"]


def test_an_exit_status(host: Host) -> None:
    begin(host, f"[Service]\nExecStart=/bin/sh -c '{UNTIL_THE_END}; rm {END}; exit 3'\n")
    end(host)
    assert told(host) == "failed: exit-code (exited with status 3)"


def test_a_signal(host: Host) -> None:
    pid = begin(host, "[Service]\nExecStart=/usr/bin/sleep 3600\nLimitCORE=0\n")
    host.run(["kill", "-SEGV", str(pid)])
    assert told(host) == "failed: signal (killed by SIGSEGV)"


def test_a_core_dump(host: Host) -> None:
    if not host.read("/proc/sys/kernel/core_pattern").strip():
        pytest.skip("this kernel writes no core files: kernel.core_pattern is empty")
    pid = begin(host, "[Service]\nExecStart=/usr/bin/sleep 3600\nLimitCORE=infinity\nWorkingDirectory=/tmp\n")
    host.run(["kill", "-SEGV", str(pid)])
    assert told(host) == "failed: core-dump (killed by SIGSEGV, core dumped)"


def test_want_of_memory(host: Host) -> None:
    pid = begin(host, "[Service]\nExecStart=/usr/bin/sleep 3600\n")
    host.oom_kill("shop.service", pid)
    assert told(host) == "failed: oom-kill, out of memory (killed by SIGKILL)"


def test_a_watchdog(host: Host) -> None:
    alive = f"systemd-notify --ready; while ! test -e {END}; do systemd-notify WATCHDOG=1; sleep 0.2; done"
    begin(
        host,
        f"""
        [Service]
        Type=notify
        NotifyAccess=all
        WatchdogSec=2s
        LimitCORE=0
        ExecStart=/bin/sh -c '{alive}; rm {END}; exec sleep 3600'
        """,
    )
    end(host)
    assert told(host) == "failed: watchdog, no sign of life within WatchdogSec (killed by SIGABRT)"


def test_the_start_limit_is_reset_before_the_next_attempt(host: Host) -> None:
    """systemd itself would refuse to start it for an hour."""
    begin(
        host,
        f"""
        [Unit]
        StartLimitBurst=3
        StartLimitIntervalSec=1h
        [Service]
        ExecStart=/bin/sh -c '{UNTIL_THE_END}'
        Restart=always
        RestartSec=50ms
        """,
    )
    end(host)
    host.wait_until(lambda: "start-limit-hit" in host.journal_text(SYSLOG_IDENTIFIER="recoverd"), 15, "it is said")
    host.run(["rm", END])
    host.wait_until(lambda: host.is_active("shop.service"), 20, "recoverd starts it nevertheless")
    host.wait_for("shop", health="healthy")
    said = "failed: start-limit-hit, started more often than StartLimitBurst allows"
    assert said in host.journal_text(SYSLOG_IDENTIFIER="recoverd")
