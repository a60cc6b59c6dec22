"""Configures and compiles a preset of CMakePresets.json, once a run."""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

from process import ROOT, Finished, run

BUILD_SECONDS = 1200


def folder(preset: str) -> Path:
    return ROOT / {"release": "build", "bench": "build"}.get(preset, f"build-{preset}")


def _generator(where: Path) -> list[str]:
    """A folder that was configured before keeps its generator."""
    if (where / "CMakeCache.txt").exists() or not shutil.which("ninja"):
        return []
    return ["-G", "Ninja"]


@functools.cache
def build(preset: str) -> Finished:
    where = folder(preset)
    configured = run(["cmake", "--preset", preset, *_generator(where)], within=BUILD_SECONDS)
    if not configured.good:
        return configured
    jobs = str(os.cpu_count() or 1)
    return run(["cmake", "--build", where, "--parallel", jobs], within=BUILD_SECONDS)
