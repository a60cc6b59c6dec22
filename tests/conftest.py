"""How tests are dealt out to workers that run side by side: one that carries @pytest.mark.long is begun early, and
nobody is handed more than two at a time, so that none waits behind a long one while another worker is idle."""

from __future__ import annotations

from itertools import chain, zip_longest

import pytest

try:
    from xdist.scheduler import LoadScheduling
except ImportError:  # then they run one after another
    LoadScheduling = None

AT_A_TIME = 2  # the one that runs and the next: fewer would keep a worker waiting


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Between two long ones goes a short one: a worker gets them in twos."""
    if not hasattr(config, "workerinput"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    pairs = zip_longest(long, short[: len(long)])
    items[:] = [item for item in chain(*pairs, short[len(long) :]) if item]


if LoadScheduling:

    class FewAtATime(LoadScheduling):
        def _send_tests(self, node, num: int) -> None:
            super()._send_tests(node, min(num, AT_A_TIME - len(self.node2pending[node])))

    def pytest_xdist_make_scheduler(config: pytest.Config, log) -> LoadScheduling:
        return FewAtATime(config, log)
