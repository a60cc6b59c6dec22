"""The coordinator zookeeper when the ensemble, its tree, or what is behind the address is not as it should be."""

from __future__ import annotations

import itertools
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import real_zookeeper
from support.ensemble import Ensemble, needs_zookeeper
from support.hung_mount import HungMount
from support.ports import free_port
from support.real_servers import RealServers
from support.seat import Seat
from support.servers import TcpServer
from support.waiting import wait_until

LEASE = 4.0
PATIENCE = 60

pytestmark = [needs_zookeeper, pytest.mark.long, pytest.mark.xdist_group("zookeeper")]

_groups = itertools.count(1)
Take = Callable[..., Seat]


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ensemble]:
    folder = tmp_path_factory.mktemp("ensemble")
    servers = RealServers(folder / "log")
    ensemble = Ensemble(servers, folder)
    yield ensemble
    ensemble.resume()
    servers.stop()


@pytest.fixture
def take(ensemble: Ensemble, tmp_path: Path) -> Iterator[Take]:
    """take(member, ...) takes a seat in a group of this test's own."""
    group, seats = f"faults-{next(_groups)}", []

    def make(member: str, settings: tuple[str, ...] | None = None, lease: float = LEASE, folder: str = "") -> Seat:
        place = tmp_path / (folder or member.replace("/", "-"))
        seats.append(Seat(place, "zookeeper", member, lease, group, settings or ensemble.settings()))
        seats[-1].group = group
        return seats[-1]

    yield make
    for seat in seats:
        seat.close()


def _create(port: int, path: str) -> None:
    """A node that anybody may change, as somebody else would make it; by the protocol, without a client."""

    def text(value: bytes) -> bytes:
        return struct.pack(">i", len(value)) + value

    def call(body: bytes) -> bytes:
        peer.sendall(text(body))
        (length,) = struct.unpack(">i", stream.read(4))
        return stream.read(length)

    with socket.create_connection(("127.0.0.1", port), 10) as peer, peer.makefile("rb") as stream:
        call(struct.pack(">iqiq", 0, 0, 4000, 0) + text(bytes(16)))
        world = struct.pack(">ii", 1, 31) + text(b"world") + text(b"anyone")
        for at in [i for i, c in enumerate(path) if c == "/" and i] + [len(path)]:
            call(struct.pack(">ii", 1, 1) + text(path[:at].encode()) + text(b"") + world + struct.pack(">i", 0))


def test_another_user_is_refused(ensemble: Ensemble, take: Take) -> None:
    one = take("one/web")
    one.tell("want")
    one.wait(standing="ours")
    two = take("two/web", ensemble.settings(password="rye"))
    two.tell("want")
    view = two.wait(session="refused", standing="unknown")
    assert "not allowed: it belongs to another user, or user and password are wrong" in view["why"]
    one.keeps(1, standing="ours")


def test_a_tree_that_anybody_may_change_is_refused(ensemble: Ensemble, take: Take) -> None:
    one = take("one/web", ensemble.settings(root="/open"))
    one.wait(session="connected")  # makes the root and the group with ACLs of its own
    _create(ensemble.ports[0], "/bare/faults-x/lease")
    two = Seat(one.log.parent, "zookeeper", "two/web", LEASE, "faults-x", ensemble.settings(root="/bare"))
    try:
        view = two.wait(session="refused")
        assert view["why"].startswith("/bare/faults-x/lease: anybody may change it; remove it")
    finally:
        two.close()


def test_two_hosts_with_the_same_name(take: Take) -> None:
    one = take("one/web", folder="first")
    one.tell("want")
    one.wait(standing="ours")
    two = take("one/web", folder="second")
    two.tell("want")
    view = two.wait(session="refused", standing="unknown")
    assert "another takes part in group" in view["why"] and "two hosts have the same name" in view["why"]
    one.keeps(1, standing="ours")


def test_a_lease_that_the_ensemble_does_not_grant(take: Take) -> None:
    one = take("one/web", lease=30)
    one.tell("want")
    view = one.wait(session="refused", standing="unknown")
    assert "grants sessions of 10000ms at most" in view["why"] and "is 30000ms: raise its maxSessionTimeout" in view["why"]


def test_a_lease_shorter_than_what_the_ensemble_grants(
    start_server: RealServers, take: Take, ensemble: Ensemble, tmp_path: Path
) -> None:
    """A tick of 2s makes sessions of 4s at least: that is what the lease lasts then, and what another waits for."""
    port = free_port()
    start_server.await_start(
        start_server.launch(*real_zookeeper.command(tmp_path / "zk.cfg", tmp_path / "data", port)),
        lambda: real_zookeeper.says(port), real_zookeeper.START_SECONDS,
    )  # fmt: skip
    secret = tuple(word for word in ensemble.settings() if not word.startswith("server="))
    settings = (f"server=127.0.0.1:{port}", *secret)
    one, two = take("one/web", settings, lease=1.5), take("two/web", settings, lease=1.5)
    one.tell("want")
    view = one.wait(standing="ours", within=PATIENCE)
    assert view["granted"] == 4_000_000
    two.tell("want")
    two.wait(standing="other", within=PATIENCE)
    wait_until(lambda: (now := one.ask())["usable_until"] - now["now"] > 2_000_000, PATIENCE, "it lasts as long as that")
    end = one.ask()["usable_until"]
    one.signal(signal.SIGSTOP)
    assert two.wait(standing="ours", within=PATIENCE)["now"] >= end
    one.signal(signal.SIGCONT)


def test_settings_without_a_user(ensemble: Ensemble, tmp_path: Path) -> None:
    bare = tuple(word for word in ensemble.settings() if not word.startswith("user="))
    one = Seat(tmp_path, "zookeeper", "one/web", LEASE, "shop", bare)
    assert one.process.wait(30) == 1
    two = Seat(tmp_path, "zookeeper", "two/web", LEASE, "shop", ("server=http://zk1:2181", *ensemble.settings()))
    assert two.process.wait(30) == 1 and "a server of zookeeper is HOST:PORT, not http://zk1:2181" in two.log_text()
    assert "zookeeper needs a user and its password_file: what it keeps there must not be open" in one.log_text()


def test_a_file_system_that_hangs(ensemble: Ensemble, take: Take, tmp_path: Path, hung_mount: HungMount) -> None:
    settings = tuple(word for word in ensemble.settings() if not word.startswith("password_file="))
    file = tmp_path / "password"
    file.symlink_to(hung_mount.path / "password")
    hung_mount.hang()
    one = take("one/web", (*settings, f"password_file={file}"))
    one.tell("want")
    assert one.ask()["standing"] == "unknown"  # the loop goes on
    one.keeps(1, standing="unknown", session="connecting")
    hung_mount.release()
    one.wait(session="refused", why=f"coordinator: password_file {file}: No such file or directory", within=PATIENCE)
    file.unlink()
    file.write_text("barley\n")
    one.wait(standing="ours", within=PATIENCE)


# Silence, words of another protocol, a length that is none, a length of the handshake with zeros behind it.
@pytest.mark.parametrize("greeting", [None, b"220 hello\r\n", b"\xff" * 64, b"\0\0\0\x25" + bytes(37)])
def test_something_else_behind_the_address(
    tcp_server: Callable[..., TcpServer], take: Take, ensemble: Ensemble, greeting: bytes | None
) -> None:
    server = tcp_server(hang=True) if greeting is None else tcp_server(greeting=greeting)
    secret = [word for word in ensemble.settings() if not word.startswith("server=")]
    one = take("one/web", (f"server=127.0.0.1:{server.port}", *secret))
    one.tell("want")
    wait_until(lambda: one.view.get("why"), PATIENCE, "it says why")
    one.keeps(2, standing="unknown")
    assert one.view["session"] in ("connecting", "lost", "refused") and one.process.poll() is None


@pytest.mark.parametrize("timeout, more", [(-5, b""), (2**31 - 1, b""), (-5, b"\xff" * 64)])
def test_a_handshake_that_makes_no_sense_is_forgotten(
    tcp_server: Callable[..., TcpServer], take: Take, ensemble: Ensemble, timeout: int, more: bytes
) -> None:
    """The library would believe its timeout, and let no connection live long enough ever after."""
    greeting = struct.pack(">iiiqi16s?", 37, 0, timeout, 7, 16, b"0123456789abcdef", False)
    server = tcp_server(greeting=greeting + more)
    settings = (f"server=127.0.0.1:{server.port}", *ensemble.settings()[2:])
    # In which order each of them tries the two servers is by chance.
    for name in ("one", "two", "three", "four", "five"):
        take(f"{name}/web", settings).wait(session="connected", within=PATIENCE)


def test_a_server_that_is_lost_costs_nothing(ensemble: Ensemble, take: Take) -> None:
    one, two = take("one/web"), take("two/web")
    one.tell("want")
    token = one.wait(standing="ours")["token"]
    two.tell("want")
    two.wait(standing="other")
    leader = ensemble.leader()
    leader.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: one.ask()["session"] == "connected" and two.ask()["session"] == "connected", PATIENCE, "a new leader")
        end = [seat.wait(within=PATIENCE, session="connected") for seat in (one, two)]
        assert [view["standing"] for view in end].count("ours") <= 1
    finally:
        leader.send_signal(signal.SIGCONT)
    wait_until(lambda: one.is_ours() or two.is_ours(), PATIENCE, "somebody has it")
    holder = one if one.is_ours() else two
    assert holder.view["token"] >= token


def test_all_servers_stand_still_and_come_back(ensemble: Ensemble, take: Take) -> None:
    one, two = take("one/web"), take("two/web")
    one.tell("want")
    one.wait(standing="ours")
    two.tell("want")
    two.wait(standing="other")
    ensemble.pause()
    try:
        end = one.ask()["usable_until"]
        one.wait(standing="unknown", within=PATIENCE)
        assert one.ask()["now"] >= end
        two.wait(standing="unknown", within=PATIENCE)
        assert all(view["usable_until"] <= end for view in one.views), "it was believed in for longer than was known"
    finally:
        ensemble.resume()
    wait_until(lambda: one.is_ours() or two.is_ours(), PATIENCE, "somebody has it again")
    assert not (one.ask()["standing"] == "ours" and two.ask()["standing"] == "ours")
