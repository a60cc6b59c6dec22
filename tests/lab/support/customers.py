"""Customers of a shop in the lab: the judge of the quickstart's tour, run in the network namespace of a host."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType

from support.agent import ROOT
from support.host import Host

PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from judge import Judge
judge = Judge(sys.argv[2])
judge.start()
for line in sys.stdin:
    verdicts = judge.since(float(line))
    seen = {name: [verdict.asked, verdict.failed, verdict.outage] for name, verdict in verdicts.items()}
    print(json.dumps({"served": judge.all_served(), "seen": seen}), flush=True)
judge.stop()
"""


class Customers:
    """They look, order and buy ten times a second each, until the end of the `with` block."""

    def __init__(self, host: Host, shop: str) -> None:
        command = ["ip", "netns", "exec", host.machine.name, sys.executable, "-B", "-c", PROGRAM]
        self._command = [*command, str(ROOT / "packaging" / "tour"), shop]

    def __enter__(self) -> Customers:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()

    def ask(self, since: float = 0) -> dict:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{since}\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def are_served(self) -> bool:
        return self.ask()["served"]

    def failed_since(self, moment: float) -> int:
        return sum(failed for _, failed, _ in self.ask(moment)["seen"].values())
