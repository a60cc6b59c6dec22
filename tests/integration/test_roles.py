"""Liveness, readiness and warnings with real processes: what lives is not interrupted for not being ready."""

from __future__ import annotations

import os
import signal


def _started(agent, new_service, recover: str, more_probes: str = ""):
    service = new_service("web")
    agent.write_policy(f"""
        services:
          web:
            command: {service.yaml_command}
            log: none
            interval: 200ms
            fast_interval: 50ms
            fall: 2
            rise: 2
            verify: 3s
            start_grace: 500ms
            probes:
              live: {{http: "{service.url}live"}}
              ready: {{http: "{service.url}ready", role: readiness}}
              {more_probes}
            recover: [{recover}]
            backoff: {{initial: 50ms, max: 50ms, jitter: none}}
        """)
    agent.start()
    agent.wait_for("web", state="healthy")
    return service


def _fits(agent) -> dict[str, str]:
    return {step["action"]: step["fit"] for step in agent.ctl_json("why", "web")["ladder"]}


def test_what_is_overloaded_is_told_and_never_restarted(agent, new_service) -> None:
    service = _started(agent, new_service, "restart, notify: {message: overloaded}")
    service.set("overload")
    found = agent.wait_for("web", state="not-ready")
    assert (found["up"], found["ready"], found["down"]) == (True, False, False)
    assert agent.ctl("status").code == 1
    assert _fits(agent) == {"restart": "interrupts", "notify": "spent"}
    assert agent.metric("recoverd_service_up", service="web") == 1
    assert agent.metric("recoverd_service_ready", service="web") == 0
    assert agent.incidents("web")[0]["role"] == "readiness"
    agent.stays(lambda: len(service.starts()) == 1, 3, "it is not restarted")

    service.set("overload", False)
    agent.wait_for("web", state="healthy", ready=True)
    assert agent.incidents("web")[0]["end"] == "healed"
    assert len(service.starts()) == 1


def test_what_dies_while_it_is_overloaded_is_restarted(agent, new_service) -> None:
    service = _started(agent, new_service, "notify, restart")
    service.set("overload")
    agent.wait_for("web", state="not-ready")
    os.kill(service.starts()[0], signal.SIGKILL)
    agent.wait_until(lambda: len(service.starts()) == 2, 10, "it is restarted")
    # It lives, the load is still there: it is not restarted again for that.
    agent.wait_for("web", state="not-ready")
    agent.stays(lambda: len(service.starts()) == 2, 3, "it is not restarted again")
    assert len(agent.incidents("web")) == 1

    service.set("overload", False)
    agent.wait_for("web", state="healthy")
    assert "incident-changed" in agent.ctl("incident", "1", "--json").out


def test_a_hang_while_it_is_overloaded_is_one_of_liveness(agent, new_service) -> None:
    service = _started(agent, new_service, "restart: {attempts: 5}")
    service.set("overload")
    agent.wait_for("web", state="not-ready")
    service.set("fail")
    agent.wait_until(lambda: agent.incidents("web")[0]["role"] == "liveness", 10, "the incident escalates")
    service.set("fail", False)
    service.set("overload", False)
    agent.wait_for("web", state="healthy")


def test_a_warning_is_shown_and_not_acted_on(agent, new_service) -> None:
    probe = "files: {process: {max_open_files: 1}, role: warning}"
    service = _started_degraded(agent, new_service, probe)
    found = agent.service("web")
    assert (found["up"], found["ready"], found["warnings"], found["failing_probe"]) == (True, True, 1, "files")
    assert agent.ctl("status").code == 0
    assert agent.metric("recoverd_service_warnings", service="web") == 1
    assert "is degraded" in agent.ctl("why", "web").out
    agent.stays(lambda: agent.service("web")["state"] == "degraded", 1)
    assert agent.incidents("web") == []
    assert len(service.starts()) == 1


def _started_degraded(agent, new_service, probe: str):
    service = new_service("web")
    agent.write_policy(f"""
        services:
          web:
            command: {service.yaml_command}
            interval: 200ms
            start_grace: 500ms
            probes:
              live: {{http: "{service.url}live"}}
              {probe}
            recover: [restart]
        """)
    agent.start()
    agent.wait_for("web", state="degraded")
    return service


def test_a_soft_dependency_is_told_and_blocks_nothing(agent, new_service) -> None:
    shop, cache = new_service("shop"), new_service("cache")
    cache.set("fail")
    agent.write_policy(f"""
        defaults: {{interval: 200ms, fast_interval: 50ms, fall: 2, start_grace: 500ms, verify: 3s, log: none,
                    backoff: {{initial: 50ms, max: 50ms, jitter: none}}}}
        services:
          shop:
            command: {shop.yaml_command}
            depends_on: [{{cache: soft}}]
            probes: {{page: {{http: {shop.url}}}}}
          cache:
            command: {cache.yaml_command}
            probes: {{page: {{http: {cache.url}}}}}
            recover: [notify]
        """)
    agent.start()
    agent.wait_for("cache", state="exhausted")
    agent.wait_for("shop", state="healthy")  # its first start did not wait
    shop.set("fail")
    agent.wait_until(lambda: len(shop.starts()) > 1, 10, "it is restarted, and not blocked")
    assert "its soft dependency cache is down" in agent.incidents("shop")[0]["detail"]
    dependency = agent.ctl_json("why", "shop")["dependencies"][0]
    assert (dependency["name"], dependency["kind"], dependency["culprit"]) == ("cache", "soft", False)
