"""Units that others start and stop: socket-activated ones, and chains of Requires=."""

from __future__ import annotations

from support.host import Host

PORT = 8091
ASK = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{PORT}/', timeout=20).status)"
# Serves what systemd listens at, one request at a time, and ends when a file says so.
SERVER = """
import http.server, os, socket, threading, time
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
server = http.server.HTTPServer(("", 0), Page, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
def idle():
    while not os.path.exists("/run/shop-is-idle"): time.sleep(0.05)
    os._exit(0)
threading.Thread(target=idle, daemon=True).start()
server.serve_forever()
"""
ACTIVATED = """
services:
  shop:
    unit: shop.service
    probes: {state: {unit: {}, interval: 200ms}}
    recover: [restart]
    backoff: {initial: 100ms, max: 1s}
    verify: 5s
"""


def begin_activated(host: Host) -> None:
    host.run(["rm", "-f", "/run/shop-is-idle"])
    host.write("/run/shop.py", SERVER)
    host.install_unit("shop.socket", f"[Socket]\nListenStream=127.0.0.1:{PORT}\n")
    host.install_unit("shop.service", "[Service]\nExecStart=/usr/bin/python3 /run/shop.py\n")
    host.systemctl("start", "shop.socket")
    host.policy(ACTIVATED)
    host.start_recoverd()


def ask(host: Host) -> str:
    return host.run(["python3", "-c", ASK]).out.strip()


def test_a_socket_activated_unit(host: Host) -> None:
    """Nobody has asked yet: that is no failure. From then on it is looked after, and its socket stays open."""
    begin_activated(host)
    host.wait_for("shop", phase="stopped")
    host.stays(lambda: not host.is_active("shop.service"), 1)
    assert ask(host) == "200"
    host.wait_for("shop", health="healthy", phase="watching")
    before = host.main_pid("shop.service")
    host.systemctl("kill", "-s", "KILL", "shop.service")
    host.wait_until(lambda: host.main_pid("shop.service") not in (0, before), 20, "it runs again")
    assert host.is_active("shop.socket") and ask(host) == "200"
    host.wait_for("shop", health="healthy", phase="watching")


def test_a_request_comes_before_recoverd(host: Host) -> None:
    """systemd starts it for whoever connects, also while recoverd is about to: there is one process in the end."""
    begin_activated(host)
    assert ask(host) == "200"
    host.wait_for("shop", health="healthy", phase="watching")
    for _ in range(3):
        host.systemctl("kill", "-s", "KILL", "shop.service")
        assert ask(host) == "200"
        host.wait_for("shop", health="healthy", phase="watching")
    assert len(host.run(["pgrep", "-f", "/run/shop.py"]).out.split()) == 1


def test_one_that_ends_when_it_is_idle_is_watched_by_its_socket(host: Host) -> None:
    """As docs/units.md says: its service would be started again each time."""
    begin_activated(host)
    host.policy(ACTIVATED.replace("unit: shop.service", "unit: shop.socket"))
    host.systemctl("reload", "recoverd.service")
    assert ask(host) == "200"
    host.wait_for("shop", health="healthy")
    host.write("/run/shop-is-idle", "")
    host.wait_until(lambda: not host.is_active("shop.service"), 15, "it ends")
    host.stays(lambda: not host.is_active("shop.service") and not host.incidents(), 2)
    host.run(["rm", "/run/shop-is-idle"])
    assert ask(host) == "200"


CHAIN = """
defaults: {interval: 200ms, verify: 5s}
services:
  back:
    unit: back.service
    recover: [restart]
    backoff: {initial: 100ms, max: 1s}
  front:
    unit: front.service
    depends_on: [back]
    recover: [restart]
    backoff: {initial: 100ms, max: 1s}
"""


def begin_chain(host: Host, bound_by: str, more: str = "") -> None:
    host.install_unit("back.service", f"[Unit]\n{more}\n[Service]\nExecStart=/usr/bin/sleep 3600\n")
    host.install_unit(
        "front.service", f"[Unit]\n{bound_by}=back.service\nAfter=back.service\n[Service]\nExecStart=/usr/bin/sleep 3601\n"
    )
    host.systemctl("start", "front.service")
    host.policy(CHAIN)
    host.start_recoverd()
    for name in ("back", "front"):
        host.wait_for(name, health="healthy")


def test_what_is_restarted_takes_along_what_requires_it(host: Host) -> None:
    """systemd does that by jobs of its own, which are nobody's stop."""
    begin_chain(host, "Requires")
    before = {name: host.main_pid(f"{name}.service") for name in ("back", "front")}
    assert host.ctl("restart", "back").code == 0
    for name, pid in before.items():
        host.wait_until(lambda: host.main_pid(f"{name}.service") not in (0, pid), 20, f"{name} is another process")
        host.wait_for(name, health="healthy", phase="watching")


def crash_of_back(host: Host) -> None:
    back = host.main_pid("back.service")
    host.systemctl("kill", "-s", "KILL", "back.service")
    host.wait_until(lambda: host.main_pid("back.service") not in (0, back), 20, "it runs again")
    host.wait_for("back", health="healthy", phase="watching")


def test_a_crash_is_over_for_what_requires_it_too(host: Host) -> None:
    begin_chain(host, "Requires")
    crash_of_back(host)
    host.wait_for("front", health="healthy", phase="watching")


def test_a_stop_takes_the_chain_down_and_it_stays_down(host: Host) -> None:
    begin_chain(host, "Requires")
    host.systemctl("stop", "back.service")
    for name in ("back", "front"):
        host.wait_for(name, phase="stopped")
    host.stays(lambda: not host.is_active("front.service") and not host.is_active("back.service"), 1)


def test_what_is_bound_to_it_stays_down(host: Host) -> None:
    """systemd stops it by a job, which looks as an administrator's stop does: docs/units.md says what to do."""
    begin_chain(host, "BindsTo")
    crash_of_back(host)
    host.wait_for("front", phase="stopped")
    host.stays(lambda: not host.is_active("front.service"), 1)


def test_what_is_bound_and_upheld_comes_back(host: Host) -> None:
    begin_chain(host, "BindsTo", more="Upholds=front.service")
    crash_of_back(host)
    host.wait_for("front", health="healthy", phase="watching")
