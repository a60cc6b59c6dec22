"""Runs each libFuzzer target for a while over its seeds in tests/fuzz/corpus/TARGET."""

from __future__ import annotations

import os
from pathlib import Path

import builds
from process import ROOT, run
from tally import Tally, failed

SECONDS = int(os.environ.get("FUZZ_SECONDS", "20"))
SPARE_SECONDS = 120


def sources() -> list[Path]:
    return sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))


def _program(name: str) -> Path | None:
    """Wherever its CMakeLists.txt puts it."""
    found = [path for path in builds.folder("fuzz").rglob(name) if os.access(path, os.X_OK)]
    return next((path for path in found if path.is_file()), None)


def run_target(name: str) -> Tally:
    program = _program(name)
    if not program:
        return failed(name, "it was not built")
    grown = builds.folder("fuzz") / "corpus" / name
    grown.mkdir(parents=True, exist_ok=True)
    seeds = [path for path in [ROOT / "tests/fuzz/corpus" / name] if path.is_dir()]
    options = [f"-max_total_time={SECONDS}", "-rss_limit_mb=1024", "-timeout=10"]
    options.append(f"-artifact_prefix={builds.folder('fuzz')}/{name}-")
    finished = run([program, *options, grown, *seeds], within=SECONDS + SPARE_SECONDS)
    if finished.good:
        return Tally(passed=1)
    return failed(name, f"{finished.how()}\n{finished.output}")


def run_all() -> Tally:
    total = Tally()
    for source in sources():
        total.add(run_target(source.stem))
    return total
