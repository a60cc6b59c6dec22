"""recoverctl simulate: policies against faults in virtual time. Needs no agent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.agent import program

POLICY = """
version: 1
services:
  db:
    command: [/bin/db]
    probes: {ping: {tcp: 127.0.0.1:5432, interval: 5s}}
    backoff: {initial: 1s, jitter: none}
  web:
    command: [/bin/web]
    depends_on: [db]
    probes: {page: {http: http://127.0.0.1:1/, interval: 5s}}
    backoff: {initial: 1s, jitter: none}
    recover: [restart: {attempts: 2}, notify]
"""
FAULTS = """
version: 1
startup: 2s
faults:
  oom: {services: web, crash: killed by SIGKILL, at: 10m}
  stuck: {services: db, hang: , at: 20m}
  partition: {cut_off: no route to host, at: 30m, lasts: 43s}
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    policy, faults = tmp_path / "shop.yaml", tmp_path / "faults.yaml"
    policy.write_text(POLICY.lstrip())
    faults.write_text(FAULTS.lstrip())
    return policy, faults


def _simulate(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("recoverctl"), "simulate", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


def _services(run: dict) -> dict[str, dict]:
    return {service["name"]: service for service in run["services"]}


def test_the_timeline_tells_the_story(files: tuple[Path, Path]) -> None:
    policy, faults = files
    done = _simulate(policy, "--faults", faults, "--for", "15m", "--timeline")
    lines = [line.split(maxsplit=4) for line in done.stdout.splitlines() if line.startswith("  0d")]
    story = [(what, text) for _, _, service, what, text in lines if service == "web" and what in ("fault", "act", "serves")]
    assert story == [
        ("fault", "oom begins: killed by SIGKILL"),
        ("act", "restart, attempt 1"),
        ("fault", "oom is cured"),
        ("serves", "it serves"),
    ]


PAIR = """
version: 1
groups:
  pair: {mode: active-standby, members: {blue: {}, green: {priority: 200}}}
services:
  blue: &member
    command: [/bin/member]
    member_of: pair
    probes: {page: {http: http://127.0.0.1:1/, interval: 5s}}
    recover: [restart, failover]
  green: *member
"""


def test_a_standby_is_not_started(tmp_path: Path) -> None:
    policy, faults = tmp_path / "pair.yaml", tmp_path / "faults.yaml"
    policy.write_text(PAIR.lstrip())
    faults.write_text("version: 1\nfaults: {stuck: {hang: x, at: 10m, cured_by: {restart: 0%}}}\n")
    done = _simulate(policy, "--faults", faults, "--for", "1h")
    blue, green = (next(line for line in done.stdout.splitlines() if line.startswith(name)) for name in ("blue", "green"))
    assert blue.split()[1:4] == ["standby", "-", "0/0"], done.stdout + done.stderr
    assert green.split()[3] == "1/1"
    assert "green asked" in done.stdout and "which is not played" in done.stdout
    services = _services(json.loads(_simulate(policy, "--faults", faults, "--for", "1h", "--json").stdout)["runs"][0])
    assert services["blue"] == {"name": "blue", "standby": True}
    assert services["green"]["handed_over"] > 0


def test_json_has_the_same_figures(files: tuple[Path, Path]) -> None:
    policy, faults = files
    done = _simulate(policy, "--faults", faults, "--for", "1h", "--json", "--timeline")
    answer = json.loads(done.stdout)
    (run,) = answer["runs"]
    web, db = _services(run)["web"], _services(run)["db"]
    assert answer["for_seconds"] == 3600 and answer["seed"] == 1
    assert web["actions"] == {"restart": 1} and web["wrong_actions"] == 0
    assert web["detection_seconds"]["count"] == web["incidents"] - 1  # it did serve during the partition
    assert 0.99 < db["availability"] < 1
    assert [fault["occurred"] for fault in run["faults"]] == [1, 1, 1]
    assert any(event["what"] == "fault" and "service" not in event for event in run["timeline"])


def test_two_policies_meet_the_same_faults(files: tuple[Path, Path], tmp_path: Path) -> None:
    policy, _ = files
    other = tmp_path / "patient.yaml"
    other.write_text(policy.read_text().replace("attempts: 2", "attempts: 5").replace("initial: 1s", "initial: 30s"))
    done = _simulate(policy, "--against", other, "--for", "90d", "--seed", "4", "--json")
    first, second = json.loads(done.stdout)["runs"]
    assert first["policy"] == str(policy) and second["policy"] == str(other)
    occurred = [[fault["occurred"] for fault in run["faults"]] for run in (first, second)]
    assert sum(occurred[0]) > 10
    assert all(abs(a - b) <= 1 for a, b in zip(*occurred, strict=True))  # one that comes while it lasts is left out
    assert _services(first)["web"]["down_seconds"] < _services(second)["web"]["down_seconds"]
    text = _simulate(policy, "--against", other, "--for", "90d", "--seed", "4").stdout
    assert f"{policy}: " in text and f"{other}: " in text


def test_the_same_seed_gives_the_same_run(files: tuple[Path, Path]) -> None:
    policy, _ = files
    runs = [_simulate(policy, "--seed", seed, "--timeline").stdout for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_mistakes_in_the_file_are_located(files: tuple[Path, Path]) -> None:
    policy, faults = files
    faults.write_text(faults.read_text().replace("services: web", "services: wbe"))
    done = _simulate(policy, "--faults", faults)
    assert done.returncode == 1 and done.stdout == ""
    assert f"{faults}:4:19: error: the policies have no service 'wbe' [unknown-service]" in done.stderr
    assert "^~~" in done.stderr and "hint: did you mean 'web'?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "soon"], "--for takes a duration"),
        (["--seed", "x"], "--seed takes a number"),
        (["--fault", "x"], "did you mean '--faults'?"),
    ],
)
def test_mistakes_on_the_command_line(files: tuple[Path, Path], arguments: list[str], said: str) -> None:
    done = _simulate(files[0], *arguments)
    assert done.returncode == 2
    assert said in done.stderr
