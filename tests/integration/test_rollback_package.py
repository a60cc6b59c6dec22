"""A package is upgraded to a version that does not work: the one that was well is installed again, by apt-get."""

from __future__ import annotations

import shlex

import pytest

from support.package_root import AgentInRoot, PackageRoot, needs_package_root

pytestmark = needs_package_root


@pytest.fixture
def host(request, tmp_path):
    agent = AgentInRoot()
    request.node.agents = [agent]
    yield agent, PackageRoot(tmp_path / "host")
    agent.close()


def policy(service, step: str) -> str:
    return f"""
        defaults: {{interval: 500ms, fast_interval: 100ms, timeout: 500ms, verify: 10s}}
        services:
          shop:
            command: [/usr/bin/shop-server]
            probes: {{page: {{http: {{url: '{service.url}'}}}}}}
            recover: [restart: {{attempts: 1}}, rollback: {{{step}, good_after: 1s, blame_window: 1h}}, notify]
            backoff: {{delays: [0s]}}
            start_grace: 5s
            log: {{to: none}}
        """


def start(agent, root, service, depends: str = "") -> None:
    root.make("shop-server", "1.0", f"#!/bin/sh\nexec {shlex.join(service.command)}\n", depends)
    root.make("shop-server", "2.0", "#!/bin/sh\nexit 3\n")
    root.make("shop-extra", "1.0", "#!/bin/sh\n")
    root.index()
    agent.write_policy(policy(service, "package: [shop-server]"))
    agent.begin_in(root, "shop-server", "1.0")
    agent.start(within=60)
    agent.wait_until(
        lambda: (agent.ctl_json("why", "shop")["content"] or {}).get("good") == "shop-server=1.0", 30, "1.0 earns trust")


def upgrade(agent) -> None:
    done = agent.run_in("apt-get", "-q", "-y", "install", "shop-server=2.0")
    assert done.returncode == 0, done
    pid = agent.service("shop")["pid"]
    agent.run_in("kill", "-KILL", str(pid))


def test_the_version_that_was_well_is_installed_again(host, new_service) -> None:
    agent, root = host
    start(agent, root, new_service("shop"))
    upgrade(agent)
    agent.wait_for("shop", within=60, state="healthy")
    agent.wait_until(lambda: agent.incidents("shop") and agent.incidents("shop")[0]["closed"], 60, "it is over")
    versions = agent.run_in("dpkg-query", "--show", "--showformat", "${Version}", "shop-server").stdout
    assert versions == "1.0"
    incident = agent.ctl("incident", str(agent.incidents("shop")[0]["id"])).out
    assert "rolled back from shop-server=2.0 to shop-server=1.0" in " ".join(incident.split())


def test_what_would_touch_another_package_is_refused(host, new_service) -> None:
    agent, root = host
    start(agent, root, new_service("shop"), depends="shop-extra")
    agent.run_in("apt-get", "-q", "-y", "install", "shop-server=2.0")
    agent.run_in("apt-get", "-q", "-y", "remove", "shop-extra")
    agent.run_in("kill", "-KILL", str(agent.service("shop")["pid"]))
    agent.wait_for("shop", within=60, state="exhausted")
    assert "the package shop-extra would be changed as well" in agent.log_text()
