"""Enough of Dovecot's authentication protocol (version 1.2) for smtpd to have logins of its own."""

from harness.accept_loop import AcceptLoop, listen_at

HELLO = (
    b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
    b"COOKIE\t00112233445566778899aabbccddeeff\nDONE\n"
)


class DovecotAuth:
    """Offers PLAIN, and lets everybody in as `user`."""

    def __init__(self, path, user):
        self.user = user
        self._loop = AcceptLoop(listen_at(path), self._serve)

    def stop(self):
        self._loop.close()

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
