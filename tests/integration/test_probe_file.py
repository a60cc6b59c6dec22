"""The file probe of a whole agent follows a log through both kinds of rotation."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def _policy(log: Path) -> str:
    return f"""
        services:
          app:
            probes: {{log: {{file: {{path: {log}, contains: FATAL, max_matches: 1, window: 1h}}}}}}
            interval: 100ms
    """


def _probe(agent) -> dict:
    return agent.service("app")["probes"][0]


def _append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_lines_are_counted_through_rotation(agent, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("FATAL of yesterday, in a line that is long enough to recognise the file by\n")
    agent.write_policy(_policy(log))
    agent.start()
    agent.wait_for("app", state="healthy")

    _append(log, "FATAL before the rotation\n")
    shutil.copy(log, tmp_path / "app.log.1")
    log.write_text("")
    _append(log, "after it\n")
    agent.stays(lambda: _probe(agent)["outcome"] == "pass", 1, "one line is allowed")

    log.rename(tmp_path / "app.log.2")
    _append(tmp_path / "app.log.2", "FATAL, written to the old file\n")
    log.write_text("a new file\n")
    agent.wait_for("app", health="failed")
    assert "2 lines with" in _probe(agent)["detail"], _probe(agent)
    assert "FATAL, written to the old file" in _probe(agent)["detail"]


def test_a_fifo_in_its_place_is_not_opened(agent, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    os.mkfifo(log)
    agent.write_policy(_policy(log))
    agent.start()
    agent.wait_for("app", health="failed")
    assert "it is a fifo, expected a file" in _probe(agent)["detail"], _probe(agent)


def test_counts_survive_a_reload(agent, tmp_path: Path) -> None:
    """Of a probe that did not change itself, whatever else of its service did."""
    log = tmp_path / "app.log"
    log.write_text("a line of yesterday\n")
    agent.write_policy(_policy(log))
    agent.start()
    agent.wait_for("app", state="healthy")
    _append(log, "FATAL before the reload\n")
    agent.wait_until(lambda: _probe(agent)["detail"].startswith(f"{log.stat().st_size}B"), 10, "it is read")
    agent.write_policy(_policy(log).replace("100ms", "150ms"))
    _append(log, "FATAL at the reload\n")
    assert agent.ctl("reload").code == 0
    agent.wait_for("app", health="failed")
    assert "2 lines with" in _probe(agent)["detail"], _probe(agent)

    agent.write_policy(_policy(log).replace("FATAL", "ERROR"))  # another probe begins anew
    assert agent.ctl("reload").code == 0
    agent.wait_until(lambda: _probe(agent)["outcome"] == "pass", 10, "nothing of it is counted")
