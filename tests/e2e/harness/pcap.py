"""Captures taken apart and put together anew: other link types, packets lost, twice, in another order, cut short."""

import struct

ETHERNET, RAW_IP, LINUX_SLL, LINUX_SLL2, NULL = 1, 101, 113, 276, 0
PLAIN_HEADER = 14


def frames(data):
    """The Ethernet frames of a pcap file of tcpdump on this machine."""
    found = []
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        found.append(data[at + 16 : at + 16 + size])
        at += 16 + size
    return found


def payload_of(frame):
    """The octets that a frame of IPv4 carries inside TCP."""
    packet = frame[PLAIN_HEADER:]
    end = struct.unpack_from("!H", packet, 2)[0]
    tcp = packet[(packet[0] & 15) * 4 : end]
    return tcp[(tcp[12] >> 4) * 4 :]


def pcap(records, link=ETHERNET):
    """A pcap file of (frame, size on the wire), or of frames alone."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)]
    for number, record in enumerate(records):
        frame, size = record if isinstance(record, tuple) else (record, len(record))
        out.append(struct.pack("<IIII", 1_800_000_000, number, len(frame), size) + frame)
    return b"".join(out)


def _block(kind, body):
    body += b"\0" * (-len(body) % 4)
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def pcapng(packets, link=ETHERNET):
    out = [_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)), _block(1, struct.pack("<HHI", link, 0, 0))]
    for number, frame in enumerate(packets):
        out.append(_block(6, struct.pack("<IIIII", 0, 0, number, len(frame), len(frame)) + frame))
    return b"".join(out)


def with_vlan_tag(frame):
    return frame[:12] + b"\x81\x00\x00\x2a" + frame[12:]


def as_link(frame, link):
    """An Ethernet frame with another link layer around its packet."""
    kind, packet = frame[12:14], frame[PLAIN_HEADER:]
    return {
        RAW_IP: packet,
        NULL: struct.pack("<I", 2) + packet,
        LINUX_SLL: struct.pack("!HHH8s", 0, 1, 6, b"") + kind + packet,
        LINUX_SLL2: kind + struct.pack("!HIHBB8s", 0, 1, 1, 0, 6, b"") + packet,
    }[link]


def as_fragment(frame):
    """The first part of a fragmented packet."""
    return frame[: PLAIN_HEADER + 6] + b"\x20\x00" + frame[PLAIN_HEADER + 8 :]
