"""Of many services at once, only some are looked at for what they consist of; the others have their turn."""

from __future__ import annotations

from support.waiting import wait_until

AT_ONCE, SERVICES, WITHIN = 8, 11, 20


def test_a_place_that_becomes_free_is_given_to_those_that_wait(executor, tmp_path) -> None:
    """Also one that was left for an action, and not because a look came to its end."""
    begun, go = tmp_path / "begun", tmp_path / "go"
    begun.touch()
    version = tmp_path / "version"
    version.write_text(f'#!/bin/sh\necho "$1" >> {begun}\nuntil [ -e {go} ]; do sleep 0.05; done\necho 1.0\n')
    version.chmod(0o755)
    names = [f"shop{number}" for number in range(SERVICES)]
    executor.write_policy("services:\n" + "".join(
        f"  {name}: {{command: [/bin/sleep, 1000], log: none, probes: {{alive: {{process: {{}}}}}},"
        f" recover: [rollback: {{exec: [/bin/true], version: {{command: [{version}, {name}]}}}}]}}\n" for name in names))
    agent = executor.start()

    def looked_at() -> list[str]:
        return begun.read_text().split()

    for name in names:
        agent.send("look", service=name, health="healthy", duration=0)
    wait_until(lambda: len(looked_at()) == AT_ONCE, WITHIN, "as many are looked at as may be at once")
    agent.ask(looked_at()[0], "rollback")
    wait_until(lambda: len(looked_at()) > AT_ONCE, WITHIN, "the action looks for itself")
    go.touch()
    wait_until(lambda: set(looked_at()) == set(names), WITHIN, "all have had their turn")
