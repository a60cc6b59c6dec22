"""recoverd-fence with the highest token at ZooKeeper or etcd: whatever happens, no lower one passes after a higher."""

from __future__ import annotations

import base64
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.agent import program
from support.certificates import Certificates
from support.ensemble import Ensemble, Etcd, needs_etcd, needs_zookeeper
from support.hung_mount import HungMount
from support.real_servers import RealServers
from support.servers import Answer, HttpServer, TcpServer

KINDS = [
    pytest.param("zookeeper", marks=[needs_zookeeper, pytest.mark.long, pytest.mark.xdist_group("zookeeper")]),
    pytest.param("etcd", marks=[needs_etcd, pytest.mark.xdist_group("etcd")]),
]
PATIENT = ("--within", "60s")
MANY = 20

_names = itertools.count(1)


def write_config(path: Path, kind: str, *settings: str) -> Path:
    """The same words that a seat takes, as recoverd.yaml."""
    pairs = [word.split("=", 1) for word in settings]
    servers = ", ".join(f"'{value}'" for key, value in pairs if key == "server")
    lines = [f"  {key}: '{value}'" for key, value in pairs if key != "server"]
    path.write_text("\n".join(["version: 1", "coordinator:", f"  kind: {kind}", f"  servers: [{servers}]", *lines]) + "\n")
    path.chmod(0o644)
    return path


class Fence:
    def __init__(self, config: Path) -> None:
        self.config, self.name = config, f"volume-{next(_names)}"

    def command(self, *words: object) -> list[str]:
        return [str(program("recoverd-fence")), "--coordinator", self.name, "--config", str(self.config), *map(str, words)]

    def run(self, *words: object, token: int | str | None = None) -> tuple[int, str, str]:
        env = {**os.environ, "RECOVERD_FENCING_TOKEN": "" if token is None else str(token)}
        done = subprocess.run(self.command(*words), capture_output=True, text=True, env=env, timeout=120)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def zookeeper(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    return Ensemble(servers, tmp_path_factory.mktemp("zookeeper"))


@pytest.fixture(scope="module")
def etcd(servers: RealServers, tmp_path_factory: pytest.TempPathFactory) -> Etcd:
    return Etcd(servers, tmp_path_factory.mktemp("etcd"))


@pytest.fixture(params=KINDS)
def fence(request: pytest.FixtureRequest, tmp_path: Path) -> Fence:
    kind: str = request.param
    server = request.getfixturevalue(kind)
    settings = server.settings() if kind == "zookeeper" else (f"server={server.url}", "root=/recoverd")
    return Fence(write_config(tmp_path / "recoverd.yaml", kind, *settings))


def test_a_lower_token_is_refused_and_nothing_is_run(fence: Fence, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    assert fence.run(*PATIENT, "--show") == (0, "0\n", "")
    assert fence.run(*PATIENT, token=7) == (0, "", "")
    assert fence.run(*PATIENT, "/bin/touch", trace, token=6) == (
        1, "", f"recoverd-fence: token 6 is refused: {fence.name} has seen 7, so another is active by now\n",
    )  # fmt: skip
    assert not trace.exists()
    assert fence.run(*PATIENT, "/bin/sh", "-c", f"touch {trace}; exit 42", token=7)[0] == 42 and trace.exists()
    assert fence.run(*PATIENT, token=2**64 - 1)[0] == 0
    assert fence.run(*PATIENT, "--show") == (0, f"{2**64 - 1}\n", "")


def test_many_hosts_at_once_never_go_back(fence: Fence, tmp_path: Path) -> None:
    order = tmp_path / "order"
    tokens = [(n * 7) % MANY + 1 for n in range(MANY)]
    running = [
        subprocess.Popen(fence.command("--within", "100s", "--token", token, "/bin/sh", "-c", f"echo {token} >> {order}"),
                         stderr=subprocess.PIPE, text=True)
        for token in tokens
    ]  # fmt: skip
    ended = [(one.communicate(timeout=120)[1], one.returncode) for one in running]
    assert {status for _, status in ended} <= {0, 1}, ended
    assert [status for (_, status), token in zip(ended, tokens) if token == MANY] == [0], "the highest is accepted"
    assert order.read_text().split().count(str(MANY)) == 1
    assert fence.run(*PATIENT, "--show")[1] == f"{MANY}\n"
    assert fence.run(*PATIENT, token=MANY - 1)[0] == 1


@needs_etcd
def test_what_is_no_token_is_not_believed(etcd: Etcd, tmp_path: Path) -> None:
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "etcd", f"server={etcd.url}", "root=/recoverd"))
    key = base64.b64encode(f"/recoverd/.fence/{fence.name}".encode()).decode()
    for text in (b"", b"many", b"7\n", b"9" * 40):
        etcd.call("kv/put", {"key": key, "value": base64.b64encode(text).decode()})
        status, _, said = fence.run(*PATIENT, token=9)
        assert status == 3 and "is no fencing token; write the highest that was ever used into it" in said, (text, said)


@needs_etcd
def test_users_of_etcd(start_server: RealServers, tmp_path: Path) -> None:
    etcd = Etcd(start_server, tmp_path)
    secret = tmp_path / "password"
    settings = (f"server={etcd.url}", "root=/recoverd", "user=root", f"password_file={secret}")
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "etcd", *settings))
    bare = Fence(write_config(tmp_path / "bare.yaml", "etcd", *settings[:2]))
    etcd.call("auth/user/add", {"name": "root", "password": "oats"})
    etcd.call("auth/user/grant", {"user": "root", "role": "root"})
    etcd.call("auth/enable", {})
    secret.write_text("rye\n")
    status, _, said = fence.run(*PATIENT, token=3)
    assert status == 3 and "authentication failed" in said and "rye" not in said
    status, _, said = bare.run(*PATIENT, token=3)
    assert status == 3 and "user name is empty" in said
    secret.write_text("oats\n")
    assert fence.run(*PATIENT, token=3) == (0, "", "")


@needs_etcd
def test_etcd_over_tls(start_server: RealServers, tmp_path: Path, certificates: Certificates) -> None:
    good, authority = certificates.good, certificates.authority.file
    etcd = Etcd(start_server, tmp_path, "--cert-file", good.certificate, "--key-file", good.key, scheme="https")
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "etcd", f"server={etcd.url}", f"ca_file={authority}"))
    assert fence.run(*PATIENT, token=3) == (0, "", "")
    stranger = Fence(write_config(tmp_path / "stranger.yaml", "etcd", f"server={etcd.url}"))
    status, _, said = stranger.run("--within", "12s", token=3)
    assert status == 3 and "certificate" in said.lower()


@needs_etcd
def test_servers_that_are_away(start_server: RealServers, tmp_path: Path, tcp_server: Callable[..., TcpServer]) -> None:
    etcd = Etcd(start_server, tmp_path)
    silent = tcp_server(hang=True)
    both = (f"server=http://127.0.0.1:{silent.port}", "server=http://127.0.0.1:1", f"server={etcd.url}/")
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "etcd", *both))
    assert fence.run("--within", "20s", token=3) == (0, "", "")  # the next one is asked
    etcd.process.send_signal(signal.SIGSTOP)
    try:
        before = time.monotonic()
        status, _, said = fence.run("--within", "1s", "/bin/touch", tmp_path / "trace", token=4)
        assert status == 3 and said.startswith(f"recoverd-fence: {fence.name}: ") and not (tmp_path / "trace").exists()
        assert time.monotonic() - before < 30
    finally:
        etcd.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=200, body=b"<html>"), "the answer is not one of etcd: no object of JSON"),
        (Answer(status=404, body=b"not found"), "status 404 for /v3/kv/range: this is no etcd of version 3.4 or later"),
        (Answer(status=200, body=b'{"header":{},"kvs":[{"key":7}]}'), "the answer is not one of etcd: a key"),
        (Answer(manner="garbage"), ""),
        (Answer(manner="endless"), ""),
        (Answer(manner="close"), ""),
    ],
    ids=["html", "other-server", "wrong-types", "garbage", "endless", "close"],
)
def test_something_else_answers(http_server: Callable[..., HttpServer], tmp_path: Path, answer: Answer, said: str) -> None:
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "etcd", f"server={http_server(answer).url}"))
    status, _, text = fence.run("--within", "30s" if said else "2s", token=3)
    assert status == 3 and said in text, text


@needs_zookeeper
@pytest.mark.long
@pytest.mark.xdist_group("zookeeper")
def test_zookeeper_of_another_user_and_away(zookeeper: Ensemble, tmp_path: Path) -> None:
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "zookeeper", *zookeeper.settings(root="/fences/shop")))
    assert fence.run(*PATIENT, token=5) == (0, "", "")
    fence.config = write_config(tmp_path / "rye.yaml", "zookeeper", *zookeeper.settings(root="/fences/shop", password="rye"))
    status, _, said = fence.run(*PATIENT, token=6)
    assert status == 3 and "not allowed: it belongs to another user, or user and password are wrong" in said
    zookeeper.pause()
    try:
        fence.config = tmp_path / "recoverd.yaml"
        status, _, said = fence.run("--within", "12s", token=6)
        assert status == 3 and "no server of the ensemble has answered in time" in said
    finally:
        zookeeper.resume()
    assert fence.run(*PATIENT, "--show")[:2] == (0, "5\n")
    assert fence.run(*PATIENT, token=6)[0] == 0


@needs_zookeeper
@pytest.mark.parametrize("greeting", [None, b"220 hello\r\n", b"\xff" * 64, b"\0\0\0\x25" + bytes(37)])
def test_something_else_than_zookeeper(tcp_server: Callable[..., TcpServer], tmp_path: Path, greeting: bytes | None) -> None:
    server = tcp_server(hang=True) if greeting is None else tcp_server(greeting=greeting)
    secret = tmp_path / "password"
    secret.write_text("barley\n")
    settings = (f"server=127.0.0.1:{server.port}", "user=recoverd", f"password_file={secret}")
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "zookeeper", *settings))
    status, _, said = fence.run("--within", "2s", token=3)
    assert status == 3 and said.startswith(f"recoverd-fence: {fence.name}: "), said


def test_a_file_system_that_hangs(tmp_path: Path, hung_mount: HungMount) -> None:
    fence = Fence(write_config(tmp_path / "recoverd.yaml", "etcd", "server=http://127.0.0.1:1", f"ca_file={hung_mount.path}/ca"))
    hung_mount.hang()
    status, _, said = fence.run("--within", "1s", token=3)
    assert (status, said) == (3, f"recoverd-fence: {fence.name}: not known in time: a file or a name server hangs, or the host is too busy\n")


def test_wrong_usage_and_settings(tmp_path: Path) -> None:
    config = tmp_path / "recoverd.yaml"
    fence = Fence(config)
    status, _, said = fence.run(*PATIENT, token=3)
    assert status == 3 and f"{config}, line 0: " in said
    config.write_text("version: 1\nagent: {host: db1}\n")
    config.chmod(0o644)
    assert "it has no 'coordinator'" in fence.run(*PATIENT, token=3)[2]
    config.write_text("version: 1\ncoordinator: {kind: zookeeper, servers: ['zk1:2181']}\n")
    status, _, said = fence.run(*PATIENT, token=3)
    assert status == 3 and "ZooKeeper needs a 'user' and a 'password_file'" in said
    for words, token, text in (
        (("--within", "5"), 3, "--within takes a duration from 1ms to 10m, not 5"),
        (("--within", "11m"), 3, "--within takes a duration from 1ms to 10m, not 11m"),
        (("--coordinator", "a/b"), 3, "--coordinator takes a name of letters, digits and -_., not a/b"),
        (("--show", "/bin/true"), 3, "--show runs nothing"),
        ((), None, "there is no token"),
    ):
        status, _, said = fence.run(*words, token=token)
        assert status == 2 and text in said, (words, said)
