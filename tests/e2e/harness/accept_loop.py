"""A listening socket whose connections are handed to a function, each in a thread of its own."""

import os
import socket
import threading


class AcceptLoop:
    def __init__(self, listener, serve):
        self._listener = listener
        self._serve = serve
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        """Accepts no more; connections that are open stay."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join(5)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()


def listen_at(path):
    """A unix socket that everybody may connect to."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen(64)
    return listener
