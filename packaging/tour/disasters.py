"""The disasters of the tour: what is broken, and what counts as recovered."""

from __future__ import annotations

import errno
import http.client
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from agent import Agent, moment
from judge import Judge
from report import line
from shop import Shop
from watch import Watch

DATABASE_AWAY = 6.0  # seconds
BROKEN_RELEASE = "1.1"


@dataclass(frozen=True)
class Result:
    """One row of the table at the end. Times in seconds since the shop was broken."""

    broken: str
    detected: float | None = None
    recovered: float | None = None
    action: str = "-"
    outage: str = "-"
    doubt: str = ""  # why it does not count as recovered and verified; empty when it does
    skipped: str = ""


@dataclass(frozen=True)
class Scene:
    shop: Shop
    agent: Agent
    judge: Judge
    watch: Watch


@dataclass(frozen=True)
class Disaster:
    title: str
    broken: str
    service: str  # the one that the agent has to recover
    strike: Callable[[Scene], None]
    within: float = 25.0
    why_not: Callable[[Scene], str] = lambda scene: ""  # why it cannot be shown here
    check: Callable[[Scene, dict], str] = lambda scene, before: ""  # a further doubt, or nothing


# ---- How each is done ---------------------------------------------------------------------------


def _pid(scene: Scene, service: str) -> int:
    return scene.agent.services()[service]["pid"]


def _kill_storefront(scene: Scene) -> None:
    pid = _pid(scene, "storefront")
    scene.watch.begin(f"kill -9 of nginx, pid {pid}, and its worker")
    os.killpg(pid, signal.SIGKILL)


def _hang_cart(scene: Scene) -> None:
    pid = _pid(scene, "cart")
    scene.watch.begin(f"SIGSTOP to redis, pid {pid}: it keeps its port and answers nothing")
    os.kill(pid, signal.SIGSTOP)


def _post(scene: Scene, path: str) -> None:
    connection = http.client.HTTPConnection(scene.shop.checkout, timeout=2)
    connection.request("POST", path)
    connection.getresponse().read()
    connection.close()


def _break_checkout(scene: Scene) -> None:
    scene.watch.begin("POST /break: the checkout answers 500 to everything")
    _post(scene, "/break")


def _break_payment(scene: Scene) -> None:
    scene.watch.begin("paying fails; /healthz, the log-in and the cart are as well as ever")
    _post(scene, "/break/payment")


def _the_last_step_was_named(scene: Scene, before: dict) -> str:
    evidence = _since(scene, "checkout")[0]["detail"]
    return "" if "step pay (3 of 3)" in evidence else f"the evidence names no step: {evidence}"


def _has_earned_trust(scene: Scene) -> bool:
    """The checkout has been well for long enough since the disaster before."""
    content = scene.agent.get("/v1/why?service=checkout")["content"]
    return bool(content) and content["state"] == "unchanged"


def _deploy_broken_release(scene: Scene) -> None:
    scene.watch.until(lambda: _has_earned_trust(scene), 20)
    pid = _pid(scene, "checkout")
    scene.watch.begin(f"release {BROKEN_RELEASE} of the checkout is deployed, and it does not start")
    scene.shop.deploy(BROKEN_RELEASE, 'raise SystemExit("orders: no such column: discount")\n')
    os.kill(pid, signal.SIGTERM)  # a deployment ends with a restart


def _the_release_was_left(scene: Scene, before: dict) -> str:
    now = scene.shop.release
    if now == BROKEN_RELEASE:
        return f"release {now} is still there"
    line(scene.watch.elapsed(), "tour", f"rolled back: release {now} is there again", "green")
    return ""


def _fill_uploads(scene: Scene) -> None:
    scene.watch.begin("a file system fills up with half-sent pictures")
    with open(scene.shop.uploads / "picture.part", "wb", buffering=0) as picture:
        try:
            while True:
                picture.write(bytes(64 * 1024))
        except OSError as why:
            if why.errno != errno.ENOSPC:
                raise


def _take_database(scene: Scene) -> None:
    """Killed, and its directory moved aside: each restart fails until the directory is back."""
    data = scene.shop.root / "orders" / "data"
    pid = _pid(scene, "orders")
    scene.watch.begin(f"kill -9 of PostgreSQL, pid {pid}, and its directory is gone")
    data.rename(data.with_name("elsewhere"))
    os.kill(pid, signal.SIGKILL)
    scene.watch.follow(DATABASE_AWAY)
    line(scene.watch.elapsed(), "tour", "the directory is back")
    data.with_name("elsewhere").rename(data)


def _checkout_was_left_alone(scene: Scene, before: dict) -> str:
    now = scene.agent.services()["checkout"]
    if now["pid"] != before["checkout"]["pid"]:
        return f"the checkout was restarted (pid {before['checkout']['pid']}, now {now['pid']})"
    incidents = _since(scene, "checkout")
    if not incidents:
        return "the agent did not notice that the checkout failed"
    acted = [incident for incident in incidents if incident["attempts"]]
    if acted:
        return f"the checkout was acted on in incident {acted[0]['id']}"
    if "checkout" not in scene.watch.blocked:
        return "the checkout was never seen blocked"
    line(
        scene.watch.elapsed(),
        "tour",
        f"the checkout was left alone: still pid {now['pid']}",
        "green",
    )
    return ""


DISASTERS = [
    Disaster("the storefront is killed", "nginx killed (SIGKILL)", "storefront", _kill_storefront),
    Disaster("the cart hangs", "redis hung (SIGSTOP)", "cart", _hang_cart),
    Disaster(
        "the checkout is out of its mind", "checkout answers 500", "checkout", _break_checkout
    ),
    Disaster(
        "customers can do everything but pay",
        "last step of a purchase",
        "checkout",
        _break_payment,
        check=_the_last_step_was_named,
    ),
    Disaster(
        "a broken release of the checkout is deployed",
        "broken release deployed",
        "checkout",
        _deploy_broken_release,
        check=_the_release_was_left,
    ),
    Disaster(
        "the uploads are full",
        "file system full",
        "uploads",
        _fill_uploads,
        why_not=lambda scene: scene.shop.no_uploads,
    ),
    Disaster(
        "the database is taken away under the checkout",
        f"PostgreSQL away for {DATABASE_AWAY:.0f} s",
        "orders",
        _take_database,
        within=40.0,
        check=_checkout_was_left_alone,
    ),
]


# ---- One disaster, from the first blow to the proof ---------------------------------------------


def run(disaster: Disaster, scene: Scene) -> Result:
    skipped = disaster.why_not(scene)
    if skipped:
        line(0, "tour", f"skipped: {skipped}", "yellow")
        return Result(disaster.broken, skipped=skipped)
    before = scene.agent.services()
    disaster.strike(scene)
    in_time = scene.watch.until(lambda: _is_over(scene, disaster.service), disaster.within)
    return _result(disaster, scene, before, in_time)


def _since(scene: Scene, service: str) -> list[dict]:
    """The incidents of a service since the blow."""
    return [
        one for one in scene.agent.incidents(service) if moment(one["opened"]) >= scene.watch.began
    ]


def _is_over(scene: Scene, service: str) -> bool:
    incidents = _since(scene, service)
    everyone_up = all(one["state"] == "healthy" for one in scene.agent.services().values())
    return (
        bool(incidents) and not incidents[-1]["open"] and everyone_up and scene.judge.all_served()
    )


def _result(disaster: Disaster, scene: Scene, before: dict, in_time: bool) -> Result:
    incidents = _since(scene, disaster.service)
    doubt = _doubt(scene, disaster, incidents, in_time) or disaster.check(scene, before)
    closed = incidents[-1]["closed"] if incidents else None
    result = Result(
        disaster.broken,
        detected=moment(incidents[0]["opened"]) - scene.watch.began if incidents else None,
        recovered=moment(closed) - scene.watch.began if closed else None,
        action=_actions(scene, incidents),
        outage=_outage(scene),
        doubt=doubt,
    )
    if doubt:
        line(scene.watch.elapsed(), "tour", f"not recovered: {doubt}", "red")
    return result


def _doubt(scene: Scene, disaster: Disaster, incidents: list[dict], in_time: bool) -> str:
    if not incidents:
        return "the agent opened no incident"
    if not in_time:
        down = [name for name, one in scene.agent.services().items() if one["state"] != "healthy"]
        who = ", ".join(down) or "customers are still failed"
        return f"not over after {disaster.within:.0f} s ({who})"
    unproven = [one for one in incidents if one["end"] != "recovered"]
    if unproven:
        return (
            f"incident {unproven[0]['id']} ended as {unproven[0]['end']}, not by a verified action"
        )
    return ""


def _actions(scene: Scene, incidents: list[dict]) -> str:
    """restart x 3: how often each action was taken until one was verified."""
    counts: dict[str, int] = {}
    for incident in incidents:
        for attempt in scene.agent.get(f"/v1/incidents/{incident['id']}")["incident"]["attempts"]:
            counts[attempt["action"]] = counts.get(attempt["action"], 0) + 1
    return (
        ", ".join(
            f"{action} x {count}" if count > 1 else action for action, count in counts.items()
        )
        or "-"
    )


def _outage(scene: Scene) -> str:
    parts = []
    for name, verdict in scene.judge.since(scene.watch.began).items():
        if verdict.failed:
            parts.append(f"{name} {verdict.outage:.1f} s")
    return ", ".join(parts) or "none"


def judged(scene: Scene) -> str:
    """The judge's sentence on the disaster that just ended."""
    said = []
    for name, verdict in scene.judge.since(scene.watch.began).items():
        seen = (
            f"{verdict.failed} of {verdict.asked} failed within {verdict.outage:.1f} s"
            if verdict.failed
            else "none failed"
        )
        said.append(f"{name}: {seen}")
    return "; ".join(said)


def wait_for_calm(scene: Scene, within: float) -> bool:
    return scene.watch.until(
        lambda: all(one["state"] == "healthy" for one in scene.agent.services().values()), within
    )


def pause_between(scene: Scene) -> None:
    """The judge's window of the next disaster begins with good visits."""
    time.sleep(0.5)
    wait_for_calm(scene, 10)
