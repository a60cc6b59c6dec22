"""Stopping everything: dependents first, and what fails is said."""

from __future__ import annotations

from support import processes
from support.waiting import wait_until

# Each says when it was told to stop, and takes a moment.
SCRIPT = "trap 'echo {name} >>{order}; sleep 0.2; exit 0' TERM; : >{home}/{name}; while :; do sleep 0.02; done"


def _policy(home, dependencies: dict[str, list[str]]) -> str:
    lines = ["services:"]
    for name, depends_on in dependencies.items():
        script = SCRIPT.format(name=name, order=home / "order", home=home)
        lines += [
            f"  {name}:",
            f'    command: [/bin/sh, -c, "{script}"]',
            "    log: none",
            f"    depends_on: [{', '.join(depends_on)}]",
        ]
    return "\n".join(lines) + "\n"


def _start_all(executor, dependencies: dict[str, list[str]]):
    executor.write_policy(_policy(executor.home, dependencies))
    agent = executor.start()
    pids = [agent.start(name) for name in dependencies]
    wait_until(lambda: all((executor.home / name).exists() for name in dependencies), 5, "all listen")
    return agent, pids


def test_dependents_go_first(executor) -> None:
    agent, pids = _start_all(executor, {"db": [], "cache": [], "shop": ["db", "cache"], "page": ["shop"]})
    agent.send("stop-all", request=77)
    answer = agent.wait_for("stopped-all", request=77)
    assert answer["ok"] == "1" and answer["text"] == "all services are stopped"
    order = (executor.home / "order").read_text().split()
    assert order[:2] == ["page", "shop"]
    assert sorted(order[2:]) == ["cache", "db"]
    assert not [pid for pid in pids if processes.is_running(pid)]


def test_nothing_to_stop(executor) -> None:
    executor.write_policy("services: {web: {command: [/bin/sleep, 1000], log: none}}")
    agent = executor.start()
    agent.send("stop-all", request=78)
    assert agent.wait_for("stopped-all", request=78)["ok"] == "1"


def test_nothing_is_started_meanwhile(executor) -> None:
    agent, _ = _start_all(executor, {"db": [], "shop": ["db"]})
    digest = agent.service("db")["digest"]
    agent.send("stop-all", request=79)
    refused = agent.do("db", "restart", digest=digest)
    assert (refused["type"], refused["refusal"]) == ("refused", "busy")
    assert agent.wait_for("stopped-all", request=79)["ok"] == "1"


def test_it_waits_for_what_is_under_way(executor) -> None:
    agent, _ = _start_all(executor, {"db": []})
    agent.ask("db", "restart")
    agent.send("stop-all", request=80)
    assert agent.wait_for("stopped-all", request=80)["ok"] == "1"
    assert "running" not in agent.service("db")


def test_many_services(executor) -> None:
    count = 100  # more than may be acted on at once
    names = [f"s{i}" for i in range(count)]
    lines = [f"  {name}: {{command: [/bin/sleep, 1000], log: none}}" for name in names]
    executor.write_policy("\n".join(["services:", *lines]) + "\n")
    agent = executor.start()
    digests = {name: service["digest"] for name, service in agent.list()[0].items()}
    requests = {agent.ask(name, "start", digest=digests[name]) for name in names}
    while requests:
        message = agent.receive()
        assert message["type"] != "refused", message
        requests.discard(message.get("request", "") if message["type"] == "done" else "")
    assert all(service.get("running") for service in agent.list()[0].values())
    agent.send("stop-all", request=81)
    assert agent.wait_for("stopped-all", request=81)["ok"] == "1"
    assert not any(service.get("running") for service in agent.list()[0].values())
