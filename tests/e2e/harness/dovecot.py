"""Enough of Dovecot's authentication protocol (version 1.2) for smtpd to have logins of its own."""

import os
import socket
import threading


HELLO = (
    b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
    b"COOKIE\t00112233445566778899aabbccddeeff\nDONE\n"
)


class DovecotAuth:
    """Offers PLAIN, and lets everybody in as `user`."""

    def __init__(self, path, user):
        self.user = user
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        os.chmod(path, 0o666)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("r", encoding="utf-8") as lines:
                connection.sendall(HELLO)
                for line in lines:
                    words = line.rstrip("\n").split("\t")
                    if words[0] == "AUTH":
                        connection.sendall(f"OK\t{words[1]}\tuser={self.user}\n".encode())
        except OSError:
            pass
