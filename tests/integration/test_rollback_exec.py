"""A program of the policy goes back to the version that was well; whether it did is looked at, not believed."""

from __future__ import annotations

import os
import shlex
import signal

import pytest

DEPLOY = """#!/bin/sh
echo "$RECOVERD_ACTION $RECOVERD_SERVICE $RECOVERD_FROM $RECOVERD_TO" >> {folder}/calls
{act}
"""


class Shop:
    def __init__(self, agent, service, folder) -> None:
        self.agent, self.service, self.folder = agent, service, folder
        folder.mkdir()
        self.version = folder / "VERSION"
        self.version.write_text("1.0\n")
        self.run = folder / "run"
        self.run.write_text(f'#!/bin/sh\n[ "$(cat {self.version})" = 2.0 ] && exit 3\nexec {shlex.join(service.command)}\n')
        self.run.chmod(0o755)

    def start(self, act: str) -> None:
        deploy = self.folder / "deploy"
        deploy.write_text(DEPLOY.format(folder=self.folder, act=act))
        deploy.chmod(0o755)
        self.agent.write_policy(f"""
            defaults: {{interval: 500ms, fast_interval: 100ms, timeout: 500ms, verify: 10s}}
            services:
              shop:
                command: [{self.run}]
                probes: {{page: {{http: {{url: '{self.service.url}'}}}}}}
                recover:
                  - restart: {{attempts: 1}}
                  - rollback: {{exec: [{deploy}], version: {self.version}, good_after: 1s, blame_window: 1h}}
                  - notify
                backoff: {{delays: [0s]}}
                start_grace: 5s
                log: {{to: none}}
            """)
        self.agent.start()
        self.agent.wait_until(
            lambda: (self.agent.ctl_json("why", "shop")["content"] or {}).get("good") == "1.0", 20, "1.0 earns trust")

    def deploy_bad(self) -> None:
        self.version.write_text("2.0\n")
        os.kill(self.service.starts()[-1], signal.SIGKILL)


@pytest.fixture
def shop(agent, new_service, tmp_path) -> Shop:
    return Shop(agent, new_service("shop"), tmp_path / "app")


def test_it_goes_back_to_the_version_that_was_well(shop) -> None:
    shop.start(f'echo "$RECOVERD_TO" > {shop.version}')
    shop.deploy_bad()
    shop.agent.wait_until(lambda: shop.version.read_text() == "1.0\n", 30, "it goes back")
    shop.agent.wait_for("shop", state="healthy")
    assert (shop.folder / "calls").read_text() == "rollback shop 2.0 1.0\n"


def test_a_program_that_lies_is_not_believed(shop) -> None:
    shop.start("exit 0")
    shop.deploy_bad()
    shop.agent.wait_for("shop", within=40, state="exhausted")
    assert "has worked, and the version is 2.0, not 1.0" in shop.agent.log_text()


def test_a_program_that_fails_says_why(shop) -> None:
    shop.start("echo no such bundle >&2; exit 7")
    shop.deploy_bad()
    shop.agent.wait_for("shop", within=40, state="exhausted")
    assert "deploy exited with status 7: no such bundle" in shop.agent.log_text()
