"""What the keys of `checkpoint` and `rollback` do: exclude, max_size, stop, approve, replicate, every."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support import recovery_points
from support.checkpoints import PROGRAM, Checkpoints
from support.recovery_points import RecoveryPoints
from support.waiting import wait_until

WITHIN = 30
CHANGES = 6  # some may meet a look that was due already

# It says at its end with what it ran, and at its start with what it begins.
SERVICE = """#!/bin/sh
trap 'echo "ended with $(cat {conf})" >> {journal}; exit 0' TERM
echo "started with $(cat {conf})" >> {journal}
while :; do sleep 0.05; done
"""


class Shop:
    def __init__(self, executor, folder: Path) -> None:
        self.executor, self.folder = executor, folder
        (folder / "etc").mkdir()
        self.conf, self.journal = folder / "etc/shop.conf", folder / "journal"
        self.conf.write_text("good\n")
        self.run = folder / "run"
        self.run.write_text(SERVICE.format(conf=self.conf, journal=self.journal))
        self.run.chmod(0o755)
        self.store = Checkpoints(executor.state / "checkpoints")

    def start(self, checkpoint: str = "", rollback: str = "") -> None:
        self.executor.write_policy(f"""
            services:
              shop:
                command: [{self.run}]
                checkpoint: {{paths: [{self.conf.parent}], good_after: 1s, {checkpoint}}}
                probes: {{page: {{tcp: {{address: 127.0.0.1:1}}}}}}
                recover: [rollback: {{{rollback}}}]
                log: {{to: none}}
            """)
        self.agent = self.executor.start()
        self.agent.start("shop")

    def look(self, health: str = "healthy") -> dict[str, str]:
        self.agent.send("look", service="shop", health=health, duration=60_000_000)
        return self.agent.wait_for("content", WITHIN)

    def earn_trust(self) -> None:
        wait_until(lambda: "to" in self.look(), WITHIN, "it earns trust")


@pytest.fixture
def shop(executor, tmp_path) -> Shop:
    return Shop(executor, tmp_path)


def test_what_is_excluded_is_no_change_and_comes_along(shop) -> None:
    pid_file = shop.conf.with_name("shop.pid")
    pid_file.write_text("1\n")
    shop.start('exclude: ["*.pid"]')
    shop.earn_trust()
    pid_file.write_text("2\n")
    assert shop.look("failed")["files"] == "unchanged"
    shop.conf.write_text("bad\n")
    assert shop.look("failed")["files"] == "changed"
    assert shop.agent.do("shop", "rollback")["ok"] == "1"
    assert shop.conf.read_text() == "good\n" and pid_file.read_text() == "2\n"


def test_what_is_too_large_is_not_stored_and_said(shop) -> None:
    shop.conf.write_bytes(os.urandom(20_000))
    shop.start("max_size: 16KiB")
    seen = shop.look()
    assert "more than max_size (16KiB)" in seen["text"] and "to" not in seen
    assert shop.store.objects() == []


def test_the_service_is_down_during_the_exchange(shop) -> None:
    shop.start(rollback="stop: true")
    shop.earn_trust()
    shop.conf.write_text("bad\n")
    assert shop.look("failed")["files"] == "changed"
    done = shop.agent.do("shop", "rollback")
    assert done["ok"] == "1"
    assert [word in done["text"] for word in ("stopped", "rolled back", "started")] == [True] * 3
    wait_until(lambda: shop.journal.read_text().count("started") == 2, WITHIN, "it starts again")
    assert shop.journal.read_text().splitlines()[1:] == ["ended with bad", "started with good"]


def prepared(shop: Shop) -> bool:
    return "is prepared" in shop.look("failed")["text"]


def aside(shop: Shop) -> list[Path]:
    return list(shop.folder.glob(".recoverd-*"))


def wait_for_preparation(shop: Shop) -> None:
    shop.start(rollback="approve: manual")
    shop.earn_trust()
    shop.conf.write_text("bad\n")
    wait_until(lambda: prepared(shop), WITHIN, "it is prepared")


def test_what_waits_for_a_person_is_prepared(shop) -> None:
    wait_for_preparation(shop)
    (tree,) = aside(shop)
    assert (tree / "etc/shop.conf").read_text() == "good\n" and shop.conf.read_text() == "bad\n"
    built = (tree / "etc/shop.conf").stat().st_ino
    assert shop.agent.do("shop", "rollback")["ok"] == "1"
    assert shop.conf.read_text() == "good\n" and shop.conf.stat().st_ino == built
    wait_until(lambda: shop.look() and not aside(shop), WITHIN, "the old tree is removed")


def test_what_was_prepared_for_something_else_is_not_used(shop) -> None:
    wait_for_preparation(shop)
    shop.conf.write_text("worse\n")
    shop.conf.with_name("more.conf").write_text("more\n")
    assert shop.agent.do("shop", "rollback")["ok"] == "1"
    assert [path.name for path in shop.conf.parent.iterdir()] == ["shop.conf"]
    assert shop.conf.read_text() == "good\n"
    assert shop.agent.do("shop", "undo")["ok"] == "1"
    assert shop.conf.read_text() == "worse\n" and shop.conf.with_name("more.conf").exists()


def test_a_preparation_that_is_not_needed_goes(shop) -> None:
    wait_for_preparation(shop)
    shop.executor.restart()
    shop.agent = shop.executor.connect()
    shop.conf.write_text("good\n")
    wait_until(lambda: shop.look() and not aside(shop), WITHIN, "it is removed")
    assert shop.conf.read_text() == "good\n"


def test_what_hinders_a_rollback_is_said_before_anybody_asks_for_it(shop) -> None:
    schema = shop.folder / "schema"
    schema.write_text("41\n")
    shop.start(rollback=f"approve: manual, schema_guard: {schema}")
    shop.earn_trust()
    schema.write_text("42\n")
    shop.conf.write_text("bad\n")
    why = "a rollback is not possible now: the schema guard says 42, and said 41"
    wait_until(lambda: why in shop.look("failed")["text"], WITHIN, "the guard is asked")
    assert aside(shop) == []
    schema.write_text("41\n")
    wait_until(lambda: prepared(shop), WITHIN, "it is prepared after all")


def copies(replica: Path) -> set[str]:
    return {path.stem for path in replica.glob("services/shop/*.json")}


def test_recovery_points_are_copied_and_restored_on_an_empty_host(shop, tmp_path) -> None:
    replica = tmp_path / "replica"
    shop.start(f"replicate: {replica}")
    shop.earn_trust()
    first = set(shop.store.states("shop"))
    wait_until(lambda: copies(replica) == first, WITHIN, "it is copied")
    shop.conf.write_text("better\n")
    wait_until(lambda: shop.look()["to"] not in first, WITHIN, "that earns trust, too")
    wait_until(lambda: len(copies(replica)) == 2, WITHIN, "it is copied as well")
    elsewhere = Checkpoints(tmp_path / "elsewhere")
    elsewhere.run("restore", "shop", "last-good", "--from", replica, "--to", tmp_path / "restored")
    (restored,) = (tmp_path / "restored").rglob("shop.conf")
    assert restored.read_text() == "better\n"


def test_a_copy_that_does_not_work_is_said_and_tried_again(shop, tmp_path) -> None:
    replica = tmp_path / "replica"
    replica.write_text("in the way\n")
    shop.start(f"replicate: {replica}")
    shop.earn_trust()
    wait_until(lambda: "not copied" in shop.look().get("text", ""), WITHIN, "it is said")
    replica.unlink()
    wait_until(lambda: shop.look() and copies(replica), WITHIN, "it is copied after all")
    wait_until(lambda: "text" not in shop.look(), WITHIN, "nothing is said any more")
    assert shop.executor.log_text().count("not copied") == 1


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts over /etc/fstab: needs root and unshare")
def test_copies_never_go_to_the_disk_below_a_mount_that_is_absent(tmp_path) -> None:
    (tmp_path / "etc").mkdir()
    fstab, backup = tmp_path / "fstab", tmp_path / "backup"
    fstab.write_text(f"/dev/sdz1 {backup} ext4 noauto 0 2\n")
    store = Checkpoints(tmp_path / "store")
    store.recovery_point("shop", tmp_path / "etc")
    backup.mkdir()
    words = [str(PROGRAM), "--store", str(store.store), "replicate", "shop", "--to", f"{backup}/recoverd"]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'mount --bind {fstab} /etc/fstab; exec "$@"', "sh", *words],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3 and f"{backup} is not mounted, though /etc/fstab names it" in done.stderr, done
    assert list(backup.iterdir()) == []


def is_seen(points: RecoveryPoints, before: str, within: float) -> bool:
    try:
        wait_until(lambda: points.content()["present"] != before, within, "another content")
    except AssertionError:
        return False
    return True


def test_every_is_how_often_is_looked(agent, new_service, tmp_path) -> None:
    """Besides each start and each failure: a change is found by the restart after it."""
    service = new_service("shop")
    conf = tmp_path / "etc/shop.conf"
    conf.parent.mkdir()
    conf.write_text("good\n")
    points = RecoveryPoints(agent, "shop")
    text = recovery_points.policy("shop", service.yaml_command, f"[{conf.parent}]", f"{{http: {{url: '{service.url}'}}}}")
    agent.write_policy(text.replace("good_after: 1s", "good_after: 1s, every: 1h"))
    agent.start()
    points.wait_for_first()
    for number in range(CHANGES):
        before = points.content()["present"]
        conf.write_text(f"another {number}\n")
        if not is_seen(points, before, 2):  # four looks, without the key
            break
    else:
        raise AssertionError(f"each of {CHANGES} changes was seen at once")
    assert agent.ctl("restart", "shop").code == 0
    assert is_seen(points, before, 30)
