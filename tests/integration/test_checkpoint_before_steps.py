"""Before a step changes anything, what is there is kept as a suspect checkpoint; a step never waits long for it."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path

import pytest

from support.checkpoints import Checkpoints
from support.waiting import wait_until

WITHIN = 30
PATIENCE = 0.5  # what a step waits for a large tree, see step_checkpoint.c


class Shop:
    """Its configuration has earned trust with `port = 80`; its step overwrites what it finds."""

    def __init__(self, executor, folder: Path) -> None:
        self.executor = executor
        self.conf = folder / "conf"
        self.conf.mkdir()
        (self.conf / "shop.conf").write_text("port = 80\n")
        mend = folder / "mend"
        records = executor.state / "checkpoints/services/shop/*.json"
        # On a slow machine the step goes first; what it overwrites is to be read before all the same.
        mend.write_text(
            f"#!/bin/sh\nfor i in $(seq 300); do grep -qs suspect {records} && break; sleep 0.1; done\n"
            f"echo mended > {self.conf}/shop.conf\n"
        )
        mend.chmod(0o755)
        executor.write_policy(f"""
            services:
              shop:
                command: [/bin/sleep, "1000"]
                checkpoint: {{paths: [{self.conf}], good_after: 1s}}
                probes: {{page: {{tcp: {{address: 127.0.0.1:1}}}}}}
                recover: [exec: {{command: [{mend}]}}, restart: {{}}]
                log: {{to: none}}
            """)
        self.agent = executor.start()
        self.store = Checkpoints(executor.state / "checkpoints")
        self.agent.start("shop")
        wait_until(self.is_trusted, WITHIN, "its configuration earns trust")

    def is_trusted(self) -> bool:
        self.agent.send("look", service="shop", health="healthy", duration=60_000_000)
        return "to" in self.agent.wait_for("content", WITHIN)

    def deploy(self, text: str) -> None:
        """And it fails."""
        (self.conf / "shop.conf").write_text(text)
        self.agent.send("look", service="shop", health="failed")
        self.agent.wait_for("content", WITHIN, files="changed")

    def wait_for_log(self, text: str) -> None:
        wait_until(lambda: text in self.executor.log_text(), WITHIN, f"{text!r} is logged")

    def suspects(self) -> list[dict]:
        return [one for one in self.store.run("list", "shop")["checkpoints"] if one["state"] == "suspect"]


@pytest.fixture
def shop(executor, tmp_path) -> Shop:
    return Shop(executor, tmp_path)


def test_what_a_step_overwrites_is_kept(shop) -> None:
    shop.deploy("port = eighty\n")
    assert shop.agent.do("shop", step=0)["ok"] == "1"
    (kept,) = shop.suspects()
    assert kept["reason"] == "before exec"
    (changed,) = shop.store.run("diff", "shop", kept["id"], "now")["changed"]
    assert "-port = eighty" in changed["diff"] and "+mended" in changed["diff"]
    shop.wait_for_log("before exec is kept as")  # a step does not begin a second one beside the first
    assert shop.agent.do("shop", "restart")["ok"] == "1"
    reasons = ["before restart", "before exec"]
    wait_until(lambda: [one["reason"] for one in shop.suspects()] == reasons, WITHIN, "both are kept")


def test_what_has_trust_keeps_it(shop) -> None:
    assert shop.agent.do("shop", step=1)["ok"] == "1"
    assert set(shop.store.states("shop").values()) == {"recovery_point"}


def test_only_the_newest_suspects_are_kept(shop) -> None:
    newest = None
    for number in range(5):
        shop.deploy(f"port = {number}\n")
        assert shop.agent.do("shop", step=1)["ok"] == "1"
        wait_until(lambda: shop.suspects() and shop.suspects()[0]["id"] != newest, WITHIN, "it is kept")
        newest = shop.suspects()[0]["id"]
        shop.wait_for_log(f"is kept as {newest}")
    assert len(shop.suspects()) == 3
    assert "recovery_point" in shop.store.states("shop").values()


def test_a_step_does_not_wait_long_for_it(shop) -> None:
    shop.deploy("port = eighty\n")
    with open(shop.executor.state / "checkpoints/services/shop/lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as if a large tree was being read
        began = time.monotonic()
        assert shop.agent.do("shop", step=1)["ok"] == "1"
        assert time.monotonic() - began >= PATIENCE
        assert shop.suspects() == []
        assert "restart does not wait longer" in shop.executor.log_text()
    wait_until(lambda: len(shop.suspects()) == 1, WITHIN, "it was read on beside the step")


def test_a_store_that_cannot_be_used_does_not_hinder_a_step(shop) -> None:
    (shop.executor.state / "checkpoints/version").write_text("of somebody else")
    assert shop.agent.do("shop", step=1)["ok"] == "1"
    shop.wait_for_log("no checkpoint before restart: ")
