"""A real Prometheus in the network namespace of a host of the lab, over the alerts that are shipped."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from support.agent import ROOT
from support.host import LISTEN, Host
from support.waiting import wait_until

RULES = ROOT / "packaging" / "prometheus"
API = "127.0.0.1:9090"
PENDING_SECONDS = 4  # what `for:` of the alerts becomes: long enough to be seen pending
START_SECONDS = 60
ASK = "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=5).read().decode())"

CONFIG = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [alerts.yml, recording.yml]
scrape_configs:
  - job_name: recoverd
    static_configs: [{{targets: ["{LISTEN}"]}}]
"""


class Prometheus:
    """`with Prometheus(host, folder) as prometheus`: it scrapes the agent of that host."""

    def __init__(self, host: Host, folder: Path) -> None:
        self._inside = ["ip", "netns", "exec", host.machine.name]
        self._folder = folder

    def __enter__(self) -> Prometheus:
        quick = re.sub(r"^( +for:) \S+$", rf"\1 {PENDING_SECONDS}s", (RULES / "recoverd-alerts.yml").read_text(), flags=re.M)
        (self._folder / "alerts.yml").write_text(quick)
        (self._folder / "recording.yml").write_text((RULES / "recoverd-recording.yml").read_text())
        (self._folder / "prometheus.yml").write_text(CONFIG)
        options = [f"--config.file={self._folder}/prometheus.yml", f"--storage.tsdb.path={self._folder}/data"]
        with open(self._folder / "log", "wb") as log:
            self._process = subprocess.Popen(
                [*self._inside, "prometheus", *options, f"--web.listen-address={API}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            wait_until(self._is_ready, START_SECONDS, "Prometheus answers")
        except AssertionError as error:
            self.__exit__(None, None, None)
            raise AssertionError(f"{error}:\n{(self._folder / 'log').read_text()[-4000:]}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()

    def _get(self, path: str) -> str | None:
        command = [*self._inside, "python3", "-c", ASK, f"http://{API}{path}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return done.stdout if done.returncode == 0 else None

    def _is_ready(self) -> bool:
        return self._get("/-/ready") is not None

    def api(self, path: str) -> Any:
        text = self._get(f"/api/v1/{path}")
        return json.loads(text)["data"] if text else None

    def alert(self, name: str) -> dict[str, Any] | None:
        """Pending or firing; None when it is neither."""
        found = [one for one in self.api("alerts")["alerts"] if one["labels"]["alertname"] == name]
        return found[0] if found else None

    def state(self, name: str) -> str | None:
        alert = self.alert(name)
        return alert["state"] if alert else None

    def value(self, query: str) -> float | None:
        result = self.api(f"query?query={query}")["result"]
        return float(result[0]["value"][1]) if result else None

    def broken_rules(self) -> list[str]:
        groups = self.api("rules")["groups"]
        return [f"{rule['name']}: {rule['lastError']}" for group in groups for rule in group["rules"] if rule.get("lastError")]


def alert_names() -> list[str]:
    groups = yaml.safe_load((RULES / "recoverd-alerts.yml").read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]
