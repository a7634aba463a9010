"""The sealed stream after 235, in every framing, and a line-wise connection that can switch to it, and to TLS."""

import ssl
import struct

from harness.ntlm import NtlmError

LIMIT = 1 << 20
TLS_CONTENT_TYPES = range(20, 25)


class Framing:
    """be-leading, be-trailing, le-leading, le-trailing, as in the domains file."""

    def __init__(self, name="be-leading"):
        order, _, place = name.partition("-")
        self.pack = ">I" if order == "be" else "<I"
        self.leading = place == "leading"

    def join(self, signature, sealed):
        body = signature + sealed if self.leading else sealed + signature
        return struct.pack(self.pack, len(body)) + body

    def split(self, stream):
        """(record body, rest), or (None, stream) where the record is not complete."""
        if len(stream) < 4:
            return None, stream
        size = struct.unpack_from(self.pack, stream)[0]
        if not 16 <= size <= LIMIT:
            raise NtlmError(f"a record of {size} octets")
        if len(stream) < 4 + size:
            return None, stream
        return stream[4 : 4 + size], stream[4 + size :]

    def parts(self, body):
        return (body[:16], body[16:]) if self.leading else (body[-16:], body[:-16])


class TlsRecords:
    """Follows one direction of a connection after STARTTLS and finds what is not TLS in it."""

    def __init__(self):
        self._left = 0  # octets of the current record that are still to come
        self._head = b""
        self._lost = False

    def strays(self, data):
        """The octets that belong to no TLS record; from the first of them on, all."""
        while data and not self._lost:
            if self._left:
                passed = data[: self._left]
                self._left -= len(passed)
                data = data[len(passed) :]
                continue
            taken = 5 - len(self._head)
            self._head, data = self._head + data[:taken], data[taken:]
            if self._head[0] not in TLS_CONTENT_TYPES or self._head[1:2] not in (b"", b"\3"):
                self._lost = True
                data = self._head + data
            elif len(self._head) == 5:
                self._left = struct.unpack_from("!H", self._head, 3)[0]
                self._head = b""
        return data


class Tls:
    """TLS on octets instead of a socket, so that nothing is taken off the wire unseen."""

    def __init__(self, context, server_side, server_name=None):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._in, self._out, server_side, server_name)
        self.is_open = False  # the handshake is over
        self.is_closed = False  # the other side has said that it ends

    def take(self, wire):
        """Octets off the wire; returns what they had inside. Raises ssl.SSLError."""
        self._in.write(wire)
        if not self.is_open:
            try:
                self.object.do_handshake()
            except ssl.SSLWantReadError:
                return b""
            self.is_open = True
        plain = b""
        try:
            while part := self.object.read(65536):
                plain += part
            self.is_closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_closed = True
        except ssl.SSLError:
            if not plain:  # else what came before is not lost, and the next call fails
                raise
        return plain

    def put(self, plain):
        """Octets to send; they come out of wire()."""
        self.object.write(plain)

    def wire(self):
        """What has to go on the wire now."""
        return self._out.read()


class Link:
    """A socket read by lines and written by octets, plain or sealed, in clear or in TLS. `chunks` cuts each write into what
    goes out at once."""

    def __init__(self, connection, chunks=None):
        self.connection = connection
        self.chunks = chunks
        self.wire = b""
        self.plain = b""
        self.seal = None
        self.framing = None
        self.sealed_in = self.sealed_out = 0
        self.tls = None
        self.clear_in = b""  # everything that arrived neither in a seal nor in TLS
        self.unsealed_in = b""  # everything that arrived outside a seal, be it in TLS
        self.record_size = 0  # plaintext octets in one record; 0: as many as are written at once
        self.alter = None  # alter(number, record) -> list of octet strings to send instead
        self._tls_records = TlsRecords()

    def start_seal(self, seal, framing):
        self.seal = seal
        self.framing = framing
        self.wire, self.plain = self.plain, b""

    def start_tls(self, context, server_side=True, server_name=None, keeps_plain=False):
        """The handshake; raises ssl.SSLError or EOFError. What came before it is forgotten, but with `keeps_plain` it is
        taken for something said inside TLS, as RFC 3207 forbids."""
        if not keeps_plain:
            self.plain = b""
        self.tls = Tls(context, server_side, server_name)
        self._feed_tls(b"")
        while not self.tls.is_open:
            self._receive()

    def _receive(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        if self.tls:
            strays = self._tls_records.strays(data)
            self.clear_in += strays
            self.unsealed_in += strays
            data = self._feed_tls(data)
        elif self.seal is None:
            self.clear_in += data
        if self.seal is None:
            self.unsealed_in += data
            self.plain += data
            return
        self.wire += data
        self._unseal()

    def _feed_tls(self, data):
        try:
            return self.tls.take(data)
        finally:  # be it an alert
            self.connection.sendall(self.tls.wire())

    def _unseal(self):
        while True:
            body, self.wire = self.framing.split(self.wire)
            if body is None:
                return
            self.plain += self.seal.unseal(*self.framing.parts(body))
            self.sealed_in += 1

    def read_line(self):
        """The next line without CRLF. EOFError at the end."""
        if self.seal is not None:
            self._unseal()
        while b"\r\n" not in self.plain:
            if self.tls and self.tls.is_closed:
                raise EOFError
            self._receive()
        line, _, self.plain = self.plain.partition(b"\r\n")
        return line

    def read_some(self):
        if not self.plain:
            self._receive()
        data, self.plain = self.plain, b""
        return data

    def has_more(self):
        return b"\r\n" in self.plain

    def write(self, data):
        if self.seal is None:
            self.send_raw(data)
            return
        size = self.record_size or len(data)
        wire = b""
        for at in range(0, len(data), size):
            record = self.framing.join(*self.seal.seal(data[at : at + size]))
            wire += b"".join(self.alter(self.sealed_out, record)) if self.alter else record
            self.sealed_out += 1
        self.send_raw(wire)

    def send_raw(self, data):
        """Sends octets outside the seal, in TLS where there is TLS."""
        for part in self.chunks(data) if self.chunks else [data]:
            if self.tls:
                self.tls.put(part)
                part = self.tls.wire()
            self.connection.sendall(part)

    def end_tls(self):
        """Says that nothing more comes (close_notify). Does not wait for the other side's."""
        try:
            self.tls.object.unwrap()
        except ssl.SSLError:  # the other side's is missing
            pass
        self.connection.sendall(self.tls.wire())
