"""One executor a runtime directory."""

from __future__ import annotations

POLICY = "services: {web: {command: [/bin/sleep, 1000], log: none}}"


def test_a_second_one_ends_and_says_why(executor) -> None:
    executor.write_policy(POLICY)
    agent = executor.start()
    second = executor.spawn()
    assert second.wait(timeout=15) == 1
    assert f"another executor serves {executor.runtime}" in executor.log_text()
    agent.start("web")  # the first one is not disturbed
    assert executor.connect().service("web")["running"] == "1"


def test_the_next_one_may_serve_at_once(executor) -> None:
    executor.write_policy(POLICY)
    executor.start()
    for _ in range(3):
        assert "running" not in executor.restart().service("web")
