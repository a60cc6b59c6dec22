"""recoverctl record and simulate --replay: a running agent's decisions, taken again from its recording."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

POLICY = """
services:
  web:
    command: {command}
    probes: {{health: {{http: {url}, interval: 200ms, fast_interval: 100ms, timeout: 100ms}}}}
    recover: [restart: {{attempts: 5}}]
    backoff: {{initial: 100ms, jitter: full}}
"""


def _policy(web, **changes: str) -> str:
    text = POLICY.format(command=web.yaml_command, url=web.url)
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def _crash_and_recover(agent, web, starts: int) -> None:
    agent.wait_for("web", health="healthy")
    os.kill(agent.service("web")["pid"], signal.SIGKILL)
    agent.wait_until(lambda: len(web.starts()) >= starts, within=20, what="web is restarted")
    agent.wait_for("web", health="healthy", within=20)


@pytest.fixture
def recorded(agent, new_service) -> tuple[object, object, Path]:
    """An agent that recorded a crash from the middle of its life; and the file."""
    web = new_service("web")
    agent.write_policy(_policy(web))
    agent.start()
    agent.wait_for("web", health="healthy")
    said = agent.ctl("record", "start").out
    path = Path(said.removeprefix("recording to ").strip())
    _crash_and_recover(agent, web, 2)
    return agent, web, path


def test_a_recording_decides_the_same(recorded) -> None:
    agent, _, path = recorded
    status = agent.ctl_json("record", "status")
    assert status["recording"] and status["path"] == str(path)
    assert "inputs to" in agent.ctl("record", "stop").out
    agent.wait_until(lambda: path.read_bytes().rstrip().endswith(b"somebody stopped it"), within=10, what="it is written")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    done = agent.ctl("simulate", "--replay", str(path))
    assert done.out.startswith("same: ") and "somebody stopped it" in done.out
    answer = json.loads(agent.ctl("simulate", "--replay", str(path), "--json").out)
    assert answer["same"] and answer["inputs"] == agent.ctl_json("record", "status")["inputs"]
    assert b"104" in path.read_bytes()  # it did decide


def test_another_policy_shows_the_first_difference(recorded, tmp_path: Path) -> None:
    agent, web, path = recorded
    agent.ctl("record", "stop")
    other = tmp_path / "other.yaml"
    other.write_text("version: 1\n" + _policy(web, **{"restart: {attempts: 5}": "notify"}))
    done = agent.ctl("simulate", str(other), "--replay", str(path))
    assert done.code == 1
    assert done.out.startswith("differs at input ")
    assert "web" in done.out.splitlines()[0] and "rows now:" in done.out


def test_an_agent_that_is_killed_leaves_what_it_wrote(recorded) -> None:
    agent, _, path = recorded
    agent.wait_until(lambda: b"rows=" in path.read_bytes(), within=10, what="something is written")
    agent.kill9()
    done = agent.ctl("simulate", "--replay", str(path))
    assert done.out.startswith("same: ") and "it was cut" in done.out


def test_a_reload_is_part_of_it(recorded) -> None:
    agent, web, path = recorded
    # The new policy has another service, and decides on the next crash by another ladder.
    agent.write_policy(
        _policy(web, **{"restart: {attempts: 5}": "notify, restart"})
        + f"  other:\n    probes: {{health: {{http: {web.url}, interval: 200ms}}}}\n"
    )
    agent.ctl("reload")
    assert agent.ctl_json("record", "status")["recording"]
    agent.wait_for("other", health="healthy")
    _crash_and_recover(agent, web, 3)
    agent.ctl("record", "stop")
    agent.wait_until(lambda: path.read_bytes().rstrip().endswith(b"somebody stopped it"), within=10, what="it is written")
    assert b"\nreload " in path.read_bytes()
    answer = json.loads(agent.ctl("simulate", "--replay", str(path), "--json").out)
    assert answer["same"] and answer["inputs"] == agent.ctl_json("record", "status")["inputs"]
    assert answer["reloads"] == 1
    assert "the policies were reloaded once" in agent.ctl("simulate", "--replay", str(path)).out


def test_what_cannot_be_recorded_or_replayed(agent, new_service, tmp_path: Path) -> None:
    web = new_service("web")
    agent.write_policy(_policy(web))
    agent.start()
    agent.write_policy(_policy(web, **{"attempts: 5": "attempts: 4"}))
    refused = agent.ctl("record", "start")
    assert refused.code == 1 and "reload them first" in refused.err
    assert agent.ctl("record", "now").code == 2
    wrong = tmp_path / "wrong.rec"
    wrong.write_text("nothing of the kind\n")
    done = agent.ctl("simulate", "--replay", str(wrong))
    assert done.code == 1 and "expected a frame" in done.err


def test_secrets_stay_out(agent, new_service) -> None:
    web = new_service("web")
    agent.write_policy(_policy(web, **{"recover:": "environment: {DB_PASSWORD: geheim}\n    recover:"}))
    agent.start()
    path = Path(agent.ctl("record", "start").out.removeprefix("recording to ").strip())
    agent.wait_for("web", health="healthy")
    agent.ctl("record", "stop")
    agent.wait_until(lambda: b"somebody stopped" in path.read_bytes(), within=10, what="it is written")
    assert b"geheim" not in path.read_bytes()
    assert agent.ctl("simulate", "--replay", str(path)).out.startswith("same: ")
