"""What a test asks an agent, wherever that runs, and what it waits for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from support.waiting import stays, wait_until

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What recoverctl said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Questions:
    """For a class that can run recoverctl."""

    def ctl(self, *arguments: str, within: float = 30) -> Answer:
        raise NotImplementedError

    def ctl_json(self, *arguments: str) -> Any:
        """Exit status 1, "the answer is no", is an answer too."""
        answer = self.ctl(*arguments, "--json")
        assert answer.code in (0, 1), f"recoverctl {' '.join(arguments)}: {answer}"
        return answer.json

    def ask(self, path: str) -> Any:
        """What the control API answers to GET /v1/PATH, by the way that costs least: tests look often."""
        return self.ctl_json({"groups": "group"}.get(path, path))

    def status(self) -> Any:
        return self.ask("status")

    def groups(self) -> Any:
        return self.ask("groups")

    def service(self, name: str) -> dict[str, Any]:
        found = [one for one in self.status()["services"] if one["name"] == name]
        assert found, f"recoverctl status does not know {name}"
        return found[0]

    def incidents(self, *arguments: str) -> list[dict[str, Any]]:
        """Newest first."""
        answer = self.ctl_json("incidents", *arguments) if arguments else self.ask("incidents")
        return answer["incidents"]

    def wait_until(self, predicate: Callable[[], T], within: float, what: str) -> T:
        return wait_until(predicate, within, what)

    def stays(self, predicate: Callable[[], object], for_: float, what: str = "it stays so") -> None:
        stays(predicate, for_, what)

    def wait_for(self, service: str, within: float = 20, **wanted: object) -> dict[str, Any]:
        """Until the status of the service shows these: wait_for("web", health="healthy")."""

        def fits() -> dict[str, Any] | None:
            status = self.service(service)
            return status if all(status.get(key) == value for key, value in wanted.items()) else None

        try:
            return wait_until(fits, within, f"{service} is {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}; status: {self.service(service)}") from None
