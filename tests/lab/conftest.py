"""Fixtures of the lab tests. The journal of a host is shown only when its test failed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import pytest

from support import debian, owner, requirements
from support.host import Host
from support.lab import Lab

LOG_SHOWN_MAX = 30_000
HERE = __file__.rsplit("/", 1)[0]


def pytest_sessionstart(session: pytest.Session) -> None:
    """The tree is made here, where no test waits for it; the workers of xdist find it made."""
    if not requirements.why_not() and not hasattr(session.config, "workerinput"):
        owner.remove_leftovers()
        debian.tree()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    why = requirements.why_not()
    for item in items:
        if why and str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, object, None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed:
        for host in getattr(item, "hosts", []):
            text = host.journal_text() if host.machine.is_running else "(the host has ended)"
            report.sections.append((f"journal of {host.name}", text[-LOG_SHOWN_MAX:] or "(empty)"))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()


@pytest.fixture
def new_host(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Callable[..., Host]]:
    """new_host("web2"): shared between tests, in turn; new_host("web2", fresh=True): booted for this test
    alone. On each nothing of recoverd runs, and no policy is there."""
    used: list[Host] = []
    fresh_ones: list[Host] = []
    request.node.hosts = used

    def get(name: str = "web1", fresh: bool = False) -> Host:
        host = lab.fresh_host(name) if fresh else lab.host(name)
        used.append(host)
        if fresh:
            fresh_ones.append(host)
        host.begin()
        return host

    yield get
    try:
        for host in used:
            host.clean()
    finally:
        for host in fresh_ones:
            lab.end(host)


@pytest.fixture
def host(new_host: Callable[..., Host]) -> Host:
    return new_host()
