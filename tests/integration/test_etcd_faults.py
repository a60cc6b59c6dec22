"""The coordinator etcd over TLS, with users, and when what answers is not what it should be."""

from __future__ import annotations

import base64
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.certificates import Certificates
from support.ensemble import Etcd, needs_etcd
from support.hung_mount import HungMount
from support.real_servers import RealServers
from support.seat import Seat
from support.servers import Answer, HttpServer, TcpServer
from support.waiting import wait_until

LEASE = 4.0
PATIENCE = 60

pytestmark = needs_etcd

Take = Callable[..., Seat]


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Take]:
    seats: list[Seat] = []

    def make(member: str, url: str, *settings: str, folder: str = "", lease: float = LEASE) -> Seat:
        place = tmp_path / (folder or member.replace("/", "-"))
        seats.append(Seat(place, "etcd", member, lease, "shop", (f"server={url}", "root=/recoverd", *settings)))
        return seats[-1]

    yield make
    for seat in seats:
        seat.close()


def _secret(folder: Path, text: str) -> str:
    path = folder / f"secret-{text}"
    path.write_text(f"{text}\n")
    return f"password_file={path}"


def test_users(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    etcd = Etcd(start_server, tmp_path)
    key, end = (base64.b64encode(text).decode() for text in (b"/recoverd/", b"/recoverd0"))
    permission = {"permType": "READWRITE", "key": key, "range_end": end}
    for path, body in (
        ("auth/user/add", {"name": "root", "password": "oats"}),
        ("auth/user/grant", {"user": "root", "role": "root"}),
        ("auth/role/add", {"name": "agents"}),
        ("auth/role/grant", {"name": "agents", "perm": permission}),
        ("auth/user/add", {"name": 'agent "one"', "password": "barley"}),
        ("auth/user/grant", {"user": 'agent "one"', "role": "agents"}),
        ("auth/user/add", {"name": "guest", "password": "rye"}),
        ("auth/enable", {}),
    ):
        etcd.call(path, body)
    one = take("one/web", etcd.url, 'user=agent "one"', _secret(tmp_path, "barley"))
    one.tell("want")
    one.wait(standing="ours")
    for name, user, password, said in (
        ("two/web", 'agent "one"', "wheat", "authentication failed, invalid user ID or password"),
        ("three/web", "guest", "rye", "permission denied"),
    ):
        other = take(name, etcd.url, f"user={user}", _secret(tmp_path, password))
        other.tell("want")
        assert said in other.wait(session="refused", standing="unknown")["why"]
        assert password not in other.log_text() + str(other.views)
    assert "user name is empty" in take("four/web", etcd.url).wait(session="refused")["why"]
    one.keeps(1, standing="ours")


def test_tls(start_server: RealServers, take: Take, tmp_path: Path, certificates: Certificates) -> None:
    good, authority = certificates.good, certificates.authority.file
    etcd = Etcd(start_server, tmp_path, "--cert-file", good.certificate, "--key-file", good.key, "--client-cert-auth",
                "--trusted-ca-file", authority, scheme="https")  # fmt: skip
    client = (f"cert_file={good.certificate}", f"key_file={good.key}")
    one = take("one/web", etcd.url, f"ca_file={authority}", *client)
    one.tell("want")
    one.wait(standing="ours", within=PATIENCE)
    stranger = take("two/web", etcd.url, *client)  # the system's authorities do not know it
    view = stranger.wait(session="connecting", standing="unknown")
    wait_until(lambda: "certificate" in stranger.view["why"].lower(), PATIENCE, f"it says why: {view}")
    bare = take("three/web", etcd.url, f"ca_file={authority}")
    bare.tell("want")
    wait_until(lambda: bare.view.get("why"), PATIENCE, "it says that it is not let in")
    bare.keeps(1, standing="unknown")


def test_two_hosts_with_the_same_name(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    etcd = Etcd(start_server, tmp_path)
    one, two = take("one/web", etcd.url, folder="first"), None
    one.tell("want")
    one.wait(standing="ours")
    two = take("one/web", etcd.url, folder="second")
    two.tell("want")
    assert "two hosts have the same name" in two.wait(session="refused", standing="unknown")["why"]
    one.keeps(LEASE, standing="ours")


def test_it_stands_still_and_comes_back(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    etcd = Etcd(start_server, tmp_path)
    one, two = take("one/web", etcd.url), take("two/web", etcd.url)
    one.tell("want")
    one.wait(standing="ours")
    two.tell("want")
    two.wait(standing="other")
    etcd.process.send_signal(signal.SIGSTOP)
    try:
        end = one.ask()["usable_until"]
        one.wait(standing="unknown", within=PATIENCE)
        assert one.ask()["now"] >= end and one.view["session"] == "lost"
        two.wait(standing="unknown", within=PATIENCE)
    finally:
        etcd.process.send_signal(signal.SIGCONT)
    wait_until(lambda: one.is_ours() or two.is_ours(), PATIENCE, "somebody has it again")
    assert not (one.ask()["standing"] == "ours" and two.ask()["standing"] == "ours")


def test_a_key_that_somebody_removes(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    etcd = Etcd(start_server, tmp_path)
    one = take("one/web", etcd.url)
    one.tell("want")
    token = one.wait(standing="ours")["token"]
    etcd.call("kv/deleterange", {"key": base64.b64encode(b"/recoverd/shop/lease").decode()})
    wait_until(lambda: one.is_ours() and one.view["token"] > token, PATIENCE, "it is taken anew, with a new token")


def test_keys_of_somebody_else(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    """Whoever is written there has it: nobody is promoted until a person has removed it."""
    etcd = Etcd(start_server, tmp_path)
    lease = base64.b64encode(b"/recoverd/shop/lease").decode()
    for key, value in ((b"lease", b"mine"), (b"members/stranger", b"\xff\xfe"), (b"next", b"nobody/here"), (b"more/x", b"")):
        etcd.call("kv/put", {"key": base64.b64encode(b"/recoverd/shop/" + key).decode(), "value": base64.b64encode(value).decode()})
    one = take("one/web", etcd.url)
    one.tell("want")
    one.wait(standing="other", holder="")
    one.keeps(1, standing="other")
    etcd.call("kv/deleterange", {"key": lease})
    one.wait(standing="ours", within=PATIENCE)


def test_a_lease_shorter_than_what_the_server_grants(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    """Leases of etcd last as long as an election and a half, at least: that is what another waits for."""
    etcd = Etcd(start_server, tmp_path, "--heartbeat-interval", "500", "--election-timeout", "5000")
    one, two = take("one/web", etcd.url, lease=2), take("two/web", etcd.url, lease=2)
    one.tell("want")
    view = one.wait(standing="ours", within=PATIENCE)
    assert view["granted"] >= 7_000_000
    two.tell("want")
    two.wait(standing="other", within=PATIENCE)
    end = one.ask()["usable_until"]
    one.signal(signal.SIGSTOP)
    assert two.wait(standing="ours", within=PATIENCE)["now"] >= end
    one.signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=200, body=b"<html>"), "the answer is not one of etcd: no object of JSON"),
        (Answer(status=200, body=b'{"header":{},"kvs":[{"key":7}]}'), "the answer is not one of etcd: a key"),
        (Answer(status=404, body=b"404 page not found"), "status 404 for /v3/kv/range: this is no etcd of version 3.4 or later"),
        (Answer(manner="garbage"), ""),
        (Answer(manner="hang"), ""),
        (Answer(manner="endless"), ""),
        (Answer(manner="close"), ""),
    ],
    ids=["html", "wrong-types", "other-server", "garbage", "hang", "endless", "close"],
)
def test_something_else_answers(http_server: Callable[..., HttpServer], take: Take, answer: Answer, said: str) -> None:
    server = http_server(answer)
    one = take("one/web", server.url)
    one.tell("want")
    view = wait_until(lambda: one.view if one.view.get("why") else None, PATIENCE, "it says why")
    assert said in view["why"] and str(server.port) in view["why"] and view["standing"] == "unknown"
    one.keeps(1, standing="unknown")


def test_a_server_that_does_not_speak_http(tcp_server: Callable[..., TcpServer], take: Take) -> None:
    server = tcp_server(greeting=b"\xff" * 100)
    one = take("one/web", f"http://127.0.0.1:{server.port}")
    wait_until(lambda: one.view.get("why"), PATIENCE, "it says why")
    one.keeps(1, standing="unknown")


def test_the_next_server_is_asked(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    etcd = Etcd(start_server, tmp_path)
    one = take("one/web", "http://127.0.0.1:1", f"server={etcd.url}")
    one.tell("want")
    one.wait(standing="ours")


def test_settings_that_make_no_sense(take: Take, tmp_path: Path) -> None:
    for settings, said in (
        (("server=etcd1:2379",), "a server of etcd is http://HOST:PORT or https://..., not etcd1:2379"),
        (("user=agent",), "a user of etcd needs a password_file"),
    ):
        one = take("one/web", "http://127.0.0.1:1", *settings)
        assert one.process.wait(30) == 1 and said in one.log_text()


def test_files_that_a_person_mends(start_server: RealServers, take: Take, tmp_path: Path) -> None:
    etcd = Etcd(start_server, tmp_path)
    password = tmp_path / "password"
    one = take("one/web", etcd.url, f"ca_file={tmp_path}")
    assert one.wait(session="refused")["why"] == f"coordinator: ca_file {tmp_path}: Is a directory"
    two = take("two/web", etcd.url, f"ca_file={password}")
    assert two.wait(session="refused")["why"] == f"coordinator: ca_file {password}: No such file or directory"
    password.write_text("")
    wait_until(lambda: two.view["why"] == f"coordinator: ca_file {password} is empty", PATIENCE, "it is read again")
    password.write_text("barley\n")
    two.tell("want")
    two.wait(standing="ours")


def test_a_file_system_that_hangs(start_server: RealServers, take: Take, tmp_path: Path, hung_mount: HungMount) -> None:
    etcd = Etcd(start_server, tmp_path)
    file = tmp_path / "ca.pem"
    file.symlink_to(hung_mount.path / "ca.pem")
    hung_mount.hang()
    one = take("one/web", etcd.url, f"ca_file={file}")
    one.tell("want")
    assert one.ask()["standing"] == "unknown"  # the loop goes on
    one.wait(session="refused", why="coordinator: a file of its settings takes too long to be read", within=PATIENCE)
    file.unlink()
    file.write_text("barley\n")  # nothing of it is needed without TLS
    one.wait(standing="ours", within=PATIENCE)
    two = take("two/web", etcd.url, f"ca_file={hung_mount.path}/ca.pem")
    two.ask()
    two.tell("leave")  # while it is being read
    wait_until(lambda: two.view.get("left"), PATIENCE, "it has left")
