"""Servers that behave and misbehave as a test tells them: one thread a connection, in this process."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from support.ports import free_port

CONNECTIONS_MAX = 256
CHUNK = b"x" * 65536
ACCEPT_POLL_SECONDS = 0.05


class Server:
    """Accepts on a loopback port or a unix socket and hands each connection to `serve`. A hung peer
    never holds up the end: `stop` shuts every connection."""

    def __init__(
        self,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        unix: Path | None = None,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> None:
        self.tls = tls
        self.unix = unix
        self.accepted = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[socket.socket] = set()
        self._listener = self._listen(port, family)
        self.port: int = 0 if unix else self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _listen(self, port: int, family: socket.AddressFamily) -> socket.socket:
        if self.unix:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self.unix))
        else:
            listener = socket.socket(family, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", port or free_port(family)))
        listener.listen(CONNECTIONS_MAX)
        listener.settimeout(ACCEPT_POLL_SECONDS)
        return listener

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except socket.timeout:
                continue
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _admit(self, connection: socket.socket) -> bool:
        with self._lock:
            self.accepted += 1
            if self.stopping.is_set() or len(self._connections) >= CONNECTIONS_MAX:
                return False
            self._connections.add(connection)
            return True

    def _handle(self, connection: socket.socket) -> None:
        current = connection
        try:
            current.settimeout(None)
            if not self._admit(connection):
                return
            if self.tls:
                current = self.tls.wrap_socket(connection, server_side=True)
            self.serve(current)
        except (OSError, ssl.SSLError):
            pass  # the peer went away, or refused our certificate: part of many tests
        finally:
            with self._lock:
                self._connections.discard(connection)
            current.close()

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def hold(self, connection: socket.socket) -> None:
        """Says nothing until the peer leaves or the server ends."""
        while not self.stopping.is_set() and connection.recv(4096):
            pass

    def stop(self) -> None:
        """Refuses connections from now on."""
        self.stopping.set()
        self._listener.close()
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self._thread.join(timeout=5)
        if self.unix:
            self.unix.unlink(missing_ok=True)


@dataclass
class Answer:
    """What an HTTP server does with a request."""

    status: int = 200
    body: bytes = b"ok\n"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0  # before the first byte
    manner: str = "plain"  # a key of MANNERS


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float  # time.monotonic()


def _head(answer: Answer, length: int | None) -> bytes:
    headers = {"Connection": "close", **answer.headers}
    if length is not None:
        headers.setdefault("Content-Length", str(length))
    lines = [f"HTTP/1.1 {answer.status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class HttpServer(Server):
    """`answer` is for every path that `answers` does not name; both may change at any time."""

    def __init__(self, answer: Answer | None = None, **more: object) -> None:
        self.answer = answer or Answer()
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []
        super().__init__(**more)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _read_request(self, connection: socket.socket) -> Request | None:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, *_ = [*first.split(" "), "", ""]
        pairs = [line.partition(":") for line in lines]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        while len(body) < int(headers.get("content-length", "0")):
            body += connection.recv(65536)
        return Request(method, path, headers, body, time.monotonic())

    def serve(self, connection: socket.socket) -> None:
        request = self._read_request(connection)
        if not request:
            return
        with self._lock:
            self.requests.append(request)
        answer = self.answers.get(request.path, self.answer)
        if not self.stopping.wait(answer.delay):
            MANNERS[answer.manner](self, connection, answer, request)

    def _plain(self, connection: socket.socket, answer: Answer, request: Request) -> None:
        body = b"" if request.method == "HEAD" else answer.body
        connection.sendall(_head(answer, len(answer.body)) + body)

    def _hang(self, connection: socket.socket, _answer: Answer, _request: Request) -> None:
        self.hold(connection)

    def _drip(self, connection: socket.socket, answer: Answer, _request: Request) -> None:
        """One byte a second, the head included."""
        for byte in _head(answer, len(answer.body)) + answer.body:
            connection.sendall(bytes([byte]))
            if self.stopping.wait(1):
                return

    def _endless(self, connection: socket.socket, answer: Answer, _request: Request) -> None:
        connection.sendall(_head(answer, None))
        while not self.stopping.is_set():
            connection.sendall(CHUNK)

    def _endless_headers(self, connection: socket.socket, _answer: Answer, _request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while not self.stopping.is_set():
            connection.sendall(b"X-More: " + CHUNK[:1000] + b"\r\n")

    def _close(self, _connection: socket.socket, _answer: Answer, _request: Request) -> None:
        """Nothing is said."""

    def _cut(self, connection: socket.socket, answer: Answer, _request: Request) -> None:
        """Half of what the head promises."""
        connection.sendall(_head(answer, len(answer.body) * 2 + 10) + answer.body)

    def _garbage(self, connection: socket.socket, _answer: Answer, _request: Request) -> None:
        connection.sendall(bytes(range(256)) * 4)


MANNERS: dict[str, Callable[[HttpServer, socket.socket, Answer, Request], None]] = {
    "plain": HttpServer._plain,
    "hang": HttpServer._hang,
    "drip": HttpServer._drip,
    "endless": HttpServer._endless,
    "endless-headers": HttpServer._endless_headers,
    "close": HttpServer._close,
    "cut": HttpServer._cut,
    "garbage": HttpServer._garbage,
}


class TcpServer(Server):
    """Sends a greeting, then answers each line that it knows; with `hang` it accepts and is silent."""

    def __init__(
        self,
        greeting: bytes = b"",
        replies: dict[bytes, bytes] | None = None,
        hang: bool = False,
        **more: object,
    ) -> None:
        self.greeting = greeting
        self.replies = replies or {}
        self.hang = hang
        self.received: list[bytes] = []
        super().__init__(**more)  # type: ignore[arg-type]

    def serve(self, connection: socket.socket) -> None:
        if self.hang:
            self.hold(connection)
            return
        connection.sendall(self.greeting)
        with connection.makefile("rb") as lines:
            for line in lines:
                self.received.append(line)
                reply = self.replies.get(line.rstrip(b"\r\n"))
                if reply is not None:
                    connection.sendall(reply)


class FullListener(socket.socket):
    """Listens with a full queue: a connect to it is neither accepted nor refused."""

    def __init__(self) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.bind(("127.0.0.1", 0))
        self.listen(0)
        self.port: int = self.getsockname()[1]
        self.fillers = [socket.socket() for _ in range(4)]
        for filler in self.fillers:
            filler.setblocking(False)
            filler.connect_ex(self.getsockname())

    def close(self) -> None:
        for filler in self.fillers:
            filler.close()
        super().close()
