"""Logging in at NTLM servers that are not ours and require channel bindings: gss-ntlmssp and Samba.

First the acceptors themselves, with a client made of impacket's primitives; then the relay.
"""

import itertools
import os
import struct

from Cryptodome.Cipher import ARC4
from harness import ntlm
from harness.acceptors import GssAcceptor, SambaAcceptor
from harness.certificates import Authority, self_signed
from harness.proxy import TO_SERVER, TlsProxy
from harness.runner import case, expect, expect_equal, expect_in
from harness.smtp_client import SmtpClient
from harness.smtp_peer import fake_exchange_55
from harness.world import PEER, PEERS, PROXY
from impacket import ntlm as impacket_ntlm

ACCOUNT = "PARTNER\\alpha"
ANNA = "anna@partner.example"
HOST = "mail.partner.example"
NAMES = ("one", "two", "three", "four")
TO_PROXY = f"partner.example auth account={ACCOUNT} tls=encrypt nexthop=[{PROXY[0]}]\n"
ACCEPTORS = (GssAcceptor, SambaAcceptor)
RIGHT, OTHER = b"r" * 32, b"o" * 48  # hashes of certificates
ZEROS = bytes(16)
TIMESTAMP = 7  # MsvAvTimestamp
WRONG_PASSWORD = "0xc000006a"  # Samba's word for weak responses too
PLAIN = ntlm.MODERN & ~(ntlm.SIGN | ntlm.SEAL)


# ---- the acceptors


class BoundClient(ntlm.Client):
    """NTLMv2 with a MIC, and with `binding` as MsvAvChannelBindings; None: without that pair."""

    def __init__(self, binding, password="Secret-Pw1", flags=ntlm.MODERN):
        super().__init__(ACCOUNT, password, flags | ntlm.REQUEST_TARGET)
        self.binding = binding

    def negotiate(self):
        self.first = super().negotiate() + ntlm.VERSION_FIELD
        return self.first

    def authenticate(self, challenge):
        self.flags = struct.unpack_from("<I", challenge, 20)[0] & self.wanted
        response, base_key = self.response(challenge[24:32], ntlm.field(challenge, 40))
        self.session_key = base_key
        encrypted = b""
        if self.flags & ntlm.KEY_EXCH:
            self.session_key = os.urandom(16)
            encrypted = ARC4.new(base_key).encrypt(self.session_key)
        message = self.with_room_for_mic(self._message(bytes(24), response, encrypted))
        mic = impacket_ntlm.hmac_md5(self.session_key, self.first + challenge + message)
        return message[:72] + mic + message[88:]

    def response(self, nonce, target_info):
        """(NTLMv2 response, session base key)"""
        pairs = target_info[:-4] + struct.pack("<HHI", ntlm.AV_FLAGS, 4, ntlm.AV_FLAG_MIC)
        if self.binding is not None:
            pairs += struct.pack("<HH", ntlm.AV_CHANNEL_BINDINGS, 16) + self.binding
        time = ntlm.parse_av_pairs(target_info)[TIMESTAMP]
        blob = b"\1\1" + bytes(6) + time + os.urandom(8) + bytes(4) + pairs + bytes(8)
        key = impacket_ntlm.NTOWFv2(self.user, self.password, self.domain)
        proof = impacket_ntlm.hmac_md5(key, nonce + blob)
        return proof + blob, impacket_ntlm.hmac_md5(key, proof)

    @staticmethod
    def with_room_for_mic(message):
        """VERSION and 16 octets of zeros between the fields and what they point at."""
        room = ntlm.VERSION_FIELD + bytes(16)
        head = bytearray(message[:64])
        for at in range(12, 60, 8):
            offset = struct.unpack_from("<I", head, at + 4)[0]
            struct.pack_into("<I", head, at + 4, offset + len(room))
        return bytes(head) + room + message[64:]


class WeakClient(ntlm.Client):
    """Without a response of NTLMv2. gss-ntlmssp takes no NEGOTIATE that leaves out where VERSION would be."""

    def __init__(self, flags):
        super().__init__(ACCOUNT, "Secret-Pw1", flags | ntlm.REQUEST_TARGET)

    def negotiate(self):
        return super().negotiate() + bytes(8)


class Channel:
    """What an acceptor looks at of an SmtpPeer's session."""

    def __init__(self, end_point_hash):
        self.tls_end_point_hash = end_point_hash


def started(world, make, **options):
    acceptor = make(world.dir, **options)
    world.others.append(acceptor)
    return acceptor


def log_in(acceptor, client, end_point_hash=RIGHT):
    """The exchange, whether it was accepted."""
    exchange = acceptor(Channel(end_point_hash))
    return exchange, exchange.authenticate(client.authenticate(exchange.challenge(client.negotiate())))


def expect_refused(exchange_and_verdict, reason):
    exchange, accepted = exchange_and_verdict
    expect(not accepted, f"a login was accepted that should fail: {reason}")
    expect_in(reason, exchange.reason, "why it was refused")


@case(seconds=120)
def acceptors_take_the_binding_of_their_own_channel_and_no_other(world):
    for make, why in ((GssAcceptor, "Permission denied"), (SambaAcceptor, "the channel binding is wrong")):
        acceptor = started(world, make)
        exchange, accepted = log_in(acceptor, BoundClient(ntlm.channel_bindings(RIGHT), flags=PLAIN))
        expect(accepted, f"{make.kind} refuses the right binding: {exchange.reason}")
        for binding in (None, ZEROS):
            expect_refused(log_in(acceptor, BoundClient(binding, flags=PLAIN)), "no channel binding")
        expect_refused(log_in(acceptor, BoundClient(ntlm.channel_bindings(OTHER), flags=PLAIN)), why)
        exchange, accepted = log_in(acceptor, BoundClient(ntlm.channel_bindings(OTHER), flags=PLAIN), OTHER)
        expect(accepted, f"{make.kind} refuses the binding of another channel there: {exchange.reason}")


@case(seconds=120)
def acceptors_ask_for_no_binding_outside_tls_or_where_told(world):
    for make in ACCEPTORS:
        for options, end_point_hash in (({}, None), ({"bindings": "ignore"}, RIGHT)):
            acceptor = started(world, make, **options)
            for binding in (ZEROS, ntlm.channel_bindings(OTHER)):
                exchange, accepted = log_in(acceptor, BoundClient(binding, flags=PLAIN), end_point_hash)
                expect(accepted, f"{make.kind}: {exchange.reason}")


@case(seconds=120)
def acceptors_refuse_a_wrong_password_whatever_the_binding(world):
    for make, why in ((GssAcceptor, "Invalid argument"), (SambaAcceptor, WRONG_PASSWORD)):
        acceptor = started(world, make)
        client = BoundClient(ntlm.channel_bindings(RIGHT), password="Secret-Pw2", flags=PLAIN)
        expect_refused(log_in(acceptor, client), why)


@case(seconds=120)
def acceptors_refuse_responses_weaker_than_ntlmv2(world):
    for make, why in ((GssAcceptor, "NTLM version 1 not allowed"), (SambaAcceptor, WRONG_PASSWORD)):
        acceptor = started(world, make)
        for flags in (ntlm.EXCHANGE_55, ntlm.MODERN & ~ntlm.VERSION):
            for end_point_hash in (RIGHT, None):
                expect_refused(log_in(acceptor, WeakClient(flags), end_point_hash), why)


@case(seconds=120)
def acceptors_seal_where_a_client_asks(world):
    for make in ACCEPTORS:
        acceptor = started(world, make)
        client = BoundClient(ntlm.channel_bindings(RIGHT))
        exchange, accepted = log_in(acceptor, client)
        expect(accepted, f"{make.kind}: {exchange.reason}")
        expect(exchange.flags & ntlm.SEAL, "SEAL was not agreed")
        ours, theirs = client.seal_state(), exchange.seal_state()
        for text in (b"EHLO alpha.example\r\n", b"x" * 4096):
            expect_equal(theirs.unseal(*ours.seal(text)), text, "what the acceptor reads")
            expect_equal(ours.unseal(*theirs.seal(text)), text, "what the client reads")
        signature, sealed = ours.seal(b"MAIL FROM:<>\r\n")
        try:
            theirs.unseal(signature, sealed[:-1] + bytes([sealed[-1] ^ 1]))
        except ntlm.NtlmError:
            continue
        expect(False, f"{make.kind} takes an altered record")


@case(seconds=120)
def a_login_is_bound_to_the_certificate_that_the_peer_shows(world):
    """Client and SmtpPeer inside real TLS, as the cases about the relay have it."""
    certificate = self_signed(f"{world.dir}/tls", HOST)
    for make in ACCEPTORS:
        peer = world.peer(tls=certificate, acceptor=started(world, make))
        for binding, code in ((certificate.end_point_hash(), 235), (OTHER, 535), (None, 535)):
            with SmtpClient(PEER) as client:
                client.greet()
                client.starttls()
                login = BoundClient(ntlm.channel_bindings(binding), flags=PLAIN)
                expect_equal(client.auth(login, seal=False), code, f"login at {make.kind}")
        peer.stop()


# ---- the relay


def rule(name, level, attributes=""):
    """For one.example, say, whose host is mail.one.example."""
    return f"{name}.example {level} account={ACCOUNT} nexthop=[mail.{name}.example] {attributes}\n"


def names_of_peers(world):
    world.dns(*(f"host-record=mail.{name}.example,{peer[0]}" for name, peer in zip(NAMES, PEERS)))


def certificates(world):
    """(what it is, certificate) for mail.one.example and so on, of one authority."""
    authority = Authority(f"{world.dir}/ca", signs_with="rsa")
    kinds = (
        ("RSA with SHA-256", {}),
        ("RSA with SHA-384", {"signature_hash": "sha384"}),
        ("RSASSA-PSS with SHA-256", {"pss": True}),
        ("RSASSA-PSS with SHA-512", {"pss": True, "signature_hash": "sha512"}),
    )
    issued = [
        (kind, authority.issue(f"mail.{name}.example", **options))
        for name, (kind, options) in zip(NAMES, kinds)
    ]
    return authority, issued


def expect_logged_in(peer, acceptor, what):
    reasons = [exchange.reason for exchange in acceptor.exchanges]
    expect_equal(reasons, [""], f"why logins at {acceptor.kind} failed ({what})")
    expect_equal(len(peer.messages), 1, f"messages taken ({what})")


def logs_in_bound(world, make, level):
    """Mail arrives whatever the certificate, in sessions that the acceptors found to be bound."""
    authority, issued = certificates(world)
    names_of_peers(world)
    peers = []
    for number, (kind, certificate) in enumerate(issued):
        acceptor = started(world, make)
        peers.append((world.peer(address=PEERS[number], tls=certificate, acceptor=acceptor), acceptor, kind))
    attributes = f"tls=verify ca_file={authority.certificate}"
    world.sending("".join(rule(name, level, attributes) for name in NAMES))
    for name, (peer, acceptor, kind) in zip(NAMES, peers):
        world.send(f"anna@{name}.example")
        world.expect_verdict(f"anna@{name}.example", "sent")
        expect_logged_in(peer, acceptor, kind)
        message = peer.messages[0]
        expect(message.in_tls, f"not in TLS ({kind})")
        expect_equal(message.sealed, level == "seal", f"sealed, level {level} ({kind})")
    world.expect_no_leak(*(peer for peer, _, _ in peers))


@case(seconds=120)
def logs_on_to_gss_ntlmssp_that_requires_bindings(world):
    logs_in_bound(world, GssAcceptor, "auth")


@case(seconds=120)
def logs_on_to_samba_where_bindings_are_required(world):
    logs_in_bound(world, SambaAcceptor, "auth")


@case(seconds=120)
def seals_with_gss_ntlmssp_inside_tls(world):
    logs_in_bound(world, GssAcceptor, "seal")


@case(seconds=120)
def seals_with_samba_inside_tls(world):
    logs_in_bound(world, SambaAcceptor, "seal")


@case(seconds=120)
def logs_on_and_seals_where_there_is_no_tls(world):
    names_of_peers(world)
    plan = []
    for name, address, (make, level) in zip(NAMES, PEERS, itertools.product(ACCEPTORS, ("auth", "seal"))):
        acceptor = started(world, make)
        plan.append((name, level, world.peer(address=address, acceptor=acceptor), acceptor))
    world.sending("".join(rule(name, level) for name, level, _, _ in plan))
    for name, level, peer, acceptor in plan:
        world.send(f"anna@{name}.example")
        world.expect_verdict(f"anna@{name}.example", "sent")
        expect_logged_in(peer, acceptor, f"level {level}")
        expect_equal(peer.messages[0].sealed, level == "seal", f"sealed at {acceptor.kind}, level {level}")


def relayed_login(world, acceptor):
    """Sends mail by way of a man in the middle, who shows a certificate of his own and passes what is inside
    TLS on to a server with `acceptor`: (server, man in the middle)."""
    server = world.peer(tls=self_signed(f"{world.dir}/tls", HOST), acceptor=acceptor)
    middle = TlsProxy(PROXY, PEER, self_signed(f"{world.dir}/tls", HOST))
    world.others.append(middle)
    world.sending(TO_PROXY)
    world.send(ANNA)
    return server, middle


def expect_binding_stops_him(world, make, why):
    acceptor = started(world, make)
    server, middle = relayed_login(world, acceptor)
    world.expect_verdict(ANNA, "deferred", "535")
    expect_equal(middle.tls_client, 1, "handshakes with the man in the middle")
    expect_equal(len(acceptor.exchanges), 1, "logins")
    expect_in(why, acceptor.exchanges[0].reason, "why the acceptor refused")
    expect_equal(server.messages, [], "messages taken")
    for octets in (*middle.seen.values(), server.unsealed_octets()):
        for secret in (b"MAIL FROM", ANNA.encode(), b"joe@alpha.example", world.marker.encode()):
            expect(secret not in octets, f"the man in the middle saw {secret!r}")
    world.expect_no_leak(server)


@case(seconds=120)
def a_login_relayed_by_a_man_in_the_middle_is_refused_by_gss_ntlmssp(world):
    expect_binding_stops_him(world, GssAcceptor, "Permission denied")


@case(seconds=120)
def a_login_relayed_by_a_man_in_the_middle_is_refused_beside_samba(world):
    expect_binding_stops_him(world, SambaAcceptor, "the channel binding is wrong")


@case(seconds=120)
def it_is_the_binding_that_stops_the_man_in_the_middle(world):
    """The same attack on a server that ignores bindings: he has his session, and reads the mail."""
    acceptor = started(world, GssAcceptor, bindings="ignore")
    server, middle = relayed_login(world, acceptor)
    world.expect_verdict(ANNA, "sent")
    expect_logged_in(server, acceptor, "without bindings")
    expect_in(world.marker.encode(), middle.seen[TO_SERVER], "what the man in the middle saw")


@case(seconds=120)
def ntlmv1_is_refused_by_samba_and_the_account_is_held(world):
    acceptor = started(world, SambaAcceptor)
    peer = world.peer(fake_exchange_55, acceptor=acceptor)
    world.sending(f"partner.example auth account={ACCOUNT} nexthop=[{PEER[0]}] profile=exchange-5.5\n")
    world.expect_verdict(ANNA, "deferred", "535", queue_id=world.send(ANNA))
    world.expect_verdict(ANNA, "deferred", "hold", queue_id=world.send(ANNA))
    expect_equal(len(acceptor.exchanges), 1, "logins tried")
    expect_in(WRONG_PASSWORD, acceptor.exchanges[0].reason, "why Samba refused")
    expect_equal(peer.messages, [], "messages taken")
    world.expect_no_leak(peer)
