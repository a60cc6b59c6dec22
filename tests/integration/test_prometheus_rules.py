"""The alerts and recording rules of packaging/prometheus, tried with promtool: each alert is quiet, pending, firing and
quiet again at the right minute, with texts that name the right things, and has a runbook."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from support import prometheus_rules
from support.agent import program
from support.prometheus_rules import ALERTS, RECORDING, RUNBOOKS, Case, Counter, Gauge, alerts

SHOP = {"service": "shop"}
FAILED = {'recoverd_incident_open{service="shop"}': Gauge(0, 1)}
THREE_DOWN = {
    f'{name}{{service="{service}"}}': course
    for service in ("cart", "orders", "shop")
    for name, course in (("recoverd_incident_open", Gauge(0, 1)), ("recoverd_service_up", Gauge(1, 0)))
}

CASES = [
    # ---- Services ----
    Case("RecoverdServiceGivenUp",
         {'recoverd_service_state{service="shop", state="exhausted"}': Gauge(None, 1)}, {**SHOP, "state": "exhausted"}),
    Case("RecoverdServiceUnattended",
         {'recoverd_service_state{service="shop", state="unattended"}': Gauge(None, 1)}, {**SHOP, "state": "unattended"}),
    Case("RecoverdServiceDown", {**FAILED, 'recoverd_service_up{service="shop"}': Gauge(1, 0)}, SHOP),
    Case("RecoverdManyServicesDown", {**THREE_DOWN, "recoverd_services": Gauge(9, 9)}, {}, value="3"),
    Case("RecoverdServiceNotReady",
         {**FAILED, 'recoverd_service_up{service="shop"}': Gauge(1, 1), 'recoverd_service_ready{service="shop"}': Gauge(1, 0)},
         SHOP),
    Case("RecoverdServiceFlapping", {'recoverd_flapping_ratio{service="shop"}': Gauge(None, 0.55)}, SHOP, value="55%"),
    Case("RecoverdServiceHeld", {'recoverd_service_held{service="shop", guard="paused"}': Gauge(None, 1)},
         {**SHOP, "guard": "paused"}),
    Case("RecoverdServiceOnlyObserved", {'recoverd_service_held{service="shop", guard="observe"}': Gauge(None, 1)},
         {**SHOP, "guard": "observe"}),
    Case("RecoverdServiceRestartsOften",
         {'recoverd_actions_total{service="shop", action="restart", result="recovered"}': Counter(1)},
         SHOP, value="15", after=61),
    Case("RecoverdRolledBack",
         {'recoverd_actions_total{service="shop", action="rollback", result="recovered"}': Counter(1)},
         {**SHOP, "action": "rollback"}, after=61),
    Case("RecoverdActionsFail",
         {'recoverd_actions_total{service="shop", action="restart", result="refused"}': Counter(1)},
         {**SHOP, "action": "restart", "result": "refused"}, after=16),
    Case("RecoverdBudgetNearlySpent",
         {'recoverd_budget_left{service="shop"}': Gauge(3, 2), 'recoverd_budget_limit{service="shop"}': Gauge(10, 10)},
         SHOP, value="2"),
    Case("RecoverdServiceDegraded", {'recoverd_service_warnings{service="shop"}': Gauge(0, 2)}, SHOP, value="2"),
    Case("RecoverdProbeUnknown", {'recoverd_probe_result{service="shop", probe="health"}': Gauge(1, 0)},
         {**SHOP, "probe": "health"}),
    Case("RecoverdPausedLong", {'recoverd_paused{service="shop"}': Gauge(0, 1)}, SHOP),
    # ---- The host ----
    Case("RecoverdHoldForgotten", {'recoverd_hold{source="file"}': Gauge(0, 1)}, {"source": "file"}),
    Case("RecoverdHostBudgetNearlySpent",
         {"recoverd_host_budget_left": Gauge(13, 12), "recoverd_host_budget_limit": Gauge(60, 60)}, {}, value="12"),
    Case("RecoverdSelfSuspect", {"recoverd_self_suspect": Gauge(0, 1)}, {}),
    Case("RecoverdSelfSuspectOutlived", {"recoverd_self_suspect_outlived": Gauge(0, 1)}, {}),
    # ---- The agent ----
    Case("RecoverdAgentSilent", {"up": Gauge(1, 0)}, {}),
    Case("RecoverdAgentNowhere", {"up": Gauge(1, None)}, {"job": "recoverd"}, target=False),
    Case("RecoverdObservesAfterCrashes", {'recoverd_hold{source="crashes"}': Gauge(0, 1)}, {"source": "crashes"}),
    Case("RecoverdAgentRestarts", {"process_start_time_seconds": Counter(1)}, {}, value="15", after=31),
    Case("RecoverdExecutorAway", {"recoverd_executor_up": Gauge(1, 0)}, {}),
    Case("RecoverdPolicyReloadFailed", {"recoverd_last_reload_successful": Gauge(1, 0)}, {}),
    Case("RecoverdStoreDegraded", {"recoverd_store_degraded": Gauge(0, 1)}, {}),
    Case("RecoverdLoopStalls", {"recoverd_loop_stalls_total": Counter(1)}, {}, value="15", after=16),
    Case("RecoverdProbesLate", {"recoverd_probe_lateness_seconds": Gauge(0.01, 7)}, {}, value="7s"),
    Case("RecoverdDescriptorsNearlySpent",
         {"process_open_fds": Gauge(12, 900), "process_max_fds": Gauge(1000, 1000)}, {}, value="90%"),
    Case("RecoverdDryRun", {"recoverd_dry_run": Gauge(0, 1)}, {}),
    Case("RecoverdWatchesNothing", {"recoverd_services": Gauge(3, 0)}, {}),
]  # fmt: skip

# What looks like the matter of an alert, and is none.
HARMLESS = [
    ("RecoverdServiceDown", {'recoverd_incident_open{service="shop"}': Gauge(0, 0), 'recoverd_service_up{service="shop"}': Gauge(1, 0)}),
    ("RecoverdManyServicesDown", {**THREE_DOWN, "recoverd_services": Gauge(30, 30)}),
    ("RecoverdServiceHeld", {'recoverd_service_held{service="shop", guard="manager-busy"}': Gauge(None, 1)}),
    ("RecoverdServiceRestartsOften", {'recoverd_actions_total{service="shop", action="notify", result="done"}': Counter(1)}),
    ("RecoverdActionsFail", {'recoverd_actions_total{service="shop", action="restart", result="recovered"}': Counter(1)}),
    ("RecoverdRolledBack", {'recoverd_actions_total{service="shop", action="rollback", result="not-cured"}': Counter(1)}),
    ("RecoverdProbeUnknown",
     {'recoverd_probe_result{service="shop", probe="health"}': Gauge(1, 0),
      'recoverd_service_state{service="shop", state="stopped"}': Gauge(None, 1)}),
    ("RecoverdAgentSilent", {'up{job="node"}': Gauge(1, 0)}),
    ("RecoverdHoldForgotten", {'recoverd_hold{source="crashes"}': Gauge(0, 1)}),
]  # fmt: skip

RECORDED = [
    ("service:recoverd_service_up:avg5m", {'recoverd_service_up{service="shop"}': "1x7 0x5"}, "10m", SHOP, 0.5),
    ("service:recoverd_actions:increase1h",
     {'recoverd_actions_total{service="shop", action="restart", result="recovered"}': "0x29 0+1x30"}, "60m",
     {**SHOP, "action": "restart"}, 30),
    ("service:recoverd_actions_cured:ratio1d",
     {'recoverd_actions_total{service="shop", action="restart", result="recovered"}': "0+1x60",
      'recoverd_actions_total{service="shop", action="restart", result="not-cured"}': "0+3x60",
      'recoverd_actions_total{service="shop", action="stop", result="done"}': "0+9x60"}, "60m", SHOP, 0.25),
    ("service:recoverd_budget_left:ratio",
     {'recoverd_budget_left{service="shop"}': "3x9", 'recoverd_budget_limit{service="shop"}': "10x9"}, "5m", SHOP, 0.3),
    ("instance:recoverd_service_up:ratio",
     {'recoverd_service_up{service="shop"}': "1x9", 'recoverd_service_up{service="cart"}': "0x9"}, "5m", {}, 0.5),
    ("instance:recoverd_incident_open:sum",
     {'recoverd_incident_open{service="shop"}': "1x9", 'recoverd_incident_open{service="cart"}': "1x9"}, "5m", {}, 2),
    ("instance:recoverd_host_budget_left:ratio",
     {"recoverd_host_budget_left": "15x9", "recoverd_host_budget_limit": "60x9"}, "5m", {}, 0.25),
]  # fmt: skip


@pytest.fixture(autouse=True)
def promtool():
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")


def test_promtool_accepts_the_files() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(ALERTS), str(RECORDING)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_scrape_configuration(tmp_path) -> None:
    text = (prometheus_rules.FOLDER / "scrape.yml").read_text()
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/usr/share/recoverd/prometheus", str(prometheus_rules.FOLDER)))
    done = subprocess.run(["promtool", "check", "config", str(config)], capture_output=True, text=True)
    assert done.returncode == 0 and f"{len(alerts())} rules found" in done.stdout, done.stdout + done.stderr


def test_every_alert_has_a_case() -> None:
    assert sorted(case.alert for case in CASES) == sorted(alerts())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_alert(case: Case, tmp_path) -> None:
    test = prometheus_rules.promtool_test(case, alerts()[case.alert])
    complaint = prometheus_rules.run_promtool_tests(tmp_path, ALERTS, [test])
    assert not complaint, complaint


def test_what_is_harmless_fires_nothing(tmp_path) -> None:
    tests = []
    for alert, series in HARMLESS:
        inputs = [
            {"series": prometheus_rules.with_target(selector), "values": course.values(80, 10)}
            for selector, course in series.items()
        ]
        quiet = {"expr": f'ALERTS{{alertname="{alert}"}}', "exp_samples": []}
        at = [{**quiet, "eval_time": f"{minute}m"} for minute in (4, 7, 20, 70)]
        tests.append({"interval": "1m", "input_series": inputs, "promql_expr_test": at})
    complaint = prometheus_rules.run_promtool_tests(tmp_path, ALERTS, tests)
    assert not complaint, complaint


def test_recording_rules(tmp_path) -> None:
    tests = []
    for name, series, at, labels, value in RECORDED:
        inputs = [{"series": prometheus_rules.with_target(one), "values": values} for one, values in series.items()]
        all_labels = prometheus_rules.braced({**prometheus_rules.TARGET, **labels})
        samples = [{"labels": name + all_labels, "value": value}]
        asked = [{"expr": name, "eval_time": at, "exp_samples": samples}]
        tests.append({"interval": "1m", "input_series": inputs, "promql_expr_test": asked})
    complaint = prometheus_rules.run_promtool_tests(tmp_path, RECORDING, tests)
    assert not complaint, complaint


# ---- Runbooks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("alert", alerts())
def test_every_alert_has_a_runbook(alert: str) -> None:
    rule = alerts()[alert]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"file:///usr/share/doc/recoverd/runbooks/{alert}.md"
    text = (RUNBOOKS / f"{alert}.md").read_text()
    after = f"after {rule['for']}" if "for" in rule else "at once"
    words = {"m": " minutes", "h": " hours"}
    after = re.sub(r"(\d+)([mh])$", lambda match: match[1] + words[match[2]], after).replace(" 1 minutes", " 1 minute")
    after = after.replace(" 1 hours", " 1 hour")
    assert text.startswith(f"# {alert}\n\nSeverity {rule['labels']['severity']}, fires {after}.\n")
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == ["What it means", "How to look", "What to do", "When to wake somebody"]


def test_every_runbook_belongs_to_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*alerts(), "README"}


def test_runbooks_name_only_commands_and_pages_that_exist() -> None:
    commands: dict[str, str] = {}
    for path in RUNBOOKS.glob("*.md"):
        text = path.read_text()
        for command, rest in re.findall(r"recoverctl ([a-z-]+)([^`#\n|]*)", text):
            if command not in commands:
                done = subprocess.run([program("recoverctl"), command, "--help"], capture_output=True, text=True)
                assert done.returncode == 0, f"{path.name}: there is no recoverctl {command}"
                commands[command] = done.stdout
            for option in re.findall(r"--[a-z-]+", rest):
                assert f" {option}" in commands[command], f"{path.name}: recoverctl {command} has no {option}"
        for link in re.findall(r"\]\(([^)#]+)", text):
            assert (RUNBOOKS / link).exists(), f"{path.name}: {link}"
        for page in re.findall(r"`docs/([\w/.-]+)`", text):
            assert (RUNBOOKS.parent / page).exists(), f"{path.name}: docs/{page}"
