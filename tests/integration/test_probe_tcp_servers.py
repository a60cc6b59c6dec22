"""The protocols of the tcp probe, and the dns probe, against real servers: a right password passes, a
wrong one does not. Kafka and Cassandra are not in Debian: their answers here are bytes written after
the documents of their protocols."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.ports import free_port, is_open
from support.servers import Server
from support.waiting import wait_until

START_SECONDS = 20
STOP_SECONDS = 10

Start = Callable[..., int]


def _needs(*programs: str) -> pytest.MarkDecorator:
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [name for name in programs if not shutil.which(name, path=path)]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="starts a server as another user, which needs root")


def _postgresql() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(port, program, argument...): a server until the end of the test, once it listens."""
    running: list[subprocess.Popen] = []
    log = tmp_path / "servers.log"

    def begin(port: int, *command: object, user: str | None = None) -> int:
        with log.open("ab") as output:
            server = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
                env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin"},
            )
        running.append(server)
        try:
            wait_until(lambda: is_open(port) or server.poll() is not None, START_SECONDS, f"{command[0]} listens")
            assert server.poll() is None
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text(errors='replace')[-4000:]}") from None
        return port

    yield begin
    for server in running:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, Path]:
    files = {"right": tmp_path / "right", "wrong": tmp_path / "wrong"}
    files["right"].write_text("open sesame\n")
    files["wrong"].write_text("open barley\n")
    return files


def _run(agent, probes: dict[str, str]) -> dict[str, dict]:
    lines = "\n".join(f"              {name}: {{{options}, interval: 1h, timeout: 10s}}" for name, options in probes.items())
    agent.write_policy(f"""
        services:
          target:
            probes:
{lines}
    """)
    agent.start()
    return {name: agent.ctl_json("probe", f"target/{name}")["probes"][0] for name in probes}


def _expect(found: dict[str, dict], name: str, outcome: str, text: str) -> None:
    assert found[name]["outcome"] == outcome and text in found[name]["detail"], found[name]
    assert "sesame" not in found[name]["detail"] and "barley" not in found[name]["detail"]


def _tcp(port: int, protocol: str, more: str = "") -> str:
    return f"tcp: {{address: '127.0.0.1:{port}', protocol: {protocol}{more}}}"


@_needs("redis-server")
def test_redis(agent, start: Start, secrets: dict[str, Path], tmp_path: Path) -> None:
    port = free_port()
    start(port, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path,
          "--requirepass", "open sesame")
    found = _run(agent, {
        "right": _tcp(port, "redis", f", password_file: {secrets['right']}"),
        "wrong": _tcp(port, "redis", f", password_file: {secrets['wrong']}"),
        "none": _tcp(port, "redis"),
        "missing": _tcp(port, "redis", f", password_file: {tmp_path}/nothing"),
    })
    _expect(found, "right", "pass", "PONG in ")
    _expect(found, "wrong", "fail", "user or password not accepted")
    _expect(found, "none", "degraded", "asks for a password")
    _expect(found, "missing", "unknown", "No such file or directory")
    assert "open sesame" not in agent.log_text()


@needs_root
@pytest.mark.skipif(not _postgresql(), reason="needs the package postgresql")
def test_postgresql(agent, start: Start, secrets: dict[str, Path], tmp_path: Path) -> None:
    programs = _postgresql()
    folder = Path("/tmp") / f"probe-postgresql-{os.getpid()}"
    folder.mkdir()
    shutil.chown(folder, "postgres")
    password = folder / "password"
    password.write_text("open sesame")
    password.chmod(0o644)
    try:
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "shop", "--auth=scram-sha-256",
             f"--pwfile={password}", "--no-sync", "--locale=C"],
            check=True, capture_output=True, user="postgres", group=pwd.getpwnam("postgres").pw_gid,
            extra_groups=[], cwd="/",
        )
        port = free_port()
        start(port, programs / "postgres", "-D", folder / "data", "-p", port, "-h", "127.0.0.1", "-k", folder,
              "-F", user="postgres")
        found = _run(agent, {
            "right": _tcp(port, "postgresql", f", user: shop, password_file: {secrets['right']}"),
            "wrong": _tcp(port, "postgresql", f", user: shop, password_file: {secrets['wrong']}"),
            "stranger": _tcp(port, "postgresql", f", user: nobody, password_file: {secrets['right']}"),
            "database": _tcp(port, "postgresql", f", user: shop, password_file: {secrets['right']}, database: none"),
            "none": _tcp(port, "postgresql"),
            "tls": _tcp(port, "postgresql", ", tls: {verify: false}"),
        })
        _expect(found, "right", "pass", ", logged in as shop in ")
        _expect(found, "wrong", "fail", "28P01")
        _expect(found, "stranger", "fail", "28P01")
        _expect(found, "database", "fail", "3D000")
        _expect(found, "none", "pass", "PostgreSQL asks for a password (SASL) in ")
        _expect(found, "tls", "fail", "PostgreSQL does not speak TLS")
    finally:
        agent.close()
        shutil.rmtree(folder, ignore_errors=True)


@needs_root
@_needs("mariadbd", "mariadb-install-db")
def test_mysql(agent, start: Start, secrets: dict[str, Path]) -> None:
    folder = Path("/tmp") / f"probe-mariadb-{os.getpid()}"
    folder.mkdir()
    shutil.chown(folder, "mysql", "mysql")
    first = folder / "first.sql"
    first.write_text("CREATE USER shop@'%' IDENTIFIED BY 'open sesame';\n")
    first.chmod(0o644)
    try:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={folder}/data", "--user=mysql",
             "--skip-test-db", "--auth-root-authentication-method=socket"],
            check=True, capture_output=True,
        )
        port = free_port()
        start(port, "mariadbd", "--no-defaults", f"--datadir={folder}/data", f"--port={port}",
              "--bind-address=127.0.0.1", f"--socket={folder}/s", f"--pid-file={folder}/pid",
              f"--init-file={first}", "--user=mysql", "--innodb-buffer-pool-size=8M", "--skip-name-resolve")
        found = _run(agent, {
            "right": _tcp(port, "mysql", f", user: shop, password_file: {secrets['right']}"),
            "wrong": _tcp(port, "mysql", f", user: shop, password_file: {secrets['wrong']}"),
            "none": _tcp(port, "mysql"),
        })
        _expect(found, "right", "pass", "logged in as shop in ")
        _expect(found, "wrong", "fail", "error 1045")
        _expect(found, "none", "pass", "MariaDB ")
    finally:
        agent.close()
        shutil.rmtree(folder, ignore_errors=True)


@_needs("memcached")
def test_memcached(agent, start: Start) -> None:
    port = free_port()
    start(port, "memcached", "-p", port, "-l", "127.0.0.1", "-u", pwd.getpwuid(os.geteuid()).pw_name)
    found = _run(agent, {"version": _tcp(port, "memcached"), "other": _tcp(port, "redis")})
    _expect(found, "version", "pass", "memcached ")
    _expect(found, "other", "fail", "this is not redis")


@_needs("mosquitto", "mosquitto_passwd")
def test_mqtt(agent, start: Start, secrets: dict[str, Path]) -> None:
    port = free_port()
    folder = Path("/tmp") / f"probe-mosquitto-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        users = folder / "users"
        subprocess.run(["mosquitto_passwd", "-c", "-b", users, "shop", "open sesame"], check=True, capture_output=True)
        users.chmod(0o644)
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\npassword_file {users}\nallow_anonymous false\n")
        start(port, "mosquitto", "-c", config)
        found = _run(agent, {
            "right": _tcp(port, "mqtt", f", user: shop, password_file: {secrets['right']}"),
            "wrong": _tcp(port, "mqtt", f", user: shop, password_file: {secrets['wrong']}"),
            "none": _tcp(port, "mqtt"),
        })
        _expect(found, "right", "pass", "MQTT, logged in as shop in ")
        _expect(found, "wrong", "fail", "not authorised (5)")
        _expect(found, "none", "degraded", "MQTT asks for a login")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@_needs("slapd")
def test_ldap(agent, start: Start, secrets: dict[str, Path], tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "db").mkdir()
    config = tmp_path / "slapd.conf"
    config.write_text(
        "include /etc/ldap/schema/core.schema\nmoduleload back_mdb\nmodulepath /usr/lib/ldap\ndatabase mdb\n"
        f"suffix dc=shop\nrootdn cn=admin,dc=shop\nrootpw \"open sesame\"\ndirectory {tmp_path}/db\nmaxsize 1048576\n"
    )
    start(port, "slapd", "-d", "0", "-f", config, "-h", f"ldap://127.0.0.1:{port}")
    user = ", user: 'cn=admin,dc=shop', password_file: "
    found = _run(agent, {
        "right": _tcp(port, "ldap", f"{user}{secrets['right']}"),
        "wrong": _tcp(port, "ldap", f"{user}{secrets['wrong']}"),
        "none": _tcp(port, "ldap"),
        "tls": _tcp(port, "ldap", ", tls: {verify: false, starttls: true}"),
    })
    _expect(found, "right", "pass", "LDAP, logged in as cn=admin,dc=shop in ")
    _expect(found, "wrong", "fail", "user or password not accepted (49)")
    _expect(found, "none", "pass", "LDAP, anonymous login in ")
    _expect(found, "tls", "fail", "LDAP StartTLS: ")


def test_smtp(agent, certificates) -> None:
    controller = pytest.importorskip("aiosmtpd.controller", reason="needs the package python3-aiosmtpd")
    handlers = pytest.importorskip("aiosmtpd.handlers")
    port = free_port()
    server = controller.Controller(handlers.Sink(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        found = _run(agent, {
            "plain": _tcp(port, "smtp"),
            "tls": _tcp(port, "smtp", ", tls: {verify: false, starttls: true}"),
        })
    finally:
        server.stop()
    _expect(found, "plain", "pass", "SMTP: 220 ")
    _expect(found, "tls", "fail", "does not offer STARTTLS")


@_needs("dnsmasq")
def test_dns(agent, start: Start, tmp_path: Path) -> None:
    port = free_port()
    start(port, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", f"--port={port}",
          "--listen-address=127.0.0.1", "--bind-interfaces", "--user=", f"--pid-file={tmp_path}/pid",
          "--host-record=shop.example,192.0.2.10", "--local=/example/", "--txt-record=shop.example,hello world",
          "--srv-host=_http._tcp.shop.example,shop.example,8080,1,2", "--mx-host=shop.example,mail.example,10")
    server = f"server: '127.0.0.1:{port}'"
    found = _run(agent, {
        "a": f"dns: {{name: shop.example, {server}, expect: 192.0.2.10, exact: true}}",
        "tcp": f"dns: {{name: shop.example, {server}, expect: 192.0.2.10, transport: tcp}}",
        "txt": f"dns: {{name: shop.example, {server}, type: TXT, expect: hello world}}",
        "srv": f"dns: {{name: _http._tcp.shop.example, {server}, type: SRV, expect: 1 2 8080 shop.example}}",
        "mx": f"dns: {{name: shop.example, {server}, type: MX, expect: 10 mail.example}}",
        "other": f"dns: {{name: shop.example, {server}, expect: 192.0.2.11}}",
        "gone": f"dns: {{name: gone.example, {server}}}",
        "blocked": f"dns: {{name: gone.example, {server}, rcode: NXDOMAIN}}",
        "protocol": _tcp(port, "dns"),
        "datagram": _tcp(port, "dns", ", transport: udp"),
        "hex": f"tcp: {{address: '127.0.0.1:{port}', transport: udp, expect_hex: '12 34 81',"
               " send_hex: '12340100 0001000000000000 00 0002 0001'}",
        "refused": f"tcp: {{address: '127.0.0.1:{free_port()}', transport: udp, send: x, expect: y}}",
    })
    for name in ("a", "tcp", "txt", "srv", "mx"):
        _expect(found, name, "pass", "answered in ")
    _expect(found, "other", "fail", "no A 192.0.2.11 in the answer: 192.0.2.10")
    _expect(found, "gone", "fail", "NXDOMAIN (3), expected NOERROR")
    _expect(found, "blocked", "pass", "NXDOMAIN, answered in ")
    _expect(found, "protocol", "pass", "DNS answered")
    _expect(found, "datagram", "pass", "DNS answered")
    _expect(found, "refused", "fail", "connection refused by 127.0.0.1:")
    _expect(found, "hex", "pass", "answered in ")  # an answer to our id, whatever it says of the root


# Kafka 3.x to ApiVersions 3; Cassandra 4 to OPTIONS.
KAFKA_ASKED = b"\0\x12\0\x03reco"
KAFKA_ANSWER = b"\0\0\0\x1areco\0\0\x03\0\0\0\0\0\x09\0\0\x12\0\0\0\x03\0\0\0\0\0\0"
CASSANDRA_ASKED = b"\x04\0\0\0\x05\0\0\0\0"
CASSANDRA_ANSWER = b"\x84\0\0\0\x06\0\0\0\x18\0\x01\0\x0bCQL_VERSION\0\x01\0\x053.4.5"


class DocumentedServer(Server):
    """Answers one request, which has to hold these bytes."""

    def __init__(self, asked: bytes, answer: bytes) -> None:
        self.asked, self.answer = asked, answer
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        received = b""
        while self.asked not in received:
            piece = connection.recv(4096)
            if not piece:
                return
            received += piece
        connection.sendall(self.answer)


def test_kafka_and_cassandra_by_their_documents(agent) -> None:
    kafka = DocumentedServer(KAFKA_ASKED, KAFKA_ANSWER)
    cassandra = DocumentedServer(CASSANDRA_ASKED, CASSANDRA_ANSWER)
    try:
        found = _run(agent, {"kafka": _tcp(kafka.port, "kafka"), "cassandra": _tcp(cassandra.port, "cassandra")})
    finally:
        kafka.stop()
        cassandra.stop()
    _expect(found, "kafka", "pass", "Kafka, 2 APIs, in ")
    _expect(found, "cassandra", "pass", "Cassandra, CQL version 3.4.5 in ")
