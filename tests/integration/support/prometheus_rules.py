"""The rules of packaging/prometheus, read and tried with promtool."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

from support.agent import ROOT

FOLDER = ROOT / "packaging" / "prometheus"
ALERTS = FOLDER / "recoverd-alerts.yml"
RECORDING = FOLDER / "recoverd-recording.yml"
RUNBOOKS = ROOT / "docs" / "runbooks"
DASHBOARD = ROOT / "packaging" / "grafana" / "recoverd.json"

TARGET = {"job": "recoverd", "instance": "web1:7790"}
QUIET = 5  # minutes before the matter begins
UNIT_MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def minutes(duration: str) -> int:
    return sum(int(n) * UNIT_MINUTES[unit] for n, unit in re.findall(r"(\d+)([mhd])", duration))


def alerts(path: Path = ALERTS) -> dict[str, dict]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def records(path: Path = RECORDING) -> dict[str, str]:
    groups = yaml.safe_load(path.read_text())["groups"]
    return {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}


@dataclass(frozen=True)
class Gauge:
    """Has one value while all is well (None: no series then), and another one while it is not."""

    well: float | None
    ill: float | None

    def values(self, ill_minutes: int, after_minutes: int) -> str:
        def part(value: float | None, n: int) -> str:
            return f"stale _x{n - 1}" if value is None else f"{value}x{n - 1}"

        return " ".join((part(self.well, QUIET), part(self.ill, ill_minutes), part(self.well, after_minutes)))


@dataclass(frozen=True)
class Counter:
    """Grows by so much each minute while all is not well."""

    growth: float

    def values(self, ill_minutes: int, after_minutes: int) -> str:
        end = self.growth * ill_minutes
        return f"0x{QUIET - 1} {self.growth}+{self.growth}x{ill_minutes - 1} {end}x{after_minutes - 1}"


@dataclass(frozen=True)
class Case:
    """One alert: what has to happen, and the labels that it then has beside those of the target."""

    alert: str
    series: dict[str, Gauge | Counter]  # NAME or NAME{label="value"}, without the labels of the target
    labels: dict[str, str]
    value: str = "1"  # as the texts print it
    after: int = 10  # minutes until it is over for certain, once all is well
    target: bool = True  # whether the alert names the target


def braced(labels: dict[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


def with_target(selector: str) -> str:
    name, _, rest = selector.partition("{")
    own = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    return name + braced({**TARGET, **own})


def rendered(text: str, labels: dict[str, str], value: str) -> str:
    """What Prometheus makes of an annotation."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels[match[1]], text)
    return re.sub(r"\{\{ \$value( \| \w+)? \}\}", value, text)


def promtool_test(case: Case, rule: dict) -> dict:
    """Nothing before, pending from the first minute, firing when `for` is over, nothing afterwards."""
    wait = minutes(str(rule.get("for", "0m")))
    ill = wait + 5 if wait else 15
    firing, over = QUIET + (wait or ill - 1), QUIET + ill + case.after - 1
    labels = {**(TARGET if case.target else {}), **case.labels}
    shown = f'ALERTS{{alertname="{rule["alert"]}"}}'

    def state(at: int, word: str | None) -> dict:
        all_labels = {**labels, **rule["labels"], "alertname": rule["alert"], "alertstate": word or ""}
        samples = [{"labels": "ALERTS" + braced(all_labels), "value": 1}] if word else []
        return {"expr": shown, "eval_time": f"{at}m", "exp_samples": samples}

    texts = {name: rendered(text, labels, case.value) for name, text in rule["annotations"].items()}
    alert = {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": texts}
    states = [state(QUIET - 1, None), state(firing, "firing"), state(over, None)]
    if wait:
        states += [state(QUIET, "pending"), state(firing - 1, "pending")]
    return {
        "interval": "1m",
        "input_series": [
            {"series": with_target(selector), "values": course.values(ill, case.after)}
            for selector, course in case.series.items()
        ],
        "promql_expr_test": states,
        "alert_rule_test": [
            {"eval_time": f"{QUIET - 1}m", "alertname": rule["alert"], "exp_alerts": []},
            {"eval_time": f"{firing}m", "alertname": rule["alert"], "exp_alerts": [alert]},
            {"eval_time": f"{over}m", "alertname": rule["alert"], "exp_alerts": []},
        ],
    }


def run_promtool_tests(folder: Path, rule_file: Path, tests: list[dict]) -> str:
    """What promtool complains about; empty when all is well."""
    path = folder / "tests.yml"
    path.write_text(yaml.safe_dump({"rule_files": [str(rule_file)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""
