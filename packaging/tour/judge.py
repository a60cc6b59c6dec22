"""A judge outside the agent: customers who ask the shop, and remember when it failed them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

PERIOD = 0.1  # seconds between two requests of a customer
PATIENCE = 1.0  # seconds until a customer gives up


@dataclass(frozen=True)
class Visit:
    began: float  # seconds since 1970
    ended: float
    good: bool


@dataclass(frozen=True)
class Verdict:
    """What customers saw since a moment."""

    asked: int
    failed: int
    outage: float  # seconds from the beginning of the first failed visit to the end of the last


class Refused(Exception):
    """The shop answered, and not with what was asked for."""


class Connection:
    """A visit's one connection, with the cookie that it was given."""

    def __init__(self, shop: str) -> None:
        self.http = http.client.HTTPConnection(shop, timeout=PATIENCE)
        self.cookie: dict[str, str] = {}

    def ask(self, method: str, path: str, body: object = None) -> bytes:
        self.http.request(method, path, body and json.dumps(body), self.cookie)
        answer = self.http.getresponse()
        text = answer.read()
        if not 200 <= answer.status < 300 or not text:
            raise Refused(answer.status)
        given = answer.getheader("Set-Cookie")
        if given:
            self.cookie = {"Cookie": given.partition(";")[0]}
        return text


def look(connection: Connection) -> None:
    connection.ask("GET", "/")


def order(connection: Connection) -> None:
    connection.ask("POST", "/checkout")


def buy(connection: Connection) -> None:
    connection.ask("POST", "/login")
    cart = json.loads(connection.ask("POST", "/cart"))["cart"]["id"]
    connection.ask("POST", "/pay", {"cart": cart})


class Customer(threading.Thread):
    def __init__(self, name: str, shop: str, visit: Callable[[Connection], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.shop, self.visit = shop, visit
        self.visits: list[Visit] = []
        self.leaving = threading.Event()

    def run(self) -> None:
        due = time.monotonic()
        while not self.leaving.wait(max(0.0, due - time.monotonic())):
            began = time.time()
            good = self._ask()
            self.visits.append(Visit(began, time.time(), good))
            due = max(due + PERIOD, time.monotonic())

    def _ask(self) -> bool:
        connection = Connection(self.shop)
        try:
            self.visit(connection)
            return True
        except (OSError, ValueError, http.client.HTTPException, Refused):
            return False
        finally:
            connection.http.close()

    def since(self, moment: float) -> Verdict:
        visits = [visit for visit in list(self.visits) if visit.ended >= moment]
        failed = [visit for visit in visits if not visit.good]
        outage = failed[-1].ended - max(failed[0].began, moment) if failed else 0.0
        return Verdict(len(visits), len(failed), outage)

    def is_served(self) -> bool:
        """The last few visits were good."""
        last = self.visits[-3:]
        return len(last) == 3 and all(visit.good for visit in last)


class Judge:
    """One customer looks at the storefront, one places orders through it, one buys step by step."""

    def __init__(self, storefront: str) -> None:
        visits = {"page": look, "orders": order, "purchases": buy}
        self.customers = [Customer(name, storefront, visit) for name, visit in visits.items()]

    def start(self) -> None:
        for customer in self.customers:
            customer.start()

    def stop(self) -> None:
        for customer in self.customers:
            customer.leaving.set()
        for customer in self.customers:
            if customer.ident is not None:  # an interrupted start may have left it unborn
                customer.join(2 * PATIENCE)

    def all_served(self) -> bool:
        return all(customer.is_served() for customer in self.customers)

    def since(self, moment: float) -> dict[str, Verdict]:
        return {customer.name: customer.since(moment) for customer in self.customers}
