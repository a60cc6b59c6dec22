"""A bad configuration of nginx is deployed, and nginx is restarted: it is rolled back, and the site answers."""

from __future__ import annotations

import os
import signal
import urllib.request

import pytest

from support import recovery_points
from support.ports import free_port
from support.real_servers import needs
from support.recovery_points import RecoveryPoints

pytestmark = needs("nginx")

CONFIG = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "the shop is open"; }}
    }}
}}
"""


class Site:
    def __init__(self, agent, folder) -> None:
        self.agent = agent
        self.port = free_port()
        self.folder = folder
        self.config = folder / "conf/nginx.conf"
        self.config.parent.mkdir(parents=True)
        self.text = CONFIG.format(folder=folder, port=self.port).lstrip()
        self.config.write_text(self.text)
        self.points = RecoveryPoints(agent, "web")

    def start(self, **more: str) -> None:
        command = f'[/usr/sbin/nginx, -p, {self.folder}, -c, {self.config}, -g, "daemon off;"]'
        probe = f"{{http: {{url: 'http://127.0.0.1:{self.port}/', expect: {{body: {{contains: open}}}}}}}}"
        self.agent.write_policy(recovery_points.policy("web", command, f"[{self.config.parent}]", probe, **more))
        self.agent.start()
        self.points.wait_for_first()

    def restart(self) -> None:
        os.kill(int((self.folder / "nginx.pid").read_text()), signal.SIGTERM)

    def answer(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as page:
            return page.read().decode()


@pytest.fixture
def site(agent, tmp_path) -> Site:
    return Site(agent, tmp_path / "site")


def test_the_site_answers_again(site) -> None:
    site.start()
    site.config.write_text(site.text.replace("return 200", "retrun 200"))
    (site.config.parent / "extra.conf").write_text("# left behind\n")
    site.restart()
    site.points.assert_rolled_back(site.config, site.text, '-        location / { return 200', '+        location / { retrun 200', "extra.conf")
    assert site.answer() == "the shop is open"
    assert not (site.config.parent / "extra.conf").exists()
    states = {one["state"] for one in site.points.list()}
    assert {"recovery_point", "suspect"} <= states, site.points.list()
    for state in ("recovery_point", "suspect"):
        site.agent.wait_until(lambda state=state: site.agent.metric("recoverd_checkpoints", service="web", state=state), 20, f"{state} is counted")


def test_what_fails_without_a_change_is_not_rolled_back(site) -> None:
    site.start()
    before = site.config.stat().st_ino
    blocker = site.folder / "nginx.pid"
    site.restart()
    site.agent.wait_until(lambda: site.agent.incidents("web"), 20, "it fails")
    site.agent.wait_for("web", within=30, state="healthy")
    assert blocker.exists()
    assert [action for action, _ in site.points.actions()] == ["restart"]
    assert site.config.stat().st_ino == before


@pytest.mark.timeout(360)
def test_what_was_edited_and_never_loaded_is_taken_back(site) -> None:
    site.start()
    site.config.write_text(site.text.replace("return 200", "retrun 200"))  # nginx runs on with what it has read
    # Checkpoints are taken with what other programs leave of the processor.
    site.agent.wait_until(lambda: len(site.points.of_state("recovery_point")) == 2, 90, "health alone earns trust")
    site.agent.wait_until(lambda: site.points.content().get("state") == "unchanged", 90, "it counts as good")
    site.restart()
    site.agent.wait_until(lambda: site.config.read_text() == site.text, 60, "it is as it was")
    site.agent.wait_for("web", within=30, state="healthy")
    assert site.answer() == "the shop is open"
    actions = site.points.actions()
    assert actions[0] == ("restart", "not-cured") and actions[-1] == ("rollback", "recovered"), actions
    incident = site.points.incident()
    assert incident["cause"] == "changed"
    assert "+        location / { retrun 200" in str(incident["attempts"][-1]["why"])
    assert "for the first time, and fails" in site.agent.log_text()


def test_a_recovery_point_that_does_not_start_is_left_again(site) -> None:
    outside = site.folder / "mime.conf"
    outside.write_text("# nothing\n")
    site.text = site.text.replace("http {", f"http {{\n    include {outside}*;\n")
    site.config.write_text(site.text)
    site.start()
    outside.write_text("no such directive;\n")  # which no rollback of the paths mends
    bad = site.text.replace("return 200", "retrun 200")
    site.config.write_text(bad)
    site.restart()
    site.agent.wait_for("web", within=60, state="exhausted")
    assert site.config.read_text() == bad
    assert [action for action, _ in site.points.actions()].count("rollback") == 1
    assert "is taken back" in site.agent.log_text()


def test_people_look_at_checkpoints(site) -> None:
    site.start()
    points = site.points.of_state("recovery_point")
    assert len(points) == 1
    assert points[0]["files"] >= 2 and points[0]["bytes"] >= len(site.text) and points[0]["created"]
    site.config.write_text(site.text.replace("open", "opened"))
    diff = site.agent.ctl_json("checkpoint", "diff", "web")
    assert [one["path"] for one in diff["changed"]] == [str(site.config)]
    assert "+" in diff["changed"][0]["diff"]
    text = site.agent.ctl("checkpoint", "diff", "web")
    assert text.code == 0 and f"changed {site.config}" in text.out
    made = site.agent.ctl_json("checkpoint", "create", "web")["checkpoint"]
    assert made["state"] == "candidate" and made["id"] != points[0]["id"]
    assert site.agent.ctl("checkpoint", "verify", "web").code == 0
    assert points[0]["id"] in site.agent.ctl("checkpoint", "list", "web").out
    refused = site.agent.ctl("checkpoint", "diff", "web", "../etc")
    assert refused.code == 1 and "is no checkpoint" in refused.err
    assert site.agent.ctl("checkpoint", "list", "nobody").code == 2


def test_a_store_that_cannot_be_written_hurts_nobody(site) -> None:
    (site.agent.state / "checkpoints").write_text("in the way\n")
    command = f'[/usr/sbin/nginx, -p, {site.folder}, -c, {site.config}, -g, "daemon off;"]'
    probe = f"{{http: {{url: 'http://127.0.0.1:{site.port}/'}}}}"
    site.agent.write_policy(recovery_points.policy("web", command, f"[{site.config.parent}]", probe))
    site.agent.start()
    site.agent.wait_for("web", within=30, state="healthy")
    site.agent.wait_until(lambda: site.points.content().get("state") == "unknown", 20, "it says so")
    assert "checkpoints" in site.points.content()["text"]
    site.restart()
    site.agent.wait_until(lambda: site.agent.incidents("web"), 20, "it fails")
    site.agent.wait_for("web", within=30, state="healthy")
    assert site.answer() == "the shop is open"
