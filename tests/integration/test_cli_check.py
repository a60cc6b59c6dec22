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
    assert "A failure is noticed in 7s as a rule, in 13.1s at worst." in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert "page http liveness 10s 1s 3 7s 13.1s unresponsive, wrong-answer".split() in rows
    assert "process process liveness 5s 2s 3 at once at once exited".split() in rows
    assert "1 restart 1s 15s 30s 46s every cause".split() in rows
    assert "2 restart 2s 15s 30s 1m33s every cause".split() in rows
    assert done.stdout.endswith("ok: 1 service, 2 probes\n")

    report = json.loads(_check(path, "--json").stdout)
    assert report["ok"] and report["problems"] == []
    (web,) = report["services"]
    assert [one["wait_most_seconds"] for one in web["attempts"]] == [1, 2]
    assert [one["ends_most_seconds"] for one in web["attempts"]] == [46, 93]
    page, process = web["detections"]
    assert (page["typical_seconds"], page["worst_seconds"]) == (7, 13.05)
    assert page["can_find"] == ["unresponsive", "wrong-answer"] and process["at_once"]
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


def test_strict_fails_on_warnings_unless_the_file_allows_them(tmp_path) -> None:
    text = GOOD.replace("initial: 1s", "initial: 0s")
    path = _file(tmp_path, "warned.yaml", text)
    assert _check(path).returncode == 0
    done = _check("--strict", path)
    assert done.returncode == 1
    assert done.stdout.endswith("refused by --strict: 1 service, 2 probes, 1 warning\n")
    assert f"{path}:7:28: warning: 'factor' has no effect" in done.stdout and "[backoff-never-grows]" in done.stdout

    path.write_text(text.lstrip().rstrip() + " # recoverd: allow backoff-never-grows the others are listed\n")
    done = _check("--strict", path)
    assert done.returncode == 0
    assert done.stdout.endswith("ok: 1 service, 2 probes, 1 warning allowed by comments\n")
    report = json.loads(_check("--json", path).stdout)
    assert report["problems"] == [] and report["warnings_allowed"] == 1


def test_many_services_are_a_line_each_and_one_is_explained(tmp_path) -> None:
    body = GOOD.partition("  web:")[2]
    path = _file(tmp_path, "many.yaml", "version: 1\nservices:" + "".join(f"\n  web{i}:{body.rstrip()}".replace("127.0.0.1:1/", f"127.0.0.1:{i + 1}/") for i in range(200)) + "\n")
    done = _check(path)
    assert done.returncode == 0
    rows = [line for line in done.stdout.splitlines() if line.startswith("web")]
    assert len(rows) == 200 and all(row.endswith("1s, 2s") for row in rows)
    assert "'recoverctl check --explain SERVICE' says more about one." in done.stdout

    done = _check(path, "--explain", "web7")
    assert done.stdout.startswith("web7\nA failure is noticed in ") and "web8" not in done.stdout
    (web,) = json.loads(_check(path, "--explain", "web7", "--json").stdout)["services"]
    assert web["name"] == "web7"

    done = _check(path, "--explain", "wep7")
    assert done.returncode == 2
    assert "these policies have no service 'wep7', did you mean 'web7'?" in done.stderr


def test_limits_beyond_this_host_are_doubted(tmp_path) -> None:
    text = GOOD.replace("probes: {page:", "probes: {memory: {process: {max_rss: 1000TiB, max_cpu: 90000%}}, page:")
    path = _file(tmp_path, "huge.yaml", text)
    done = _check(path)
    assert done.returncode == 0
    assert done.stdout.count("[limit-above-host]") == 2
    assert "1000TiB is never reached: this host has " in done.stdout


def test_curing_a_full_disk_by_a_restart_is_refused(tmp_path) -> None:
    text = GOOD.replace("probes: {page:", "probes: {data: {disk: /srv}, page:")
    path = _file(tmp_path, "disk.yaml", text)
    done = _check(path)
    assert done.returncode == 1
    assert f"{path}:6:5: error: nothing here cures 'resource.disk, resource.io' of the probe 'data'" in done.stdout
    assert "[impossible-cure]" in done.stdout
