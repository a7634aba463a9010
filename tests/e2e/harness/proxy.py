"""A man in the middle of a TCP connection: watches, delays, cuts, alters, can tell sealed records apart, and can end TLS."""

import select
import socket
import ssl
import struct
import threading
import time

from harness.records import Tls

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
            self._begin(client, server, self.make_rule())

    def _begin(self, client, server, rule):
        lock = threading.Lock()
        for side, source, sink in ((TO_SERVER, client, server), (TO_CLIENT, server, client)):
            threading.Thread(target=self._pump, args=(side, source, sink, rule, lock), daemon=True).start()

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


class TlsProxy(Proxy):
    """Ends the client's TLS with a certificate of its own and begins one with the server, whose certificate it takes as it is.
    The rule sees what is inside, and the clear octets before it; `seen` too. `tls_client` counts handshakes the client went
    through with, `failures` has those that it did not."""

    def __init__(self, listen, target, certificate, make_rule=None):
        self.certificate = certificate
        self.tls_client = 0
        self.failures = []
        super().__init__(listen, target, make_rule)

    def _begin(self, client, server, rule):
        threading.Thread(target=self._serve, args=(client, server, rule), daemon=True).start()

    def _serve(self, client, server, rule):
        try:
            self._run(client, server, rule)
        except (OSError, EOFError) as error:
            self.failures.append(str(error))
        _cut(client)
        _cut(server)

    def _run(self, client, server, rule):
        layers = {}
        asked = False  # the client has said STARTTLS and has no reply yet
        while True:
            for source in select.select([client, server], [], [])[0]:
                data = source.recv(65536)
                if not data:
                    return
                if layers:
                    data = _inside(source, layers[source], data)
                side, sink = (TO_SERVER, server) if source is client else (TO_CLIENT, client)
                if not self._pass_on(side, data, rule, sink, layers.get(sink)):
                    return
                if layers:
                    continue
                if source is client:
                    asked = data.upper() == b"STARTTLS\r\n"
                elif asked and data[:3] == b"220":
                    layers, early = self._handshakes(client, server)
                    if not self._pass_on(TO_SERVER, early, rule, server, layers[server]):
                        return

    def _pass_on(self, side, data, rule, sink, layer):
        """Whether the connection goes on."""
        if not data:
            return True
        self.seen[side] += data
        data = rule(side, data)
        if data is None:
            return False
        if layer:
            layer.put(data)
            data = layer.wire()
        sink.sendall(data)
        return True

    def _handshakes(self, client, server):
        """(the two layers, what the client said at once)"""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        layers = {
            server: Tls(context, server_side=False),
            client: Tls(self.certificate.context(), server_side=True),
        }
        _shake_hands(server, layers[server])
        early = _shake_hands(client, layers[client])
        self.tls_client += 1
        return layers, early


def _inside(connection, layer, data):
    """What octets off the wire have inside; what the layer has to say to them goes back."""
    try:
        return layer.take(data)
    finally:
        connection.sendall(layer.wire())


def _shake_hands(connection, layer):
    """Returns what came right behind the handshake."""
    said = _inside(connection, layer, b"")
    while not layer.is_open:
        data = connection.recv(65536)
        if not data:
            raise EOFError("closed in the handshake")
        said += _inside(connection, layer, data)
    return said


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


def _at_starttls(change):
    """Lets `change(side, data)` alter the client's STARTTLS and the reply to it; all else passes."""

    def make():
        state = {"asked": False}

        def rule(side, data):
            if side == TO_SERVER and data.upper() == b"STARTTLS\r\n":
                state["asked"] = True
                return change(side, data)
            if side == TO_CLIENT and state["asked"]:
                state["asked"] = False
                return change(side, data)
            return data

        return rule

    return make


def behind_starttls_reply(octets):
    """Puts octets in clear behind the server's reply to STARTTLS, in the same packet."""
    return _at_starttls(lambda side, data: data + octets if side == TO_CLIENT else data)


def behind_starttls(octets):
    """Puts octets in clear behind the client's STARTTLS, in the same packet."""
    return _at_starttls(lambda side, data: data + octets if side == TO_SERVER else data)


def answers_starttls(reply):
    """Gives the client this reply to STARTTLS, of which the server hears nothing."""
    return _at_starttls(lambda side, data: reply if side == TO_CLIENT else b"NOOP\r\n")


def delays_tls(seconds):
    """Holds back the server's part of the handshake once, for this long."""

    def make():
        state = {"asked": False, "held": False}

        def rule(side, data):
            if side == TO_SERVER and data.upper() == b"STARTTLS\r\n":
                state["asked"] = True
            elif side == TO_CLIENT and state["asked"] and not state["held"] and data[:3] != b"220":
                state["held"] = True
                time.sleep(seconds)
            return data

        return rule

    return make


def alters_tls(side, number):
    """Flips a bit in the TLS record with application data that has this number on one side."""

    def make():
        state = {"rest": None, "number": 0, "asked": False}

        def rule(at, data):
            if at == TO_SERVER and data.upper() == b"STARTTLS\r\n":
                state["asked"] = True
                return data
            if at != side or not state["asked"] or (side == TO_CLIENT and data[:3] == b"220"):
                return data
            return _altered(state, data, number)

        return rule

    return make


def _altered(state, data, number):
    data = (state["rest"] or b"") + data
    out = b""
    while len(data) >= 5 and len(data) >= 5 + (size := struct.unpack_from("!H", data, 3)[0]):
        record, data = data[: 5 + size], data[5 + size :]
        if record[0] == 23:
            if state["number"] == number:
                record = record[:-1] + bytes([record[-1] ^ 1])
            state["number"] += 1
        out += record
    state["rest"] = data
    return out


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
