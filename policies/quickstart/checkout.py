#!/usr/bin/python3
"""The checkout of the quickstart's shop: counts in the cart (redis), then writes an order to
PostgreSQL.

    GET  /healthz        200 {"status": "UP"}, or 503 {"status": "DOWN", "failing": {"cart": "why"}}
    POST /checkout       201 {"order": 7}, or 503 as above
    POST /break          from now on every answer is 500, until the process is started anew
    POST /break/payment  the same of /pay only: all else looks well

A purchase in three steps, held together by a cookie:

    POST /login  200 {"session": "..."} and the cookie `session`
    POST /cart   201 {"cart": {"id": 3}}, or 403 without a session
    POST /pay    {"cart": 3} -> 201 {"order": 7}, or 403, or 404 for a cart that is not one's own
"""

from __future__ import annotations

import argparse
import json
import secrets
import socket
import struct
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 0.3  # seconds that a dependency may take for one answer
ANSWER_MAX = 64 * 1024
SESSIONS_MAX = 1000  # the oldest are forgotten
REQUEST_MAX = 4096
LOGIN = struct.pack("!I", 196608) + b"user\0shop\0database\0postgres\0\0"  # protocol 3.0
TABLE = "CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, at timestamptz DEFAULT now())"


class Refused(Exception):
    """A dependency answered, and said no."""


class Cart:
    """The few words of RESP that a checkout needs; one connection a question."""

    name = "cart"

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)

    def ask(self, command: str) -> str:
        with socket.create_connection(self.address, timeout=PATIENCE) as connection:
            connection.sendall(command.encode() + b"\r\n")
            line = connection.makefile("rb").readline(ANSWER_MAX).decode().rstrip()
        if not line or line.startswith("-"):
            raise Refused(line or "redis closed the connection")
        return line[1:]

    def check(self) -> None:
        self.ask("PING")


class Orders:
    """PostgreSQL's wire protocol 3.0, simple queries only; one session a query."""

    name = "orders"

    def __init__(self, path: str) -> None:
        self.path = path

    def query(self, statement: str) -> str | None:
        """The first column of the last row, None without rows."""
        with socket.socket(socket.AF_UNIX) as session:
            session.settimeout(PATIENCE)
            session.connect(self.path)
            stream = session.makefile("rb")
            session.sendall(_packet(b"", LOGIN))
            _until_ready(stream)
            session.sendall(_packet(b"Q", statement.encode() + b"\0"))
            value = _until_ready(stream)
            session.sendall(_packet(b"X", b""))
            return value

    def check(self) -> None:
        self.query("SELECT 1")


def _packet(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def _exactly(stream, size: int) -> bytes:
    data = stream.read(size) if size <= ANSWER_MAX else b""
    if len(data) != size:
        raise Refused("PostgreSQL closed the connection")
    return data


def _until_ready(stream) -> str | None:
    """Reads messages up to ReadyForQuery; raises on an error or when a password is asked for."""
    value = None
    while True:
        kind, length = struct.unpack("!cI", _exactly(stream, 5))
        body = _exactly(stream, length - 4)
        if kind == b"Z":
            return value
        if kind == b"E":
            raise Refused(_error_text(body))
        if kind == b"R" and body[:4] != bytes(4):
            raise Refused("PostgreSQL asks for a password")
        if kind == b"D":
            value = _first_column(body)


def _error_text(body: bytes) -> str:
    fields = {field[:1]: field[1:].decode(errors="replace") for field in body.split(b"\0") if field}
    return fields.get(b"M", "PostgreSQL refused")


def _first_column(row: bytes) -> str | None:
    columns, length = struct.unpack_from("!Hi", row)
    return row[6 : 6 + length].decode() if columns and length >= 0 else None


class Shop:
    def __init__(self, cart: Cart, orders: Orders) -> None:
        self.cart, self.orders = cart, orders
        self.broken = self.payment_broken = False
        self.sessions: dict[str, int] = {}  # the cart of each; 0: none yet

    def log_in(self) -> str:
        session = secrets.token_hex(16)
        while len(self.sessions) >= SESSIONS_MAX:
            self.sessions.pop(next(iter(self.sessions)), None)
        self.sessions[session] = 0
        return session

    def fill_cart(self, session: str) -> int:
        self.sessions[session] = int(self.cart.ask("INCR carts"))
        return self.sessions[session]

    def failing(self) -> dict[str, str]:
        failures = {}
        for dependency in (self.cart, self.orders):
            try:
                dependency.check()
            except (OSError, Refused) as why:
                failures[dependency.name] = getattr(why, "strerror", None) or str(why)
        return failures

    def checkout(self) -> int:
        self.cart.ask("INCR checkouts")
        # A new data directory has no table yet; it is made when it is first missed.
        insert = "INSERT INTO orders DEFAULT VALUES RETURNING id"
        try:
            return int(self.orders.query(insert) or 0)
        except Refused as why:
            if "does not exist" not in str(why):
                raise
        return int(self.orders.query(f"{TABLE}; {insert}") or 0)


class Handler(BaseHTTPRequestHandler):
    shop: Shop
    timeout = 5  # seconds for a client to send its request

    def do_GET(self) -> None:
        self._route({"/healthz": self._health})

    def do_POST(self) -> None:
        self._route(
            {
                "/checkout": self._checkout,
                "/login": self._log_in,
                "/cart": self._fill_cart,
                "/pay": self._pay,
                "/break": self._break,
                "/break/payment": self._break_payment,
            }
        )

    def _route(self, routes) -> None:
        if self.shop.broken:
            self._answer(500, {"status": "DOWN", "error": "a null pointer, as it were"})
        else:
            routes.get(self.path, self._unknown)()

    def _health(self) -> None:
        self._verdict(self.shop.failing())

    def _checkout(self) -> None:
        try:
            self._answer(201, {"order": self.shop.checkout()})
        except (OSError, Refused):
            self._verdict(self.shop.failing() or {"checkout": "failed, and all is well again"})

    def _log_in(self) -> None:
        session = self.shop.log_in()
        self._answer(200, {"session": session}, {"Set-Cookie": f"session={session}; Path=/"})

    def _session(self) -> str | None:
        """None, and answered, when the cookie is not one of ours."""
        try:
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("session")
        except CookieError:
            cookie = None
        if cookie and cookie.value in self.shop.sessions:
            return cookie.value
        self._answer(403, {"error": "log in first"})
        return None

    def _fill_cart(self) -> None:
        session = self._session()
        if session is None:
            return
        try:
            self._answer(201, {"cart": {"id": self.shop.fill_cart(session)}})
        except (OSError, Refused):
            self._verdict(self.shop.failing() or {"cart": "failed, and all is well again"})

    def _pay(self) -> None:
        session = self._session()
        if session is None:
            return
        if self.shop.payment_broken:
            self._answer(500, {"error": "the bank's certificate is not trusted any more"})
        elif not self.shop.sessions[session] or self._wanted_cart() != self.shop.sessions[session]:
            self._answer(404, {"error": "this is not your cart"})
        else:
            self._checkout()

    def _wanted_cart(self) -> int | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > REQUEST_MAX:
            return None
        try:
            return json.loads(self.rfile.read(int(length)))["cart"]
        except (ValueError, KeyError, TypeError):
            return None

    def _break(self) -> None:
        self.shop.broken = True
        self._answer(200, {"broken": True})

    def _break_payment(self) -> None:
        self.shop.payment_broken = True
        self._answer(200, {"broken": "payment"})

    def _unknown(self) -> None:
        self._answer(404, {"error": "there is no such page"})

    def _verdict(self, failing: dict[str, str]) -> None:
        if failing:
            self._answer(503, {"status": "DOWN", "failing": failing})
        else:
            self._answer(200, {"status": "UP"})

    def _answer(self, status: int, body: dict, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_request(self, code="-", size="-") -> None:
        """Only what went wrong is logged."""
        if not str(code).startswith("2"):
            super().log_request(code, size)


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    parser = argparse.ArgumentParser(description="The checkout of the quickstart's shop.")
    parser.add_argument("--listen", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--cart", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--orders", required=True, metavar="SOCKET")
    options = parser.parse_args()
    Handler.shop = Shop(Cart(*options.cart), Orders(options.orders))
    ThreadingHTTPServer(options.listen, Handler).serve_forever()


if __name__ == "__main__":
    main()
