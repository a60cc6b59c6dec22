"""The journal probe of a whole agent, on real journal files, and in a flood."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.journal_writer import MISSING, REMOTE, JournalWriter

pytestmark = pytest.mark.skipif(not REMOTE.exists(), reason=MISSING)


@pytest.fixture
def journal(tmp_path: Path):
    folder = tmp_path / "journal"
    folder.mkdir()
    writer = JournalWriter(folder)
    yield writer
    writer.close()


def _probe(agent, service: str = "app") -> dict:
    return agent.service(service)["probes"][0]


def _policy(journal: JournalWriter) -> str:
    return f"""
        services:
          app:
            probes: {{errors: {{journal: {{unit: app.service, directory: {journal.folder}, window: 1h}}}}}}
            interval: 100ms
          any:
            probes: {{all: {{journal: {{priority: debug, contains: text, max_matches: 1000000, directory: {journal.folder}}}}}}}
            interval: 100ms
    """


def test_messages_are_counted(agent, journal) -> None:
    journal.say("before the agent")
    agent.write_policy(_policy(journal))
    agent.start()
    agent.wait_for("app", state="healthy")
    journal.say("of another unit", unit="other.service")
    journal.say("only for information", priority=6)
    agent.stays(lambda: "0 messages" in _probe(agent)["detail"], 1, "nothing counts")
    journal.say("the disk is on fire")
    agent.wait_for("app", health="failed")
    assert _probe(agent)["detail"] == "1 message within 1h, at most 0 allowed; last: the disk is on fire"


def test_counts_survive_a_reload(agent, journal) -> None:
    policy = _policy(journal)
    agent.write_policy(policy)
    agent.start()
    agent.wait_for("app", state="healthy")
    journal.say("the disk is on fire")
    agent.wait_for("app", health="failed")
    agent.write_policy(policy.replace("100ms", "150ms"))
    assert agent.ctl("reload").code == 0
    journal.say("the disk is on fire again")
    said = "2 messages within 1h, at most 0 allowed; last: the disk is on fire again"
    agent.wait_until(lambda: _probe(agent)["detail"] == said, 10, "both are counted")


@pytest.mark.alone
def test_a_flood_does_not_stall_the_agent(agent, journal) -> None:
    agent.write_policy(_policy(journal))
    agent.start()
    agent.wait_for("app", state="healthy")
    before = agent.status()["agent"]["loop"]["stalls"]
    for _ in range(50_000):
        journal.say("some text", unit="noise.service", priority=6)
    journal.say("the disk is on fire")
    agent.wait_for("app", health="failed")
    assert agent.status()["agent"]["loop"]["stalls"] == before
