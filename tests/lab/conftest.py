"""Fixtures of the lab tests. The journal of a host is shown only when its test failed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import debian, owner, packages, requirements
from support.host import Host
from support.lab import Lab
from support.package_host import PackageHost

LOG_SHOWN_MAX = 30_000
HERE = __file__.rsplit("/", 1)[0]


def _make_packages() -> None:
    for kind in packages.NEEDED:
        packages.why_not(kind) or packages.folder(kind)


def pytest_sessionstart(session: pytest.Session) -> None:
    """The tree is made here, where no test waits for it; the workers of xdist find it made."""
    if not requirements.why_not() and not hasattr(session.config, "workerinput"):
        owner.remove_leftovers()
        # With -k the packages are made by whoever needs them first.
        wanted = [debian.tree] if session.config.option.keyword else [debian.tree, _make_packages]
        with ThreadPoolExecutor() as pool:
            for made in [pool.submit(make) for make in wanted]:
                made.result()


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
    alone, and of another kind if need be. On each nothing of recoverd runs, and no policy is there."""
    used: list[Host] = []
    fresh_ones: list[Host] = []
    request.node.hosts = used

    def get(name: str = "web1", fresh: bool = False, kind: type[Host] = Host) -> Host:
        host = lab.fresh_host(name, kind) if fresh else lab.host(name)
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


@pytest.fixture
def package_host(new_host: Callable[..., Host]) -> PackageHost:
    """A fresh host without recoverd, and its packages at hand."""
    why = packages.why_not("deb")
    if why:
        pytest.skip(why)
    packages.folder("deb")
    host = new_host("fresh", fresh=True, kind=PackageHost)
    assert isinstance(host, PackageHost)
    return host
