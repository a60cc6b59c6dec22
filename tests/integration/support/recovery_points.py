"""What tests ask of the recovery points of a service, and what they wait for."""

from __future__ import annotations

from pathlib import Path


class RecoveryPoints:
    def __init__(self, agent, service: str) -> None:
        self.agent = agent
        self.service = service

    def list(self) -> list[dict]:
        return self.agent.ctl_json("checkpoint", "list", self.service)["checkpoints"]

    def of_state(self, state: str) -> list[dict]:
        return [one for one in self.list() if one["state"] == state]

    def content(self) -> dict:
        return self.agent.ctl_json("why", self.service)["content"] or {}

    def wait_for_first(self, within: float = 90) -> None:
        """The service is well, and what it consists of has earned trust."""
        self.agent.wait_for(self.service, within=within, state="healthy")
        self.agent.wait_until(lambda: self.content().get("state") == "unchanged", within, "a recovery point")

    def incident(self) -> dict:
        newest = self.agent.incidents(self.service)[0]
        return self.agent.ctl_json("incident", str(newest["id"]))["incident"]

    def actions(self) -> list[tuple[str, str]]:
        return [(one["action"], one["result"]) for one in self.incident()["attempts"]]

    def assert_rolled_back(self, path: Path, text: str, *lines: str) -> None:
        """The file is as it was, and the incident names what had changed."""
        self.agent.wait_until(lambda: path.read_text() == text, 40, f"{path.name} is as it was")
        self.agent.wait_for(self.service, within=30, state="healthy")
        assert self.actions()[-1] == ("rollback", "recovered"), self.incident()
        assert self.incident()["cause"] == "changed"
        evidence = self.incident()["evidence"]["text"]
        why = str(self.incident()["attempts"][-1]["why"])
        for line in (str(path), *lines):
            assert line in evidence, evidence
            assert line in why, why


def policy(name: str, command: str, paths: str, probe: str, more: str = "", ladder: str = "restart: {attempts: 2}, rollback: {}, notify: {}") -> str:
    steps = "".join(f"\n                  - {{{step}}}" for step in ladder.split(", ") if step)
    return f"""
            defaults: {{interval: 500ms, fast_interval: 100ms, timeout: 500ms, settle: 1s, verify: 15s}}
            services:
              {name}:
                command: {command}
                checkpoint: {{paths: {paths}, good_after: 1s, blame_window: 1h}}
                probes: {{answers: {probe}}}
                recover: {steps}
                backoff: {{delays: [0s]}}
                start_grace: 10s
                {more}
            """
