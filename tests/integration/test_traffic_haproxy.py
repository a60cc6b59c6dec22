"""A real HAProxy is told what to do with a server: around a restart, by a step of a ladder, at a change of the active
member; and what is told when it refuses, hangs, is away or is no HAProxy."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import urllib.request
from pathlib import Path

import pytest

from support.agent import ROOT, program
from support.haproxy import Clients, HAProxy, server_line
from support.ports import free_port
from support.real_servers import needs
from support.servers import Server
from support.service import Service

pytestmark = needs("haproxy")

WITHIN = 60


@pytest.fixture
def haproxy(start_server, tmp_path) -> HAProxy:
    return HAProxy(start_server, tmp_path / "haproxy")


@pytest.fixture
def site(http_server, haproxy) -> HAProxy:
    """In front of one server that answers."""
    haproxy.start(server_line("web1", http_server().port))
    return haproxy


def tell(path: object, server: str, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [program("recoverd-haproxy"), str(path), server, *words], capture_output=True, text=True, timeout=30
    )
    return done.returncode, (done.stdout or done.stderr).strip()


# ---- The program alone --------------------------------------------------------------------------


def test_states_and_weights_are_read_back(site) -> None:
    assert tell(site.admin, "shop/web1") == (0, "shop/web1 is ready, up, weight 100, 0 sessions")
    assert tell(site.admin, "shop/web1", "state=drain", "weight=30%")[1].startswith("shop/web1 is drain, up, weight 30,")
    assert (site.status("web1"), site.weight("web1")) == ("DRAIN", 30)
    assert tell(f"tcp 127.0.0.1:{site.api}", "shop/web1", "state=maint", "weight=256")[0] == 0
    assert site.status("web1") == "MAINT"
    assert tell(site.admin, "shop/web1", "state=ready", "weight=100%", "wait=10s", "within=20s") == (
        0, "shop/web1 is ready, up, weight 100, 0 sessions")


def test_what_haproxy_refuses_is_told_with_what_to_do(site) -> None:
    cases = [
        (site.admin, "shop/web9", "no server web9"),
        (site.admin, "store/web1", "there is no such backend"),
        (site.user, "shop/web1", "'level admin'"),
        (site.folder / "none.sock", "shop/web1", "No such file or directory"),
        (f"tcp 127.0.0.1:{free_port()}", "shop/web1", "Connection refused"),
    ]
    for path, server, text in cases:
        code, said = tell(path, server, "state=drain", "within=1s")
        assert code == 1 and text in said and str(path) in said, said
    assert site.status("web1").startswith("UP")
    for wrong in (("shop",), ("shop/web1", "state=gone"), ("shop/web1", "weight=257"), ("shop/web1", "wait=1s")):
        assert tell(site.admin, *wrong)[0] == 2


class Other(Server):
    """Something else on the port: it says this to each line, and ends, hangs, or never ends."""

    def __init__(self, says: bytes, then: str) -> None:
        self.says, self.then = says, then
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(self.says)
        if self.then == "hang":
            self.hold(connection)
        while self.then == "go on" and not self.stopping.is_set():
            connection.sendall(self.says)


@pytest.mark.parametrize(
    ("says", "then", "text"),
    [
        (b"", "hang", "no answer"),
        (b"1\n# be_id", "hang", "no answer"),
        (b"220 mail.example.com ESMTP\r\n", "end", "it answers '220 mail.example.com ESMTP'"),
        (b"Unknown command\n", "end", "not the Runtime API of HAProxy"),
        (b"\0\1\2\3", "end", "no text"),
        (b"", "end", "answers nothing"),
        (b"x" * 65536, "go on", "an answer without end"),
    ],
)
def test_what_is_no_haproxy_is_left_in_time(says, then, text) -> None:
    other = Other(says, then)
    try:
        code, said = tell(f"tcp 127.0.0.1:{other.port}", "shop/web1", "state=drain", "within=2s")
    finally:
        other.stop()
    assert code == 1 and text in said, said


def test_it_waits_for_the_sessions_to_end(haproxy, new_service, start_server) -> None:
    service = new_service("web1")
    start_server.start(service.port, *service.command)
    haproxy.start(f"  server web1 127.0.0.1:{service.port}")
    service.set("hang")
    answers = []
    client = threading.Thread(target=lambda: answers.append(urllib.request.urlopen(haproxy.url, timeout=60).status))
    client.start()
    while haproxy.server("web1")["scur"] != "1":
        pass
    said = tell(haproxy.admin, "shop/web1", "state=drain", "wait=300ms", "within=10s")
    assert said == (0, "shop/web1 is drain, up, weight 1, 1 session"), "what is left is told"
    service.set("hang", False)
    assert tell(haproxy.admin, "shop/web1", "state=drain", "wait=20s", "within=30s")[1].endswith(" 0 sessions")
    client.join(60)
    assert answers == [200], "a drain cuts nobody off"


# ---- Around an action ---------------------------------------------------------------------------


def write_policy(agent, service: Service, more: str, recover: str = "[restart]") -> None:
    agent.write_policy(f"""
        services:
          web1:
            command: {service.yaml_command}
            log: none
            interval: 200ms
            fast_interval: 100ms
            fall: 2
            start_grace: 5s
            verify: 20s
            probes:
              live: {{http: "{service.url}live"}}
              ready: {{http: "{service.url}ready", role: readiness}}
            recover: {recover}
            backoff: {{initial: 50ms, jitter: none}}
            {more}
        """)


def test_a_restart_under_load_loses_no_request(agent, new_service, haproxy, http_server) -> None:
    service, second = new_service("web1"), http_server()
    haproxy.start(server_line("web1", service.port), server_line("web2", second.port))
    write_policy(agent, service, f"traffic: {{haproxy: {{socket: {haproxy.admin}, server: shop/web1}}, drain: 20s}}")
    agent.start()
    agent.wait_for("web1", state="healthy", within=WITHIN)
    agent.wait_until(lambda: haproxy.status("web1") == haproxy.status("web2") == "UP", WITHIN, "both servers are up")
    with Clients(haproxy.url) as clients:
        agent.wait_until(lambda: clients.answered > 50, WITHIN, "there is load")
        before = int(haproxy.server("web1")["stot"])
        assert before > 0
        assert agent.ctl("restart", "web1", within=WITHIN).code == 0
        agent.wait_until(lambda: len(service.starts()) == 2, WITHIN, "it is restarted")
        agent.wait_until(lambda: haproxy.status("web1") == "UP", WITHIN, "it has its traffic back")
        agent.wait_until(lambda: int(haproxy.server("web1")["stot"]) > before + 20, WITHIN, "it serves again")
    assert not clients.failures, clients.failures
    assert "shop/web1 is drain" in agent.log_text()
    agent.wait_until(lambda: "shop/web1 is ready" in agent.log_text(), WITHIN, "that is told")


def test_a_haproxy_that_is_away_keeps_no_service_down(agent, new_service, haproxy) -> None:
    service = new_service("web1")
    write_policy(agent, service, f"traffic: {{haproxy: {{socket: {haproxy.admin}, server: shop/web1}}}}")
    agent.start()
    agent.wait_for("web1", state="healthy", within=WITHIN)
    assert agent.ctl("restart", "web1", within=WITHIN).code == 0
    agent.wait_until(lambda: len(service.starts()) == 2, WITHIN, "it is restarted all the same")
    agent.wait_until(lambda: "traffic was not switched" in agent.log_text(), WITHIN, "that is told")
    haproxy.start(server_line("web1", service.port, "disabled"))
    agent.wait_until(lambda: haproxy.status("web1").startswith("UP"), WITHIN, "its traffic is given back later")


def test_where_the_policy_says_so_nothing_is_interrupted_without_haproxy(agent, new_service, haproxy) -> None:
    service = new_service("web1")
    more = f"traffic: {{haproxy: {{socket: {haproxy.admin}, server: shop/web1}}, on_error: fail}}"
    write_policy(agent, service, more)
    agent.start()
    agent.wait_for("web1", state="healthy", within=WITHIN)
    agent.ctl("restart", "web1", within=WITHIN)
    agent.wait_until(lambda: "restart failed: haproxy: " in agent.log_text(), WITHIN, "the restart fails")
    assert len(service.starts()) == 1


def test_a_step_of_the_ladder_changes_the_weight(agent, new_service, haproxy) -> None:
    service = new_service("web1")
    haproxy.start(server_line("web1", service.port))
    step = f"[haproxy: {{socket: {haproxy.admin}, server: shop/web1, state: ready, weight: 10%}}]"
    write_policy(agent, service, "", recover=step)
    agent.start()
    agent.wait_for("web1", state="healthy", within=WITHIN)
    agent.wait_until(lambda: haproxy.status("web1") == "UP", WITHIN, "it is up")
    service.set("overload")
    agent.wait_until(lambda: haproxy.weight("web1") == 10, WITHIN, "an overloaded server gets less")
    assert len(service.starts()) == 1, "and is not interrupted"
    agent.wait_until(lambda: "haproxy done: haproxy: shop/web1 is ready" in agent.log_text(), WITHIN, "that is told")


# ---- A change of the active member --------------------------------------------------------------


def have_requests_wait(folder: Path) -> dict[str, str]:
    """By the settings that docs/traffic.md shows."""
    lua = folder / "wait_for_server.lua"
    text = (ROOT / "docs/traffic.md").read_text()
    lua.write_text(re.findall(r"```lua\n(.*?)```", text, re.DOTALL)[0])
    rule = next(line for line in text.splitlines() if line.startswith("  http-request lua."))
    return {"settings": f"  lua-load {lua}", "rules": rule}


def ready_steps(haproxy: HAProxy, own: bool) -> str:
    """Of the promotion: for the promoted member alone, or for both."""
    if own:
        tell_own = f'{program("recoverd-haproxy")} {haproxy.admin} "shop/$RECOVERD_MEMBER" state=ready'
        return f"- exec: {{command: [/bin/sh, -c, '{tell_own}']}}"
    steps = (f"- haproxy: {{socket: {haproxy.admin}, server: shop/{name}, state: ready}}" for name in ("blue", "green"))
    return "\n              ".join(steps)


@pytest.mark.parametrize("waits", [False, True], ids=["503", "waiting"])
def test_a_planned_failover_moves_the_traffic_and_cuts_nobody_off(agent, new_service, haproxy, tmp_path, waits) -> None:
    """Between the end of the one and the start of the other HAProxy has no server: it says 503 and no more, or has requests wait."""
    services = {name: new_service(name) for name in ("blue", "green")}
    servers = (server_line(name, service.port) for name, service in services.items())
    haproxy.start(*servers, **(have_requests_wait(tmp_path) if waits else {}))
    members = "".join(
        f"""
          {name}:
            command: {json.dumps(service.command)}
            member_of: shop
            log: none
            start_grace: 5s
            interval: 200ms
            fast_interval: 100ms
            probes: {{page: {{http: {service.url}}}}}
            recover: [restart]"""
        for name, service in services.items()
    )
    agent.write_policy(f"""
        groups:
          shop:
            mode: active-standby
            members: {{blue: {{priority: 200}}, green: {{}}}}
            lease: 15s
            stop_timeout: 1s
            demote:
              - haproxy: {{socket: {haproxy.admin}, server: shop/blue, state: drain, wait: 2s}}
              - haproxy: {{socket: {haproxy.admin}, server: shop/green, state: drain, wait: 2s}}
              - stop
            promote:
              - start
              {ready_steps(haproxy, waits)}
        services:{members}
        """)
    agent.start()
    agent.wait_until(lambda: haproxy.status("blue") == "UP", WITHIN, "blue is active and serves")

    def green_can() -> bool:
        groups = agent.groups()["members"]
        peers = next((one for one in groups if one["service"] == "blue"), {}).get("peers", [])
        return any(one["member"].endswith("/green") and one["says"].startswith("can=1") for one in peers)

    agent.wait_until(green_can, WITHIN, "blue knows that green can")
    with Clients(haproxy.url) as clients:
        agent.wait_until(lambda: clients.answered > 20, WITHIN, "there is load")
        assert agent.ctl("failover", "shop").code == 0
        agent.wait_until(lambda: haproxy.status("green") == "UP", WITHIN, "green is active and serves")
        agent.wait_until(lambda: haproxy.status("blue").startswith("DOWN"), WITHIN, "HAProxy knows of blue's end, too")
        enough = clients.answered + 20
        agent.wait_until(lambda: clients.answered > enough, WITHIN, "there is load on green")
        lost = len(clients.failures)
        agent.wait_until(lambda: clients.answered > enough + 20, WITHIN, "there is more load on green")
        assert len(clients.failures) == lost, "green serves all of it"
    assert set(clients.failures) <= (set() if waits else {"503"}), clients.failures
    assert int(haproxy.server("green")["stot"]) > 0
