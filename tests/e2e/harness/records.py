"""The sealed stream after 235, in every framing, and a line-wise connection that can switch to it."""

import struct

from harness.ntlm import NtlmError

LIMIT = 1 << 20


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


class Link:
    """A socket read by lines and written by octets, plain or sealed. `chunks` cuts each write into what goes out at once."""

    def __init__(self, connection, chunks=None):
        self.connection = connection
        self.chunks = chunks
        self.wire = b""
        self.plain = b""
        self.seal = None
        self.framing = None
        self.sealed_in = self.sealed_out = 0
        self.clear_in = b""  # everything that arrived outside the seal
        self.record_size = 0  # plaintext octets in one record; 0: as many as are written at once
        self.alter = None  # alter(number, record) -> list of octet strings to send instead

    def start_seal(self, seal, framing):
        self.seal = seal
        self.framing = framing
        self.wire, self.plain = self.plain, b""

    def _receive(self):
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        if self.seal is None:
            self.clear_in += data
            self.plain += data
            return
        self.wire += data
        self._unseal()

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
        for part in self.chunks(data) if self.chunks else [data]:
            self.connection.sendall(part)
