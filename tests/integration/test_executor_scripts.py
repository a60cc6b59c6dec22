"""Services that scripts manage: what is told of them, and what start, stop, restart and reload come to."""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Callable

import pytest
from support import processes
from support.executor import Connection, Executor
from support.init_script import InitScript
from support.waiting import stays, wait_until

Started = tuple[Connection, InitScript]


@pytest.fixture
def begin(executor: Executor) -> Callable[..., Started]:
    """An executor over one service, `web`."""

    def make(*verbs: str, step: str = "restart", more: str = "", running: bool = False) -> Started:
        script = InitScript(executor.home / "web")
        executor.write_policy(
            f"services:\n  web:\n    scripts: {script.yaml(*verbs, more=more)}\n    recover: [{step}]\n"
        )
        agent = executor.start()
        told(agent)
        if running:
            assert _do(agent, "start").get("ok") == "1"
        return agent, script

    return make


def told(agent: Connection) -> dict[str, str]:
    """What is said of the service, once its scripts have spoken."""
    return wait_until(lambda: agent.list()[0].get("web"), 15, "the state of the service is known")


def _do(agent: Connection, action: str = "", step: int = -1) -> dict[str, str]:
    return agent.do("web", action, step=step, digest=told(agent)["digest"])


def _kill(script: InitScript) -> None:
    pid = script.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 15, "the daemon is reaped")


def test_start_and_stop(begin) -> None:
    agent, script = begin()
    first = told(agent)
    assert "running" not in first and first.get("text", "") == ""
    answer = _do(agent, "start")
    assert answer["ok"] == "1" and answer["text"].startswith("started within ")
    assert script.pid and told(agent)["running"] == "1"
    assert _do(agent, "stop")["text"].startswith("stopped within ")
    assert script.pid is None and "running" not in told(agent)
    assert script.calls == ["start", "stop"]


def test_what_runs_is_not_started(begin) -> None:
    agent, script = begin(running=True)
    pid = script.pid
    assert _do(agent, "start")["text"] == "already running"
    assert script.pid == pid and script.calls == ["start"]


def test_restart_takes_another_process(begin) -> None:
    agent, script = begin(running=True)
    pid = script.pid
    answer = _do(agent, step=0)
    assert answer["ok"] == "1"
    assert answer["text"].startswith("stopped within ") and "; started within " in answer["text"]
    assert script.pid not in (None, pid)
    assert script.calls == ["start", "stop", "start"]


def test_the_daemon_survives_its_script_and_the_executor(begin, executor) -> None:
    _, script = begin(running=True)
    pid = script.pid
    agent = executor.restart()
    assert told(agent)["running"] == "1" and script.pid == pid
    stays(lambda: script.pid == pid, 0.5, "the daemon lives")


def test_a_daemon_that_keeps_the_output_open_does_not_delay(begin) -> None:
    agent, script = begin()
    script.set("hold-output")
    assert _do(agent, "start")["ok"] == "1"
    assert script.pid


def test_a_stop_that_takes_a_moment_is_awaited(begin) -> None:
    agent, script = begin(running=True)
    script.set("stop-later")
    assert _do(agent, step=0)["ok"] == "1"
    assert script.calls == ["start", "stop", "start"]


def test_a_stop_without_effect_is_no_stop(begin) -> None:
    agent, script = begin(step="restart: {timeout: 3s}", running=True)
    pid = script.pid
    script.set("stop-ignored")
    answer = _do(agent, step=0)
    assert "ok" not in answer
    assert answer["text"] == "not proven to be stopped: status says running"
    assert script.pid == pid and script.calls == ["start", "stop"]


def test_a_stop_that_fails_and_works_all_the_same(begin) -> None:
    agent, script = begin(running=True)
    _kill(script)
    script.set("stop-exit", "1 something went wrong")
    answer = _do(agent, step=0)
    assert answer["ok"] == "1" and script.pid


def test_a_stop_that_fails(begin) -> None:
    agent, script = begin(running=True)
    script.set("stop-exit", "1 the database is busy")
    answer = _do(agent, step=0)
    assert "ok" not in answer
    assert answer["text"] == (
        "not proven to be stopped: status says running; "
        "stop exited with status 1, unspecified error: the database is busy"
    )


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("1 no luck", "start: exited with status 1, unspecified error: no luck"),
        ("5", "start: exited with status 5, not installed, trying again does not help"),
        ("6 see web.conf", "start: exited with status 6, not configured, trying again does not help: see web.conf"),
        ("77", "start: exited with status 77"),
    ],
)
def test_a_start_that_fails(begin, said: str, text: str) -> None:
    agent, script = begin()
    script.set("start-exit", said)
    answer = _do(agent, "start")
    assert "ok" not in answer and answer["text"] == text


def test_a_start_that_hangs_is_killed_with_its_group(begin) -> None:
    agent, script = begin(step="start: {timeout: 500ms}")
    script.set("start-hang")
    answer = _do(agent, step=0)
    assert "ok" not in answer
    assert answer["text"].startswith("start: timed out (killed by SIGKILL)")


def test_reload(begin) -> None:
    agent, script = begin("start", "stop", "status", "reload", step="reload", running=True)
    pid = script.pid
    answer = _do(agent, step=0)
    assert answer["ok"] == "1" and answer["text"].startswith("reloaded within ")
    assert script.pid == pid and script.calls == ["start", "reload"]


def test_what_does_not_run_is_not_reloaded(begin) -> None:
    agent, script = begin("start", "stop", "status", "reload", step="reload")
    answer = _do(agent, step=0)
    assert "ok" not in answer and answer["text"] == "not reloaded: not running"
    assert script.calls == []


def test_a_reload_is_not_a_persons_word(begin) -> None:
    agent, _ = begin("start", "stop", "status", "reload", running=True)
    assert _do(agent, "reload")["refusal"] == "not-allowed"


def test_a_daemon_that_died_is_told_at_the_next_look(begin) -> None:
    agent, script = begin(running=True)
    _kill(script)
    message = wait_until(lambda: _if_down(told(agent)), 15, "its end is told")
    assert message["text"] == "dead, and its pid file is left" and "expected" not in message


def _if_down(message: dict[str, str]) -> dict[str, str] | None:
    return None if message.get("running") else message


def test_a_status_that_nobody_understands_is_not_told(executor) -> None:
    script = InitScript(executor.home / "web")
    script.set("status-exit", "4 nobody knows")
    executor.write_policy(f"services: {{web: {{scripts: {script.yaml()}}}}}\n")
    agent = executor.start()
    wait_until(lambda: "its status cannot be found out" in executor.log_text(), 15, "the look is over")
    assert "web" not in agent.list()[0]


def test_a_program_that_is_not_there(executor) -> None:
    executor.write_policy(
        "services: {web: {scripts: {start: [/bin/true], stop: [/bin/true], status: [/nonexistent/status]}}}\n"
    )
    executor.start()
    wait_until(lambda: "No such file or directory" in executor.log_text(), 15, "it says so")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as somebody else")
def test_as_another_user(begin, executor) -> None:
    executor.home.chmod(0o755)
    agent, script = begin(more=", user: nobody")
    assert _do(agent, "start")["ok"] == "1"
    assert os.stat(f"/proc/{script.pid}").st_uid == pwd.getpwnam("nobody").pw_uid


def test_leaving_the_policy_leaves_it_running(begin, executor) -> None:
    agent, script = begin(running=True)
    executor.write_policy("services: {other: {command: [/bin/sleep, inf]}}\n")
    agent.send("reload", request=1)
    agent.wait_for("reloaded", ok=1)
    stays(lambda: script.pid is not None, 0.5, "the daemon lives")
    assert script.calls == ["start"]


def test_stopping_everything_is_for_commands(begin) -> None:
    agent, script = begin(running=True)
    agent.send("stop-all", request=1)
    agent.wait_for("stopped-all", ok=1)
    assert script.pid and script.calls == ["start"]


def test_many_services_are_looked_at_in_turn(executor) -> None:
    scripts = {f"web{n}": InitScript(executor.home / f"web{n}") for n in range(20)}
    services = "".join(f"  {name}: {{scripts: {script.yaml()}}}\n" for name, script in scripts.items())
    executor.write_policy(f"services:\n{services}")
    agent = executor.start()
    wait_until(lambda: set(agent.list()[0]) == set(scripts), 15, "all are known")


def _probe(agent: Connection) -> dict[str, str]:
    agent.send("probe", request=7, service="web", probe="status", digest=told(agent)["digest"], timeout="2000000")
    return agent.wait_for("observation", service="web")


def test_its_status_probe_is_run_here(begin) -> None:
    agent, script = begin()
    observation = _probe(agent)
    assert (observation["outcome"], observation["cause"], observation["certain"]) == ("fail", "exited", "1")
    assert observation["text"] == "not running"
    assert _do(agent, "start")["ok"] == "1"
    assert _probe(agent)["outcome"] == "pass"


def test_a_flood_of_output_is_cut(begin) -> None:
    agent, script = begin()
    script.set("flood")
    answer = _do(agent, "start")
    assert answer["ok"] == "1" and script.pid


def test_a_start_that_hangs_leaves_no_process(begin, executor) -> None:
    agent, script = begin(step="start: {timeout: 500ms}")
    script.set("start-hang")
    assert "ok" not in _do(agent, step=0)
    wait_until(lambda: not _left_of(script), 15, "its group is gone")


def _left_of(script: InitScript) -> list[int]:
    """Who has the folder of the script in its command line."""
    found = []
    for pid in processes.descendants():
        try:
            line = open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            continue
        found += [pid] if str(script.folder).encode() in line and processes.is_running(pid) else []
    return found


def test_a_restarted_executor_reports_the_action_as_failed(begin, executor) -> None:
    agent, script = begin(running=True)
    script.set("stop-hang")
    request = agent.ask("web", step=0, digest=told(agent)["digest"])
    wait_until(lambda: "stop" in script.calls, 15, "it is being stopped")
    agent = executor.restart()
    script.unset("stop-hang")
    assert told(agent)["running"] == "1"
    result = agent.list()[1]["web"]
    assert result["request"] == request and "ok" not in result
    assert result["text"] == "the executor was restarted during the action"


def test_an_equal_policy_changes_nothing(begin, executor) -> None:
    agent, script = begin(running=True)
    pid = script.pid
    agent.send("reload", request=1)
    agent.wait_for("reloaded", ok=1)
    assert told(agent)["running"] == "1" and script.pid == pid and script.calls == ["start"]


def test_another_definition_is_looked_at_anew(begin, executor) -> None:
    agent, script = begin(running=True)
    other = InitScript(executor.home / "other")
    executor.write_policy(f"services: {{web: {{scripts: {other.yaml()}}}}}\n")
    agent.send("reload", request=1)
    agent.wait_for("reloaded", ok=1)
    wait_until(lambda: "running" not in told(agent), 15, "the other one does not run")
    assert script.pid and other.calls == []
