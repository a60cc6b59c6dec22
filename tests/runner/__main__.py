"""tests/run [PART...]: builds, runs the parts, and ends with one line that counts."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import builds
import parts
import process
from tally import Tally, failed, skipped


def say(text: str) -> None:
    print(text, flush=True)


def timed(name: str, work: Callable[[], Tally]) -> Tally:
    started = time.monotonic()
    try:
        tally = work()
    except Exception:  # a defect of the runner itself must not pass as success
        tally = failed(name, traceback.format_exc())
    say(f"{name:<12} {tally}  ({time.monotonic() - started:.0f} s)")
    return tally


def build_all(presets: list[str]) -> Tally:
    """Prints one line a build; only failures are counted."""
    tally = Tally()
    for preset in presets:
        started = time.monotonic()
        finished = builds.build(preset)
        how = "done" if finished.good else finished.how()
        say(f"{'build':<12} {preset}: {how}  ({time.monotonic() - started:.0f} s)")
        if not finished.good:
            tally.fail(f"build of {preset}", finished.output)
    return tally


def run_part(part: parts.Part) -> Tally:
    missing = parts.missing_program(part)
    if missing:
        return skipped(part.name, f"{missing} is not installed")
    if not all(builds.build(preset).good for preset in part.builds):
        return skipped(part.name, "its build failed")
    return part.run()


def chosen_parts(words: list[str]) -> list[parts.Part]:
    offered = {part.name: part for part in parts.offered()}
    unknown = [word for word in words if word not in offered]
    if unknown:
        print(f"usage: tests/run [{'|'.join(offered)}]...", file=sys.stderr)
        print(f"tests/run: there is no part {unknown[0]!r}", file=sys.stderr)
        sys.exit(2)
    return [part for part in offered.values() if part.name in words or not (words or part.by_name_only)]


def needed_builds(chosen: list[parts.Part]) -> list[str]:
    runnable = [part for part in chosen if not parts.missing_program(part)]
    return list(dict.fromkeys(preset for part in runnable for preset in part.builds))


def report(total: Tally) -> None:
    for failure in total.failures:
        say(f"\nFAILED {failure.name}")
        if failure.output.strip():
            say(failure.output.strip("\n"))
    for skip in total.skips:
        say(f"skipped {skip.name}: {skip.reason}")
    say(str(total))


def prepare(chosen: list[parts.Part]) -> None:
    """What fails here fails again, and is told, when the part itself runs."""
    for part in chosen:
        if part.prepare and not parts.missing_program(part):
            part.prepare()


def run_parts(chosen: list[parts.Part], presets: list[str]) -> Tally:
    total = build_all(presets)
    in_background(process.LOW_PRIORITY).submit(prepare, chosen[1:])
    for part in chosen:
        total.add(timed(part.name, lambda: run_part(part)))
    return total


def in_background(priority: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, initializer=process.yield_to_others, initargs=(priority,))


def run_all(chosen: list[parts.Part]) -> Tally:
    """Parts that only compute take the processor time that those leave which mostly wait."""
    first = [part for part in chosen if not part.aside]
    others = [part for part in chosen if part.aside]
    presets = needed_builds(first)
    left = [preset for preset in needed_builds(others) if preset not in presets]
    aside = in_background(process.LOWEST_PRIORITY).submit(run_parts, others, left)
    total = run_parts(first, presets)
    total.add(aside.result())
    return total


def main(words: list[str]) -> int:
    if set(words) & {"-h", "--help"}:
        say(f"usage: tests/run [{'|'.join(part.name for part in parts.offered())}]...")
        return 0
    total = run_all(chosen_parts(words))
    report(total)
    return 0 if total.good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        process.end_all()
        os._exit(130)  # without waiting for the parts aside
