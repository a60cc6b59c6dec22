"""Configures and compiles a preset of CMakePresets.json, once a run."""

from __future__ import annotations

import functools
import os
import shutil
import threading
from collections import defaultdict
from pathlib import Path

from process import ROOT, Finished, run

BUILD_SECONDS = 3600  # those aside get what the others leave

_one_at_a_time: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def folder(preset: str) -> Path:
    return ROOT / {"release": "build", "bench": "build"}.get(preset, f"build-{preset}")


def _linker(preset: str) -> list[str]:
    """Each unit test is a program of its own, and lld takes a third of the time to link them."""
    wanted = preset in ("test", "fuzz") and shutil.which("ld.lld")
    return ["-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld"] if wanted else []


def _generator(where: Path) -> list[str]:
    """A folder that was configured before keeps its generator."""
    if (where / "CMakeCache.txt").exists() or not shutil.which("ninja"):
        return []
    return ["-G", "Ninja"]


@functools.cache
def _build(preset: str) -> Finished:
    where = folder(preset)
    configured = run(["cmake", "--preset", preset, *_generator(where), *_linker(preset)], within=BUILD_SECONDS)
    if not configured.good:
        return configured
    jobs = str(os.cpu_count() or 1)
    return run(["cmake", "--build", "--preset", preset, "--parallel", jobs], within=BUILD_SECONDS)


def build(preset: str) -> Finished:
    """Parts that run side by side may ask for the same one."""
    with _one_at_a_time[preset]:
        return _build(preset)
