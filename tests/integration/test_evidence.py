"""Before the first action of an incident what is known is collected, without secrets, and kept with the incident."""

from __future__ import annotations

import os
import re


def test_evidence_is_kept_with_the_incident(agent, new_service):
    web = new_service("web")
    log = web.folder / "web.log"
    log.write_text("connected with db_password=hunter2 as shop\n", encoding="utf-8")
    agent.write_policy(f"""
        services:
          web:
            command: {web.yaml_command}
            environment: {{PLAIN_NAME: sesame}}
            log: {{file: {log}}}
            verify: 2s
            probes: {{health: {{http: {web.url}, interval: 200ms}}}}
            recover: [restart: {{attempts: 1}}, exec: {{command: [/bin/rm, -f, {web.folder / "fail"}]}}]
            backoff: {{initial: 0s}}
    """)
    agent.start()
    agent.wait_for("web", health="healthy")
    pid = web.starts()[-1]
    web.set("fail")
    agent.wait_until(lambda: [one for one in agent.incidents("web") if not one["open"]], within=60, what="it is cured")
    number = str(agent.incidents("web")[0]["id"])
    evidence = agent.ctl_json("incident", number)["incident"]["evidence"]
    text = evidence["text"]
    assert f"running, process {pid}; incident: wrong-answer: 500" in text
    assert re.search(r"\nhealth failed [+-]*---\n  last ", text)
    assert f"\nPid:\t{pid}\n" in text
    assert "LISTEN" in text if os.geteuid() == 0 else "== sockets" in text
    assert "connected with db_password=[removed] as shop" in text
    assert "hunter2" not in text and "sesame" not in text
    assert "--evidence' shows them" in agent.ctl("incident", number).out
    assert agent.ctl("incident", number, "--evidence").out.strip() == text.strip()
