"""The socketmap protocol: a server that answers what it is told, or does not, and a client."""

import os
import socket
import threading

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
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        os.chmod(path, 0o666)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        """As if the program had died: no socket, no connection."""
        self._is_over.set()
        if os.path.exists(self.path):
            os.unlink(self.path)
        for each in [self._listener, *self._connections]:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
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
