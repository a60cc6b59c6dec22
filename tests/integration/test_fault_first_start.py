"""What was never started cannot have failed: no check counts against it before its first start."""

from __future__ import annotations


def test_a_first_start_is_no_incident(agent, new_service) -> None:
    services = [new_service(f"web-{i}") for i in range(8)]
    lines = [
        f"  web-{i}: {{command: {service.yaml_command}, log: {{to: none}},"
        f" probes: {{page: {{http: {{url: '{service.url}'}}}}}}}}"
        for i, service in enumerate(services)
    ]
    standards = "{interval: 100ms, fast_interval: 50ms, timeout: 100ms, fall: 1}"
    agent.write_policy("\n".join([f"defaults: {standards}", "services:", *lines]) + "\n")
    agent.start()
    for i in range(len(services)):
        agent.wait_for(f"web-{i}", state="healthy")
    assert agent.incidents() == []
    assert [len(service.starts()) for service in services] == [1] * len(services)
