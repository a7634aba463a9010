"""A man in the middle of a TCP connection: watches, delays, cuts, alters, and can tell sealed records apart."""

import socket
import struct
import threading

TO_SERVER, TO_CLIENT = "C", "S"


class Proxy:
    """`rule(side, data)` gives the octets to pass on, or None to cut the connection. It is made anew for each connection by
    `make_rule()`, so that it can count."""

    def __init__(self, listen, target, make_rule=None):
        self.target = target
        self.make_rule = make_rule or (lambda: lambda side, data: data)
        self.seen = {TO_SERVER: b"", TO_CLIENT: b""}  # over all connections, as received
        self.connections = 0
        self._open = set()
        self._listener = socket.create_server(listen, reuse_port=True, backlog=64)
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for each in list(self._open):
            _cut(each)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                server = socket.create_connection(self.target, timeout=10)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            self._open |= {client, server}
            rule = self.make_rule()
            lock = threading.Lock()
            for side, source, sink in ((TO_SERVER, client, server), (TO_CLIENT, server, client)):
                threading.Thread(
                    target=self._pump, args=(side, source, sink, rule, lock), daemon=True
                ).start()

    def _pump(self, side, source, sink, rule, lock):
        try:
            while data := source.recv(65536):
                with lock:
                    self.seen[side] += data
                    passed = rule(side, data)
                if passed is None:
                    break
                for part in passed if isinstance(passed, list) else [passed]:
                    sink.sendall(part)
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        except OSError:
            pass
        _cut(source)
        _cut(sink)


def _cut(connection):
    """Ends a connection at once, with RST, as a lost one would."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    connection.close()


def cut_after(side, octets):
    """Passes that many octets of one side, then cuts."""

    def make():
        left = [octets]

        def rule(at, data):
            if at != side:
                return data
            if left[0] <= 0:
                return None
            part = data[: left[0]]
            left[0] -= len(data)
            return part

        return rule

    return make


def cut_at(side, marker, occurrence=1):
    """Cuts when `marker` occurs on one side; it is not passed on."""

    def make():
        state = {"text": b""}

        def rule(at, data):
            if at == side:
                state["text"] += data
                if state["text"].count(marker) >= occurrence:
                    return None
            return data

        return rule

    return make


def bytewise():
    """Passes every octet in a write of its own."""
    return lambda side, data: [data[n : n + 1] for n in range(len(data))]


def without_keyword(marker):
    """Takes EHLO lines that contain `marker` out, as some firewalls do."""

    def rule(side, data):
        if side == TO_SERVER or marker not in data:
            return data
        lines = data.split(b"\r\n")
        kept = [line for line in lines if marker not in line or not line.startswith(b"250")]
        if len(kept) > 1 and kept[-1] == b"" and kept[-2].startswith(b"250-"):
            kept[-2] = b"250 " + kept[-2][4:]
        return b"\r\n".join(kept)

    return lambda: rule


def records(side, change):
    """Lets `change(number, record)` replace each sealed record of one side after 235 with a list of octet strings, or cut
    with None. Records have a big-endian length."""

    def make():
        state = {"sealed": False, "rest": b"", "number": 0}

        def rule(at, data):
            if at == TO_CLIENT and not state["sealed"] and data.startswith(b"235"):
                state["sealed"] = True
                return data
            if at != side or not state["sealed"]:
                return data
            state["rest"] += data
            out = []
            while len(state["rest"]) >= 4:
                size = 4 + struct.unpack(">I", state["rest"][:4])[0]
                if len(state["rest"]) < size:
                    break
                record, state["rest"] = state["rest"][:size], state["rest"][size:]
                changed = change(state["number"], record)
                state["number"] += 1
                if changed is None:
                    return None
                out += changed
            return out

        return rule

    return make
