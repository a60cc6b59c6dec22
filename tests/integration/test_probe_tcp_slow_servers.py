"""RabbitMQ and ZooKeeper, which take seconds to start: once for all tests of this module, in little memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support import real_zookeeper
from support.ports import free_port, is_open
from support.real_servers import RealServers, expect, run_probes, tcp
from support.real_zookeeper import START_SECONDS, needs_zookeeper

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # without Debian's wrapper, which changes the user

RABBITMQ_CONF = """
listeners.tcp.1 = 127.0.0.1:{port}
default_user = shop
default_pass = open sesame
vm_memory_high_watermark.absolute = 128MB
"""

pytestmark = pytest.mark.timeout(2 * START_SECONDS)


def _has_rabbitmq() -> bool:
    return RABBITMQ.exists() and shutil.which("epmd") is not None


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path("/tmp") / f"slow-servers-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def slow_servers(folder: Path) -> Iterator[RealServers]:
    """The agent of a test takes what starts after it for its own, and ends it: they are all up before one begins."""
    servers = RealServers(folder / "servers.log")
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def rabbitmq(slow_servers: RealServers, folder: Path) -> int:
    """Its port. It has a port mapper of its own, which would otherwise stay behind."""
    port, mapper = free_port(), free_port()
    (folder / "rabbitmq.conf").write_text(RABBITMQ_CONF.format(port=port))
    (folder / "plugins").write_text("[].")
    env = {"ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(mapper)}
    slow_servers.launch("epmd", env=env)
    env |= {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"probe{mapper}@localhost",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
    }
    slow_servers.await_start(slow_servers.launch(RABBITMQ, env=env), lambda: is_open(port), START_SECONDS)
    return port


@pytest.fixture(scope="module")
def new_zookeeper(slow_servers: RealServers, folder: Path) -> Callable[[str, str], int]:
    """new_zookeeper(name, lines of its configuration) returns its port."""

    def start(name: str, more: str) -> int:
        port = free_port()
        server = slow_servers.launch(*real_zookeeper.command(folder / f"{name}.cfg", folder / name, port, more))
        slow_servers.await_start(server, lambda: real_zookeeper.says(port), START_SECONDS)
        return port

    return start


@pytest.fixture(scope="module")
def zookeepers(new_zookeeper: Callable[[str, str], int]) -> tuple[int, int]:
    """Ports of one that allows both words, and of one as it comes, which allows srvr only."""
    return new_zookeeper("open", "4lw.commands.whitelist=ruok,srvr"), new_zookeeper("closed", "")


@needs_zookeeper
def test_zookeeper(zookeepers: tuple[int, int], agent) -> None:
    open_port, closed_port = zookeepers
    found = run_probes(agent, {
        "srvr": tcp(open_port, "zookeeper"),
        "ruok": tcp(open_port, "zookeeper-ruok"),
        "allowed": tcp(closed_port, "zookeeper"),
        "forbidden": tcp(closed_port, "zookeeper-ruok"),
    })  # fmt: skip
    expect(found, "srvr", "pass", "ZooKeeper is standalone, ")
    expect(found, "ruok", "pass", "imok")
    expect(found, "allowed", "pass", "ZooKeeper is standalone, ")
    expect(found, "forbidden", "degraded", "4lw.commands.whitelist")


@pytest.mark.long
@pytest.mark.skipif(not _has_rabbitmq(), reason="needs the package rabbitmq-server: see packaging/dependencies")
def test_rabbitmq(rabbitmq: int, agent, secrets: dict[str, Path]) -> None:
    port = rabbitmq
    user = ", user: shop, password_file: "
    found = run_probes(agent, {
        "none": tcp(port, "amqp"),
        "right": tcp(port, "amqp", f"{user}{secrets['right']}"),
        "wrong": tcp(port, "amqp", f"{user}{secrets['wrong']}"),
        "host": tcp(port, "amqp", f"{user}{secrets['right']}, database: nowhere"),
    })  # fmt: skip
    expect(found, "none", "pass", "AMQP 0-9-1, RabbitMQ 3.")
    expect(found, "right", "pass", ", logged in as shop in ")
    expect(found, "wrong", "fail", "AMQP: 403 ACCESS_REFUSED")
    expect(found, "host", "fail", "AMQP: 530 NOT_ALLOWED")
