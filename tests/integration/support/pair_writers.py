"""Clients of a primary and its standby that write one number after the other, wherever the primary is by now, and count
what was acknowledged."""

from __future__ import annotations

import itertools
import selectors
import socket
import subprocess
from collections.abc import Callable

from support.pairs import Writer

Connect = Callable[[], socket.socket]


class PostgresqlWriter(Writer):
    """One session after the other with whoever takes writes; a number counts once its commit was answered."""

    def __init__(self, target: str, inside: tuple[object, ...] = ()) -> None:
        """`target`: where all of them listen, as libpq has it. `inside`: what runs psql elsewhere."""
        super().__init__()
        to = f"{target} dbname=postgres target_session_attrs=read-write connect_timeout=5"
        self._command = [*map(str, inside), "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", to]
        self._session: subprocess.Popen | None = None

    def _answer(self, session: subprocess.Popen) -> str:
        """A session that says nothing for long, such as one with a primary that has no standby, is given up."""
        with selectors.DefaultSelector() as selector:
            selector.register(session.stdout, selectors.EVENT_READ)
            return session.stdout.readline() if selector.select(10) else ""

    def write(self, number: int) -> bool:
        if self._session is None:
            self._session = subprocess.Popen(self._command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.DEVNULL)
        session = self._session
        try:
            session.stdin.write(f"INSERT INTO written VALUES ({number}) RETURNING n;\n")
            session.stdin.flush()
            answer = self._answer(session).strip()
        except BrokenPipeError:
            answer = ""
        if answer != str(number):
            self._give_up()
        return answer == str(number)

    def _give_up(self) -> None:
        if self._session:
            self._session.kill()
            self._session.communicate()
            self._session = None

    def __exit__(self, *cause: object) -> None:
        super().__exit__(*cause)
        self._give_up()


class RedisSession:
    """One connection; an answer is a number, a text, or a list of these."""

    def __init__(self, connect: Connect) -> None:
        self._socket = connect()
        self._file = self._socket.makefile("rb")

    def ask(self, *words: object) -> object:
        parts = [str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self._answer()

    def _answer(self) -> object:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server has closed the connection")
        kind, text = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise ConnectionError(text)
        if kind == b"*":
            return [self._answer() for _ in range(int(text))]
        if kind == b"$":
            return self._file.read(int(text) + 2)[:-2].decode() if int(text) >= 0 else None
        return int(text) if kind == b":" else text

    def close(self) -> None:
        self._file.close()
        self._socket.close()


class RedisWriter(Writer):
    """A number counts once a replica has it. Where that does not work the other server is tried."""

    def __init__(self, servers: list[Connect]) -> None:
        super().__init__()
        self._servers = itertools.cycle(servers)
        self._session: RedisSession | None = None

    def write(self, number: int) -> bool:
        try:
            self._session = self._session or RedisSession(next(self._servers))
            self._session.ask("SADD", "written", number)
            return int(str(self._session.ask("WAIT", 1, 2000))) >= 1
        except OSError:
            if self._session:
                self._session.close()
            self._session = None
            return False
