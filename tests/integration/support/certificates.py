"""A certificate authority of the tests' own, and certificates that are good, expired, or for others."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

LOCAL_NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {done.stderr}")


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path

    def server_context(self, client_ca: Path | None = None) -> ssl.SSLContext:
        """With client_ca, a client has to show a certificate of that authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context


class Authority:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "ca.pem"
        _openssl(
            folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", "ca.key", "-out", "ca.pem", "-days", "60", "-subj", "/CN=Test authority",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip

    def issue(self, name: str, names: str = LOCAL_NAMES, days: int = 30) -> Certificate:
        """`days` below zero: expired since then."""
        _openssl(
            self.folder, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
        )  # fmt: skip
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        _openssl(
            self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )  # fmt: skip
        return Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")


def _sign_itself(folder: Path, name: str) -> Certificate:
    _openssl(
        folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN={name}",
        "-addext", f"subjectAltName={LOCAL_NAMES}",
    )  # fmt: skip
    return Certificate(folder / f"{name}.pem", folder / f"{name}.key")


class Certificates:
    """Made once a session: each takes openssl some ten milliseconds."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.good = self.authority.issue("good")
        self.expired = self.authority.issue("expired", days=-1)
        self.other_host = self.authority.issue("other", names="DNS:other.invalid")
        self.short = self.authority.issue("short", days=2)
        self.client = self.authority.issue("client", names="DNS:client.invalid")
        self.self_signed = _sign_itself(folder, "lonely")
        stranger = folder / "stranger"
        stranger.mkdir()
        self.unknown_authority = Authority(stranger).issue("unknown")

    @property
    def ca_file(self) -> Path:
        return self.authority.file
