"""The protocols of the tcp probe, and the dns probe, against real servers: a right password passes, a
wrong one does not. Kafka and Cassandra are not in Debian: their answers here are bytes written after
the documents of their protocols."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from support.documented import CASSANDRA, KAFKA, DocumentedServer
from support.ports import free_port
from support.real_servers import RealServers, expect, needs, needs_root, postgresql, run_probes, tcp


@needs("redis-server")
def test_redis(agent, start_server: RealServers, secrets: dict[str, Path], tmp_path: Path) -> None:
    port = free_port()
    start_server.start(
        port, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path,
        "--requirepass", "open sesame",
    )
    found = run_probes(agent, {
        "right": tcp(port, "redis", f", password_file: {secrets['right']}"),
        "wrong": tcp(port, "redis", f", password_file: {secrets['wrong']}"),
        "none": tcp(port, "redis"),
        "missing": tcp(port, "redis", f", password_file: {tmp_path}/nothing"),
    })
    expect(found, "right", "pass", "PONG in ")
    expect(found, "wrong", "fail", "user or password not accepted")
    expect(found, "none", "degraded", "asks for a password")
    expect(found, "missing", "unknown", "No such file or directory")
    assert "open sesame" not in agent.log_text()


@needs_root
@pytest.mark.skipif(not postgresql(), reason="needs the package postgresql")
def test_postgresql(agent, start_server: RealServers, secrets: dict[str, Path], tmp_path: Path) -> None:
    programs = postgresql()
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
        start_server.start(
            port, programs / "postgres", "-D", folder / "data", "-p", port, "-h", "127.0.0.1", "-k", folder,
            "-F", user="postgres",
        )
        found = run_probes(agent, {
            "right": tcp(port, "postgresql", f", user: shop, password_file: {secrets['right']}"),
            "wrong": tcp(port, "postgresql", f", user: shop, password_file: {secrets['wrong']}"),
            "stranger": tcp(port, "postgresql", f", user: nobody, password_file: {secrets['right']}"),
            "database": tcp(port, "postgresql", f", user: shop, password_file: {secrets['right']}, database: none"),
            "none": tcp(port, "postgresql"),
            "tls": tcp(port, "postgresql", ", tls: {verify: false}"),
        })
        expect(found, "right", "pass", ", logged in as shop in ")
        expect(found, "wrong", "fail", "28P01")
        expect(found, "stranger", "fail", "28P01")
        expect(found, "database", "fail", "3D000")
        expect(found, "none", "pass", "PostgreSQL asks for a password (SASL) in ")
        expect(found, "tls", "fail", "PostgreSQL does not speak TLS")
    finally:
        agent.close()
        shutil.rmtree(folder, ignore_errors=True)


@needs_root
@needs("mariadbd", "mariadb-install-db")
def test_mysql(agent, start_server: RealServers, secrets: dict[str, Path]) -> None:
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
        start_server.start(
            port, "mariadbd", "--no-defaults", f"--datadir={folder}/data", f"--port={port}",
            "--bind-address=127.0.0.1", f"--socket={folder}/s", f"--pid-file={folder}/pid",
            f"--init-file={first}", "--user=mysql", "--innodb-buffer-pool-size=8M", "--skip-name-resolve",
        )
        found = run_probes(agent, {
            "right": tcp(port, "mysql", f", user: shop, password_file: {secrets['right']}"),
            "wrong": tcp(port, "mysql", f", user: shop, password_file: {secrets['wrong']}"),
            "none": tcp(port, "mysql"),
        })
        expect(found, "right", "pass", "logged in as shop in ")
        expect(found, "wrong", "fail", "error 1045")
        expect(found, "none", "pass", "MariaDB ")
    finally:
        agent.close()
        shutil.rmtree(folder, ignore_errors=True)


@needs("memcached")
def test_memcached(agent, start_server: RealServers) -> None:
    port = free_port()
    start_server.start(port, "memcached", "-p", port, "-l", "127.0.0.1", "-u", pwd.getpwuid(os.geteuid()).pw_name)
    found = run_probes(agent, {"version": tcp(port, "memcached"), "other": tcp(port, "redis")})
    expect(found, "version", "pass", "memcached ")
    expect(found, "other", "fail", "this is not redis")


@needs("mosquitto", "mosquitto_passwd")
def test_mqtt(agent, start_server: RealServers, secrets: dict[str, Path]) -> None:
    port = free_port()
    folder = Path("/tmp") / f"probe-mosquitto-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        users = folder / "users"
        subprocess.run(["mosquitto_passwd", "-c", "-b", users, "shop", "open sesame"], check=True, capture_output=True)
        users.chmod(0o644)
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {port} 127.0.0.1\npassword_file {users}\nallow_anonymous false\n")
        start_server.start(port, "mosquitto", "-c", config)
        found = run_probes(agent, {
            "right": tcp(port, "mqtt", f", user: shop, password_file: {secrets['right']}"),
            "wrong": tcp(port, "mqtt", f", user: shop, password_file: {secrets['wrong']}"),
            "none": tcp(port, "mqtt"),
        })
        expect(found, "right", "pass", "MQTT, logged in as shop in ")
        expect(found, "wrong", "fail", "not authorised (5)")
        expect(found, "none", "degraded", "MQTT asks for a login")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@needs("slapd")
def test_ldap(agent, start_server: RealServers, secrets: dict[str, Path], tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "db").mkdir()
    config = tmp_path / "slapd.conf"
    config.write_text(
        "include /etc/ldap/schema/core.schema\nmoduleload back_mdb\nmodulepath /usr/lib/ldap\ndatabase mdb\n"
        f"suffix dc=shop\nrootdn cn=admin,dc=shop\nrootpw \"open sesame\"\ndirectory {tmp_path}/db\nmaxsize 1048576\n"
    )
    start_server.start(port, "slapd", "-d", "0", "-f", config, "-h", f"ldap://127.0.0.1:{port}")
    user = ", user: 'cn=admin,dc=shop', password_file: "
    found = run_probes(agent, {
        "right": tcp(port, "ldap", f"{user}{secrets['right']}"),
        "wrong": tcp(port, "ldap", f"{user}{secrets['wrong']}"),
        "none": tcp(port, "ldap"),
        "tls": tcp(port, "ldap", ", tls: {verify: false, starttls: true}"),
    })
    expect(found, "right", "pass", "LDAP, logged in as cn=admin,dc=shop in ")
    expect(found, "wrong", "fail", "user or password not accepted (49)")
    expect(found, "none", "pass", "LDAP, anonymous login in ")
    expect(found, "tls", "fail", "LDAP StartTLS: ")


def test_smtp(agent, certificates) -> None:
    controller = pytest.importorskip("aiosmtpd.controller", reason="needs the package python3-aiosmtpd")
    handlers = pytest.importorskip("aiosmtpd.handlers")
    port = free_port()
    server = controller.Controller(handlers.Sink(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        found = run_probes(agent, {
            "plain": tcp(port, "smtp"),
            "tls": tcp(port, "smtp", ", tls: {verify: false, starttls: true}"),
        })
    finally:
        server.stop()
    expect(found, "plain", "pass", "SMTP: 220 ")
    expect(found, "tls", "fail", "does not offer STARTTLS")


@needs("dnsmasq")
def test_dns(agent, start_server: RealServers, tmp_path: Path) -> None:
    port = free_port()
    start_server.start(
        port, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
        f"--port={port}",
        "--listen-address=127.0.0.1", "--bind-interfaces", "--user=", f"--pid-file={tmp_path}/pid",
        "--host-record=shop.example,192.0.2.10", "--local=/example/", "--txt-record=shop.example,hello world",
        "--srv-host=_http._tcp.shop.example,shop.example,8080,1,2", "--mx-host=shop.example,mail.example,10",
    )
    server = f"server: '127.0.0.1:{port}'"
    found = run_probes(agent, {
        "a": f"dns: {{name: shop.example, {server}, expect: 192.0.2.10, exact: true}}",
        "tcp": f"dns: {{name: shop.example, {server}, expect: 192.0.2.10, transport: tcp}}",
        "txt": f"dns: {{name: shop.example, {server}, type: TXT, expect: hello world}}",
        "srv": f"dns: {{name: _http._tcp.shop.example, {server}, type: SRV, expect: 1 2 8080 shop.example}}",
        "mx": f"dns: {{name: shop.example, {server}, type: MX, expect: 10 mail.example}}",
        "other": f"dns: {{name: shop.example, {server}, expect: 192.0.2.11}}",
        "gone": f"dns: {{name: gone.example, {server}}}",
        "blocked": f"dns: {{name: gone.example, {server}, rcode: NXDOMAIN}}",
        "protocol": tcp(port, "dns"),
        "datagram": tcp(port, "dns", ", transport: udp"),
        "hex": f"tcp: {{address: '127.0.0.1:{port}', transport: udp, expect_hex: '12 34 81',"
               " send_hex: '12340100 0001000000000000 00 0002 0001'}",
        "refused": f"tcp: {{address: '127.0.0.1:{free_port()}', transport: udp, send: x, expect: y}}",
    })
    for name in ("a", "tcp", "txt", "srv", "mx"):
        expect(found, name, "pass", "answered in ")
    expect(found, "other", "fail", "no A 192.0.2.11 in the answer: 192.0.2.10")
    expect(found, "gone", "fail", "NXDOMAIN (3), expected NOERROR")
    expect(found, "blocked", "pass", "NXDOMAIN, answered in ")
    expect(found, "protocol", "pass", "DNS answered")
    expect(found, "datagram", "pass", "DNS answered")
    expect(found, "refused", "fail", "connection refused by 127.0.0.1:")
    expect(found, "hex", "pass", "answered in ")  # an answer to our id, whatever it says of the root


def test_kafka_and_cassandra_by_their_documents(agent) -> None:
    kafka = DocumentedServer(*KAFKA)
    cassandra = DocumentedServer(*CASSANDRA)
    try:
        found = run_probes(agent, {"kafka": tcp(kafka.port, "kafka"), "cassandra": tcp(cassandra.port, "cassandra")})
    finally:
        kafka.stop()
        cassandra.stop()
    expect(found, "kafka", "pass", "Kafka, 2 APIs, in ")
    expect(found, "cassandra", "pass", "Cassandra, CQL version 3.4.5 in ")
