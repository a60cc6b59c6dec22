"""Fixtures of the whole-program tests. Logs of an agent are shown only when its test failed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from support import processes
from support.agent import Agent
from support.certificates import Certificates
from support.executor import Executor
from support.hung_mount import HungMount
from support.real_servers import RealServers
from support.servers import HttpServer, Server, TcpServer
from support.service import Service
from support.waiting import wait_until

LOG_SHOWN_MAX = 30_000


def pytest_configure() -> None:
    processes.become_subreaper()


def _show_log(item: pytest.Item, report: pytest.TestReport) -> None:
    for agent in [*getattr(item, "agents", []), *getattr(item, "executors", [])]:
        text = agent.log_text()
        report.sections.append((f"log of the {type(agent).__name__.lower()}", text[-LOG_SHOWN_MAX:] or "(empty)"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, object, None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call" and report.failed:
        _show_log(item, report)


@pytest.fixture
def new_agent(request: pytest.FixtureRequest) -> Iterator[Callable[[], Agent]]:
    """Makes as many agents as a test wants; all of them are ended."""
    agents: list[Agent] = []
    request.node.agents = agents

    def make() -> Agent:
        agents.append(Agent())
        return agents[-1]

    yield make
    problems = [problem for agent in agents if (problem := _close(agent))]
    assert not problems, "\n".join(problems)


def _close(agent: Agent) -> str | None:
    log = agent.log_text()
    try:
        agent.close()
    except AssertionError as error:
        return f"{error}\n{log[-LOG_SHOWN_MAX:]}"
    return None


@pytest.fixture
def agent(new_agent: Callable[[], Agent]) -> Agent:
    return new_agent()


@pytest.fixture
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """An executor without an agent, not yet running."""
    executor = Executor()
    request.node.executors = [executor]
    yield executor
    executor.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def _servers(kind: type[Server]) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*arguments: object, **options: object) -> Server:
        started.append(kind(*arguments, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def http_server() -> Iterator[Callable[..., Server]]:
    """http_server(Answer(status=500), tls=...): see support/servers.py."""
    yield from _servers(HttpServer)


@pytest.fixture
def tcp_server() -> Iterator[Callable[..., Server]]:
    """tcp_server(greeting=b"220 hello\\r\\n", replies={b"PING": b"+PONG\\r\\n"})."""
    yield from _servers(TcpServer)


@pytest.fixture
def hung_mount(tmp_path: Path) -> Iterator[HungMount]:
    mount = HungMount(tmp_path)
    wait_until(mount.is_mounted, 10, "the file system is mounted")
    yield mount
    mount.close()


@pytest.fixture
def new_service(tmp_path: Path) -> Callable[..., Service]:
    """new_service("web", "--ignore-term"): a program to be supervised, not yet running."""
    return lambda name="service", *options: Service(tmp_path / name, *options)


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[RealServers]:
    """start_server.start(port, program, argument...): a real server until the end of the test."""
    servers = RealServers(tmp_path / "servers.log")
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServers]:
    """The same for a module, whose tests share what takes long to start."""
    servers = RealServers(tmp_path_factory.mktemp("servers") / "log")
    yield servers
    servers.stop()


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, Path]:
    """The right password of a server, and a wrong one."""
    files = {"right": tmp_path / "right", "wrong": tmp_path / "wrong"}
    files["right"].write_text("open sesame\n")
    files["wrong"].write_text("open barley\n")
    return files
