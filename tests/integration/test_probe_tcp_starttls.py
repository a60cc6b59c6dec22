"""TLS within a protocol, against real servers: a good certificate passes, one of a stranger does not, and
a login goes through TLS. PostgreSQL with the passwords that it has known: SCRAM and MD5."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import Certificate, Certificates
from support.ports import free_port
from support.real_servers import RealServers, expect, needs, needs_root, postgresql, run_probes, tcp


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where other users find the way, and paths stay short enough for sockets."""
    folder = Path("/tmp") / f"starttls-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _judged(agent, port: int, protocol: str, certificates: Certificates) -> dict[str, dict]:
    """By the authority that signed the certificate, by all others, and for another name."""
    tls = f"starttls: true, ca_file: {certificates.ca_file}"
    return run_probes(agent, {
        "good": tcp(port, protocol, f", tls: {{{tls}}}"),
        "stranger": tcp(port, protocol, ", tls: {starttls: true}"),
        "name": tcp(port, protocol, f", tls: {{{tls}, server_name: shop.invalid}}"),
        "unverified": tcp(port, protocol, ", tls: {starttls: true, verify: false}"),
        "clear": tcp(port, protocol),
    })  # fmt: skip


def _expect_judged(found: dict[str, dict], greeting: str) -> None:
    for name in ("good", "unverified", "clear"):
        expect(found, name, "pass", greeting)
    for name in ("stranger", "name"):
        expect(found, name, "fail", "certificate")


def test_smtp(agent, certificates: Certificates) -> None:
    controller = pytest.importorskip("aiosmtpd.controller", reason="needs the package python3-aiosmtpd")
    handlers = pytest.importorskip("aiosmtpd.handlers")
    port = free_port()
    server = controller.Controller(
        handlers.Sink(), hostname="127.0.0.1", port=port, tls_context=certificates.good.server_context()
    )
    server.start()
    try:
        found = _judged(agent, port, "smtp", certificates)
    finally:
        server.stop()
    _expect_judged(found, "SMTP: 220 ")


DOVECOT = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}
}}
"""


@needs_root
@needs("dovecot")
def test_imap(agent, start_server: RealServers, certificates: Certificates, folder: Path) -> None:
    port = free_port()
    (folder / "dovecot.conf").write_text(
        DOVECOT.format(
            folder=folder, port=port, certificate=certificates.good.certificate, key=certificates.good.key
        )
    )
    start_server.start(port, "dovecot", "-F", "-c", folder / "dovecot.conf")
    _expect_judged(_judged(agent, port, "imap", certificates), "IMAP: ")


@needs("slapd")
def test_ldap(agent, start_server: RealServers, certificates: Certificates, folder: Path) -> None:
    port = free_port()
    (folder / "db").mkdir()
    config = folder / "slapd.conf"
    config.write_text(
        "include /etc/ldap/schema/core.schema\nmoduleload back_mdb\nmodulepath /usr/lib/ldap\n"
        f"TLSCACertificateFile {certificates.ca_file}\nTLSCertificateFile {certificates.good.certificate}\n"
        f"TLSCertificateKeyFile {certificates.good.key}\n"
        f"database mdb\nsuffix dc=shop\nrootdn cn=admin,dc=shop\nrootpw secret\ndirectory {folder}/db\nmaxsize 1048576\n"
    )
    start_server.start(port, "slapd", "-d", "0", "-f", config, "-h", f"ldap://127.0.0.1:{port}")
    _expect_judged(_judged(agent, port, "ldap", certificates), "LDAP, anonymous login in ")


def _copy_for(user: str, certificate: Certificate, folder: Path) -> Certificate:
    """A server that gave up root reads a key of its own only."""
    copied = Certificate(folder / "server.pem", folder / "server.key")
    shutil.copy(certificate.certificate, copied.certificate)
    shutil.copy(certificate.key, copied.key)
    copied.key.chmod(0o600)
    for path in (copied.certificate, copied.key):
        shutil.chown(path, user)
    return copied


OLD_USER = "SET password_encryption = 'md5';\nCREATE ROLE old LOGIN PASSWORD 'open sesame';\n"
HOST_RULES = "hostssl all old 127.0.0.1/32 md5\nhost all shop 127.0.0.1/32 scram-sha-256\n"


def _make_cluster(programs: Path, folder: Path) -> Path:
    """A database with the user shop by SCRAM, and the user old by MD5 and through TLS only."""
    data, password = folder / "data", folder / "password"
    password.write_text("open sesame")
    password.chmod(0o644)
    shutil.chown(folder, "postgres")
    as_postgres = {"user": "postgres", "group": pwd.getpwnam("postgres").pw_gid, "extra_groups": [], "cwd": "/"}
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "shop", f"--pwfile={password}", "--no-sync", "--locale=C"],
        check=True, capture_output=True, **as_postgres,
    )  # fmt: skip
    (data / "pg_hba.conf").write_text(HOST_RULES)
    subprocess.run(
        [programs / "postgres", "--single", "-F", "-D", data, "postgres"],
        check=True, capture_output=True, input=OLD_USER.encode(), **as_postgres,
    )  # fmt: skip
    return data


@needs_root
@pytest.mark.skipif(not postgresql(), reason="needs the package postgresql")
def test_postgresql(
    agent, start_server: RealServers, secrets: dict[str, Path], certificates: Certificates, folder: Path
) -> None:
    programs = postgresql()
    data = _make_cluster(programs, folder)
    server = _copy_for("postgres", certificates.good, folder)
    port = free_port()
    start_server.start(
        port, programs / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", folder, "-F",
        "-c", "ssl=on", "-c", f"ssl_cert_file={server.certificate}", "-c", f"ssl_key_file={server.key}", user="postgres",
    )  # fmt: skip
    good = f", tls: {{ca_file: {certificates.ca_file}}}"
    right, wrong = f", password_file: {secrets['right']}", f", password_file: {secrets['wrong']}"
    found = run_probes(agent, {
        "scram": tcp(port, "postgresql", f", user: shop{right}"),
        "scram_tls": tcp(port, "postgresql", f", user: shop{right}{good}"),
        "scram_wrong": tcp(port, "postgresql", f", user: shop{wrong}{good}"),
        "md5": tcp(port, "postgresql", f", user: old, database: postgres{right}{good}"),
        "md5_wrong": tcp(port, "postgresql", f", user: old, database: postgres{wrong}{good}"),
        "md5_clear": tcp(port, "postgresql", f", user: old, database: postgres{right}"),
        "stranger": tcp(port, "postgresql", f", user: shop{right}, tls: true"),
        "name": tcp(port, "postgresql", f", user: shop{right}, tls: {{ca_file: {certificates.ca_file}, server_name: x.invalid}}"),
    })  # fmt: skip
    agent.close()
    expect(found, "scram", "pass", ", logged in as shop in ")
    expect(found, "scram_tls", "pass", ", logged in as shop in ")
    expect(found, "scram_wrong", "fail", "28P01")
    expect(found, "md5", "pass", ", logged in as old in ")
    expect(found, "md5_wrong", "fail", "28P01")
    expect(found, "md5_clear", "fail", "28000")  # no rule of the server lets it in without TLS
    expect(found, "stranger", "fail", "certificate")
    expect(found, "name", "fail", "certificate")
