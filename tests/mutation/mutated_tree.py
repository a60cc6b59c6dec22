"""A copy of the sources in which one line at a time is wrong, built without sanitizers for the sake of speed. Only the programs
that have to notice are built, and a mutant is over with the first one that does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants import CORE, GUARD_TESTS, MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build-mutation"
SOURCES = ("CMakeLists.txt", "agent", "probes", "policies", "tests", "packaging")
BUILD_SECONDS, TEST_SECONDS = 600, 60
SCENARIOS = "scenario_runner"
# What a guard is replaced with; it is there for each mutant, used by one.
NOTHING_HOLDS = """
__attribute__((unused)) static bool nothing_holds(const struct recovery *recovery, const struct service_state *service,
        usec_t now, struct guard_status *ret) {
        (void) recovery, (void) service, (void) now;
        snprintf(ret->text, sizeof(ret->text), "broken");
        return false;
}
"""


class DoesNotFit(Exception):
    """The line that a mutant breaks is not there, or more than once: the table is old."""


class MutatedTree:
    def __init__(self) -> None:
        self.sources = PLACE / "sources"
        self.build = PLACE / "build"
        self._copy()
        file = self.sources / CORE / "guards.c"
        head = '#include "recovery/state.h"\n'
        text = file.read_text(encoding="utf-8")
        assert head in text
        file.write_text(text.replace(head, head + NOTHING_HOLDS, 1), encoding="utf-8")
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        self._run(["cmake", "-S", self.sources, "-B", self.build, *generator, "-DCMAKE_BUILD_TYPE=None", "-DBUILD_TESTS=ON",
                   "-DCMAKE_C_FLAGS=-O0"], BUILD_SECONDS)
        self.scenarios = sorted((self.sources / "tests/scenarios").glob("*.scenario"))

    def _copy(self) -> None:
        """What has not changed keeps its time, so that it is not built again."""
        for name in SOURCES:
            for path in sorted((ROOT / name).rglob("*")) or [ROOT / name]:
                to = self.sources / path.relative_to(ROOT)
                if path.is_dir() or "__pycache__" in path.parts:
                    continue
                to.parent.mkdir(parents=True, exist_ok=True)
                if not to.exists() or to.read_bytes() != path.read_bytes():
                    shutil.copy2(path, to)
                    to.touch()
        gone = [path for path in self.sources.rglob("*") if path.is_file() and not (ROOT / path.relative_to(self.sources)).exists()]
        for path in gone:
            path.unlink()

    def _run(self, command: list[str | Path], within: float) -> None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=within)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    def _make(self, targets: list[str]) -> None:
        jobs = str(os.cpu_count() or 1)
        self._run(["cmake", "--build", self.build, "--parallel", jobs, "--target", *targets], BUILD_SECONDS)

    def _program(self, name: str) -> str | None:
        """What a test program says when it fails; None: it passes."""
        try:
            done = subprocess.run([self.build / "tests" / name], capture_output=True, text=True, errors="replace",
                                  timeout=TEST_SECONDS)
        except subprocess.TimeoutExpired:
            return f"{name} does not end"
        if done.returncode == 0:
            return None
        failed = re.findall(r"^\[  FAILED  \] (\w+)$", done.stderr, re.MULTILINE)
        return f"{name}: {', '.join(dict.fromkeys(failed)) or 'it dies'}"

    def _scenario(self, path: Path) -> str | None:
        try:
            done = subprocess.run([self.build / "tests" / SCENARIOS, path], capture_output=True, text=True, timeout=TEST_SECONDS)
        except subprocess.TimeoutExpired:
            return f"{path.name} does not end"
        expected = path.read_text(encoding="utf-8").partition("decisions:\n")[2]
        return None if done.returncode == 0 and done.stdout == expected else path.name

    def _first(self, tests: tuple[str, ...], scenarios: list[Path]) -> str | None:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            runs = [pool.submit(self._program, test) for test in tests] + [pool.submit(self._scenario, path) for path in scenarios]
            for run in runs:
                if run.result():
                    pool.shutdown(wait=True, cancel_futures=True)
                    return run.result()
        return None

    def whole(self) -> str | None:
        """What fails while nothing is broken; None: nothing does."""
        named = [*(mutant.tests for mutant in MUTANTS), *GUARD_TESTS.values()]
        tests = tuple(sorted({test for tests in named for test in tests}))
        self._make([SCENARIOS, *tests])
        return self._first(tests, self.scenarios)

    def break_and_test(self, mutant: Mutant) -> str | None:
        """The first test that fails; None: nobody notices."""
        file = self.sources / mutant.file
        before = file.read_text(encoding="utf-8")
        if before.count(mutant.old) != 1:
            raise DoesNotFit(f"{mutant.file}: {before.count(mutant.old)} times: {mutant.old}")
        file.write_text(before.replace(mutant.old, mutant.new), encoding="utf-8")
        try:
            self._make(list(mutant.tests) or [SCENARIOS])
            return self._first(mutant.tests, [] if mutant.tests else self.scenarios)
        finally:
            file.write_text(before, encoding="utf-8")
