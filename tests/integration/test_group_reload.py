"""A coordinator that is changed by a reload: the members go on with the one that they know, and it is said."""

from __future__ import annotations

import sys

WITHIN = 30
SAID = "recoverd.yaml has another 'coordinator' now"


def coordinator(port: int) -> str:
    return f"coordinator: {{kind: etcd, servers: ['http://127.0.0.1:{port}/']}}"


def test_another_coordinator_waits_for_another_agent(agent) -> None:
    agent.write_config(coordinator(1), agent="host: here")
    agent.write_policy(f"""
        groups:
          shop: {{mode: active-standby, coordinator: etcd, members: {{here: {{}}, there: {{}}}}, lease: 20s, stop_timeout: 1s}}
        services:
          web:
            command: [{sys.executable}, -c, "import time; time.sleep(1000)"]
            member_of: shop
            log: none
            recover: [restart]
        """)
    agent.start()
    agent.wait_until(lambda: "web" in agent.ctl("group").out, WITHIN, "it is a member")
    assert agent.ctl("reload").code == 0
    assert SAID not in agent.log_text()
    agent.write_config(coordinator(2), agent="host: here")
    assert agent.ctl("reload").code == 0
    agent.wait_until(lambda: SAID in agent.log_text(), WITHIN, "it is said")
