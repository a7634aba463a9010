"""What a capture of the wire holds: TCP streams put together again, searched and shown.

Reads the classic pcap format of tcpdump -w for Ethernet and loopback interfaces, IPv4 and IPv6.

usage: wire.py show  FILE       the SMTP conversations, sealed records as such
       wire.py count FILE TEXT  how often TEXT occurs in any stream, readable or in base64
"""

import base64
import struct
import sys

ETHERNET = 1


def packets(data):
    """Yields the link layer frames of a pcap file; an incomplete last one is left out."""
    if len(data) < 24:
        return
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}.get(data[:4])
    if order is None:
        raise ValueError("not a pcap file")
    if struct.unpack_from(order + "I", data, 20)[0] != ETHERNET:
        raise ValueError("not a capture of an Ethernet interface")
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        at += 16
        if at + size > len(data):
            return
        yield data[at : at + size]
        at += size


def tcp_segment(frame):
    """(source, destination, sequence number, flags, payload) of a frame, or None where it is not TCP."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    packet = frame[14:]
    if kind == 0x0800 and packet[9] == 6:
        head = (packet[0] & 15) * 4
        end = struct.unpack_from("!H", packet, 2)[0] or len(packet)
        names = [".".join(str(octet) for octet in packet[at : at + 4]) for at in (12, 16)]
    elif kind == 0x86DD and packet[6] == 6:
        head = 40
        end = 40 + struct.unpack_from("!H", packet, 4)[0] if packet[4:6] != b"\0\0" else len(packet)
        names = [packet[at : at + 16].hex(":", 2) for at in (8, 24)]
    else:
        return None
    tcp = packet[head:end]
    ports = struct.unpack_from("!HH", tcp, 0)
    sequence = struct.unpack_from("!I", tcp, 4)[0]
    return (names[0], ports[0]), (names[1], ports[1]), sequence, tcp[13], tcp[(tcp[12] >> 4) * 4 :]


class Stream:
    """One direction of a connection: octets in order, whatever was repeated or came out of order."""

    def __init__(self):
        self.data = b""
        self.next = None
        self.waiting = {}

    def add(self, sequence, flags, payload):
        """Takes a segment; returns the octets that are new and in order."""
        if flags & 2:  # SYN counts as one octet
            self.next = (sequence + 1) & 0xFFFFFFFF
            return b""
        if not payload:
            return b""
        if self.next is None:  # the capture began inside the connection
            self.next = sequence
        self.waiting[sequence] = max(self.waiting.get(sequence, b""), payload, key=len)
        fresh = b""
        progress = True
        while progress:
            progress = False
            for start in sorted(self.waiting):
                behind = (self.next - start) & 0xFFFFFFFF
                if behind < 0x80000000:
                    part = self.waiting.pop(start)[behind:]
                    self.next = (self.next + len(part)) & 0xFFFFFFFF
                    fresh += part
                    progress = True
                    break
        self.data += fresh
        return fresh


class Conversation:
    """Both directions of a connection, and the order in which the octets came."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.streams = {"C": Stream(), "S": Stream()}
        self.turns = []  # [side, octets]

    def add(self, side, sequence, flags, payload):
        fresh = self.streams[side].add(sequence, flags, payload)
        if not fresh:
            return
        if self.turns and self.turns[-1][0] == side:
            self.turns[-1][1] += fresh
        else:
            self.turns.append([side, fresh])


def conversations(data, port=None):
    """The TCP connections of a capture in the order of their beginning; only those to `port` where it is given."""
    found = {}
    order = []
    for frame in packets(data):
        segment = tcp_segment(frame)
        if segment is None:
            continue
        source, destination, sequence, flags, payload = segment
        if flags & 0x12 == 2:  # SYN without ACK: a new connection, maybe with ports used before
            found.pop((destination, source), None)
            found[source, destination] = Conversation(source, destination)
            order.append(found[source, destination])
        if (source, destination) in found:
            found[source, destination].add("C", sequence, flags, payload)
        elif (destination, source) in found:
            found[destination, source].add("S", sequence, flags, payload)
    return [each for each in order if port is None or each.server[1] == port]


def spellings(text):
    """`text` as it is, and what of it is the same in every base64 that contains it."""
    forms = {text}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + text)
        forms.add(encoded[(shift * 8 + 5) // 6 : (shift + len(text)) * 8 // 6])
    return forms


def count(data, text, port=None):
    """How often `text` occurs in any direction of any connection, readable or in base64."""
    wanted = spellings(text.encode() if isinstance(text, str) else text)
    return sum(
        stream.data.count(form)
        for conversation in conversations(data, port)
        for stream in conversation.streams.values()
        for form in wanted
    )


def sealed_records(octets):
    """The payload sizes of `octets` as sealed records (big-endian length, leading signature); None if they are not such."""
    sizes = []
    at = 0
    while at < len(octets):
        if at + 20 > len(octets) or octets[at + 4 : at + 8] != b"\1\0\0\0":
            return None
        size = struct.unpack_from("!I", octets, at)[0]
        if at + 4 + size > len(octets):
            return None
        sizes.append(size - 16)
        at += 4 + size
    return sizes


def shown(conversation):
    """Yields (side, text) for every line or group of sealed records."""
    for side, octets in conversation.turns:
        sizes = sealed_records(octets)
        if sizes:
            records = "1 sealed record" if len(sizes) == 1 else f"{len(sizes)} sealed records"
            yield side, f"[{records}, {sum(sizes)} octets inside: {octets[4:24].hex()}...]"
            continue
        for line in octets.split(b"\r\n"):
            if line:
                yield side, "".join(chr(c) if 32 <= c < 127 else "." for c in line)


def show(data, out=sys.stdout, width=100):
    for conversation in conversations(data, port=25):
        print(f"{conversation.client[0]} -> {conversation.server[0]} port {conversation.server[1]}", file=out)
        for side, text in shown(conversation):
            print(f"  {side}: {text if len(text) <= width else text[: width - 3] + '...'}", file=out)


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "show":
        with open(arguments[1], "rb") as capture:
            show(capture.read())
        return 0
    if len(arguments) == 3 and arguments[0] == "count":
        with open(arguments[1], "rb") as capture:
            print(count(capture.read(), arguments[2]))
        return 0
    print(__doc__, file=sys.stderr)
    return 64


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
