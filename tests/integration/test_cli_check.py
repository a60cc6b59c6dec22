"""recoverctl check: all problems with their places, or what the policies imply. Needs no agent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from support.agent import program

GOOD = """
version: 1
services:
  web:
    command: [/bin/sleep, "1"]
    probes: {page: {http: {url: http://127.0.0.1:1/}, interval: 10s, timeout: 1s}}
    recover: [restart: {attempts: 2}]
    backoff: {initial: 1s, factor: 2, jitter: none}
"""
BAD = """
version: 1
services:
  web:
    comand: [/bin/sleep, "1"]
    depends_on: [nobody]
"""


def _check(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("recoverctl"), "check", *map(str, arguments)], capture_output=True, text=True, timeout=20
    )


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text.lstrip())
    return path


def test_a_good_policy_shows_what_it_implies(tmp_path) -> None:
    path = _file(tmp_path, "good.yaml", GOOD)
    done = _check(path)
    assert done.returncode == 0
    assert "SERVICE" in done.stdout and "1s, 2s" in done.stdout
    assert done.stdout.endswith("ok: 1 service, 2 probes\n")

    report = json.loads(_check(path, "--json").stdout)
    assert report["ok"] and report["problems"] == []
    (web,) = report["services"]
    assert [one["wait_most_seconds"] for one in web["attempts"]] == [1, 2]
    assert web["attempts_total"] == 2
    assert 10 < web["detection_worst_seconds"] < 30


def test_all_problems_are_located(tmp_path) -> None:
    path = _file(tmp_path, "bad.yaml", BAD)
    done = _check(path)
    assert done.returncode == 1
    assert f"{path}:4:5: error: " in done.stdout
    assert "did you mean 'command'?" in done.stdout

    report = json.loads(_check(path, "--json").stdout)
    assert not report["ok"] and report["errors"] == len(report["problems"]) >= 2
    first = report["problems"][0]
    assert (first["file"], first["line"], first["column"], first["level"]) == (str(path), 4, 5, "error")
    assert {problem["line"] for problem in report["problems"]} >= {4, 5}


def test_a_step_that_the_manager_cannot_do_is_located(tmp_path) -> None:
    path = _file(
        tmp_path,
        "steps.yaml",
        """
version: 1
services:
  web:
    scripts: {start: [/etc/init.d/web, start], stop: [/etc/init.d/web, stop], status: [/etc/init.d/web, status]}
    probes: {page: {tcp: "127.0.0.1:80"}}
    recover: [reload, signal: HUP, restart]
""",
    )
    done = _check(path)
    assert done.returncode == 1
    assert f"{path}:6:15: error: 'reload' cannot be done for the service 'web': its scripts have no 'reload'" in done.stdout
    assert "add 'reload: [/path/to/program]' to 'scripts'" in done.stdout
    assert f"{path}:6:23: error: 'signal' cannot be done for the service 'web'" in done.stdout


def test_a_unit_without_its_suffix_is_guessed(tmp_path) -> None:
    path = _file(tmp_path, "unit.yaml", "version: 1\nservices:\n  web: {unit: nginx}\n")
    done = _check(path)
    assert done.returncode == 1
    assert f"{path}:3:15: error: 'unit': expected the name of a unit" in done.stdout
    assert "did you mean 'nginx.service'?" in done.stdout


def test_two_managers_exclude_each_other(tmp_path) -> None:
    path = _file(
        tmp_path, "two.yaml", "version: 1\nservices:\n  web: {command: [/bin/sleep, inf], unit: nginx.service}\n"
    )
    done = _check(path)
    assert done.returncode == 1
    assert f"{path}:3:9: error: 'command' and 'unit' exclude each other" in done.stdout


def test_reload_and_signal_are_implied_like_other_actions(tmp_path) -> None:
    path = _file(
        tmp_path,
        "good.yaml",
        GOOD.replace("[restart: {attempts: 2}]", "[reload, signal: {signal: USR1, to: all}, restart: {attempts: 2}]"),
    )
    report = json.loads(_check(path, "--json").stdout)
    assert report["ok"]
    (web,) = report["services"]
    assert [one["action"] for one in web["attempts"]] == ["reload", "signal", "restart", "restart"]


def test_files_and_folders_go_together(tmp_path) -> None:
    folder = tmp_path / "policies.d"
    folder.mkdir()
    _file(folder, "a.yaml", GOOD)
    bad = _file(tmp_path, "b.yaml", BAD.replace("web", "other"))
    done = _check(folder, bad)
    assert done.returncode == 1
    assert str(bad) in done.stdout and "a.yaml:" not in done.stdout


def test_a_missing_file_is_an_error(tmp_path) -> None:
    done = _check(tmp_path / "none.yaml")
    assert done.returncode == 1
    assert "none.yaml" in done.stdout
