"""The socketmap protocol: a server that answers what it is told, or does not, and a client."""

import os
import socket
import threading

from harness.accept_loop import AcceptLoop, listen_at
from harness.runner import expect
from harness.smtp_peer import CLOSE, SILENCE


class SocketmapServer:
    """`answer(map, key)` gives the reply ("OK ...", "NOTFOUND ", "TEMP ..."), SILENCE, CLOSE, or octets to send as they
    are. It may be replaced between questions."""

    def __init__(self, path, answer):
        self.path = path
        self.answer = answer
        self.questions = []  # (map, key)
        self._connections = set()
        self._is_over = threading.Event()
        if os.path.exists(path):
            os.unlink(path)
        self._loop = AcceptLoop(listen_at(path), self._serve)

    def stop(self):
        """As if the program had died: no socket, no connection."""
        self._is_over.set()
        if os.path.exists(self.path):
            os.unlink(self.path)
        self._loop.close()
        for each in self._connections:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _serve(self, connection):
        self._connections.add(connection)
        try:
            with connection, connection.makefile("rb") as stream:
                while self._answer_one(connection, stream):
                    pass
        except (OSError, ValueError):
            pass

    def _answer_one(self, connection, stream):
        digits = b""
        while (octet := stream.read(1)) != b":":
            if not octet:
                return False
            digits += octet
        name, _, key = stream.read(int(digits) + 1)[:-1].decode().partition(" ")
        self.questions.append((name, key))
        reply = self.answer(name, key)
        if reply is CLOSE:
            return False
        if reply is SILENCE:
            return not self._is_over.wait(600)
        connection.sendall(reply if isinstance(reply, bytes) else f"{len(reply.encode())}:{reply},".encode())
        return True


class SocketmapClient:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def ask(self, question):
        self.socket.sendall(f"{len(question.encode())}:{question},".encode())
        digits = b""
        while (octet := self.stream.read(1)) != b":":
            expect(octet, f"the connection ends instead of an answer to {question[:40]!r}")
            digits += octet
        return self.stream.read(int(digits) + 1)[:-1].decode()
