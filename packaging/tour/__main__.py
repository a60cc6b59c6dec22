"""The tour of packaging/quickstart: a shop, the agent over it, and six ways to break it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import disasters
import shop
from agent import Agent, Unreachable
from judge import Judge
from report import headline, paint, say, seconds, table
from watch import Watch

BUILD = Path(os.environ.get("RECOVERD_BUILD", shop.SOURCE / "build"))
START_SECONDS = 30.0


class Interrupted(Exception):
    """Ctrl-C, or the terminal is gone."""


def on_signal(number: int, _frame: object) -> None:
    raise Interrupted(signal.Signals(number).name)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="packaging/quickstart")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--end", type=Path)
    return parser.parse_args()


def end_kept(root: Path) -> int:
    root = root.resolve()
    if not root.name.startswith(shop.PREFIX) or not (root / "recoverd.yaml").exists():
        say(f"quickstart: {root} was not made by the quickstart")
        return 2
    shop.remove(root)
    return 0


def wait_until_open(scene: disasters.Scene) -> bool:
    """The control socket appears, then everything becomes healthy."""
    limit = time.monotonic() + START_SECONDS
    while not scene.agent.socket.exists() and time.monotonic() < limit:
        scene.agent.check_alive()
        time.sleep(0.02)
    return disasters.wait_for_calm(scene, limit - time.monotonic())


def show_shop(scene: disasters.Scene) -> None:
    rows = []
    for name, one in scene.agent.services().items():
        process = f"pid {one['pid']}" if one["pid"] else "watched only"
        rows.append((name, one["state"], process, ", ".join(one["depends_on"]), one["description"]))
    table(("service", "state", "process", "depends on", ""), rows)


def row_of(result: disasters.Result) -> tuple[str, ...]:
    if result.skipped:
        verdict = "skipped"
    else:
        verdict = "NO" if result.doubt else "yes"
    times = (seconds(result.detected), seconds(result.recovered))
    return (result.broken, *times, result.action, result.outage, verdict)


def show_results(results: list[disasters.Result]) -> bool:
    headline("What was broken, and how it came back")
    head = (
        "broken",
        "detected after",
        "recovered after",
        "action",
        "customers failed for",
        "verified",
    )
    table(head, [row_of(result) for result in results])
    say()
    say("  Times count from the blow. Detected and recovered are the agent's word; customers are a")
    say("  judge outside the agent who asks for the page, orders and buys, each 10 times a second.")
    doubts = [result for result in results if result.doubt]
    for result in results:
        if result.skipped:
            say(f"  Skipped, {result.broken}: {result.skipped}.")
        if result.doubt:
            say(paint(f"  Not verified, {result.broken}: {result.doubt}.", "red"))
    return not doubts


def tour(scene: disasters.Scene) -> bool:
    say("starting the shop ...")
    scene.agent.start()
    began = time.monotonic()
    if not wait_until_open(scene):
        show_shop(scene)
        say(paint(f"the shop is not healthy after {START_SECONDS:.0f} s", "red"))
        return False
    headline(f"The shop is open after {time.monotonic() - began:.1f} s")
    show_shop(scene)
    scene.judge.start()
    results = []
    for number, disaster in enumerate(disasters.DISASTERS, 1):
        disasters.pause_between(scene)
        headline(f"{number}. {disaster.title}")
        results.append(disasters.run(disaster, scene))
        if not results[-1].skipped:
            say(f"  customers: {disasters.judged(scene)}")
    return show_results(results)


def say_how_to_talk(scene: disasters.Scene) -> None:
    control = f"{BUILD / 'recoverctl'} --socket {scene.agent.socket}"
    headline("Left running")
    say(f"  status         {control} status")
    say(f"  why            {control} why checkout")
    say(f"  history        {control} incidents")
    say(f"  status page    http://{scene.shop.agent}/")
    say(f"  metrics        http://{scene.shop.agent}/metrics")
    say(f"  the shop       http://{scene.shop.storefront}/")
    say(f"  files, logs    {scene.shop.root}")
    say(f"  end it         {shop.SOURCE / 'packaging/quickstart'} --end {scene.shop.root}")


def show_log(agent: Agent) -> None:
    tail = agent.log_tail()
    if tail:
        headline("The end of the agent's log")
        say(tail.rstrip())


def visit(root: Path, options: argparse.Namespace) -> tuple[int, bool]:
    """The exit status, and whether the shop is left running."""
    layout = shop.prepare(root)
    agent = Agent(BUILD, root)
    scene = disasters.Scene(layout, agent, Judge(layout.storefront), Watch(agent, options.verbose))
    kept = False
    try:
        good = tour(scene)
        if not good:
            show_log(agent)
        if options.keep:
            say_how_to_talk(scene)
            kept = True
        return (0 if good else 1), kept
    except Unreachable as why:
        say(paint(f"quickstart: {why}", "red"))
        show_log(agent)
        return 1, False
    finally:
        scene.judge.stop()
        if not kept:
            agent.stop()


def main() -> int:
    options = parse_arguments()
    if options.end:
        return end_kept(options.end)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    root = Path(tempfile.mkdtemp(prefix=shop.PREFIX))
    status, kept = 1, False
    try:
        status, kept = visit(root, options)
    except shop.Unprepared as why:
        say(f"quickstart: {why}")
    except Interrupted as why:
        say(f"quickstart: ended by {why}")
        status = 130
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # cleaning up is short, and is not left half done
        if not kept:
            shop.remove(root)
    return status


if __name__ == "__main__":
    sys.exit(main())
