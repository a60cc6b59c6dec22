"""recoverctl init where no systemd is asked: services by name, folders, what exists, and every mistake. What it finds on a
host under systemd is tested in the lab."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from support.agent import ROOT, program
from support.ports import free_port
from support.real_servers import needs

LIBRARY = str(ROOT / "policies")


def _init(*arguments: str, library: str = LIBRARY) -> subprocess.CompletedProcess[str]:
    command = [program("recoverctl"), "init", "--from", library, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)


def _check(*paths: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("recoverctl"), "check", "--strict", *paths], capture_output=True, text=True, timeout=30)


def test_named_services_are_written_and_pass_the_check(tmp_path: Path) -> None:
    done = _init("--to", str(tmp_path), "cassandra", "kafka")
    assert done.returncode == 0, done.stderr
    assert "2 written" in done.stdout and f"recoverctl check {tmp_path}" in done.stdout
    assert "systemctl reload recoverd" in done.stdout and "mode: observe" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cassandra.yaml", "kafka.yaml"]
    checked = _check(str(tmp_path))
    assert checked.returncode == 0, checked.stdout
    text = (tmp_path / "kafka.yaml").read_text()
    assert text.startswith(f"# yaml-language-server: $schema={LIBRARY}/schema/policy.schema.json\n")


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kafka.yaml").write_text("version: 1\n")
    (tmp_path / "mine.yaml").write_text(
        "version: 1\nservices: {ring: {unit: cassandra.service}, zookeeper: {command: [/bin/true]}}\n"
    )
    done = _init("--to", str(tmp_path), "kafka", "cassandra", "zookeeper", "--json")
    assert done.returncode == 0, done.stderr
    results = {row["found"]: row["result"] for row in json.loads(done.stdout)["services"]}
    assert results == {"kafka": "left alone", "cassandra": "left alone", "zookeeper": "left alone"}
    assert (tmp_path / "kafka.yaml").read_text() == "version: 1\n"


def test_a_dry_run_prints_the_files_and_writes_none(tmp_path: Path) -> None:
    done = _init("--to", str(tmp_path), "--dry-run", "redis")
    assert done.returncode == 0, done.stderr
    assert f"# ==> {tmp_path}/redis.yaml" in done.stdout and "protocol: redis" in done.stdout
    assert "would be written" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--to", "{there}", "redsi"], 2, "there is no policy for 'redsi' in the library, did you mean 'redis'?"),
        (["--to", "{gone}", "redis"], 2, "make it first, or name another folder with --to"),
        (["--to", "/etc/passwd", "redis"], 2, "/etc/passwd: it is not a folder"),
        (["--from", "{gone}", "--to", "{there}", "redis"], 2, "is the package recoverd-policies installed?"),
        (["--from", "{there}", "--to", "{there}", "redis"], 1, "redis.yaml"),
    ],
)
def test_every_mistake_is_told(arguments: list[str], code: int, says: str, tmp_path: Path) -> None:
    there, gone = tmp_path / "there", tmp_path / "gone"
    there.mkdir()
    done = _init(*(word.format(there=there, gone=gone) for word in arguments))
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert not list(there.iterdir())


def test_a_folder_that_may_not_be_written_to(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    else:
        command = []
        tmp_path.chmod(0o555)
    done = subprocess.run([*command, program("recoverctl"), "init", "--from", LIBRARY, "--to", "/etc", "kafka"],
                          capture_output=True, text=True, timeout=30)  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "run it as root, or name a folder of your own with --to" in done.stdout


def test_policies_with_errors_are_told_of(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("version: 1\nservises: {}\n")
    done = _init("--to", str(tmp_path), "kafka")
    assert done.returncode == 0
    assert "have errors (recoverctl check)" in done.stderr and (tmp_path / "kafka.yaml").exists()


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs here: the lab tests the other answer")
@needs("redis-server")
def test_without_systemd_it_tells_what_runs(tmp_path: Path, start_server) -> None:
    port = free_port()
    start_server.start(port, "redis-server", "--port", port, "--save", "")
    done = _init("--to", str(tmp_path))
    assert done.returncode == 1
    assert "redis runs here: pid" in done.stdout and "listens at port" in done.stdout
    assert "systemd does not run here" in done.stderr and "recoverctl init --dry-run NAME" in done.stderr
    assert not list(tmp_path.glob("*.yaml"))
    assert json.loads(_init("--to", str(tmp_path), "--json").stdout)["systemd"] is False
