"""What agent, executor and services write to a real journal."""

from __future__ import annotations

from typing import Any

from support.host import AGENT, EXECUTOR, Host

TALKER = """
    services:
      talker:
        command: [/bin/sh, -c, "echo out; echo err >&2; while read line; do echo $line; done </tmp/talk; exit 3"]
        log: journal
        probes: {alive: {process: {}, interval: 100ms}}
        recover: [{restart: {attempts: 5}}]
        backoff: {initial: 100ms}
"""

# Fixed for ever: people's alerts depend on them.
INCIDENT_OPENED = "1b589581b0b946199a23bd8e45a36087"
ATTEMPT_STARTED = "2c0bb3e693a1401397793238045e4844"
ATTEMPT_ENDED = "4c877cfd57ba4baabdc8357d3976cb45"
INCIDENT_CLOSED = "07645db9b28d42c784360f72405948b5"


def start_talker(host: Host) -> None:
    """It says what is written to /tmp/talk, and ends when that is closed."""
    host.run(["rm", "-f", "/tmp/talk"])
    host.run(["mkfifo", "/tmp/talk"])
    host.policy(TALKER)
    host.start_recoverd()
    host.wait_for("talker", health="healthy")


def said(host: Host) -> list[dict[str, Any]]:
    return host.journal(SYSLOG_IDENTIFIER="talker")


def test_a_service_writes_under_its_own_name(host: Host) -> None:
    start_talker(host)
    host.wait_until(lambda: len(said(host)) == 2, 5, "both lines are in the journal")
    assert [(entry["MESSAGE"], entry["PRIORITY"]) for entry in said(host)] == [("out", "6"), ("err", "6")]


def test_a_service_goes_on_writing_to_a_journal_that_was_restarted(host: Host) -> None:
    start_talker(host)
    host.systemctl("restart", "systemd-journald.service")
    host.run(["sh", "-c", "echo still here >/tmp/talk"])
    host.wait_until(lambda: said(host)[-1:] and said(host)[-1]["MESSAGE"] == "err", 20, "it was started again")
    assert "still here" in [entry["MESSAGE"] for entry in said(host)]


def test_decisions_carry_message_ids_and_fields(host: Host) -> None:
    start_talker(host)
    host.run(["sh", "-c", ": >/tmp/talk"])
    host.wait_until(lambda: host.incidents() and host.incidents()[0]["closed"], 20, "it was recovered")
    of_incident = host.journal(_SYSTEMD_UNIT=AGENT, SERVICE="talker", INCIDENT=str(host.incidents()[0]["id"]))
    found = {entry["MESSAGE_ID"]: entry for entry in of_incident if "MESSAGE_ID" in entry}
    assert set(found) == {INCIDENT_OPENED, ATTEMPT_STARTED, ATTEMPT_ENDED, INCIDENT_CLOSED}
    seen_first = ("exited with status 3", "has exited")  # by the executor, or by the process probe
    assert found[INCIDENT_OPENED]["MESSAGE"].endswith(seen_first)
    assert found[INCIDENT_OPENED]["PRIORITY"] == "4"
    assert {entry["SYSLOG_IDENTIFIER"] for entry in of_incident} == {"recoverd"}
    rules = [entry for entry in of_incident if "RULE" in entry]
    assert rules and all(entry["RULE"].isdigit() for entry in rules)


def test_both_go_on_writing_to_a_journal_that_was_restarted(host: Host) -> None:
    start_talker(host)
    host.systemctl("restart", "systemd-journald.service")
    host.run(["sh", "-c", ": >/tmp/talk"])
    host.wait_until(lambda: host.incidents() and host.incidents()[0]["closed"], 20, "it was recovered")
    assert host.journal(_SYSTEMD_UNIT=AGENT, MESSAGE_ID=INCIDENT_OPENED)
    assert "talker: main process" in host.journal_text(_SYSTEMD_UNIT=EXECUTOR)
