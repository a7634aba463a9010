"""TLS in both directions, in the places where a claim of it was once found untrue: bindings to another
channel, weak chains under a low tls_min, authorities that changed, trouble that passes, words that come
unasked or repeat a password."""

import base64
import ctypes
import glob
import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time

from Cryptodome.Cipher import ARC4
from impacket.ntlm import NTOWFv2, hmac_md5

from harness import certificates, ntlm
from harness.certificates import Authority, self_signed
from harness.partners import CLIENT, Session
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_client import unverified
from harness.smtp_peer import CLOSE, MODERN_KEYWORDS, SILENCE
from harness.world import BETA, DNS, PASSWORD, PEER, PEERS

ANNA = "anna@partner.example"
MAIL = "mail.partner.example"
GATE = "mx.beta.example"  # the name in the certificate of beta's relay
AT_PEER = f"host-record={MAIL},{PEER[0]}"
AUTH = "partner.example auth account=PARTNER\\alpha nexthop=[mail.partner.example] tls=verify{more}\n"
TLS = "partner.example tls nexthop=[mail.partner.example]{more}\n"
BY_MX = "partner.example tls{more}\n"
BOUNCES = " on_failure=bounce"
KEPT = {"relay_session_reuse_idle": "60s"}  # sessions with the next hop, until the case is over
SHORT_RSA = "short-rsa"
certificates.KEYS[SHORT_RSA] = ["rsa:768"]  # no authority has had one for decades


# ---- what the cases are made of


def authority(world, name="Test Root", **options):
    return Authority(f"{world.dir}/tls", name, **options)


def secured(world, domains=AUTH, more="", certificate=None, root=None, sending=None, **peer_options):
    """A peer with a certificate that `root` signed, or with what `certificate` makes of `root`, and alpha's
    daemons with this rule, {ca} in which is that authority. Returns the peer."""
    root = root or authority(world)
    peer = world.peer(tls=certificate(root) if certificate else root.issue(MAIL), **peer_options)
    world.dns(AT_PEER)
    world.sending(domains.format(more=more.format(ca=root.certificate)), **(sending or {}))
    return peer


def deliver(world, peer):
    """One message to the peer; returns the session it came in."""
    count = len(peer.messages)
    world.expect_verdict(ANNA, "sent", "Queued by a fake", queue_id=world.send(ANNA))
    within(5, lambda: len(peer.messages) > count, "the message at the peer")
    return peer.sessions[-1]


def expect_kept(world, *peers):
    """Postfix has the message still, and none of the peers got any of it."""
    expect_in(ANNA, world.alpha.queue(), "Postfix's queue")
    expect_not_sent(world, *peers)


def expect_not_sent(world, *peers):
    world.expect_no_leak(*peers)
    for peer in peers:
        expect_equal(peer.messages, [], "messages the peer took")
        expect(world.marker.encode() not in peer.unsealed_octets(), "the peer saw the message")


def commands_of(session, verb):
    return [line for line in session.commands() if line.split(b" ")[0].upper() == verb]


# ---- logins inside TLS that a certificate gives nothing to be bound to


class BoundClient(ntlm.Client):
    """NTLMv2 with a MIC and these 16 octets as MsvAvChannelBindings; None: without that pair."""

    def __init__(self, bindings):
        super().__init__("BETA\\alpha", PASSWORD, ntlm.MODERN | ntlm.REQUEST_TARGET)
        self.bindings = bindings

    def authenticate(self, challenge):
        self.flags = struct.unpack_from("<I", challenge, 20)[0] & (self.wanted | ntlm.TARGET_TYPE_SERVER)
        info = ntlm.field(challenge, 40)
        stamp = ntlm.parse_av_pairs(info)[7]
        info = info[:-4] + struct.pack("<HHI", ntlm.AV_FLAGS, 4, ntlm.AV_FLAG_MIC)
        if self.bindings is not None:
            info += struct.pack("<HH", ntlm.AV_CHANNEL_BINDINGS, len(self.bindings)) + self.bindings
        proved = b"\1\1" + bytes(6) + stamp + os.urandom(8) + bytes(4) + info + bytes(8)
        key = NTOWFv2(self.user, self.password, self.domain)
        proof = hmac_md5(key, challenge[24:32] + proved)
        self.session_key = os.urandom(16)
        encrypted = ARC4.new(hmac_md5(key, proof)).encrypt(self.session_key)
        message = bytearray(self._message(bytes(24), proof + proved, encrypted))
        for at in range(12, 60, 8):  # room for version and MIC, between the fields and what they point at
            struct.pack_into("<I", message, at + 4, struct.unpack_from("<I", message, at + 4)[0] + 24)
        head, payload = bytes(message[:64]) + ntlm.VERSION_FIELD, bytes(message[64:])
        mic = hmac_md5(self.session_key, self.negotiate() + challenge + head + bytes(16) + payload)
        return head + mic + payload


def gate(world, shown):
    """beta's relay with this certificate."""
    for name, path, mode in (("tls.pem", shown.certificate, 0o644), ("tls.key", shown.key, 0o640)):
        with open(path, encoding="ascii") as text:
            world.write(f"beta/{name}", text.read(), mode, "smtpseal")
    world.receiving(
        relay_tls_cert_file=f"{world.dir}/beta/tls.pem",
        relay_tls_key_file=f"{world.dir}/beta/tls.key",
        relay_auth_failure_limit=100,
        relay_auth_failure_limit_per_address=1000,
    )


def inside(version):
    client = Session(BETA, CLIENT)
    client.starttls(unverified(version, version))
    return client


@case
def a_login_bound_to_another_channel_is_refused_where_the_certificate_is_signed_with_ed25519(world):
    """Nothing can be bound to that certificate, so whoever brings a binding talks to somebody in between."""
    gate(world, self_signed(f"{world.dir}/own", GATE, key="ed25519"))
    other = ntlm.channel_bindings(authority(world).issue(GATE).end_point_hash())
    for version in ("1.2", "1.3"):
        with inside(version) as client:
            for bindings in (other, b"x" * 16, bytes(15) + b"\1"):
                code = client.auth(BoundClient(bindings), seal=False)
                expect_equal(code, 535, f"login with {bindings!r} ({client.last!r})")
        for bindings in (None, bytes(16)):
            with inside(version) as client:
                expect_equal(client.auth(BoundClient(bindings)), 235, f"login with {bindings!r}")
                client.deliver(world)


@case
def a_login_bound_to_another_channel_is_refused_where_an_ed25519_authority_has_signed(world):
    """It is the signature that counts, not the key in the certificate."""
    gate(world, authority(world, signs_with="ed25519").issue(GATE))
    with inside("1.3") as client:
        expect_equal(client.auth(BoundClient(b"x" * 16), seal=False), 535, "login bound to another channel")
        expect_equal(client.auth(BoundClient(None)), 235, "login bound to nothing")
        client.deliver(world)


# ---- hosts that cannot be looked up for now


A, MX, AAAA = 1, 15, 28
NO_ERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


class NameServer:
    """Answers questions with what a table has for (name, type): a list of addresses or (preference, host)
    pairs. SERVFAIL in its place is said. What it does not have is no such record, or no such name where it
    has none of that name at all."""

    def __init__(self, table):
        self.table = table
        self.asked = []  # (name, type)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(DNS)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(512)
            except OSError:
                return
            if not question:
                return
            self.socket.sendto(self._answer(question), client)

    def _answer(self, question):
        labels, at = [], 12
        while size := question[at]:
            labels.append(question[at + 1 : at + 1 + size].decode().lower())
            at += 1 + size
        kind = struct.unpack_from("!H", question, at + 1)[0]
        name = ".".join(labels)
        self.asked.append((name, kind))
        found = self.table.get((name, kind), [])
        code = NO_ERROR if name in (each for each, _ in self.table) else NXDOMAIN
        if found == SERVFAIL:
            code, found = SERVFAIL, []
        answers = b""
        for each in found:
            data = self._data(kind, each)
            answers += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
        return (
            question[:2]
            + struct.pack("!HHHHH", 0x8580 | code, 1, len(found), 0, 0)
            + question[12 : at + 5]
            + answers
        )

    @staticmethod
    def _data(kind, item):
        if kind != MX:
            return socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, item)
        preference, host = item
        labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split("."))
        return struct.pack("!H", preference) + labels + b"\0"

    def stop(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", DNS)
        self.socket.close()


def _looked_up(name, status, table, *, more=BOUNCES, asked=()):
    """A case in which the rule bounces what it cannot protect, the one host that can be reached offers no
    STARTTLS, and DNS has this table. `asked`: questions that must have been asked."""

    def run(world):
        plain = world.peer()
        server = NameServer(table)
        world.others.append(server)
        world.sending(BY_MX.format(more=more), credentials="")
        world.expect_verdict(ANNA, status, "partner.example", "domains:1", queue_id=world.send(ANNA))
        expect(plain.sessions, "the host that can be reached was not asked")
        for each in asked:
            expect_in(each, server.asked, "questions to the name server")
        if status == "deferred":
            expect_kept(world, plain)
        else:
            expect_not_sent(world, plain)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


TWO_HOSTS = {("partner.example", MX): [(10, "first.example"), (20, "second.example")]}
SECOND = TWO_HOSTS | {("second.example", A): [PEER[0]]}
ONE_HOST = {("partner.example", MX): [(10, MAIL)], (MAIL, A): [PEER[0]]}
_looked_up(
    "a_host_that_cannot_be_looked_up_for_now_is_waited_for_where_the_entry_bounces",
    "deferred",
    SECOND | {("first.example", A): SERVFAIL, ("first.example", AAAA): SERVFAIL},
    asked=[("first.example", A)],
)
_looked_up(
    "a_host_with_one_family_that_cannot_be_looked_up_is_waited_for_where_the_entry_bounces",
    "deferred",
    SECOND | {("first.example", AAAA): SERVFAIL},
    asked=[("first.example", AAAA)],
)
_looked_up(
    "a_worse_host_that_cannot_be_looked_up_is_waited_for_too",
    "deferred",
    TWO_HOSTS | {("first.example", A): [PEER[0]], ("second.example", A): SERVFAIL},
    asked=[("second.example", A)],
)
_looked_up(
    "an_ipv6_address_that_cannot_be_looked_up_is_waited_for_beside_an_ipv4_one",
    "deferred",
    ONE_HOST | {(MAIL, AAAA): SERVFAIL},
    asked=[(MAIL, AAAA)],
)
_looked_up(
    "an_ipv4_address_that_cannot_be_looked_up_for_a_second_host_is_waited_for",
    "deferred",
    SECOND | {("first.example", A): SERVFAIL, ("first.example", AAAA): []},
    asked=[("first.example", A)],
)
_looked_up("bounces_where_all_hosts_are_known", "bounced", ONE_HOST)
_looked_up("bounces_where_a_host_has_no_address", "bounced", SECOND | {("first.example", A): []})
_looked_up("bounces_where_a_host_is_not_there", "bounced", SECOND, asked=[("first.example", A)])
_looked_up(
    "defers_what_cannot_be_protected_where_the_entry_says_nothing", "deferred", ONE_HOST, more=""
)  # with and without trouble in DNS
_looked_up(
    "defers_where_a_host_cannot_be_looked_up_and_the_entry_says_nothing",
    "deferred",
    SECOND | {("first.example", A): SERVFAIL},
    more="",
)


@case
def what_cannot_be_looked_up_does_not_hinder_a_sound_host(world):
    root = authority(world)
    peer = world.peer(tls=root.issue(MAIL))
    hosts = {("partner.example", MX): [(10, "first.example"), (20, MAIL)], (MAIL, A): [PEER[0]]}
    world.others.append(NameServer(hosts | {("first.example", A): SERVFAIL, (MAIL, AAAA): SERVFAIL}))
    world.sending(BY_MX.format(more=f"{BOUNCES} ca_file={root.certificate}"), credentials="")
    deliver(world, peer)
    expect(peer.messages[0].in_tls, "not in TLS")
    world.expect_no_leak(peer)


@case
def a_host_that_could_not_be_looked_up_is_tried_once_it_can(world):
    root = authority(world)
    plain, good = world.peer(), world.peer(address=PEERS[1], tls=root.issue("first.example"))
    server = NameServer(SECOND | {("first.example", A): SERVFAIL})
    world.others.append(server)
    world.sending(BY_MX.format(more=f"{BOUNCES} ca_file={root.certificate}"), credentials="")
    world.expect_verdict(ANNA, "deferred", queue_id=world.send(ANNA))
    server.table = SECOND | {("first.example", A): [PEERS[1][0]]}
    within(20, lambda: world.alpha.flush() or time.sleep(0.5) or good.messages, "the message")
    expect_not_sent(world, plain)


# ---- what a low tls_min does not mean


VERSIONS = (  # attributes, what the peer offers
    ("", ("1.2", "1.3")),
    (" tls_min=1.0", ("1.0", "1.0")),
    (" tls_min=1.0", ("1.0", "1.3")),
    (" tls_min=1.1", ("1.1", "1.1")),
    (" tls_min=1.1", ("1.2", "1.2")),
)


def _weak(name, root_options, leaf_options):
    def run(world):
        root = authority(world, **root_options)
        shown = root.issue(MAIL, **leaf_options)
        for more, offered in VERSIONS:
            peer = secured(world, TLS, more + " ca_file={ca}", lambda _: shown, root, tls_versions=offered)
            text = world.expect_verdict(
                ANNA, "deferred", "partner.example", "domains:1", queue_id=world.send(ANNA)
            )
            expect_in("certificate is not trusted", text, f"the verdict with{more or ' the usual versions'}")
            expect_kept(world, peer)
            world.end_round(peer)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


RSA = {"signs_with": "rsa"}
_weak("a_chain_signed_with_md5_is_never_trusted", RSA, {"signature_hash": "md5", "key": "rsa"})
_weak("a_chain_signed_with_sha1_is_never_trusted", RSA, {"signature_hash": "sha1", "key": "rsa"})
_weak("an_authority_with_a_key_of_768_bits_is_never_trusted", {"signs_with": SHORT_RSA}, {"key": "ec"})
_weak("a_certificate_with_a_key_of_1024_bits_is_never_trusted", RSA, {"key": "weak-rsa"})
_weak(
    "a_certificate_with_a_key_of_1024_bits_signed_with_sha1_is_never_trusted",
    RSA,
    {"key": "weak-rsa", "signature_hash": "sha1"},
)


@case
def a_sound_chain_is_trusted_in_old_versions_of_tls(world):
    for number, (key, version) in enumerate((("ec", "1.0"), ("rsa", "1.0"), ("rsa", "1.1"))):
        root = authority(world, f"Root {number}", signs_with=key).intermediate(f"Intermediate {number}")
        shown = root.issue(MAIL, key=key)
        peer = secured(
            world,
            TLS,
            f" tls_min={version} ca_file={{ca}}",
            lambda _, shown=shown: shown,
            root.issuer,
            tls_versions=(version, version),
        )
        session = deliver(world, peer)
        expect_equal(session.tls_version, {"1.0": "TLSv1", "1.1": "TLSv1.1"}[version], "version of TLS")
        expect_in("verified=chain", world.relay.log(), "the log of the relay")
        world.end_round(peer)


# ---- authorities that change under a session


def _trusting(world, root, domains=AUTH, more=""):
    """alpha trusts what `root` signed by relay.tls_ca_file; returns the peer and the path of that file."""
    path = f"{world.dir}/trusted.pem"
    shutil.copy(root.certificate, path)
    peer = secured(world, domains, more, root=root, sending=KEPT | {"relay_tls_ca_file": path})
    return peer, path


@case
def a_session_is_not_used_again_once_its_authority_is_not_trusted_any_more(world):
    for domains, more in ((AUTH, ""), (TLS, ""), (TLS, f" ca_file={world.dir}/trusted.pem")):
        root = authority(world)
        peer, path = _trusting(world, root, domains, more)
        session = deliver(world, peer)
        expect(session.is_open, "the session was not kept, so this case shows nothing")
        shutil.copy(Authority(f"{world.dir}/other", "Other Root").certificate, path)
        world.relay.reload("policy-loaded")
        world.expect_verdict(ANNA, "deferred", "certificate is not trusted", queue_id=world.send(ANNA))
        expect_equal(len(commands_of(session, b"MAIL")), 1, "messages in the session from before")
        expect_equal(len(peer.messages), 1, "messages")
        expect_in(ANNA, world.alpha.queue(), "Postfix's queue")
        shutil.copy(root.certificate, path)
        world.relay.reload("policy-loaded")
        within(20, lambda: world.alpha.flush() or time.sleep(0.5) or len(peer.messages) == 2, "the message")
        world.end_round(peer)


@case
def an_authority_that_is_written_anew_goes_on_being_trusted(world):
    root = authority(world)
    peer, path = _trusting(world, root)
    deliver(world, peer)
    shutil.copy(root.certificate, path + ".new")
    os.rename(path + ".new", path)
    world.relay.reload("policy-loaded")
    deliver(world, peer)
    expect(all(each.in_tls for each in peer.messages), "not in TLS")
    world.expect_no_leak(peer)


@case
def authorities_that_cannot_be_read_anew_stay_as_they_are(world):
    peer, path = _trusting(world, authority(world))
    deliver(world, peer)
    with open(path, "w", encoding="ascii") as text:
        text.write("no certificate\n")
    expect_in(path, world.relay.reload("authorities-not-loaded"), "the log at the reload")
    deliver(world, peer)
    world.expect_no_leak(peer)


# ---- handshakes that go wrong


def _shaken(name, status, *say, more=BOUNCES, domains=AUTH, certificate=None, **peer_options):
    """A case in which the rule bounces what it cannot protect, and the handshake does not succeed."""

    def run(world):
        peer = secured(world, domains, more + " ca_file={ca}", certificate, **peer_options)
        world.expect_verdict(ANNA, status, "partner.example", "domains:1", *say, queue_id=world.send(ANNA))
        expect_equal(commands_of(peer.sessions[0], b"STARTTLS"), [b"STARTTLS"], "STARTTLS at the peer")
        if status == "deferred":
            expect_kept(world, peer)
        else:
            expect_not_sent(world, peer)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


def _alerts(description, **versions):
    """A server that ends every handshake with this alert."""

    def make(root):
        context = root.issue(MAIL).context(**versions)
        context.sni_callback = lambda *_: description
        return context

    return make


_shaken(
    "a_server_too_busy_for_a_handshake_is_waited_for",
    "deferred",
    replies={"handshake": b"421 4.3.2 too busy"},
)
_shaken(
    "a_server_too_busy_for_a_handshake_at_level_tls_is_waited_for",
    "deferred",
    domains=TLS,
    replies={"handshake": b"454 4.7.0 TLS not available for now"},
)
_shaken("a_server_that_ends_in_the_handshake_is_waited_for", "deferred", replies={"handshake": CLOSE})
_shaken(
    "a_server_with_an_internal_error_is_waited_for",
    "deferred",
    "TLS handshake failed",
    certificate=_alerts(ssl.ALERT_DESCRIPTION_INTERNAL_ERROR),
)
_shaken(
    "a_server_with_an_internal_error_in_tls_1_2_is_waited_for",
    "deferred",
    "TLS handshake failed",
    certificate=_alerts(ssl.ALERT_DESCRIPTION_INTERNAL_ERROR, most=ssl.TLSVersion.TLSv1_2),
)
_shaken(
    "a_server_that_gives_up_on_its_user_is_waited_for",
    "deferred",
    "TLS handshake failed",
    certificate=_alerts(ssl.ALERT_DESCRIPTION_USER_CANCELLED),
)
for _version in ("1.0", "1.1"):
    _shaken(
        f"bounces_where_a_server_has_tls_{_version.replace('.', '_')}_only",
        "bounced",
        "TLS handshake failed",
        tls_versions=(_version, _version),
    )
SERVER_HELLO = b"\2\0\0\x26\3\1" + bytes(32) + b"\0\0\x2f\0"  # TLS 1.0, AES128-SHA
_shaken(
    "bounces_where_a_server_answers_in_tls_1_0_whatever_it_is_asked",
    "bounced",
    "TLS handshake failed",
    replies={"handshake": b"\x16\3\1\0\x2a" + SERVER_HELLO},
)
_shaken(
    "bounces_where_a_server_has_less_than_tls_min",
    "bounced",
    "TLS handshake failed",
    more=BOUNCES + " tls_min=1.3",
    tls_versions=("1.2", "1.2"),
)
_shaken(
    "bounces_where_a_server_has_tls_1_0_only_and_tls_min_is_1_1",
    "bounced",
    "TLS handshake failed",
    more=BOUNCES + " tls_min=1.1",
    tls_versions=("1.0", "1.0"),
)


# ---- what a next hop says unasked


def empty_records(session, tickets=0, new_keys=0):
    """TLS records of a peer that have nothing inside for the application, as they go over the wire."""
    link = session._link  # pylint: disable=protected-access
    library = ctypes.CDLL("libssl.so.3")
    # Behind the head of the object stand a pointer to its socket and the one to OpenSSL's own.
    tls = ctypes.c_void_p.from_address(id(link.tls.object._sslobj) + 24)  # pylint: disable=protected-access
    for _ in range(tickets):
        expect(library.SSL_new_session_ticket(tls) == 1, "no session ticket")
        expect(library.SSL_do_handshake(tls) == 1, "no record with the session ticket")
    for _ in range(new_keys):
        expect(library.SSL_key_update(tls, 0) == 1, "no new keys")
        expect(library.SSL_do_handshake(tls) == 1, "no record for the new keys")
    records = link.tls.wire()
    expect_equal(len(records) > 0, tickets + new_keys > 0, "whether there are records")
    return records


def say_unasked(session, words, **records):
    """Lets a peer say words between commands, and in front of them records that have nothing inside."""
    link = session._link  # pylint: disable=protected-access
    before = empty_records(session, **records)
    if words:
        link.tls.put(words)
    link.connection.sendall(before + link.tls.wire())


def _unasked(name, words=b"250 2.0.0 forged\r\n", domains=AUTH, version="1.3", **records):
    """A case in which a peer speaks between two messages, so that the session must not carry the second."""

    def run(world):
        peer = secured(world, domains, " ca_file={ca}", sending=KEPT, tls_versions=("1.2", version))
        first = deliver(world, peer)
        expect(first.is_open, "the session was not kept, so this case shows nothing")
        say_unasked(first, words, **records)
        time.sleep(0.3)  # for the words to get there
        queue_id = world.send(ANNA)
        world.expect_verdict(ANNA, "sent", "Queued by a fake", queue_id=queue_id)
        expect_equal(len(world.alpha.verdicts(ANNA, queue_id)), 1, "verdicts on the second message")
        expect_equal([each.accepted for each in peer.messages], [True, True], "messages taken")
        expect_equal(len(peer.sessions), 2, "sessions")
        expect_equal(
            [len(commands_of(each, b"MAIL")) for each in peer.sessions],
            [1, 1],
            "messages begun in each session",
        )
        world.expect_no_leak(peer)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_unasked("words_that_come_unasked_end_a_session")
_unasked("words_that_come_unasked_end_a_session_in_tls_1_2", version="1.2")
_unasked("words_that_come_unasked_behind_a_session_ticket_end_a_session", tickets=1)
_unasked("words_that_come_unasked_behind_two_session_tickets_end_a_session", tickets=2)
_unasked("words_that_come_unasked_behind_new_keys_end_a_session", new_keys=1)
_unasked("words_that_come_unasked_behind_new_keys_twice_end_a_session", new_keys=2)
_unasked("words_that_come_unasked_behind_tickets_and_new_keys_end_a_session", tickets=2, new_keys=3)
_unasked("words_that_come_unasked_behind_very_many_new_keys_end_a_session", new_keys=60)
_unasked("half_a_line_unasked_behind_session_tickets_ends_a_session", words=b"250 2.0", tickets=2)
_unasked(
    "a_whole_talk_unasked_behind_session_tickets_does_not_make_a_delivery",
    words=b"250 2.1.0 a\r\n250 2.1.5 b\r\n354 c\r\n250 2.6.0 Queued by a fake\r\n",
    domains=TLS,
    tickets=2,
)
_unasked(
    "words_that_come_unasked_inside_tls_end_a_sealed_session_too",
    domains=AUTH.replace(" auth ", " seal "),
    tickets=2,
)


@case
def session_tickets_and_new_keys_without_words_do_not_end_a_session(world):
    for records in ({"tickets": 1}, {"tickets": 2}, {"new_keys": 2}):
        peer = secured(world, TLS, " ca_file={ca}", sending=KEPT)
        say_unasked(deliver(world, peer), b"", **records)
        time.sleep(0.3)
        deliver(world, peer)
        expect_equal(len(peer.sessions), 1, f"sessions with {records}")
        world.end_round(peer)


@case
def some_session_tickets_behind_the_handshake_are_taken(world):
    for count in (0, 1, 2, 4, 10):
        root = authority(world)
        context = root.issue(MAIL).context()
        context.num_tickets = count
        peer = secured(world, TLS, " ca_file={ca}", lambda _, made=context: made, root, sending=KEPT)
        for _ in range(2):
            deliver(world, peer)
        expect_equal(len(peer.sessions), 1, f"sessions with {count} tickets")
        world.end_round(peer)


def _behind_an_answer(name, **records):
    """A case in which records without words follow an answer at once: the relay goes on, or ends the session,
    and does not wait for words."""

    def run(world):
        peer = world.peer(tls=authority(world).issue(MAIL))

        def answer(_line):
            link = peer.sessions[0]._link  # pylint: disable=protected-access
            link.tls.put(b"250 2.1.5 Recipient ok\r\n")
            link.connection.sendall(link.tls.wire() + empty_records(peer.sessions[0], **records))
            return SILENCE

        peer.replies["RCPT"] = answer
        world.dns(AT_PEER)
        world.sending(TLS.format(more=" tls=encrypt"), credentials="")
        world.send(ANNA)
        within(15, lambda: b"RCPT TO:" in peer.unsealed_octets(), "RCPT at the peer")
        session = peer.sessions[0]
        within(5, lambda: b"DATA\r\n" in session.unsealed or not session.is_open, "DATA, or an end")
        peer.drop_connections()

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_behind_an_answer("session_tickets_behind_an_answer_are_not_waited_at", tickets=3)
_behind_an_answer("very_many_new_keys_behind_an_answer_are_not_waited_at", new_keys=40)


# ---- answers to a password


CLEAR_PASSWORD = "Xk7Qz9Wv2Jt4"
WITHOUT_AUTH = [each for each in MODERN_KEYWORDS if not each.startswith("AUTH")]
WORDS = "words-of-the-peer"


def shown_in(world):
    """What an administrator may come to see: logs, verdicts, holds, and the state file; a name for each."""
    texts = {process.log_path: process.log() for process in world.processes}
    texts["Postfix's log"] = world.alpha.log()
    config = f"{world.dir}/alpha/smtpseal.toml"
    for options in ([], ["--json"]):
        done = subprocess.run(
            [world.binary(""), "--config", config, "holds", *options],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        texts[" ".join(["smtpseal holds", *options])] = done.stdout + done.stderr
    for path in glob.glob(f"{world.dir}/alpha/state/*"):
        with open(path, encoding="utf-8") as text:
            texts[path] = text.read().replace("+20", " ")  # as it writes a blank
    return texts


def expect_nothing_of(texts, password, line):
    """No text has five characters of the password in a row, in small letters or capital ones, nor six of the
    base64 in which it went over."""
    pieces = {password[at : at + 5] for at in range(len(password) - 4)}
    pieces |= {password.encode().hex()[at : at + 8] for at in range(0, len(password) * 2 - 7)}
    pieces |= {line[at : at + 6] for at in range(len(line) - 5)}
    for name, text in texts.items():
        text = text.lower()
        for piece in pieces:
            expect(piece.lower() not in text, f"{name} has {piece!r}, a piece of the password")


# What the peer answers to the line with the password (P) and its base64 (B); of that, what is told.
ECHOES = {
    "with_its_end_cut_off": (lambda P, B: b"535 5.7.8 no account with " + P[:7] + b"...", "535 5.7.8"),
    "with_its_beginning_cut_off": (lambda P, B: b"535 5.7.8 *****" + P[5:], "535 5.7.8"),
    "with_its_middle_alone": (lambda P, B: b"535 5.7.8 " + P[3:9] + b" is weak", "535 5.7.8"),
    "in_capital_letters": (lambda P, B: b"500 5.5.1 unknown: " + P.upper() + b" " + B.upper(), "500 5.5.1"),
    "split_over_lines": (lambda P, B: b"535-5.7.8 " + P[:6] + b"\r\n535 5.7.8 " + P[6:], "535 5.7.8"),
    "split_over_lines_without_a_status": (lambda P, B: b"535-" + P[:6] + b"\r\n535 " + P[6:], "535"),
    "in_base64_that_is_cut": (lambda P, B: b"500 5.5.2 what is " + B[4:-5] + b"?", "500 5.5.2"),
    "in_base64_split_over_lines": (
        lambda P, B: b"500-5.5.2 " + B[:9] + b"\r\n500 5.5.2 " + B[9:],
        "500 5.5.2",
    ),
    "in_hexadecimal": (lambda P, B: b"554 5.7.0 " + P.hex().encode(), "554 5.7.0"),
    "right_behind_the_status": (lambda P, B: b"535 5.7.8" + P[1:], "535"),
    "right_behind_the_code": (lambda P, B: b"535 " + P[1:], "535"),
    "in_a_temporary_answer": (lambda P, B: b"454 4.7.0 not now, " + P[2:], "454 4.7.0"),
    "in_another_challenge": (lambda P, B: b"334 " + B[3:], "334"),
    "in_a_positive_answer": (lambda P, B: b"250 2.0.0 thanks for " + P[:-1], "250 2.0.0"),
    "as_it_hangs_up": (lambda P, B: b"421 4.3.2 bye " + P[:-1], "421 4.3.2"),
    "in_what_is_no_answer": (lambda P, B: P[1:] + b" is what you said", ""),
}


def password_lines(password):
    """The line that shows it, by mechanism."""
    return {
        "PLAIN": base64.b64encode(b"\0PARTNER\\alpha\0" + password),
        "LOGIN": base64.b64encode(password),
    }


def _repeated(name, make, told):
    def run(world):
        password = CLEAR_PASSWORD.encode()
        for mechanism, line in password_lines(password).items():
            answer = make(password, line) + b" " + WORDS.encode()
            peer = secured(
                world,
                AUTH,
                f" mechanisms={mechanism} ca_file={{ca}}",
                keywords=[*WITHOUT_AUTH, "AUTH PLAIN LOGIN"],
                replies={"AUTH2": answer},
                sending={
                    "credentials": f"PARTNER\\alpha {CLEAR_PASSWORD}\n",
                    "log_level": "debug",
                    "relay_retry_time": "60s",
                    "relay_command_timeout": "3s",
                },
            )
            world.expect_verdict(ANNA, "deferred", told, queue_id=world.send(ANNA))
            shown = [each.password for each in peer.logins()]
            expect_equal(shown, [CLEAR_PASSWORD], "what the peer was shown")
            texts = shown_in(world)
            for where in ("smtpseal holds", "smtpseal holds --json", f"{world.dir}/alpha/state/holds"):
                expect_in(told, texts[where], f"the answer in {where}")
            expect_nothing_of(texts, CLEAR_PASSWORD, line.decode())
            for where, text in texts.items():
                expect(WORDS not in text, f"{where} has more of the answer than its code and status")
            expect_equal(peer.messages, [], "messages")
            world.end_round(peer)

    run.__module__ = __name__
    run.__name__ = f"a_password_repeated_{name}_is_not_shown"
    return case(run)


for _name, (_make, _told) in ECHOES.items():
    _repeated(_name, _make, _told)


@case
def a_password_that_looks_like_a_status_is_not_shown_when_it_is_repeated(world):
    found = []
    for begin in ("73.91.68", "5.73.9168", "5.739.168.4", "739168", "2.739.168", "5.739.168x"):
        password = begin + "-Regen"
        peer = secured(
            world,
            AUTH,
            " mechanisms=PLAIN ca_file={ca}",
            keywords=[*WITHOUT_AUTH, "AUTH PLAIN"],
            replies={"AUTH2": b"535 " + password[:-1].encode()},
            sending={"credentials": f"PARTNER\\alpha {password}\n", "log_level": "debug"},
        )
        world.expect_verdict(ANNA, "deferred", "535", queue_id=world.send(ANNA))
        piece = begin.lstrip("25.")[:7]
        found += [(password, where) for where, text in shown_in(world).items() if piece in text]
        world.end_round(peer)
    expect_equal(found, [], "passwords that are shown, and where")


@case
def a_password_repeated_in_a_good_answer_is_not_shown(world):
    peer = secured(
        world,
        AUTH,
        " mechanisms=LOGIN,PLAIN ca_file={ca}",
        password=CLEAR_PASSWORD,
        keywords=[*WITHOUT_AUTH, "AUTH PLAIN LOGIN"],
        success=b"235-2.7.0 welcome\r\n235 2.7.0 " + CLEAR_PASSWORD[2:].encode(),
        sending={"credentials": f"PARTNER\\alpha {CLEAR_PASSWORD}\n", "log_level": "debug"},
    )
    deliver(world, peer)
    line = password_lines(CLEAR_PASSWORD.encode())["LOGIN"].decode()
    expect_nothing_of(shown_in(world), CLEAR_PASSWORD, line)


# ---- authorities that cannot be used at the start


def _start(world, path, *options):
    """What becomes of a start of alpha's relay with this relay.tls_ca_file."""
    world.tables("alpha", TLS.format(more=""))
    config = world.parameters("alpha", {"relay.tls_ca_file": path})
    begin = time.monotonic()
    done = subprocess.run(
        ["setsid", "timeout", "10", world.binary("relay"), "--config", config, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done, time.monotonic() - begin


def expect_fatal(world, path, reason, *options):
    done, seconds = _start(world, path, *options)
    expect_equal(done.returncode, 1, f"exit code with {options} after {seconds:.1f} s: {done.stderr}")
    expect(seconds < 5, "it hesitated")
    for part in ("fatal: ", "relay.tls_ca_file", path, reason):
        expect_in(part, done.stderr, f"standard error with {options}")


@case
def authorities_that_only_root_can_read_are_fatal_at_the_start(world):
    path = f"{world.dir}/trusted.pem"
    shutil.copy(authority(world).certificate, path)
    os.chmod(path, 0o600)
    expect_fatal(world, path, "Permission denied")


@case
def authorities_in_a_directory_that_only_root_can_enter_are_fatal_at_the_start(world):
    os.mkdir(f"{world.dir}/closed", 0o700)
    path = f"{world.dir}/closed/trusted.pem"
    shutil.copy(authority(world).certificate, path)
    expect_fatal(world, path, "Permission denied")


@case
def authorities_that_are_missing_or_none_are_fatal_at_the_start(world):
    for options in ((), ("--check-config",)):
        expect_fatal(world, f"{world.dir}/missing.pem", "No such file", *options)
        expect_fatal(world, world.write("rubbish.pem", "no certificate\n"), "no certificate in it", *options)


@case
def authorities_that_the_group_of_the_daemon_can_read_are_taken(world):
    root = authority(world)
    path = f"{world.dir}/trusted.pem"
    shutil.copy(root.certificate, path)
    shutil.chown(path, "root", "smtpseal")
    os.chmod(path, 0o640)
    peer = secured(world, root=root, sending={"relay_tls_ca_file": path})
    deliver(world, peer)


# ---- what a Sendmail that seals by itself is told


def export(world, *arguments):
    return subprocess.run(
        [world.binary(""), "--config", f"{world.dir}/alpha/smtpseal.toml", "export", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",  # of regular expressions, which are octets
        check=False,
        timeout=30,
    )


SOUND = "one.example seal account=PARTNER\\alpha\ntwo.example auth account=PARTNER\\alpha tls=none\n"
ASK_FOR_TLS = (
    "auth account=PARTNER\\alpha tls=encrypt",
    "auth account=PARTNER\\alpha tls=verify",
    "auth account=PARTNER\\alpha tls=verify mechanisms=PLAIN,LOGIN",
    "seal account=PARTNER\\alpha tls=encrypt",
    "seal account=PARTNER\\alpha tls=verify tls_min=1.3",
    "tls",
    "tls tls=encrypt",
    "none tls=only",
)


@case
def rules_that_ask_for_tls_are_not_exported_to_a_sendmail_that_seals_by_itself(world):
    world.parameters("alpha", {"sasl.client_layer": "require"})
    for pattern in ("partner.example", ".partner.example", "*"):
        for rule in ASK_FOR_TLS:
            world.tables("alpha", f"{SOUND}{pattern} {rule}\n", f"PARTNER\\alpha {PASSWORD}\n")
            table = world.write("access", "from before\n")
            for options in ([], ["--output", table]):
                done = export(world, "sendmail", *options)
                expect_equal(done.returncode, 1, f"exit code for {pattern} {rule}: {done.stdout}")
                expect_equal(done.stdout, "", f"what is exported of {pattern} {rule}")
                for part in ("/alpha/domains:3: ", pattern, "TLS"):
                    expect_in(part, done.stderr, f"what is said of {pattern} {rule}")
            with open(table, encoding="ascii") as text:
                expect_equal(text.read(), "from before\n", "the table from before")


@case
def rules_that_ask_for_tls_are_exported_to_postfix_and_as_a_mailertable(world):
    world.parameters("alpha", {"sasl.client_layer": "require"})
    for rule in ASK_FOR_TLS:
        world.tables("alpha", f"{SOUND}partner.example {rule}\n", f"PARTNER\\alpha {PASSWORD}\n")
        for arguments, want in (
            (["postfix"], "partner.example\tsmtpseal:unix:"),
            (["postfix", "--regexp"], "partner"),
            (["sendmail", "--mailertable"], "partner.example\tsmtpseal:partner.example\n"),
        ):
            done = export(world, *arguments)
            expect_equal(done.returncode, 0, f"exit code of {arguments} for {rule}: {done.stderr}")
            expect_in(want, done.stdout, f"{arguments} for {rule}")


@case
def rules_that_ask_for_no_tls_are_exported_to_a_sendmail_that_seals_by_itself(world):
    world.parameters("alpha", {"sasl.client_layer": "require"})
    world.tables("alpha", SOUND + "three.example none\n", f"PARTNER\\alpha {PASSWORD}\n")
    done = export(world, "sendmail")
    expect_equal(done.returncode, 0, f"exit code: {done.stderr}")
    for line in ("SmtpSeal:one.example\t128\n", "SmtpSeal:two.example\t40\n"):
        expect_in(line, done.stdout, "the access map")
