"""Command services as transient units of systemd: what a child of the executor does, and more."""

from __future__ import annotations

import json

from support.host import EXECUTOR, Host, packaged
from support.machine import TEST_PROGRAMS

UNIT = "recoverd-web.service"


def policy(command: list[str], **keys: object) -> str:
    more = "".join(f"            {key}: {json.dumps(value)}\n" for key, value in keys.items())
    return f"""
        services:
          web:
            command: {json.dumps(command)}
{more}            probes: {{alive: {{process: {{}}, interval: 100ms}}}}
            recover: [{{restart: {{attempts: 2}}}}]
            backoff: {{initial: 100ms}}
    """


def start(host: Host, command: list[str], **keys: object) -> int:
    """Returns the pid."""
    host.policy(policy(command, **keys))
    host.start_recoverd()
    host.wait_for("web", health="healthy")
    return int(host.unit(UNIT, "MainPID")["MainPID"])


def given_up(host: Host) -> str:
    """What the journal says about it; the service cannot be started."""
    host.start_recoverd()
    host.wait_until(lambda: "start failed" in host.journal_text(_SYSTEMD_UNIT=EXECUTOR), 15, "it failed")
    return host.journal_text(_SYSTEMD_UNIT=EXECUTOR)


def test_a_service_lives_in_a_unit_of_its_own(host: Host) -> None:
    pid = start(host, ["/usr/bin/sleep", "3600"], user="shop", umask="0027", directory="/tmp")
    assert f"0::/recoverd.slice/{UNIT}\n" in host.read(f"/proc/{pid}/cgroup")
    assert host.run(["stat", "-c", "%U", f"/proc/{pid}"]).out == "shop\n"
    assert "Umask:\t0027" in host.read(f"/proc/{pid}/status")
    assert host.run(["readlink", f"/proc/{pid}/cwd"]).out == "/tmp\n"
    assert host.unit(UNIT, "Slice", "KillSignal") == {"Slice": "recoverd.slice", "KillSignal": "15"}


def test_the_environment_is_that_of_a_child(host: Host) -> None:
    host.run(["rm", "-f", "/tmp/environment"])
    script = "env >/tmp/environment; exec sleep 3600"
    start(host, ["/bin/sh", "-c", script], user="shop", environment={"COLOR": "red $HOME %n"})
    found = dict(line.split("=", 1) for line in host.read("/tmp/environment").splitlines())
    assert found["COLOR"] == "red $HOME %n"
    assert found["RECOVERD_SERVICE"] == "web"
    assert found["HOME"] == "/home/shop"
    ours = {"PATH", "LANG", "HOME", "SHELL", "USER", "LOGNAME", "COLOR", "RECOVERD_SERVICE", "INVOCATION_ID"}
    assert set(found) - {"PWD", "OLDPWD", "_"} == ours


def test_an_argument_is_taken_literally(host: Host) -> None:
    pid = start(host, ["/bin/sh", "-c", "sleep 3600; :", "$HOME", "${HOME}", "%n"])
    assert host.read(f"/proc/{pid}/cmdline").split("\0")[3:6] == ["$HOME", "${HOME}", "%n"]


def recovered(host: Host) -> str:
    """What its incident says has happened; there is one, and it is over."""
    host.wait_until(lambda: host.incidents() and host.incidents()[0]["closed"], 15, "it was recovered")
    assert len(host.incidents()) == 1
    return host.incidents()[0]["detail"]


def test_how_it_ended_is_known(host: Host) -> None:
    """The process probe looks every 100 ms, and leaves it to the executor to say how."""
    pid = start(host, ["/usr/bin/sleep", "3600"])
    host.run(["kill", "-SEGV", str(pid)])
    assert recovered(host) == "killed by SIGSEGV"
    assert f"web: main process {pid} killed by SIGSEGV" in host.journal_text(_SYSTEMD_UNIT=EXECUTOR)
    host.wait_for("web", health="healthy")
    assert int(host.unit(UNIT, "MainPID")["MainPID"]) not in (0, pid)


def test_an_exit_status_is_known(host: Host) -> None:
    host.run(["rm", "-f", "/tmp/end"])
    start(host, ["/bin/sh", "-c", "while ! test -e /tmp/end; do sleep 0.05; done; rm /tmp/end; exit 7"])
    host.run(["touch", "/tmp/end"])
    assert recovered(host) == "exited with status 7"


def test_a_kill_for_want_of_memory_is_known(host: Host) -> None:
    """A host of the lab may have no memory controller, so this is done as systemd-oomd does it: the processes
    are killed, and the cgroup says by whom."""
    pid = start(host, ["/usr/bin/sleep", "3600"])
    host.oom_kill(UNIT, pid)
    assert recovered(host) == "killed by SIGKILL, out of memory"


def test_a_stop_ends_all_of_it(host: Host) -> None:
    start(host, ["/bin/sh", "-c", "sleep 3601 & sleep 3602"])
    answer = host.ctl("stop", "web")
    assert answer.code == 0, answer
    host.wait_until(lambda: host.run(["pgrep", "-f", "sleep 360"], check=False).out == "", 10, "all ended")
    host.wait_until(lambda: host.unit(UNIT, "LoadState")["LoadState"] == "not-found", 5, "the unit is gone")


def test_one_that_ignores_term_is_killed(host: Host) -> None:
    start(host, ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], stop_timeout="300ms")
    assert host.ctl("restart", "web").code == 0
    host.wait_until(lambda: "without effect of SIGTERM" in host.journal_text(), 15, "it was killed")
    host.wait_for("web", health="healthy")


def test_an_administrators_stop_is_left_alone(host: Host) -> None:
    pid = start(host, ["/usr/bin/sleep", "3600"])
    host.systemctl("stop", UNIT)
    host.wait_until(lambda: host.service("web")["phase"] == "stopped", 10, "the stop is noticed")
    host.stays(lambda: not host.is_active(UNIT) and host.service("web")["phase"] == "stopped", 2)
    said = f"web: main process {pid} killed by SIGTERM, stopped by an administrator"
    assert said in host.journal_text(_SYSTEMD_UNIT=EXECUTOR)
    assert not host.incidents()
    assert host.ctl("start", "web").code == 0
    host.wait_for("web", health="healthy", phase="watching")
    host.run(["kill", "-KILL", host.unit(UNIT, "MainPID")["MainPID"]])  # looked after as before
    host.wait_until(lambda: host.incidents() and host.incidents()[0]["closed"], 15, "it was recovered")


def test_an_administrators_stop_outlives_both(host: Host) -> None:
    start(host, ["/usr/bin/sleep", "3600"])
    host.systemctl("stop", UNIT)
    host.wait_until(lambda: host.service("web")["phase"] == "stopped", 10, "the stop is noticed")
    host.systemctl("restart", EXECUTOR, "recoverd.service")
    host.wait_until(lambda: host.service("web")["phase"] == "stopped", 10, "it is still known")
    host.stays(lambda: not host.is_active(UNIT), 2)


def test_a_stop_of_one_that_ends_with_an_error_is_still_a_stop(host: Host) -> None:
    start(host, ["/bin/sh", "-c", "trap 'exit 143' TERM; while :; do sleep 0.1; done"])
    host.systemctl("stop", UNIT)
    host.wait_until(lambda: host.service("web")["phase"] == "stopped", 10, "the stop is noticed")
    host.stays(lambda: not host.is_active(UNIT), 2)


def test_a_stop_that_waits_for_children_is_still_a_stop(host: Host) -> None:
    """The main process ends, and what it leaves behind keeps systemd waiting."""
    script = "(trap '' TERM; while :; do sleep 0.1; done) & exec sleep 3600"
    start(host, ["/bin/sh", "-c", script], stop_timeout="20s")
    host.systemctl("stop", UNIT)
    host.wait_until(lambda: host.service("web")["phase"] == "stopped", 10, "the stop is noticed")
    host.stays(lambda: not host.is_active(UNIT), 2)
    assert not host.incidents()


def test_an_administrator_overtakes_a_restart(host: Host) -> None:
    start(host, ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], stop_timeout="3s")
    host.run(["/bin/sh", "-c", "recoverctl restart web >/tmp/restart 2>&1 &"])
    host.wait_until(lambda: "restart begins" in host.journal_text(), 5, "the restart begins")
    host.systemctl("stop", UNIT)
    host.wait_until(lambda: "somebody told systemd to stop it meanwhile" in host.journal_text(), 10, "it ends")
    host.wait_until(lambda: host.service("web")["phase"] == "stopped", 10, "it is left alone")
    host.stays(lambda: not host.is_active(UNIT), 2)


def test_a_kill_by_an_administrator_is_no_stop(host: Host) -> None:
    pid = start(host, ["/usr/bin/sleep", "3600"])
    host.systemctl("kill", UNIT)
    host.wait_until(lambda: host.incidents() and host.incidents()[0]["closed"], 15, "it was recovered")
    host.wait_for("web", health="healthy")
    assert int(host.unit(UNIT, "MainPID")["MainPID"]) not in (0, pid)


def test_a_program_that_is_not_there(host: Host) -> None:
    host.policy(policy(["/usr/sbin/no-such-shop"]))
    assert "/usr/sbin/no-such-shop: executing: No such file or directory" in given_up(host)


def test_a_directory_that_is_not_there(host: Host) -> None:
    host.policy(policy(["/usr/bin/sleep", "3600"], directory="/no/such/folder"))
    assert "/usr/bin/sleep: changing the directory: No such file or directory" in given_up(host)


def test_a_user_that_is_not_there(host: Host) -> None:
    host.policy(policy(["/usr/bin/sleep", "3600"], user="nobody-here"))
    assert "nobody-here" in given_up(host)


def test_output_goes_to_the_journal_of_the_unit(host: Host) -> None:
    start(host, ["/bin/sh", "-c", "echo hello; exec sleep 3600"], log="journal")
    entries = host.wait_until(lambda: host.journal(SYSLOG_IDENTIFIER="web"), 5, "a line")
    assert [(entry["MESSAGE"], entry["_SYSTEMD_UNIT"]) for entry in entries] == [("hello", UNIT)]


def test_output_goes_to_a_file(host: Host) -> None:
    start(host, ["/bin/sh", "-c", "echo hello; exec sleep 3600"], log={"to": "file", "file": "/tmp/web.log"})
    assert host.read("/tmp/web.log") == "hello\n"
    host.run(["rm", "/tmp/web.log"])


def test_it_outlives_a_killed_executor_and_is_adopted(host: Host) -> None:
    pid = start(host, ["/usr/bin/sleep", "3600"])
    host.kill_executor()
    host.wait_until(lambda: f"adopted its process, pid {pid}" in host.journal_text(), 10, "it was adopted")
    host.wait_for("web", health="healthy")
    assert int(host.unit(UNIT, "MainPID")["MainPID"]) == pid
    host.run(["kill", "-SEGV", str(pid)])  # the next executor also learns how it ended
    said = f"web: main process {pid} killed by SIGSEGV"
    host.wait_until(lambda: said in host.journal_text(_SYSTEMD_UNIT=EXECUTOR), 10, "it says how it ended")


def test_it_is_outside_of_the_executors_sandbox(host: Host) -> None:
    host.write(f"/etc/systemd/system/{EXECUTOR}.d/strict.conf", packaged("executor-strict.conf.in"))
    host.systemctl("daemon-reload")
    pid = start(host, ["/bin/sh", "-c", "echo seen >/tmp/outside; exec sleep 3600"])
    assert host.read("/tmp/outside") == "seen\n"
    assert "NoNewPrivs:\t0" in host.read(f"/proc/{pid}/status")
    host.run(["rm", "/tmp/outside"])


def test_a_restart_meets_the_end_of_the_last_unit(host: Host) -> None:
    """systemd needs a moment to forget a unit: a start in that moment waits for it."""
    start(host, ["/usr/bin/python3", f"{TEST_PROGRAMS}/service.py", "--port", "8099", "--control", "/tmp"])
    for _ in range(3):
        assert host.ctl("restart", "web").code == 0
        host.wait_for("web", health="healthy", within=15)
    assert "start failed" not in host.journal_text()


def test_direct_children_by_choice(host: Host) -> None:
    drop_in = "[Service]\nExecStart=\nExecStart=/usr/sbin/recoverd-executor --transient-units=no\n"
    host.write(f"/etc/systemd/system/{EXECUTOR}.d/direct.conf", drop_in)
    host.systemctl("daemon-reload")
    host.policy(policy(["/usr/bin/sleep", "3600"]))
    host.start_recoverd()
    host.wait_for("web", health="healthy")
    assert host.unit(UNIT, "LoadState")["LoadState"] == "not-found"
