#!/usr/bin/python3 -B
"""The judge's eyes, a process outside of all agents: a storage that holds one number, and a customer of the group's
address. Whoever wrote, and whoever answered, goes to standard output, a line each, in the order in which it came.

storage.py LISTEN:PORT ADDRESS:PORT

    write HOST TOKEN PID SENT NUMBER VERDICT   ok, refused (an older token than one that has been here), or lost (it would
                                               have undone what another has been told is stored)
    answer HOST TOKEN PID ASKED ANSWERED
    mark SECONDS                               a line from standard input, when all before it is written

Moments are seconds of CLOCK_MONOTONIC, which the hosts of a lab share, being one kernel's.
"""

from __future__ import annotations

import socketserver
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException

EVERY = 0.01  # seconds between two questions to the address
PATIENCE = 0.25  # seconds for its answer, during which the next ones are asked


class State:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.number = 0
        self.token = 0  # the highest that has been here
        self.writer = ""

    def tell(self, *words: object) -> None:
        sys.stdout.write(" ".join(map(str, words)) + "\n")

    def open(self, token: int) -> int:
        with self.lock:
            self.token = max(self.token, token)
            return self.number

    def write(self, number: int, who: str, sent: str) -> str:
        """Lost: it does not follow on what was stored last, unless it is a write of the same writer once more."""
        with self.lock:
            token = int(who.split()[1])
            again = who == self.writer and number <= self.number
            verdict = "refused" if token < self.token else "ok" if again or number == self.number + 1 else "lost"
            self.tell("write", who, sent, number, verdict)
            if verdict != "refused" and not again:
                self.number, self.writer, self.token = number, who, max(self.token, token)
            return "refused" if verdict == "refused" else "ok"


STATE = State()


class Writer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            words = line.decode().split()
            who, sent = " ".join(words[-4:-1]), words[-1]
            if words[0] == "open":
                answer = str(STATE.open(int(words[-3])))
            else:
                answer = STATE.write(int(words[1]), who, sent)
            self.wfile.write(f"{answer}\n".encode())


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """A host that is gone."""


def _ask(address: str, port: int) -> None:
    connection = HTTPConnection(address, port, timeout=PATIENCE)
    asked = time.monotonic()
    try:
        connection.request("GET", "/")
        who = connection.getresponse().read().decode().strip()
        with STATE.lock:
            STATE.tell("answer", who, f"{asked:.6f}", f"{time.monotonic():.6f}")
    except (OSError, HTTPException):
        pass  # nobody is there
    finally:
        connection.close()


def _watch(address: str, port: int) -> None:
    while True:
        threading.Thread(target=_ask, args=(address, port), daemon=True).start()
        time.sleep(EVERY)


def main() -> int:
    (listen, port), (address, asked) = (word.rsplit(":", 1) for word in sys.argv[1:])
    server = Server((listen, int(port)), Writer)
    for target, arguments in ((server.serve_forever, ()), (_watch, (address, int(asked)))):
        threading.Thread(target=target, args=arguments, daemon=True).start()
    for _ in sys.stdin:
        with STATE.lock:
            STATE.tell("mark", f"{time.monotonic():.6f}")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
