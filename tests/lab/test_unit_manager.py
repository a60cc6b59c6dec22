"""Services that are systemd units: kept alive, left alone when an administrator stops them, and never fought over."""

from __future__ import annotations

from support.host import EXECUTOR, SOCKET, Host

UNIT = """
[Service]
ExecStart=/usr/bin/sleep 3600
{more}
"""

POLICY = """
services:
  shop:
    unit: shop.service
    probes: {{state: {{unit: {{}}, interval: 200ms}}}}
    recover: [{step}]
    backoff: {{initial: 100ms, max: 1s}}
    verify: 5s
"""


def begin(host: Host, more: str = "", step: str = "restart", start: bool = True) -> None:
    host.install_unit("shop.service", UNIT.format(more=more))
    if start:
        host.systemctl("start", "shop.service")
    host.policy(POLICY.format(step=step))
    host.start_recoverd()


def phase(host: Host) -> str:
    return host.service("shop")["phase"]


def invocation(host: Host) -> str:
    return host.unit("shop.service", "InvocationID")["InvocationID"]


def test_a_killed_unit_is_restarted(host: Host) -> None:
    begin(host)
    host.wait_for("shop", health="healthy")
    before = invocation(host)
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: host.is_active("shop.service") and invocation(host) != before, 10, "it runs again")
    host.wait_for("shop", health="healthy", phase="watching")
    assert "failed: signal (killed by SIGKILL)" in host.journal_text()


def test_a_unit_that_exits_well_by_itself_is_restarted(host: Host) -> None:
    begin(host, "ExecStartPre=/bin/true")
    host.wait_for("shop", health="healthy")
    before = invocation(host)
    host.systemctl("kill", "-s", "TERM", "shop.service")  # a clean end for systemd, and nobody's stop job
    host.wait_until(lambda: host.is_active("shop.service") and invocation(host) != before, 10, "it runs again")
    assert "ended by itself (killed by SIGTERM)" in host.journal_text()


def test_an_administrators_stop_is_left_alone(host: Host) -> None:
    begin(host)
    host.wait_for("shop", health="healthy")
    host.systemctl("stop", "shop.service")
    host.wait_until(lambda: phase(host) == "stopped", 10, "the stop is noticed")
    host.stays(lambda: not host.is_active("shop.service"), 2)
    assert "stopped by an administrator" in host.journal_text()
    host.systemctl("start", "shop.service")
    host.wait_until(lambda: phase(host) == "watching", 10, "it is looked after again")
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: host.is_active("shop.service"), 10, "it is restarted")


def test_a_stop_that_ends_with_an_error_is_still_a_stop(host: Host) -> None:
    host.install_unit(
        "shop.service",
        "[Service]\nExecStart=/bin/sh -c 'trap \"exit 143\" TERM; while :; do sleep 0.1; done'\n",
    )
    host.systemctl("start", "shop.service")
    host.policy(POLICY.format(step="restart"))
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    host.systemctl("stop", "shop.service")
    assert host.unit("shop.service", "ActiveState")["ActiveState"] == "failed"
    host.wait_until(lambda: phase(host) == "stopped", 10, "the stop is noticed")
    host.stays(lambda: not host.is_active("shop.service"), 2)


def test_a_stop_while_nobody_watched_is_left_alone(host: Host) -> None:
    begin(host, start=False)
    host.wait_until(lambda: phase(host) == "stopped", 10, "it is left alone")
    host.stays(lambda: not host.is_active("shop.service"), 2)


def test_systemd_restarts_first(host: Host) -> None:
    """With Restart= the failure is systemd's, until it gives up."""
    begin(host, "Restart=on-failure\nRestartSec=1s")
    host.wait_for("shop", health="healthy")
    before = invocation(host)
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: host.is_active("shop.service") and invocation(host) != before, 10, "it runs again")
    assert host.unit("shop.service", "NRestarts")["NRestarts"] == "1"
    assert "restart done" not in host.journal_text()


def test_recoverd_acts_when_systemd_has_given_up(host: Host) -> None:
    host.install_unit(
        "shop.service",
        """
        [Unit]
        StartLimitBurst=3
        StartLimitIntervalSec=1h
        [Service]
        ExecStart=/bin/sh -c 'test -e /run/shop-works && exec sleep 3600; exit 3'
        Restart=on-failure
        RestartSec=50ms
        """,
    )
    host.write("/run/shop-works", "")
    host.systemctl("start", "shop.service")
    host.policy(POLICY.format(step="{restart: {attempts: 20}}"))
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    host.run(["rm", "/run/shop-works"])
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: "restart failed" in host.journal_text(), 15, "recoverd has tried")
    host.write("/run/shop-works", "")
    host.wait_until(lambda: host.is_active("shop.service"), 15, "it works again")
    host.run(["rm", "/run/shop-works"])


def test_a_missing_and_a_masked_unit_say_so(host: Host) -> None:
    host.policy("services: {shop: {unit: nowhere.service, recover: [restart]}}")
    host.start_recoverd()
    host.wait_until(
        lambda: "systemd knows no unit nowhere.service" in host.ctl("why", "shop").out, 15, "it is said"
    )
    host.wait_until(lambda: "restart failed" in host.journal_text(), 15, "the action fails at once")
    host.install_unit("nowhere.service", UNIT.format(more=""))
    host.systemctl("start", "nowhere.service")
    host.wait_for("shop", health="healthy")


FLAG = "/run/shop-flag"
FLAGGED = """
services:
  shop:
    unit: shop.service
    probes: {{flag: {{file: {{path: /run/shop-flag}}, interval: 200ms, fall: 1}}}}
    recover: [{step}]
    backoff: {{initial: 100ms, max: 1s}}
    verify: 2s
"""


def begin_flagged(host: Host, step: str, more: str = "") -> None:
    """A unit that runs, and whose probe fails once the flag is gone."""
    host.write(f"{FLAG}/here", "")
    host.install_unit("shop.service", UNIT.format(more=more))
    host.systemctl("start", "shop.service")
    host.policy(FLAGGED.format(step=step))
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    host.run(["rm", "-r", FLAG])


def test_a_unit_without_reload_says_so(host: Host) -> None:
    begin_flagged(host, "reload: {attempts: 1}")
    host.wait_until(
        lambda: "shop.service cannot be reloaded: it has no ExecReload=" in host.journal_text(), 10, "it is said"
    )
    assert host.is_active("shop.service")


def test_a_unit_is_reloaded(host: Host) -> None:
    begin_flagged(host, "reload: {attempts: 1}", f"ExecReload=/bin/mkdir {FLAG}")
    host.wait_until(lambda: "reload done: reloaded within" in host.journal_text(), 10, "it is reloaded")
    host.wait_for("shop", health="healthy")


def test_a_unit_gets_a_signal(host: Host) -> None:
    begin_flagged(host, "signal: {signal: USR1, attempts: 1}")
    host.wait_until(lambda: "SIGUSR1 sent to the main process" in host.journal_text(), 10, "it is sent")


def test_a_start_that_hangs_is_given_up_in_time(host: Host) -> None:
    """systemd goes on with its job, and recoverd leaves it alone meanwhile."""
    host.install_unit(
        "shop.service",
        """
        [Service]
        Type=notify
        NotifyAccess=all
        ExecStart=/bin/sh -c 'test -e /run/shop-hangs || systemd-notify --ready; exec sleep 3600'
        TimeoutStartSec=1h
        """,
    )
    host.systemctl("start", "shop.service")
    host.policy(POLICY.format(step="restart: {timeout: 1s, attempts: 2}"))
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    host.write("/run/shop-hangs", "")
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: "restart has not ended within" in host.journal_text(), 15, "the operation ends")
    host.wait_until(lambda: "manager-busy" in host.ctl("why", "shop").out, 15, "the next attempt is held")
    assert host.unit("shop.service", "ActiveState")["ActiveState"] == "activating"
    host.run(["rm", "/run/shop-hangs"])


def test_an_administrator_overtakes_an_action(host: Host) -> None:
    host.install_unit("shop.service", UNIT.format(more="ExecStartPre=/bin/sleep 2"))
    host.systemctl("start", "shop.service")
    host.policy(POLICY.format(step="restart"))
    host.start_recoverd()
    host.wait_for("shop", health="healthy")
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: "systemd starts it (start-pre)" in host.journal_text(), 10, "recoverd restarts it")
    host.systemctl("stop", "shop.service")
    host.wait_until(lambda: "somebody asked systemd for something else" in host.journal_text(), 10, "it ends")
    host.wait_until(lambda: phase(host) == "stopped", 10, "it is left alone")
    host.stays(lambda: not host.is_active("shop.service"), 2)


def test_daemon_reload_reexec_and_a_lost_bus_do_no_harm(host: Host) -> None:
    begin(host)
    host.wait_for("shop", health="healthy")
    host.systemctl("daemon-reload")
    host.systemctl("daemon-reexec")
    host.systemctl("stop", "dbus.socket", "dbus.service")
    host.stays(lambda: phase(host) == "watching" and not host.incidents(), 2)
    before = invocation(host)
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: host.is_active("shop.service") and invocation(host) != before, 15, "without a bus, too")
    host.systemctl("start", "dbus.socket", "dbus.service")
    host.wait_for("shop", health="healthy")


def test_what_changed_without_an_executor_is_found(host: Host) -> None:
    begin(host)
    host.wait_for("shop", health="healthy")
    host.systemctl("stop", SOCKET, EXECUTOR)
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.systemctl("start", SOCKET, EXECUTOR)
    host.wait_until(lambda: host.is_active("shop.service"), 20, "it is restarted")


def test_a_template_instance_and_its_process(host: Host) -> None:
    host.install_unit("worker@.service", "[Service]\nExecStart=/usr/bin/sleep %i\n")
    host.systemctl("start", "worker@3600.service")
    host.policy(
        """
        services:
          worker:
            unit: worker@3600.service
            probes: {main: {process: {max_rss: 1GiB}, interval: 200ms}}
        """
    )
    host.start_recoverd()
    host.wait_for("worker", health="healthy")
    host.systemctl("stop", "worker@3600.service")


def test_a_pattern_counts_failed_units(host: Host) -> None:
    for name in ("job-a", "job-b"):
        host.install_unit(f"{name}.service", UNIT.format(more=""))
        host.systemctl("start", f"{name}.service")
    host.policy(
        """
        services:
          jobs:
            probes: {all: {unit: {pattern: job-*.service}, interval: 200ms}}
            recover: [notify]
        """
    )
    host.start_recoverd()
    host.wait_for("jobs", health="healthy")
    host.systemctl("kill", "-s", "KILL", "job-a.service")
    host.wait_for("jobs", health="failed")
    assert "1 of 2 units failed, at most 0 allowed: job-a.service" in host.ctl("why", "jobs").out


def test_a_masked_unit_is_left_alone(host: Host) -> None:
    host.install_unit("shop.service", UNIT.format(more=""))
    host.run(["ln", "-sf", "/dev/null", "/etc/systemd/system/shop.service"])
    host.systemctl("daemon-reload")
    host.policy(POLICY.format(step="restart"))
    host.start_recoverd()
    host.wait_until(lambda: phase(host) == "stopped", 15, "it is left alone")
    assert "shop.service is masked: systemctl unmask it" in host.ctl("why", "shop").out
    host.stays(lambda: "restart begins" not in host.journal_text(), 2)


def test_a_unit_that_flaps_is_left_to_systemd(host: Host) -> None:
    """Between activating and failed, and never up: systemd has not given up."""
    host.install_unit(
        "shop.service",
        """
        [Unit]
        StartLimitIntervalSec=0
        [Service]
        ExecStartPre=/bin/sh -c 'sleep 0.2; test -e /run/shop-works'
        ExecStart=/usr/bin/sleep 3600
        Restart=on-failure
        RestartSec=300ms
        """,
    )
    host.run(["rm", "-f", "/run/shop-works"])
    host.systemctl("start", "--no-block", "shop.service")
    host.policy(POLICY.format(step="restart"))
    host.start_recoverd()
    host.wait_until(lambda: int(host.unit("shop.service", "NRestarts")["NRestarts"]) > 4, 20, "it flaps")
    assert "restart begins" not in host.journal_text(SYSLOG_IDENTIFIER="recoverd")
    host.write("/run/shop-works", "")
    host.wait_for("shop", health="healthy", phase="watching")
    host.run(["rm", "/run/shop-works"])
    assert all(one["attempts"] == 0 for one in host.incidents())
