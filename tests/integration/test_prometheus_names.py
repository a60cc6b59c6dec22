"""Every metric and label that the rules and the dashboard ask for is exported by a running agent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from support.agent import Agent
from support.prometheus_rules import DASHBOARD, alerts, records

# One service in each of the states that the rules ask for, one that a guard holds, and one whose start is proven.
POLICY = """
defaults: {interval: 300ms, fast_interval: 100ms, timeout: 300ms, fall: 1, rise: 1, start_grace: 0s}
services:
  well:
    probes: {root: {disk: {path: /, max_used: 100%}}}
  started:
    command: [/usr/bin/sleep, "3600"]
  exhausted:
    command: [/bin/false]
    recover: [{restart: {attempts: 1}}]
    backoff: {initial: 100ms}
    verify: 300ms
    flapping: {high: 0%}
  unattended:
    probes: {closed: {tcp: {address: '127.0.0.1:1'}}}
    recover: [{exec: {command: [/bin/true], for: slow}}]
  observed:
    command: [/bin/false]
    mode: observe
"""
WORD = re.compile(r"\b((?:[a-z_]+:)?recoverd_\w+(?::\w+)?|process_\w+|up|ALERTS)\b(?:\{([^}]*)\})?")
LABEL = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
OF_PROMETHEUS = {"job", "instance", "alertname", "alertstate", "le"}
SUFFIXES = re.compile(r"_(bucket|sum|count)$")


Names = dict[str, dict[str, set[str]]]  # family or sample -> label -> values


def _exported(agent: Agent) -> Names:
    names: Names = {"up": {}, "ALERTS": {}}
    for family in re.findall(r"^# TYPE (\S+)", agent.http("/metrics")[1], re.MULTILINE):
        names[family] = {}
    for name, samples in agent.metrics().items():
        labels = names.setdefault(name, {})
        for sample, _ in samples:
            for key, value in sample.items():
                labels.setdefault(key, set()).add(value)
    return names


def _states(agent) -> set[str]:
    return {sample["state"] for sample, _ in agent.metrics()["recoverd_service_state"]}


def _expressions() -> Iterator[tuple[str, str]]:
    for name, rule in alerts().items():
        yield name, rule["expr"]
    yield from records().items()
    board = json.loads(DASHBOARD.read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"]
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", variable["query"]["query"]
    for note in board["annotations"]["list"]:
        yield f"annotation {note['name']}", note["expr"]


def _is_known(name: str, names: Names) -> bool:
    return name in names or name in records() or SUFFIXES.sub("", name) in names


def _wrong_in(expression: str, exported: Names) -> Iterator[str]:
    every_label = {label for labels in exported.values() for label in labels} | OF_PROMETHEUS
    found = WORD.findall(expression)
    if not found:
        yield "asks for no metric"
    for name, selector in found:
        if not _is_known(name, exported):
            yield f"the agent exports no {name}"
        labels = exported.get(name) or {}
        for label, operator, value in LABEL.findall(selector):
            if label not in (labels or every_label) and label not in OF_PROMETHEUS:
                yield f"{name} has no label {label}"
            if operator == "=" and label in labels and "$" not in value and value not in labels[label]:
                yield f"{name} never has {label}={value}"
    for inside in GROUPING.findall(expression):
        yield from (f"no metric has the label {one}" for one in re.findall(r"\w+", inside) if one not in every_label)


def test_rules_and_dashboard_ask_for_what_is_exported(agent) -> None:
    agent.write_policy(POLICY)
    agent.start()
    agent.wait_until(lambda: _states(agent) >= {"exhausted", "unattended"}, 60, "services fail in all ways")
    agent.wait_until(lambda: agent.metric("recoverd_service_held", guard="observe"), 60, "one is held")
    started = {"service": "started", "result": "recovered"}
    agent.wait_until(lambda: agent.metric("recoverd_actions_total", **started), 60, "an action was proven")
    assert agent.ctl("stop", "started").code == 0
    agent.wait_until(lambda: "stopped" in _states(agent), 60, "one is stopped")
    exported = _exported(agent)
    wrong = [f"{where}: {what}" for where, asked in _expressions() for what in _wrong_in(asked, exported)]
    assert not wrong, "\n".join(wrong)
