#!/usr/bin/python3
"""The active member of a group, as the lab judges it: while it runs it adds one every 10 ms to a number that a storage
process on another host keeps, under the fencing token of its lease, and answers on HTTP with who it is.

active_member.py [--storage HOST:PORT] --port N [--refuse-start FILE]

It reads the number at its start and never again, as a database reads its files: two that run at once would undo each
other's writes. Without a storage it only answers. While FILE exists it ends at once.
"""

from __future__ import annotations

import argparse
import os
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

EVERY = 0.01  # seconds
ANSWER = 2.0  # seconds that an answer of the storage may take
WHO = f"{socket.gethostname()} {os.environ.get('RECOVERD_FENCING_TOKEN', '0')} {os.getpid()}"


class Storage:
    """Asked again over a new connection until it answers: what is said twice counts once."""

    def __init__(self, peer: tuple[str, int]) -> None:
        self.peer = peer
        self.stream = None

    def _try(self, line: str) -> str:
        if not self.stream:
            connection = socket.create_connection(self.peer, ANSWER)
            self.stream = connection.makefile("rw")
            connection.close()  # the stream keeps it open
        self.stream.write(f"{line} {WHO} {time.monotonic():.6f}\n")
        self.stream.flush()
        answer = self.stream.readline()
        if not answer:
            raise OSError("the storage has closed the connection")
        return answer.strip()

    def ask(self, line: str) -> str:
        while True:
            try:
                return self._try(line)
            except OSError:
                self.stream = None
                time.sleep(EVERY)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"{WHO}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


class Web(socketserver.ThreadingTCPServer):
    """Not an HTTPServer: that looks for the name of its address, which may take long without any name server."""

    daemon_threads = True
    allow_reuse_address = True


def _write_on(storage: Storage) -> None:
    """Until it is refused: another has come after us."""
    number = int(storage.ask("open"))
    while storage.ask(f"write {number + 1}") == "ok":
        number += 1
        time.sleep(EVERY)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--storage")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--refuse-start", type=Path)
    arguments = parser.parse_args()
    if arguments.refuse_start and arguments.refuse_start.exists():
        return 3
    web = Web(("0.0.0.0", arguments.port), Handler)
    if not arguments.storage:
        web.serve_forever()
    threading.Thread(target=web.serve_forever, daemon=True).start()
    host, port = arguments.storage.rsplit(":", 1)
    _write_on(Storage((host, int(port))))
    return 4


if __name__ == "__main__":
    raise SystemExit(main())
