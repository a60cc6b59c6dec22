"""The figure of the simulator."""

from __future__ import annotations

import resource
import subprocess
import tempfile
from pathlib import Path

from figure import Figure
from measure import BUILD

SERVICES = 200
DAYS = 365
LEAST = 100_000


def _policy() -> str:
    lines = ["version: 1", "services:"]
    for index in range(SERVICES):
        port = 20000 + index
        depends = f", depends_on: [s{index - 1}]" if index % 5 else ""
        probes = f"{{page: {{http: 'http://127.0.0.1:{port}/', interval: 5s}}, port: {{tcp: '127.0.0.1:{port}'}}}}"
        lines.append(f"  s{index}: {{command: [/bin/s{index}], probes: {probes}{depends}}}")
    return "\n".join(lines) + "\n"


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def simulator() -> list[Figure]:
    """Service-days that `recoverctl simulate` runs in a minute of CPU time: 200 services with two probes
    at 5 s and a process each, four of five depend on another one, a year, the usual faults."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.yaml"
        path.write_text(_policy())
        before = _cpu_of_children()
        command = [BUILD / "recoverctl", "simulate", path, "--for", f"{DAYS}d", "--json"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        rate = SERVICES * DAYS / (_cpu_of_children() - before) * 60
    what = f"simulator, {SERVICES} services, service-days in a CPU-minute"
    return [Figure(what, f"{rate:,.0f}", "", "", f"at least {LEAST:,}", rate >= LEAST)]
