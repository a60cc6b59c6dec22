"""Servers that Debian does not have: their answers are bytes written after the documents of their protocols."""

from __future__ import annotations

import socket

from support.servers import Server

# What is asked, and the answer: Kafka 3.x to ApiVersions 3, Cassandra 4 to OPTIONS.
KAFKA = (b"\0\x12\0\x03reco", b"\0\0\0\x1areco\0\0\x03\0\0\0\0\0\x09\0\0\x12\0\0\0\x03\0\0\0\0\0\0")
CASSANDRA = (b"\x04\0\0\0\x05\0\0\0\0", b"\x84\0\0\0\x06\0\0\0\x18\0\x01\0\x0bCQL_VERSION\0\x01\0\x053.4.5")


class DocumentedServer(Server):
    """Answers one request, which has to hold these bytes."""

    def __init__(self, asked: bytes, answer: bytes) -> None:
        self.asked, self.answer = asked, answer
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        received = b""
        while self.asked not in received:
            piece = connection.recv(4096)
            if not piece:
                return
            received += piece
        connection.sendall(self.answer)
