"""Exec steps as transient units of systemd: the same results as of a child of the executor."""

from __future__ import annotations

import json
import time

from support.host import EXECUTOR, Host, packaged

UNITS = "exec-recoverd-watched-*"


def begin(host: Host, script: str, *arguments: str, **keys: object) -> None:
    """The step is taken once: its service never gets well."""
    step = json.dumps({"command": ["/bin/sh", "-c", script, *arguments], "attempts": 1, **keys})
    host.policy(
        f"""
        services:
          watched:
            probes: {{page: {{tcp: {{address: "127.0.0.1:1"}}, interval: 100ms}}}}
            recover: [{{exec: {step}}}]
            backoff: {{initial: 100ms}}
            verify: 1s
        """
    )
    host.start_recoverd()


def log(host: Host) -> str:
    return host.journal_text(_SYSTEMD_UNIT=EXECUTOR)


def result(host: Host, script: str, *arguments: str, **keys: object) -> str:
    """How the executor says that it ended."""
    begin(host, script, *arguments, **keys)
    said = host.wait_until(lambda: [line for line in log(host).splitlines() if "watched: exec " in line], 25, "its end")
    return said[0].split("watched: exec ", 1)[1]


def nothing_is_left(host: Host) -> None:
    listed = ["systemctl", "list-units", "--all", "--plain", "--no-legend", UNITS]
    host.wait_until(lambda: host.run(listed).out == "", 5, "the unit is gone")


def test_success_with_the_last_line(host: Host) -> None:
    assert result(host, "echo first; echo 'it is fine'; echo") == "done: exited with status 0: it is fine"
    nothing_is_left(host)


def test_failure_with_the_last_line(host: Host) -> None:
    assert result(host, "echo no luck >&2; exit 3") == "failed: exited with status 3: no luck"
    nothing_is_left(host)


def test_killed_by_a_signal(host: Host) -> None:
    assert result(host, "kill -SEGV $$") == "failed: killed by SIGSEGV"


def test_much_output_does_not_stop_it(host: Host) -> None:
    assert result(host, "head -c 1000000 /dev/zero | tr '\\0' '\\n'") == "done: exited with status 0"


def test_it_has_a_cgroup_of_its_own(host: Host) -> None:
    said = result(host, "cat /proc/self/cgroup")
    assert said.startswith("done: exited with status 0: 0::/recoverd.slice/exec-recoverd-watched-"), said


def test_the_environment_is_that_of_a_child(host: Host) -> None:
    host.run(["rm", "-f", "/tmp/environment"])
    result(host, "env >/tmp/environment")
    found = dict(line.split("=", 1) for line in host.read("/tmp/environment").splitlines())
    assert found["RECOVERD_SERVICE"] == "watched"
    assert found["RECOVERD_ACTION"] == "exec"
    assert found["RECOVERD_ATTEMPT"] == "1"
    ours = {"PATH", "LANG", "HOME", "SHELL", "USER", "LOGNAME"}
    steps = {"RECOVERD_SERVICE", "RECOVERD_INCIDENT", "RECOVERD_ATTEMPT", "RECOVERD_ACTION"}
    assert set(found) - {"PWD", "OLDPWD", "_", "SHLVL"} == ours | steps


def test_arguments_are_taken_literally(host: Host) -> None:
    assert result(host, 'echo "$1 $2"', "sh", "$HOME", "%n") == "done: exited with status 0: $HOME %n"


def test_as_another_user(host: Host) -> None:
    said = result(host, 'echo "$(id -un) in $(pwd)"', user="shop")
    assert said == "done: exited with status 0: shop in /"


def test_a_program_that_is_not_there(host: Host) -> None:
    said = result(host, "", command=["/usr/sbin/no-such-step"])
    assert said == "failed: could not be started: executing: No such file or directory"


def test_a_user_that_is_not_there(host: Host) -> None:
    assert "nobody-here" in result(host, "id", user="nobody-here")


def test_deadline(host: Host) -> None:
    assert result(host, "sleep 3611", timeout="300ms") == "failed: timed out (killed by SIGTERM)"
    assert host.run(["pgrep", "-f", "sleep 3611"], check=False).out == ""
    nothing_is_left(host)


def test_deadline_of_one_that_ignores_term(host: Host) -> None:
    began = time.monotonic()
    script = "trap '' TERM; (setsid sh -c \"trap '' TERM; sleep 3612\" &); while :; do sleep 0.1; done"
    assert result(host, script, timeout="300ms") == "failed: timed out (killed by SIGKILL)"
    assert time.monotonic() - began > 2
    assert host.run(["pgrep", "-f", "sleep 3612"], check=False).out == ""
    nothing_is_left(host)


def test_what_it_leaves_behind_is_killed(host: Host) -> None:
    assert result(host, "(setsid sleep 3613 &); echo gone") == "done: exited with status 0: gone"
    assert host.run(["pgrep", "-f", "sleep 3613"], check=False).out == ""
    nothing_is_left(host)


def test_it_is_outside_of_the_executors_sandbox(host: Host) -> None:
    host.write(f"/etc/systemd/system/{EXECUTOR}.d/strict.conf", packaged("executor-strict.conf.in"))
    host.systemctl("daemon-reload")
    said = result(host, "echo seen >/opt/outside && rm /opt/outside && grep -c 'NoNewPrivs:.*0' /proc/self/status")
    assert said == "done: exited with status 0: 1"


def test_systemd_is_executed_anew_meanwhile(host: Host) -> None:
    begin(host, "touch /tmp/begun; while test -e /tmp/begun; do sleep 0.1; done; echo well")
    host.wait_until(lambda: host.exists("/tmp/begun"), 10, "it runs")
    host.systemctl("daemon-reexec")
    host.stays(lambda: "watched: exec " not in log(host), 1)
    host.run(["rm", "/tmp/begun"])
    said = "watched: exec done: exited with status 0: well"
    host.wait_until(lambda: said in log(host), 10, "its end")


def test_a_killed_executor_leaves_it_to_systemd(host: Host) -> None:
    """The step is not repeated, and its unit ends at its own deadline, and five seconds."""
    host.run(["rm", "-f", "/tmp/steps"])
    begin(host, "echo step >>/tmp/steps; sleep 3614", timeout="3s")
    host.wait_until(lambda: host.run(["pgrep", "-f", "sleep 3614"], check=False).out, 10, "it runs")
    host.kill_executor()
    assert host.run(["pgrep", "-f", "sleep 3614"], check=False).out
    said = "the executor was restarted during the action"
    host.wait_until(lambda: said in host.journal_text(), 10, "the agent hears of it")
    host.wait_until(lambda: not host.run(["pgrep", "-f", "sleep 3614"], check=False).out, 15, "systemd ends it")
    assert host.read("/tmp/steps") == "step\n"
    nothing_is_left(host)
