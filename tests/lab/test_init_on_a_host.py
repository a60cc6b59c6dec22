"""recoverctl init on a host under systemd: it finds what runs and where it listens, and the policies that it writes watch it,
and act once a person says so."""

from __future__ import annotations

from support.agent import ROOT
from support.host import CONFIG, LISTEN, POLICIES, Host
from support.questions import Answer

LIBRARY = "/usr/share/recoverd/policies"


def _prepare(host: Host) -> None:
    """A host with nginx at its port, and redis at another one."""
    for path in sorted((ROOT / "policies").glob("*.yaml")):
        host.write(f"{LIBRARY}/{path.name}", path.read_text())
    host.write("/etc/redis/redis.conf", 'bind 127.0.0.1\nport 6380\nsave ""\ndir /var/lib/redis\nsupervised systemd\n')
    host.systemctl("start", "nginx.service", "redis-server.service")


def _init(host: Host, *arguments: str) -> Answer:
    return host.ctl("init", "--from", LIBRARY, *arguments)


def _restore(host: Host) -> None:
    host.systemctl("stop", "nginx.service", "redis-server.service")


def test_from_init_to_a_recovered_nginx(host: Host) -> None:
    _prepare(host)
    try:
        host.config(f"version: 1\nagent: {{listen: '{LISTEN}', mode: observe}}\n")  # as the package brings it
        done = _init(host)
        assert done.code == 0, done
        assert "nginx.service" in done.out and "redis-server.service" in done.out and "port 6380" in done.out
        assert "2 written to /etc/recoverd/policies.d" in done.out and "systemctl reload recoverd" in done.out
        assert host.run(["ls", POLICIES]).out.split() == ["nginx.yaml", "redis.yaml"]
        assert host.ctl("check", "--strict").code == 0
        again = _init(host, "--json").json
        assert {row["result"] for row in again["services"]} == {"left alone"} and again["systemd"]

        host.start_recoverd()
        host.wait_for("nginx", health="healthy")
        host.wait_for("redis", health="healthy")
        host.systemctl("kill", "--signal=SIGKILL", "nginx.service")
        host.wait_until(lambda: host.service("nginx")["held_by"] == "observe", 30, "it says what it would do")
        assert not host.is_active("nginx.service")

        host.config(host.read(CONFIG).replace("mode: observe", "mode: act"))  # the one line
        host.systemctl("reload", "recoverd.service")
        host.wait_until(lambda: host.is_active("nginx.service"), 30, "nginx is restarted")
        host.wait_for("nginx", health="healthy", phase="watching")
    finally:
        _restore(host)


def test_what_is_managed_already_is_left_alone(host: Host) -> None:
    _prepare(host)
    try:
        host.policy("services: {front: {unit: nginx.service}}", name="mine.yaml")
        rows = {row["found"]: row for row in _init(host, "--json").json["services"]}
        assert rows["nginx"]["result"] == "left alone" and rows["nginx"]["note"] == "the service 'front' is there"
        assert rows["redis"]["result"] == "written" and rows["redis"]["ports"] == [6380]
        assert "    mode: observe " in host.read(f"{POLICIES}/redis.yaml")
        assert "127.0.0.1:6380" in host.read(f"{POLICIES}/redis.yaml")
    finally:
        _restore(host)


def test_a_host_where_nothing_known_runs(host: Host) -> None:
    _prepare(host)
    _restore(host)
    done = _init(host)
    assert done.code == 1 and "nothing runs here that the library has a policy for" in done.err
    assert "recoverctl init NAME" in done.err
