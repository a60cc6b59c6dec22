#!/usr/bin/python3
"""A service to be supervised: an HTTP server whose behaviour files in one folder decide.

service.py --port N --control FOLDER [--ignore-term] [--children N] [--healed-by SIGNAL]

Each start appends its pid to FOLDER/starts. While FOLDER/fail exists it answers 500, while
FOLDER/overload exists 503 to what begins with /ready, while FOLDER/hang exists not at all, and while FOLDER/refuse-start exists it exits with 3 at once. The
signal that heals it removes FOLDER/fail and is noted in FOLDER/signals.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--control", type=Path, required=True)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--children", type=int, default=0)
    parser.add_argument("--healed-by", type=lambda name: signal.Signals[f"SIG{name}"])
    return parser.parse_args()


def note_start(control: Path) -> None:
    with open(control / "starts", "a", encoding="ascii") as starts:
        starts.write(f"{os.getpid()}\n")


def fork_children(count: int) -> None:
    """They sleep, ignoring SIGTERM, until their whole group is killed."""
    for _ in range(count):
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(3600)


def heal_on(number: signal.Signals, control: Path) -> None:
    def heal(*_: object) -> None:
        with open(control / "signals", "a", encoding="ascii") as signals:
            signals.write(f"{number.name}\n")
        (control / "fail").unlink(missing_ok=True)

    signal.signal(number, heal)


def make_handler(control: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            while (control / "hang").exists():
                time.sleep(0.05)
            overloaded = self.path.startswith("/ready") and (control / "overload").exists()
            failing = overloaded or (control / "fail").exists()
            body = b'{"status": "DOWN"}\n' if failing else b'{"status": "UP"}\n'
            self.send_response(503 if overloaded else 500 if failing else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    return Handler


class Service(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


def main() -> int:
    arguments = read_arguments()
    note_start(arguments.control)
    if (arguments.control / "refuse-start").exists():
        return 3
    if arguments.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if arguments.healed_by:
        heal_on(arguments.healed_by, arguments.control)
    fork_children(arguments.children)
    Service(("127.0.0.1", arguments.port), make_handler(arguments.control)).serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
