"""Reload and signal as steps of a ladder: believed only when probes prove them, the process stays."""

from __future__ import annotations

import os
import signal


def _policy(service, recover: str, more: str) -> str:
    return f"""
        services:
          web:
            command: {service.yaml_command}
            log: none
            interval: 200ms
            fast_interval: 50ms
            fall: 2
            rise: 2
            verify: 5s
            start_grace: 500ms
            probes: {{page: {{http: {service.url}}}}}
            recover: [{recover}]
            backoff: {{initial: 50ms, max: 50ms, jitter: none}}
            {more}
        """


def _started(agent, new_service, recover: str, *options: str, more: str = ""):
    service = new_service("web", *options)
    agent.write_policy(_policy(service, recover, more))
    agent.start()
    agent.wait_for("web", state="healthy")
    return service


def _recovered(agent) -> list[tuple[str, str]]:
    """The attempts of the one incident, once it is over."""

    def closed():
        found = agent.incidents("web")
        return found and found[0]["end"] == "recovered" and found[0]

    incident = agent.wait_until(closed, 20, "the incident is over")
    attempts = agent.ctl_json("incident", str(incident["id"]))["incident"]["attempts"]
    return [(attempt["action"], attempt["result"]) for attempt in attempts]


def test_a_reload_heals_and_the_process_stays(agent, new_service) -> None:
    service = _started(agent, new_service, "reload, restart", "--healed-by", "HUP")
    service.set("fail")
    assert _recovered(agent) == [("reload", "recovered")]
    assert len(service.starts()) == 1
    assert (service.folder / "signals").read_text() == "SIGHUP\n"


def test_a_signal_heals(agent, new_service) -> None:
    service = _started(agent, new_service, "signal: {signal: USR2, to: all}, restart", "--healed-by", "USR2")
    service.set("fail")
    assert _recovered(agent) == [("signal", "recovered")]
    assert len(service.starts()) == 1


def test_a_reload_without_effect_is_followed_by_the_next_step(agent, new_service) -> None:
    steps = "reload: {verify: 1s}, signal: USR1"
    service = _started(agent, new_service, steps, "--healed-by", "USR1", more="reload_signal: WINCH")
    service.set("fail")
    assert _recovered(agent) == [("reload", "not-cured"), ("signal", "recovered")]
    assert len(service.starts()) == 1


def test_what_has_ended_is_not_reloaded_but_restarted(agent, new_service) -> None:
    service = _started(agent, new_service, "reload, signal: USR1, restart", "--healed-by", "HUP")
    os.kill(service.starts()[0], signal.SIGKILL)
    assert _recovered(agent) == [("restart", "recovered")]
    assert len(service.starts()) == 2
    assert not (service.folder / "signals").exists()


def test_why_names_the_step(agent, new_service) -> None:
    service = _started(agent, new_service, "reload: {backoff: {delays: [1h]}}")
    service.set("fail")
    agent.wait_for("web", state="backoff")
    assert "reload" in agent.ctl("why", "web").out
