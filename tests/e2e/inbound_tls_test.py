"""Receiving inside TLS: STARTTLS at the relay, what must not survive it, handshakes that go wrong, logins
bound to the channel, seals inside it, certificates that change."""

import base64
import ctypes
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

from Cryptodome.Cipher import ARC4
from impacket.ntlm import NTOWFv2, hmac_md5

from harness import ntlm, wire
from harness.certificates import Authority, self_signed
from harness.headers import Stamp
from harness.partners import (
    ANNA,
    CLIENT,
    JOE,
    RULE,
    Session,
    exchange_55,
    expect_nothing_taken,
    expect_refused,
    modern,
    unsealed,
)
from harness.proxy import TO_CLIENT, TO_SERVER, TlsProxy, alters_tls, bytewise
from harness.records import Tls
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_client import SmtpClient, unverified
from harness.smtp_peer import SmtpPeer
from harness.world import BETA, PASSWORD, PROXY

GATE = "mx.beta.example"  # the name in the relay's certificate
ACCOUNTS = (
    f"alpha {ntlm.hash_field(PASSWORD)} domains=alpha.example\n"
    f"old {ntlm.hash_field(PASSWORD)} domains=alpha.example profile=exchange-5.5 strength=40\n"
)
PATIENT = {
    "relay_auth_failure_limit": 100,
    "relay_auth_failure_limit_per_address": 1000,
    "relay_error_limit": 1000,
}
CLOSED = (EOFError, OSError)  # how a client finds that the session is over; ssl.SSLError is an OSError


# ---- what the cases are made of


def authority(world, name="Test Root", **options):
    return Authority(f"{world.dir}/certificates", name, **options)


def install(world, shown, mode=0o640, group="smtpseal"):
    """Puts a certificate and its key where the gate looks for them."""
    world.write("beta/tls.pem", _text(shown.certificate))
    world.write("beta/tls.key", _text(shown.key), mode, group)


def _text(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def files(world):
    """The parameters that name what install() has put there."""
    stem = f"{world.dir}/beta/tls"
    return {"relay_tls_cert_file": stem + ".pem", "relay_tls_key_file": stem + ".key"}


def gate(world, shown=None, accounts=ACCOUNTS, **changes):
    """beta's relay with a certificate, which is returned."""
    shown = shown or authority(world).issue(GATE, BETA[0])
    install(world, shown)
    world.receiving(accounts, **files(world), **changes).wait_for_log("started")  # SIGHUP may come next
    return shown


def judged(world, domains="", **changes):
    """The same with the milter, which has the rules."""
    shown = authority(world).issue(GATE, BETA[0])
    install(world, shown)
    world.judging(domains, ACCOUNTS, **files(world), **changes)
    return shown


def inside(context=None, source=CLIENT, **options):
    """A client that has greeted inside TLS."""
    client = Session(BETA, source, **options)
    client.starttls(context)
    return client


def asked(**options):
    """A client that has been told to begin its handshake."""
    client = Session(BETA, **options)
    client.expect(b"STARTTLS", 220)
    return client


def by_hand(server=BETA, context=None, **options):
    """A client inside TLS with its hands on the wire: `socket` takes octets in clear, `link` all others."""
    client = Session(server, **options)
    client.expect(b"STARTTLS", 220)
    client.link.start_tls(context or unverified(), server_side=False)
    client.expect(b"EHLO client.example", 250)
    return client


def client_hello():
    tls = Tls(unverified(), server_side=False)
    tls.take(b"")
    return tls.wire()


def shown_to(client):
    """The certificate that a client inside TLS was shown."""
    return client.socket.getpeercert(binary_form=True)


def keywords(client):
    """What the last EHLO reply offers."""
    return [line[4:].upper() for line in client.last.split(b"\n")[1:]]


def expect_alive(world):
    """The gate runs and takes mail inside TLS."""
    expect(world.gate.is_running(), "the gate died")
    with inside() as client:
        client.expect(b"NOOP", 250)


def failures(world):
    """How many handshakes the gate has given up."""
    return world.gate.log().count("TLS handshake failed")


class BoundClient(ntlm.Client):
    """NTLMv2 with these channel bindings: octets of any length; None for a response that has none."""

    def __init__(self, bindings, password=PASSWORD, account="BETA\\alpha", seal=True, pairs=()):
        flags = ntlm.MODERN if seal else ntlm.MODERN & ~ntlm.SEAL
        super().__init__(account, password, flags | ntlm.REQUEST_TARGET)
        self.pairs = list(pairs)
        if bindings is not None:
            self.pairs.append((ntlm.AV_CHANNEL_BINDINGS, bindings))

    def authenticate(self, challenge):
        self.flags = struct.unpack_from("<I", challenge, 20)[0] & (self.wanted | ntlm.TARGET_TYPE_SERVER)
        info = ntlm.field(challenge, 40)
        stamp = ntlm.parse_av_pairs(info)[7]
        info = info[:-4]
        for kind, value in [(ntlm.AV_FLAGS, struct.pack("<I", ntlm.AV_FLAG_MIC)), *self.pairs, (0, b"")]:
            info += struct.pack("<HH", kind, len(value)) + value
        proved = b"\1\1" + b"\0" * 6 + stamp + os.urandom(8) + b"\0" * 4 + info + b"\0" * 4
        key = NTOWFv2(self.user, self.password, self.domain)
        proof = hmac_md5(key, challenge[24:32] + proved)
        self.session_key = os.urandom(16)
        encrypted = ARC4.new(hmac_md5(key, proof)).encrypt(self.session_key)
        message = self._message(b"\0" * 24, proof + proved, encrypted)
        mic = hmac_md5(self.session_key, self.negotiate() + challenge + message)
        return message[:72] + mic + message[88:]

    def _message(self, lm_response, nt_response, encrypted):
        """With room for version and MIC, which is left blank."""
        names = [name.encode("utf-16le") for name in (self.domain, self.user, self.workstation)]
        head = payload = b""
        for part in (lm_response, nt_response, *names, encrypted):
            head += struct.pack("<HHI", len(part), len(part), 88 + len(payload))
            payload += part
        head += struct.pack("<I", self.flags) + ntlm.VERSION_FIELD + b"\0" * 16
        return ntlm.MAGIC + struct.pack("<I", 3) + head + payload


def right(shown):
    """The channel bindings of sessions that a certificate is shown in."""
    return ntlm.channel_bindings(shown.end_point_hash())


# ---- the main job


@case
def mail_without_a_login_passes_inside_tls(world):
    root = authority(world)
    gate(world, root.issue(GATE))
    context = ssl.create_default_context(cafile=root.certificate)
    context.check_hostname = False
    with world.capture() as capture, inside(context) as client:
        message = client.deliver(world)
        client.expect(b"QUIT", 221)
        expect(client.is_closed(), "the session goes on after QUIT")
    expect_in(CLIENT, message["Received"], "the Received header")
    talks = [each for each in wire.conversations(capture.data()) if each.client[0] == CLIENT]
    said = talks[0].streams["C"].data
    expect(said.startswith(b"EHLO client.example\r\nSTARTTLS\r\n\x16\x03"), f"the client began {said[:60]!r}")
    for secret in (world.marker.encode(), JOE, ANNA, b"MAIL FROM", b"250 2.1"):
        for stream in talks[0].streams.values():
            expect(secret not in stream.data, f"{secret!r} can be read on the wire")
    expect_in(" tls-ok ", world.gate.log(), "the gate's log")


@case
def ehlo_offers_starttls_in_clear_and_a_login_in_both(world):
    gate(world)
    with Session(BETA) as client:
        for word in (b"STARTTLS", b"AUTH NTLM", b"XAUTH NTLM"):
            expect_in(word, keywords(client), "keywords in clear")
        expect_equal(keywords(client).count(b"STARTTLS"), 1, "times that STARTTLS is offered")
        in_clear = set(keywords(client))
        client.starttls()
        expect_equal(in_clear - set(keywords(client)), {b"STARTTLS"}, "what is offered in clear only")
        expect_equal(set(keywords(client)) - in_clear, set(), "what is offered inside TLS only")


@case
def starttls_is_neither_offered_nor_known_without_a_certificate(world):
    world.receiving()
    with Session(BETA) as client:
        expect(b"STARTTLS" not in keywords(client), "STARTTLS is offered")
        for line in (b"STARTTLS", b"starttls", b"STARTTLS x"):
            client.expect(line, 500)
        client.deliver(world)


@case
def the_chain_is_shown_with_its_intermediate(world):
    root = authority(world)
    gate(world, root.intermediate().issue(GATE))
    context = ssl.create_default_context(cafile=root.certificate)
    context.check_hostname = False
    with inside(context) as client:
        client.expect(b"NOOP", 250)


@case
def certificate_and_key_can_be_in_one_file(world):
    shown = authority(world).issue(GATE)
    both = world.write("beta/both.pem", _text(shown.certificate) + _text(shown.key), 0o640, "smtpseal")
    world.receiving(ACCOUNTS, relay_tls_cert_file=both)
    with inside() as client:
        expect_equal(shown_to(client), shown.der, "the certificate")
        expect_equal(client.auth(BoundClient(right(shown))), 235, "a login that is bound to it")


def _works_with(name, make):
    def run(world):
        shown = gate(world, make(world))
        for version in ("1.2", "1.3"):
            with inside(unverified(version, version)) as client:
                expect_equal(client.socket.version(), f"TLSv{version}", "version")
                expect_equal(shown_to(client), shown.der, "the certificate")
                bindings = None if shown.end_point_hash() is None else right(shown)
                expect_equal(client.auth(BoundClient(bindings)), 235, "login")
                client.deliver(world)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_works_with("an_rsa_certificate_works", lambda world: self_signed(f"{world.dir}/own", GATE, key="rsa"))
_works_with(
    "an_ed25519_certificate_works", lambda world: self_signed(f"{world.dir}/own", GATE, key="ed25519")
)
_works_with(
    "a_certificate_signed_with_sha384_binds_by_sha384",
    lambda world: authority(world).issue(GATE, signature_hash="sha384"),
)
_works_with(
    "a_certificate_signed_with_pss_binds_by_the_hash_of_it",
    lambda world: authority(world, signs_with="rsa").issue(GATE, signature_hash="sha512", pss=True),
)


@case
def starttls_needs_no_greeting_and_takes_a_helo_and_any_letters(world):
    gate(world)
    for greeting, line in ((None, b"STARTTLS"), (b"HELO x.example", b"StartTLS"), (b"EHLO x", b"starttls")):
        with SmtpClient(BETA, source=CLIENT) as client:
            client.take()
            if greeting:
                client.expect(greeting, 250)
            client.expect(line, 220)
            client.link.start_tls(unverified(), server_side=False)
            client.expect(b"MAIL FROM:<" + JOE + b">", 503)
            client.expect(b"EHLO client.example", 250)
            expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
    world.beta.wait_for_delivery(world.marker, 3)


@case
def helo_inside_tls_takes_mail(world):
    gate(world)
    with Session(BETA) as client:
        client.starttls(greet=False)
        client.expect(b"HELO inside.example", 250)
        client.deliver(world)


@case
def refused_starttls_leaves_the_session_as_it_was(world):
    gate(world)
    with Session(BETA) as client:
        for line in (b"STARTTLS x", b"STARTTLS 1 2", b"STARTTLS\tx"):
            expect(500 <= client.say(line) <= 501, f"{line!r} was answered {client.last!r}")
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"STARTTLS", 503)
        client.expect(b"RCPT TO:<" + ANNA + b">", 250)
        client.expect(b"STARTTLS", 503)
        part = world.text().encode()
        client.link.write(b"BDAT %d\r\n" % len(part) + part)
        expect_equal(client.take(), 250, f"a chunk ({client.last!r})")
        client.expect(b"STARTTLS", 503)
        client.expect(b"BDAT 0 LAST", 250)
        world.beta.wait_for_delivery(world.marker)
        client.starttls()
        client.expect(b"STARTTLS", 503)
        client.expect(b"STARTTLS x", 501)
        client.deliver(world)
    expect_equal(failures(world), 0, "handshakes that failed")


@case
def starttls_is_refused_and_not_offered_after_a_login(world):
    gate(world)
    for login, seal in ((modern, True), (unsealed, False)):
        with Session(BETA) as client:
            client.log_in(login(), seal)
            client.expect(b"EHLO client.example", 250)
            expect(b"STARTTLS" not in keywords(client), "STARTTLS is offered")
            client.expect(b"STARTTLS", 503)
            client.deliver(world)
            world.beta.clear_mailbox()


@case
def starttls_is_no_answer_to_a_challenge(world):
    gate(world)
    with Session(BETA) as client:
        login = modern()
        challenge = client.begin_auth(login)
        expect(client.say(b"STARTTLS") in (501, 535), f"STARTTLS was answered {client.last!r}")
        client.starttls()
        answer = base64.b64encode(login.authenticate(challenge))
        expect(client.say(answer) // 100 == 5, f"the answer to a challenge from before TLS: {client.last!r}")
        expect_equal(client.auth(modern()), 235, "a login of its own")


@case
def failed_logins_before_starttls_still_count(world):
    gate(world, relay_auth_failure_limit=3)
    with Session(BETA) as client:
        for _ in range(2):
            expect_equal(client.auth(BoundClient(None, "wrong")), 535, "a wrong password in clear")
        client.starttls()
        client.auth(BoundClient(None, "wrong"))
        expect(client.is_closed(), "the session goes on after three failures")


@case
def refused_starttls_counts_as_an_error(world):
    gate(world, relay_error_limit=5)
    with Session(BETA) as client:
        client.link.write(b"STARTTLS x\r\n" * 20)
        expect(client.is_closed(), "the session goes on")


# ---- what must not survive the switch


AUTH_LINE = b"AUTH NTLM " + base64.b64encode(ntlm.Client("X\\y", "z").negotiate())
BEHIND = {
    "ehlo": b"EHLO evil.example\r\n",
    "auth": AUTH_LINE + b"\r\n",
    "mail": b"MAIL FROM:<evil@alpha.example>\r\n",
    "a_message": b"EHLO evil.example\r\nMAIL FROM:<evil@alpha.example>\r\nRCPT TO:<anna@partner.example>\r\n"
    b"DATA\r\n\r\nevil\r\n.\r\n",
    "half_a_line": b"MAIL FROM:<evil@alpha.ex",
    "one_octet": b"E",
    "an_empty_line": b"\r\n",
    "a_line_feed": b"\n",
    "starttls_again": b"STARTTLS\r\n",
    "quit": b"QUIT\r\n",
    "a_handshake": client_hello(),
}


def _behind(name, octets, before=b""):
    def run(world):
        gate(world)
        with Session(BETA) as client:
            client.link.write(before + b"STARTTLS\r\n" + octets)
            if before:
                expect_equal(client.take(), 250, "the reply to what stands before STARTTLS")
            expect_equal(client.take(), 503, f"the reply to STARTTLS ({client.last!r})")
            expect(client.is_closed(), "the session goes on")
        world.gate.wait_for_log("octets in clear behind STARTTLS")
        world.gate.wait_for_log("session-close")
        for word in (" tls-ok ", "handshake", "auth-failed"):
            expect(word not in world.gate.log(), f"{word!r} in the gate's log")
        expect("evil" not in world.beta.log(), "smtpd saw what stood behind STARTTLS")
        expect_nothing_taken(world)
        expect_alive(world)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _name, _octets in BEHIND.items():
    _behind(f"{_name}_behind_starttls_ends_the_session", _octets)
_behind("mail_behind_pipelined_starttls_ends_the_session", BEHIND["mail"], b"RSET\r\n")


@case
def commands_in_clear_before_the_handshake_end_it(world):
    """In a packet of their own, so that they are not behind STARTTLS but where the handshake belongs."""
    gate(world)
    for octets in (BEHIND["mail"], b"EHLO evil.example\r\n", b"\r\n"):
        with asked() as client:
            client.socket.sendall(octets)
            time.sleep(0.05)
            try:
                client.socket.sendall(client_hello())
            except OSError:
                pass
            expect(client.is_closed(), "the session goes on")
    within(5, lambda: failures(world) == 3, "three handshakes that failed")
    expect("evil" not in world.beta.log(), "smtpd saw what was said in clear")
    expect_alive(world)


@case
def commands_in_clear_inside_tls_end_the_session(world):
    gate(world)
    for begun in (False, True):
        with by_hand() as client:
            if begun:
                client.begin()
                client.expect(b"DATA", 354)
                client.link.write(world.text().encode())
            client.socket.sendall(b"\r\n.\r\nMAIL FROM:<evil@alpha.example>\r\n")
            expect(client.is_closed(), "the session goes on")
    expect("evil" not in world.beta.log(), "smtpd saw what was said in clear")
    expect_nothing_taken(world)
    expect_alive(world)


@case
def the_greeting_is_forgotten(world):
    gate(world)
    with Session(BETA) as client:
        client.starttls(greet=False)
        client.expect(b"MAIL FROM:<" + JOE + b">", 503)
        client.expect(AUTH_LINE, 503)
        client.expect(b"RCPT TO:<" + ANNA + b">", 503)
        client.expect(b"EHLO inside.example", 250)
        message = client.deliver(world)
    expect_in("inside.example", message["Received"], "the Received header")
    expect("client.example" not in message["Received"], "smtpd was told the greeting in clear")


@case
def a_session_with_smtpd_is_not_carried_into_tls(world):
    gate(world)
    with Session(BETA) as client:
        client.expect(b"MAIL FROM:<early@alpha.example>", 250)
        client.expect(b"RCPT TO:<early@partner.example>", 250)
        client.expect(b"RSET", 250)
        client.starttls(greet=False)
        client.expect(b"RCPT TO:<" + ANNA + b">", 503)
        client.expect(b"DATA", 503)
        client.expect(b"EHLO inside.example", 250)
        message = client.deliver(world)
    expect_in("from inside.example", message["Received"], "the Received header")
    expect("early" not in str(message), "the message has something of the time before TLS")


@case
def smtpd_gets_a_new_introduction_after_starttls(world):
    smtpd = world.peer(
        SmtpPeer,
        ("127.0.0.1", 10088),
        keywords=["8BITMIME", "SIZE"],
        replies={"unknown": b"220 XCLIENT fine"},
    )
    gate(world, relay_smtpd="inet:127.0.0.1:10088")
    with Session(BETA) as client:
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RSET", 250)
        before = smtpd.sessions[-1]
        client.starttls(greet=False)
        client.expect(b"EHLO inside.example", 250)
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        after = smtpd.sessions[-1]
        expect(before is not after, "it is the same session with smtpd")
        within(5, lambda: not before.is_open, "the end of the session with smtpd")
    for session, helo in ((before, b"HELO=client.example"), (after, b"HELO=inside.example")):
        said = [line for line in session.commands() if line.startswith(b"XCLIENT")]
        expect_equal(len(said), 1, "XCLIENT commands")
        expect_in(helo, said[0], "XCLIENT")
    expect_equal(before.commands()[-3:-1], [b"MAIL FROM:<" + JOE + b">", b"RSET"], "what smtpd heard before")
    expect_equal(before.commands()[-1], b"QUIT", "the last of it")


@case
def a_session_with_smtpd_ends_with_a_handshake_that_fails(world):
    smtpd = world.peer(
        SmtpPeer, ("127.0.0.1", 10088), keywords=["8BITMIME"], replies={"unknown": b"220 XCLIENT fine"}
    )
    gate(world, relay_smtpd="inet:127.0.0.1:10088")
    with Session(BETA) as client:
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RSET", 250)
        client.expect(b"STARTTLS", 220)
        client.socket.sendall(b"this is no handshake\r\n")
        expect(client.is_closed(), "the session goes on")
    within(5, lambda: not any(session.is_open for session in smtpd.sessions), "the end of smtpd's sessions")


# ---- handshakes that go wrong


GARBAGE = {
    "text": b"EHLO client.example\r\n",
    "zeros": b"\0" * 600,
    "ones": b"\xff" * 600,
    "http": b"GET / HTTP/1.0\r\n\r\n",
    "an_endless_record": b"\x16\x03\x01\xff\xff" + b"x" * 20000,
    "an_empty_record": b"\x16\x03\x01\0\0" * 100,
    "an_alert": b"\x15\x03\x01\0\2\2\x28",
    "warnings": b"\x15\x03\x01\0\2\1\x5a" * 1000,
    "application_data": b"\x17\x03\x03\0\x20" + b"x" * 32,
    "a_greeting_of_ssl_2": bytes.fromhex("802e01000200150000001001008003008007000c0050") + b"\0" * 26,
    "a_greeting_that_says_it_is_huge": b"\x16\x03\x01\x40\0\1\xff\xff\xff\x03\x03" + b"x" * 16379,
    "a_sealed_record": b"\0\0\0\x20\1\0\0\0" + b"x" * 28,
}


def _garbage(name, octets):
    def run(world):
        gate(world, relay_tls_handshake_timeout="1s")
        with asked() as client:
            try:
                client.socket.sendall(octets)
            except OSError:
                pass
            expect(client.is_closed(), "the session goes on")
        within(5, lambda: failures(world) == 1, "a failed handshake in the log")
        expect_alive(world)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _name, _octets in GARBAGE.items():
    _garbage(f"{_name}_instead_of_a_handshake_ends_the_session".replace("__", "_"), _octets)


@case
def a_handshake_that_does_not_end_is_cut(world):
    gate(world, relay_tls_handshake_timeout="1s")
    hello = client_hello()
    for octets in (b"", hello[:1], hello[:-1], hello):  # of the last one the client's Finished is missing
        with asked() as client, Session(BETA, "192.0.2.16") as other:
            began = time.monotonic()
            client.socket.sendall(octets)
            other.expect(b"NOOP", 250)
            expect(time.monotonic() - began < 0.5, "another session had to wait")
            expect(client.is_closed(), "the session goes on")
            took = time.monotonic() - began
            expect(0.7 < took < 2.5, f"the handshake was cut after {took:.1f} s")
    within(5, lambda: failures(world) == 4, "four handshakes that failed")
    expect_alive(world)


@case
def a_handshake_that_trickles_in_is_cut_on_time(world):
    gate(world, relay_tls_handshake_timeout="1s")
    with asked() as client:
        began = time.monotonic()
        try:
            for octet in client_hello():
                client.socket.sendall(bytes([octet]))
                time.sleep(0.05)
        except OSError:
            pass
        took = time.monotonic() - began
        expect(took < 3, f"the handshake went on for {took:.1f} s")


@case
def a_slow_handshake_within_the_limit_works(world):
    gate(world, relay_tls_handshake_timeout="10s")
    with Session(BETA, chunks=lambda data: _slowly(data, 40, 0.05)) as client:
        client.expect(b"STARTTLS", 220)
        tls = client.link.tls = Tls(unverified(), server_side=False)
        tls.take(b"")
        while not tls.is_open:
            for part in _slowly(tls.wire(), 40, 0.05):
                client.socket.sendall(part)
            tls.take(client.socket.recv(65536))
        client.socket.sendall(tls.wire())
        client.expect(b"EHLO client.example", 250)
        client.deliver(world)


def _slowly(data, size, pause):
    for at in range(0, len(data), size):
        time.sleep(pause)
        yield data[at : at + size]


@case
def a_handshake_in_octets_works(world):
    gate(world)
    world.proxy(bytewise)
    for version in ("1.2", "1.3"):
        with by_hand(PROXY, unverified(version, version), source=None) as client:
            expect_equal(client.log_in(modern()).say(b"NOOP"), 250, "NOOP in a seal in TLS")


@case
def a_handshake_cut_anywhere_ends_the_session(world):
    gate(world, relay_session_limit=3, relay_session_limit_per_address=3)
    hello = client_hello()
    cuts = list(range(0, len(hello), 20)) + [len(hello)]
    for number, cut in enumerate(cuts):
        with within(5, lambda: _admitted(), "a session after the last was cut") as client:
            client.expect(b"STARTTLS", 220)
            client.socket.sendall(hello[:cut])
            if number % 3 == 0:
                client.abort()
            elif number % 3 == 1:
                client.socket.shutdown(socket.SHUT_WR)
                expect(client.is_closed(), "the session goes on")
    within(5, lambda: failures(world) == len(cuts), f"{len(cuts)} handshakes that failed")
    for line in re.findall(r".*TLS handshake failed.*", world.gate.log()):
        expect(CLIENT in line, f"the log does not say who: {line}")
    expect_alive(world)


def _admitted():
    """A session, unless there are too many."""
    client = SmtpClient(BETA, source=CLIENT)
    if client.take() == 220:
        return client
    client.close()
    return None


@case
def a_handshake_cut_by_the_client_at_its_last_flight_ends_the_session(world):
    gate(world)
    for version in ("1.2", "1.3"):
        for cut in range(0, 120, 20):
            with asked() as client:
                tls = Tls(unverified(version, version), server_side=False)
                tls.take(b"")
                client.socket.sendall(tls.wire())
                flight = b""
                while not flight:
                    tls.take(client.socket.recv(65536))
                    flight = tls.wire()
                client.socket.sendall(flight[: min(cut, len(flight) - 1)])
    within(5, lambda: failures(world) == 12, "twelve handshakes that failed")
    expect_alive(world)


@case
def a_client_that_does_not_trust_the_certificate_ends_the_handshake(world):
    gate(world)
    stranger = authority(world, "Stranger")
    for version in ("1.2", "1.3"):
        context = ssl.create_default_context(cafile=stranger.certificate)
        context.check_hostname = False
        context.maximum_version = unverified("1.2", version).maximum_version
        with asked() as client:
            try:
                client.link.start_tls(context, server_side=False)
                expect(False, "the client trusted the certificate")
            except ssl.SSLError:
                pass
            expect(client.is_closed(), "the session goes on")
    world.gate.wait_for_log("session-lost")
    expect_nothing_taken(world)
    expect_alive(world)


@case
def sessions_stuck_in_a_handshake_count_until_they_are_cut(world):
    gate(world, relay_session_limit=3, relay_tls_handshake_timeout="1s")
    stuck = [within(5, lambda: _admitted(), "a session") for _ in range(3)]
    for client in stuck:
        client.expect(b"EHLO client.example", 250)
        client.expect(b"STARTTLS", 220)
    with SmtpClient(BETA, source="192.0.2.16") as over:
        expect_equal(over.take(), 421, "a fourth session")
    for client in stuck:
        expect(client.is_closed(), "the session goes on")
    with within(5, lambda: _admitted(), "a session after the others were cut") as client:
        client.expect(b"EHLO client.example", 250)
        client.starttls()
    for client in stuck:
        client.close()


# ---- versions


def _versions(name, least, works):
    def run(world):
        gate(world, relay_tls_min=least)
        for version in ("1.0", "1.1", "1.2", "1.3"):
            with Session(BETA) as client:
                if version in works:
                    client.starttls(unverified(version, version))
                    want = "TLSv1" if version == "1.0" else f"TLSv{version}"
                    expect_equal(client.socket.version(), want, "version")
                    client.expect(b"NOOP", 250)
                    continue
                client.expect(b"STARTTLS", 220)
                try:
                    client.link.start_tls(unverified(version, version), server_side=False)
                    expect(False, f"TLS {version} was taken")
                except CLOSED:
                    pass
                expect(client.is_closed(), "the session goes on")
        within(5, lambda: failures(world) == 4 - len(works), "the failures in the log")
        expect_equal(world.gate.log().count(" tls-ok "), len(works), "sessions that began")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_versions("tls_1_2_and_1_3_are_taken_by_default", None, ("1.2", "1.3"))
_versions("older_versions_are_taken_where_a_parameter_says_so", "1.0", ("1.0", "1.1", "1.2", "1.3"))
_versions("tls_1_1_can_be_the_least", "1.1", ("1.1", "1.2", "1.3"))
_versions("tls_1_3_can_be_the_least", "1.3", ("1.3",))


@case
def mail_and_a_bound_login_pass_in_tls_1_0_where_a_parameter_says_so(world):
    shown = judged(world, relay_tls_min="1.0")
    with inside(unverified("1.0", "1.0")) as client:
        client.log_in(BoundClient(right(shown)))
        stamp = Stamp(client.deliver(world))
    stamp.expect("sealed", "pass", tls="TLSv1", bits="128")


class Tool:
    """openssl s_client in a session with the gate, which takes its one-letter commands."""

    def __init__(self, world, *options):
        self.path = f"{world.dir}/s_client.log"
        with open(self.path, "wb") as log:
            self.child = subprocess.Popen(
                ["openssl", "s_client", "-starttls", "smtp", "-connect", f"{BETA[0]}:25", "-crlf", *options],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        within(10, lambda: "Verify return code" in self.output(), "the handshake of s_client")

    def output(self):
        with open(self.path, encoding="utf-8", errors="replace") as text:
            return text.read()

    def says(self, line, answer):
        """Types a line; waits for what is to come."""
        before = len(self.output())
        self.child.stdin.write(line + b"\n")
        self.child.stdin.flush()
        within(10, lambda: answer in self.output()[before:], f"{answer!r} after {line!r} in {self.path}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()


@case
def renegotiation_is_refused(world):
    gate(world)
    with Tool(world, "-tls1_2") as tool:
        tool.says(b"EHLO client.example", "250 ")
        tool.says(b"R", "no renegotiation")
        within(10, lambda: tool.child.poll() is not None, "the end of s_client")
    expect_equal(world.gate.log().count(" tls-ok "), 1, "handshakes that were finished")
    expect_alive(world)


@case
def new_keys_within_a_session_change_nothing(world):
    gate(world)
    with Tool(world, "-tls1_3") as tool:
        tool.says(b"EHLO client.example", "250 ")
        for letter in (b"k", b"K", b"K"):
            tool.says(letter, "KEYUPDATE")
            tool.says(b"NOOP", "250 2.0.0 Ok")
            tool.says(b"VRFY x", "252 ")


def key_updates(tls, count):
    """TLS 1.3 records in which a client asks for new keys and nothing else, so many."""
    library = ctypes.CDLL("libssl.so.3")
    # Behind the head of the object stand a pointer to its socket and the one to OpenSSL's own.
    session = ctypes.c_void_p.from_address(id(tls.object._sslobj) + 24)  # pylint: disable=protected-access
    for _ in range(count):
        expect(library.SSL_key_update(session, 0) == 1, "no new keys")
        expect(library.SSL_do_handshake(session) == 1, "no record for the new keys")
    return tls.wire()


def _slowest(client, rounds=50):
    """The longest that a session waits for a reply."""
    slowest = 0.0
    for _ in range(rounds):
        begin = time.monotonic()
        client.expect(b"NOOP", 250)
        slowest = max(slowest, time.monotonic() - begin)
    return slowest


def _send_all(connection, parts):
    try:
        for part in parts:
            connection.sendall(part)
    except OSError:
        pass


def _drain(connection):
    try:
        while connection.recv(1 << 20):
            pass
    except OSError:
        pass


def _in_tls(client, octets, count):
    """`octets`, which fit into a record, that many times inside TLS, as they go over the wire."""
    for _ in range(count):
        client.link.tls.put(octets)
    return client.link.tls.wire()


def _new_keys(client):
    return [key_updates(client.link.tls, 100000)]


def _commands(client):
    return [_in_tls(client, b"NOOP\r\n" * 2700, 1000)]


def _chunk(client):
    client.link.write(b"BDAT 100000000000\r\n")
    return [b"x" * 200_000_000] * 6


def _chunk_in_tls(client):
    client.link.write(b"BDAT 100000000000\r\n")
    return [_in_tls(client, b"x" * 16384, 20000)]


def _chunk_in_a_seal(client):
    client.log_in(modern())
    client.link.write(b"BDAT 100000000000\r\n")
    return [client.link.framing.join(*client.link.seal.seal(b"x" * 60000)) for _ in range(1500)]


def _flood(name, make, octets):
    """A client sends as fast as it can what keeps the gate busy without an end, and takes all replies."""

    def run(world):
        gate(world)
        with make() as client, inside(source="192.0.2.16", seconds=60) as other:
            flood = octets(client)
            for work in ((_send_all, client.socket, flood), (_drain, client.socket)):
                threading.Thread(target=work[0], args=work[1:], daemon=True).start()
            time.sleep(0.05)
            slowest = _slowest(other)
            expect(slowest < 0.5, f"another session waited {slowest:.2f} s for a reply")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


def _fresh():
    return by_hand(seconds=60)


_flood("a_flood_of_new_keys_holds_up_nobody", _fresh, _new_keys)
_flood("a_flood_of_commands_inside_tls_holds_up_nobody", _fresh, _commands)
_flood("a_flood_of_content_inside_tls_holds_up_nobody", _fresh, _chunk_in_tls)
_flood("a_flood_of_content_in_clear_holds_up_nobody", lambda: Session(BETA, seconds=60), _chunk)
_flood("a_flood_of_content_in_a_seal_holds_up_nobody", lambda: Session(BETA, seconds=60), _chunk_in_a_seal)


# ---- octets


def _large(name, make):
    """Ten megabytes, some of the lines with dots, octet for octet."""

    def run(world):
        gate(world)
        lines = base64.encodebytes(os.urandom(7_500_000)).split(b"\n")[:-1]
        body = b"\r\n".join(b"." * (n % 40 == 0) + line for n, line in enumerate(lines)) + b"\r\n"
        body = b"begin\r\n" + body + world.marker.encode() + b"\r\n"  # the mailbox is read while it is written
        with make() as client:
            client.begin()
            client.expect(b"DATA", 354)
            client.link.write(b"Subject: large\r\n\r\n" + body.replace(b"\r\n.", b"\r\n.."))
            client.link.write(b".\r\n")
            expect_equal(client.take(), 250, "the final dot")
        message = world.beta.wait_for_delivery(world.marker)[0]
        got = message.get_payload().encode().rstrip(b"\n")
        expect(got == body.replace(b"\r\n", b"\n").rstrip(b"\n"), "the content is not what was sent")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


def _sealed_in_records(client, size):
    client.log_in(modern())
    client.link.record_size = size
    return client


_large("a_large_message_arrives_octet_for_octet", inside)
_large("a_large_message_arrives_octet_for_octet_in_tls_1_2", lambda: inside(unverified("1.2", "1.2")))
_large(
    "a_large_message_arrives_octet_for_octet_through_a_seal_in_tls",
    lambda: _sealed_in_records(inside(), 4096),
)


@case
def pipelined_commands_in_one_record_are_taken(world):
    gate(world)
    with inside() as client:
        client.link.write(
            b"MAIL FROM:<" + JOE + b">\r\nRCPT TO:<" + ANNA + b">\r\nNOOP\r\nRSET\r\nNOOP\r\n"
            b"MAIL FROM:<" + JOE + b">\r\nRCPT TO:<" + ANNA + b">\r\nDATA\r\n"
        )
        codes = [client.take() for _ in range(8)]
        expect_equal(codes, [250] * 7 + [354], "replies")
        client.link.write(world.text().encode() + b"\r\n.\r\nNOOP\r\nQUIT\r\n")
        expect_equal([client.take() for _ in range(3)], [250, 250, 221], "replies to the dot and the rest")
    world.beta.wait_for_delivery(world.marker)


@case
def octets_in_records_of_their_own_are_taken(world):
    gate(world)
    for context in (unverified("1.2", "1.2"), unverified("1.3", "1.3")):
        with inside(context, chunks=lambda data: [data[n : n + 1] for n in range(len(data))]) as client:
            client.deliver(world)
            world.beta.clear_mailbox()
            client.log_in(modern())
            client.deliver(world)
            world.beta.clear_mailbox()


@case
def a_seal_in_records_that_do_not_match_those_of_tls_is_taken(world):
    gate(world)
    for size, chunk in ((1, 5), (7, 1), (100, 16384), (3000, 33)):
        with inside(chunks=lambda data: [data[n : n + chunk] for n in range(0, len(data), chunk)]) as client:
            _sealed_in_records(client, size)
            client.deliver(world, body="line\r\n" * 50)
            world.beta.clear_mailbox()


@case
def bdat_content_arrives_unchanged_inside_tls(world):
    gate(world)
    for login in (False, True):
        with inside() as client:
            if login:
                client.log_in(modern())
            client.begin()
            first, last = world.text().encode(), b"\r\n.\r\nQUIT\r\nSTARTTLS\r\nthe end\r\n"
            client.link.write(b"BDAT %d\r\n" % len(first) + first)
            expect_equal(client.take(), 250, f"the first chunk ({client.last!r})")
            client.link.write(b"BDAT %d LAST\r\n" % len(last) + last + b"NOOP\r\n")
            expect_equal([client.take(), client.take()], [250, 250], f"last chunk and NOOP ({client.last!r})")
        message = world.beta.wait_for_delivery(world.marker)[0]
        expect_in("\n.\nQUIT\nSTARTTLS\nthe end\n", message.get_payload(), "the content")
        world.beta.clear_mailbox()


@case
def content_that_is_cut_short_is_not_delivered(world):
    gate(world)
    for make in (lambda: by_hand(context=unverified("1.2", "1.2")), by_hand):
        for text in (world.text(), world.text() + "\r\n.", world.text() + "\r\n.\r", "Subject: x\r\n\r\n"):
            for says_so in (False, True):
                with make() as client:
                    client.begin()
                    client.expect(b"DATA", 354)
                    client.link.write(text.encode())
                    if says_so:
                        client.link.end_tls()
                    client.socket.shutdown(socket.SHUT_WR)
                    expect(client.is_closed(), "the session goes on")
    with by_hand() as client:
        client.begin()
        client.link.write(b"BDAT 10000 LAST\r\n" + world.text().encode())
    with by_hand() as client:
        client.begin()
        client.expect(b"DATA", 354)
        client.link.write(world.text().encode())
        client.link.end_tls()
        try:
            client.socket.sendall(b"\r\n.\r\n")  # in clear, where TLS has ended
        except OSError:
            pass
        expect(client.is_closed(), "the session goes on")
    within(5, lambda: world.gate.log().count("session-close") >= 19, "the end of the sessions")
    expect_nothing_taken(world)
    expect_alive(world)


@case
def a_client_that_leaves_at_any_point_leaves_nothing_behind(world):
    gate(world, relay_session_limit_per_address=2)
    steps = [b"MAIL FROM:<" + JOE + b">", b"RCPT TO:<" + ANNA + b">", b"DATA"]
    for login in (False, True):
        for count in range(len(steps) + 1):
            for abort in (False, True):
                with within(5, lambda: _admitted(), "a session after the last has ended") as client:
                    client.expect(b"EHLO client.example", 250)
                    client.starttls()
                    if login:
                        expect_equal(client.auth(modern()), 235, "login")
                    for step in steps[:count]:
                        client.say(step)
                    client.link.write(b"half a li")
                    client.abort() if abort else client.close()
    expect_nothing_taken(world)
    expect_alive(world)


@case
def a_bit_that_is_flipped_inside_tls_ends_the_session(world):
    gate(world)
    for version, first in (("1.2", 0), ("1.3", 1)):  # of 1.3 the first is the end of the handshake
        last = first + 5  # NOOP, behind EHLO, MAIL, RCPT, DATA and the content
        for number in range(first, last + 1):
            middle = world.proxy(alters_tls(TO_SERVER, number))
            done = None
            try:
                with by_hand(PROXY, unverified(version, version), source=None) as client:
                    client.begin()
                    client.expect(b"DATA", 354)
                    client.link.write(world.text().encode() + b"\r\n.\r\n")
                    done = client.take()
                    client.expect(b"NOOP", 250)
                expect(False, f"the session goes on, though record {number} was altered")
            except CLOSED:
                pass
            expect(done is None or number == last, f"a message with an altered record {number} was taken")
            middle.stop()
            if number < last:
                expect_nothing_taken(world)
            elif done == 250:
                world.beta.wait_for_delivery(world.marker)  # not to be found in the next round
            world.beta.clear_mailbox()
    expect_alive(world)


# ---- logins


@case
def channel_bindings_are_checked_where_there_are_some(world):
    shown = gate(world, **PATIENT)
    other = authority(world, "Other").issue(GATE)
    with inside() as client:
        for bindings, code in (
            (right(other), 535),
            (b"x" * 16, 535),
            (right(shown)[:15], 535),
            (right(shown) + b"\0", 535),
            (b"\1", 535),
            (right(shown)[:-1] + bytes([right(shown)[-1] ^ 1]), 535),
            (shown.end_point_hash(), 535),
        ):
            expect_equal(client.auth(BoundClient(bindings), seal=False), code, f"login with {bindings!r}")
        expect_equal(client.auth(BoundClient(right(shown), "wrong"), seal=False), 535, "a wrong password")
    for bindings in (right(shown), None, b"\0" * 16):
        for version in ("1.2", "1.3"):
            with inside(unverified(version, version)) as client:
                expect_equal(client.auth(BoundClient(bindings)), 235, f"login with {bindings!r}")
                client.deliver(world)
    for login in (modern(), exchange_55()):
        with inside() as client:
            expect_equal(client.auth(login), 235, "a login that is bound to nothing")


@case
def channel_bindings_can_be_required(world):
    shown = gate(world, relay_channel_bindings="require", **PATIENT)
    with inside() as client:
        for login in (
            BoundClient(None),
            BoundClient(b""),
            BoundClient(b"\0" * 16),
            BoundClient(b"x" * 16),
            modern(),
            exchange_55(),
            ntlm.Client("BETA\\old", PASSWORD, ntlm.MODERN | ntlm.REQUEST_TARGET),
        ):
            expect_equal(client.auth(login, seal=False), 535, f"login by {login}")
        expect_equal(client.auth(BoundClient(right(shown))), 235, "the right bindings")
        client.deliver(world)
    with inside() as client:
        expect_equal(client.auth(BoundClient(right(shown), seal=False), seal=False), 235, "without a seal")
    with Session(BETA) as client:  # of logins inside TLS only
        client.log_in(modern())


@case
def channel_bindings_in_a_session_without_tls_are_refused(world):
    """Such a client is inside TLS with somebody else."""
    for changes in ({}, {"relay_channel_bindings": "require"}):
        shown = gate(world, **PATIENT, **changes)
        with Session(BETA) as client:
            for bindings in (right(shown), b"x" * 16, b"\1"):
                expect_equal(client.auth(BoundClient(bindings), seal=False), 535, f"login with {bindings!r}")
            client.log_in(BoundClient(b"\0" * 16))
        world.gate.stop()
    world.receiving(ACCOUNTS, **PATIENT)
    with Session(BETA) as client:
        expect_equal(client.auth(BoundClient(b"x" * 16), seal=False), 535, "where no TLS is offered at all")
        client.log_in(BoundClient(None))


@case
def two_channel_bindings_in_one_login_are_refused(world):
    """Which of them the client meant nobody knows."""
    shown = gate(world, relay_channel_bindings="require", **PATIENT)
    with inside() as client:
        for first, second in ((right(shown), b"x" * 16), (b"x" * 16, right(shown))):
            login = BoundClient(second, pairs=[(ntlm.AV_CHANNEL_BINDINGS, first)])
            code = client.auth(login, seal=False)
            expect_equal(code // 100, 5, f"login with two bindings ({client.last!r})")


@case
def a_man_in_the_middle_cannot_pass_a_bound_login_on(world):
    for starttls in (True, False):
        gate(world, **PATIENT)
        evil = authority(world, "Evil").issue(GATE)
        if starttls:
            world.others.append(middle := TlsProxy(PROXY, BETA, evil))
            with by_hand(PROXY, source=None) as client:
                code = client.auth(BoundClient(right(evil)), seal=False)
            middle.stop()
        else:  # he ends TLS, and speaks in clear with the gate
            with Session(BETA) as client:
                code = client.auth(BoundClient(right(evil)), seal=False)
        expect_equal(code, 535, "the login that was passed on")
        world.gate.stop()


@case
def a_man_in_the_middle_who_ends_tls_sees_the_seal_only(world):
    gate(world)
    middle = TlsProxy(PROXY, BETA, authority(world, "Evil").issue(GATE))
    world.others.append(middle)
    with by_hand(PROXY, source=None) as client:
        client.log_in(modern())
        client.deliver(world)
    expect(middle.tls_client == 1, "the man in the middle did not end TLS")
    for side in (TO_SERVER, TO_CLIENT):
        for secret in (world.marker.encode(), JOE, ANNA):
            expect(secret not in middle.seen[side], f"the man in the middle saw {secret!r}")


@case
def octets_behind_the_login_inside_tls_end_the_session(world):
    gate(world)
    for make in (modern, unsealed):
        with inside() as client:
            login = make()
            answer = login.authenticate(client.begin_auth(login))
            client.link.write(base64.b64encode(answer) + b"\r\nMAIL FROM:<evil@alpha.example>\r\n")
            expect(client.is_closed(), "the session goes on")
    expect("evil" not in world.beta.log(), "smtpd saw what stood behind the login")


@case
def commands_outside_the_seal_inside_tls_end_the_session(world):
    gate(world)
    with inside() as client:
        client.log_in(modern())
        client.link.send_raw(b"MAIL FROM:<evil@alpha.example>\r\n")
        expect(client.is_closed(), "the session goes on")
    expect("evil" not in world.beta.log(), "smtpd saw what came outside the seal")


@case
def logins_are_taken_inside_tls_only_where_a_parameter_says_so(world):
    shown = gate(world, relay_auth_only_with_tls=True, **PATIENT)
    with Session(BETA) as client:
        expect(not any(b"AUTH" in word for word in keywords(client)), f"AUTH is offered: {client.last!r}")
        for line in (AUTH_LINE, b"AUTH NTLM", b"XAUTH NTLM", b"AUTH PLAIN AGFscGhhAHg=", b"AUTH"):
            client.expect(line, 538)
        client.deliver(world)
        client.starttls()
        expect_in(b"AUTH NTLM", keywords(client), "keywords inside TLS")
        client.log_in(BoundClient(right(shown)))
        client.deliver(world)
    expect_equal(world.gate.log().count("auth-ok"), 1, "logins")


@case
def an_exchange_profile_seals_inside_tls(world):
    judged(world)
    with inside() as client:
        client.log_in(exchange_55())
        stamp = Stamp(client.deliver(world))
        client.expect(b"QUIT", 221)
    stamp.expect("sealed", "pass", auth="NTLMv1", account="old", tls="TLSv1.3")


# ---- status and rules


@case
def the_status_has_the_seal_and_tls_around_it(world):
    shown = judged(world)
    for version in ("1.2", "1.3"):
        with inside(unverified(version, version)) as client:
            cipher, _, bits = client.socket.cipher()
            client.log_in(BoundClient(right(shown)))
            stamp = Stamp(client.deliver(world))
        stamp.expect("sealed", "pass", mech="NTLM", auth="NTLMv2", cipher="RC4", bits="128", account="alpha")
        stamp.expect("sealed", "pass", tls=f"TLSv{version}", tls_cipher=cipher, tls_bits=str(bits))
        for part in ("sealed 128 bits", f"TLSv{version}"):
            expect_in(part, stamp.results, "the results")
        world.beta.clear_mailbox()


@case
def the_status_of_a_login_in_tls_is_not_sealed(world):
    judged(world)
    with inside() as client:
        client.log_in(unsealed(), seal=False)
        stamp = Stamp(client.deliver(world))
    stamp.expect("authenticated", "pass", mech="NTLM", bits=None, cipher=None, tls="TLSv1.3", account="alpha")
    for part in ("not sealed", "TLSv1.3"):
        expect_in(part, stamp.results, "the results")


@case
def the_status_of_tls_without_a_login_is_tls(world):
    judged(world)
    with inside() as client:
        cipher, _, bits = client.socket.cipher()
        stamp = Stamp(client.deliver(world))
    stamp.expect("tls", "none", mech=None, auth=None, account=None, bits=None, cipher=None)
    stamp.expect("tls", "none", tls="TLSv1.3", tls_cipher=cipher, tls_bits=str(bits))
    expect_in("TLSv1.3", stamp.results, "the results")


@case
def the_status_of_a_session_whose_handshake_failed_is_nobodys(world):
    judged(world)
    with asked() as client:
        client.socket.sendall(b"no handshake\r\n")
        expect(client.is_closed(), "the session goes on")
    with Session(BETA) as client:
        Stamp(client.deliver(world)).expect("none", "none", tls=None)


@case
def tls_does_not_stand_in_for_what_a_network_must_use(world):
    gate(world, inbound_network_rules=["192.0.2.15/32 auth", "192.0.2.16/32 seal"])
    for source, login, seal, code in (
        ("192.0.2.14", None, False, 250),
        ("192.0.2.15", None, False, 530),
        ("192.0.2.16", None, False, 530),
        ("192.0.2.15", unsealed, False, 250),
        ("192.0.2.16", unsealed, False, 530),
        ("192.0.2.16", modern, True, 250),
    ):
        with inside(source=source) as client:
            if login:
                client.log_in(login(), seal)
            expect_equal(client.mail(JOE), code, f"MAIL from {source} with {login} ({client.last!r})")
    expect_nothing_taken(world)


@case
def tls_does_not_stand_in_for_the_seal_that_a_sender_needs(world):
    judged(world, RULE)
    with inside() as client:
        expect_refused(client, JOE, 550, "not sealed")
        client.log_in(unsealed(), seal=False)
        expect_refused(client, JOE, 550, "not sealed")
    with inside() as client:
        client.log_in(modern())
        Stamp(client.deliver(world)).expect("sealed", "pass")
    world.gate.stop()
    world.milter.stop()
    world.beta.set(smtpd_milters="")
    world.tables("beta", RULE, "ALPHA\\beta whatever\n", ACCOUNTS)
    world.gate = world.daemon("relay", "beta", BETA)
    with inside() as client:
        expect_refused(client, JOE, 550, "not sealed")
        client.log_in(unsealed(), seal=False)
        expect_refused(client, JOE, 550, "not sealed")
    with inside() as client:
        client.log_in(modern())
        expect_equal(client.mail(JOE), 250, "MAIL in a seal in TLS")


# ---- two sites


TO_GATE = "partner.example {level} account=PARTNER\\alpha tls=verify ca_file={ca} nexthop=[192.0.2.2]{more}\n"


def _sites(name, level, protection, changes=None, more=""):
    def run(world):
        judged(world, **(changes or {}))
        rule = TO_GATE if level != "tls" else "partner.example tls ca_file={ca} nexthop=[192.0.2.2]{more}\n"
        rule = rule.format(level=level, ca=f"{world.dir}/certificates/test-root.pem", more=more)
        world.sending(rule)
        with world.capture() as capture:
            world.send(ANNA.decode())
            world.expect_verdict(ANNA.decode(), "sent")
        message = world.beta.wait_for_delivery(world.marker)[0]
        stamp = Stamp(message)
        bits = "128" if protection == "sealed" else None
        stamp.expect(protection, "none" if level == "tls" else "pass", bits=bits, tls="TLSv1.3")
        expect(stamp.parameters.get("tls-cipher"), f"no tls-cipher in {stamp}")
        lines = [" ".join(line.split()) for line in message.get_all("Received")]
        ours = [line for line in lines if "(smtpseal-relay)" in line]
        expect_equal(len(ours), 1, "Received headers of alpha's relay")
        expect_in("TLSv1.3 with cipher", ours[0], "Received")
        expect_equal("sealed with RC4, 128 bits" in ours[0], protection == "sealed", f"a seal in {ours[0]}")
        opened = re.search(r".* hop-open .*", world.relay.log())[0]
        for part in ("tls=TLSv1.3", "verified=chain"):
            expect_in(part, opened, "the log of alpha's relay")
        expect_equal(" bits=128" in opened, protection == "sealed", f"bits=128 in {opened}")
        talk = [each for each in wire.conversations(capture.data()) if each.server == BETA][0]
        for stream in talk.streams.values():
            for secret in (world.marker.encode(), JOE, ANNA, b"AUTH", b"TlRMTVNTUA"):
                found = secret in stream.data.replace(b"AUTH NTLM\r\n", b"")
                expect(not found, f"{secret!r} can be read on the wire")
        world.expect_no_leak()

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_sites("two_sites_seal_inside_verified_tls", "seal", "sealed")
_sites("two_sites_log_in_inside_verified_tls", "auth", "authenticated")
_sites("two_sites_use_verified_tls_without_a_login", "tls", "tls")
_sites(
    "two_sites_bind_their_logins_to_the_channel",
    "seal",
    "sealed",
    {"relay_channel_bindings": "require", "relay_auth_only_with_tls": True},
)
_sites("two_sites_do_with_tls_1_3_only", "seal", "sealed", {"relay_tls_min": "1.3"})


@case
def a_renewed_certificate_does_not_stop_two_sites(world):
    """The session that is kept for the next message was begun with the old one."""
    judged(world, relay_channel_bindings="require")
    root = f"{world.dir}/certificates/test-root.pem"
    world.sending(TO_GATE.format(level="seal", ca=root, more=""), relay_session_reuse_idle="60s")
    world.send(ANNA.decode())
    world.expect_verdict(ANNA.decode(), "sent")
    install(world, Authority(f"{world.dir}/more", "Another Root").issue(BETA[0]))
    world.gate.reload("policy-loaded")
    first = world.send(ANNA.decode())
    world.expect_verdict(ANNA.decode(), "sent", queue_id=first)
    world.beta.wait_for_delivery(world.marker, 2)
    expect_equal(world.relay.log().count(" hop-open "), 1, "sessions")


# ---- certificates that change


@case
def a_renewed_certificate_is_used_by_new_sessions(world):
    root = authority(world)
    old, new = root.issue(GATE), root.issue(GATE, key="rsa")
    gate(world, old, **PATIENT)
    with inside() as before, asked() as between, by_hand(source="192.0.2.16") as sealed:
        sealed.log_in(BoundClient(right(old)))
        install(world, new)
        said = world.gate.reload("policy-loaded")
        expect("certificate-not-loaded" not in said, f"the gate complains: {said}")
        with inside() as after:
            expect_equal(shown_to(after), new.der, "the certificate of a new session")
            expect_equal(after.auth(BoundClient(right(old)), seal=False), 535, "login bound to the old one")
            expect_equal(after.auth(BoundClient(right(new))), 235, "login bound to the new one")
        before.expect(b"NOOP", 250)
        expect_equal(before.auth(BoundClient(right(new)), seal=False), 535, "login bound to the new one")
        expect_equal(before.auth(BoundClient(right(old))), 235, "login bound to the old one")
        before.deliver(world)
        sealed.deliver(world)
        between.link.start_tls(unverified(), server_side=False)
        between.expect(b"EHLO client.example", 250)


@case
def a_certificate_that_expires_does_not_stop_the_gate(world):
    """It is for the clients to say whether they mind."""
    shown = gate(world, authority(world).issue(GATE, expired=True))
    with inside() as client:
        expect_equal(client.auth(BoundClient(right(shown))), 235, "login")


@case
def many_reloads_under_load_disturb_nobody(world):
    root = authority(world)
    both = [root.issue(GATE), root.issue(GATE, key="rsa")]
    gate(world, both[0], **PATIENT)
    stop = threading.Event()

    def reload():
        turn = 0
        while not stop.is_set():
            turn += 1
            install(world, both[turn % 2])  # between the two files they do not match
            world.gate.signal(signal.SIGHUP)
            time.sleep(0.05)

    reloading = threading.Thread(target=reload, daemon=True)
    reloading.start()
    try:
        for _ in range(30):
            with inside() as client:
                expect_in(shown_to(client), [each.der for each in both], "the certificate")
                client.expect(b"NOOP", 250)
    finally:
        stop.set()
        reloading.join()
    expect(world.gate.is_running(), "the gate died")


def _write(name, text, mode=0o640, group="smtpseal"):
    """A fault: other text in one of the two files."""
    return lambda world, shown: world.write(f"beta/{name}", text(world, shown), mode, group)


def _change(name, change):
    """A fault: another mode, owner or nothing at all."""
    return lambda world, shown: change(f"{world.dir}/beta/{name}")


def _owned_by_somebody(path):
    shutil.chown(path, "postfix")


def _directory(path):
    os.unlink(path)
    os.mkdir(path)


def _encrypted(world, shown):
    done = subprocess.run(
        ["openssl", "pkey", "-in", shown.key, "-aes256", "-passout", "pass:open sesame"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _other_key(kind):
    return lambda world, shown: _text(authority(world, "Other").issue(GATE, key=kind).key)


CERTIFICATE, KEY = "relay.tls_cert_file", "relay.tls_key_file"
FAULTS = {  # what is wrong: parameter, words of the reason, how it is done
    "a_certificate_that_is_none": (CERTIFICATE, "certificate", _write("tls.pem", lambda *_: "nonsense\n")),
    "an_empty_certificate": (CERTIFICATE, "certificate", _write("tls.pem", lambda *_: "")),
    "half_a_certificate": (
        CERTIFICATE,
        "certificate",
        _write("tls.pem", lambda world, shown: _text(shown.certificate)[:200]),
    ),
    "a_chain_cut_in_its_second_half": (
        CERTIFICATE,
        "certificate",
        _write("tls.pem", lambda world, shown: _text(shown.certificate) * 2 + _text(shown.certificate)[:99]),
    ),
    "a_key_in_place_of_the_certificate": (
        CERTIFICATE,
        "certificate",
        _write("tls.pem", lambda world, shown: _text(shown.key)),
    ),
    "a_missing_certificate": (CERTIFICATE, "No such file", _change("tls.pem", os.unlink)),
    "a_certificate_that_everybody_may_write": (
        CERTIFICATE,
        "everybody may write",
        _change("tls.pem", lambda path: os.chmod(path, 0o666)),
    ),
    "a_certificate_of_a_weak_key": (
        CERTIFICATE,
        "too small",
        lambda world, shown: install(world, authority(world, "Weak").issue(GATE, key="weak-rsa")),
    ),
    "a_missing_key": (KEY, "No such file", _change("tls.key", os.unlink)),
    "an_empty_key": (KEY, "key", _write("tls.key", lambda *_: "")),
    "a_key_that_is_none": (KEY, "key", _write("tls.key", lambda *_: "nonsense\n")),
    "a_key_that_is_a_directory": (KEY, "regular file", _change("tls.key", _directory)),
    "another_key": (KEY, "key", _write("tls.key", _other_key("ec"))),
    "a_key_of_another_kind": (KEY, "key", _write("tls.key", _other_key("rsa"))),
    "a_key_that_others_may_read": (KEY, "mode", _change("tls.key", lambda path: os.chmod(path, 0o644))),
    "a_key_that_its_group_may_write": (KEY, "mode", _change("tls.key", lambda path: os.chmod(path, 0o660))),
    "a_key_of_somebody_else": (KEY, "owner", _change("tls.key", _owned_by_somebody)),
    "a_key_that_the_daemon_may_not_read": (
        KEY,
        "Permission denied",
        _change("tls.key", lambda path: os.chmod(path, 0o600)),
    ),
    "a_key_with_a_pass_phrase": (KEY, "without pass phrase", _write("tls.key", _encrypted)),
}
FOR_THE_DAEMON_ONLY = "a_key_that_the_daemon_may_not_read"  # root, who checks, may


def _kept(name, parameter, words, spoil):
    def run(world):
        shown = gate(world)
        with inside() as before:
            spoil(world, shown)
            said = world.gate.reload("certificate-not-loaded")
            line = re.search(r".*certificate-not-loaded.*", said)[0]
            stem = "tls.pem" if parameter == CERTIFICATE else "tls.key"
            for part in (" error: ", parameter, f"{world.dir}/beta/{stem}", words, "the previous one"):
                expect_in(part, line, "the log")
            before.expect(b"NOOP", 250)
            with inside() as after:
                expect_equal(shown_to(after), shown.der, "the certificate of a new session")
                expect_equal(after.auth(BoundClient(right(shown))), 235, "login bound to it")
            shutil.rmtree(f"{world.dir}/beta/{stem}", ignore_errors=True)  # where it is a directory now
            install(world, shown)
            said = world.gate.reload("policy-loaded")
            expect("certificate-not-loaded" not in said, f"what is right again: {said}")
            before.deliver(world)

    run.__module__ = __name__
    run.__name__ = f"{name}_is_not_loaded_at_a_reload"
    return case(run)


def refused_at_start(world, *parts, checks=True):
    """Neither --check-config nor a start goes on, and both say why without a terminal's help."""
    config = f"{world.dir}/beta/smtpseal.toml"
    for options in ([], ["--check-config"] if checks else []):
        begin = time.monotonic()
        done = subprocess.run(
            ["setsid", "timeout", "10", world.binary("relay"), "--config", config, *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        expect_equal(done.returncode, 1, f"exit code with {options}: {done.stderr}")
        expect(time.monotonic() - begin < 5, "it hesitated")
        for part in ("fatal: ", *parts):
            expect_in(part, done.stderr, f"standard error with {options}")


def _fatal(name, parameter, words, spoil):
    def run(world):
        shown = authority(world).issue(GATE)
        install(world, shown)
        world.tables("beta", "", "", ACCOUNTS)
        world.parameters("beta", _dotted(files(world)))
        spoil(world, shown)
        stem = "tls.pem" if parameter == CERTIFICATE else "tls.key"
        refused_at_start(
            world, parameter, f"{world.dir}/beta/{stem}", words, checks=name != FOR_THE_DAEMON_ONLY
        )

    run.__module__ = __name__
    run.__name__ = f"{name}_is_fatal_at_the_start"
    return case(run)


def _dotted(changes):
    return {name.replace("_", ".", 1): item for name, item in changes.items()}


for _name, (_parameter, _words, _spoil) in FAULTS.items():
    _kept(_name, _parameter, _words, _spoil)
    _fatal(_name, _parameter, _words, _spoil)


@case
def a_pass_phrase_is_not_asked_for_at_a_terminal(world):
    shown = authority(world).issue(GATE)
    install(world, shown)
    world.tables("beta", "", "", ACCOUNTS)
    config = world.parameters("beta", _dotted(files(world)))
    FAULTS["a_key_with_a_pass_phrase"][2](world, shown)
    command = f"{world.binary('relay')} --config {config} --check-config"
    begin = time.monotonic()
    done = subprocess.run(
        ["timeout", "10", "script", "-qec", command, "/dev/null"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    expect(time.monotonic() - begin < 5, "it waited for somebody")
    expect_equal(done.returncode, 1, f"exit code: {done.stdout}")
    expect("Enter" not in done.stdout, f"it asks: {done.stdout}")


@case
def a_certificate_that_nothing_can_be_bound_to_is_fatal_where_bindings_are_required(world):
    shown = self_signed(f"{world.dir}/own", GATE, key="ed25519")
    install(world, shown)
    world.tables("beta", "", "", ACCOUNTS)
    world.parameters("beta", _dotted(files(world)) | {"relay.channel_bindings": "require"})
    refused_at_start(world, CERTIFICATE, f"{world.dir}/beta/tls.pem", "relay.channel_bindings")
    good = authority(world).issue(GATE)
    gate(world, good, relay_channel_bindings="require")
    install(world, shown)
    expect_in("relay.channel_bindings", world.gate.reload("certificate-not-loaded"), "the log")
    with inside() as client:
        expect_equal(shown_to(client), good.der, "the certificate")
        expect_equal(client.auth(BoundClient(right(good))), 235, "login bound to it")


@case
def an_ed25519_key_can_be_bound_to_where_its_certificate_is_signed_otherwise(world):
    shown = gate(world, authority(world).issue(GATE, key="ed25519"), relay_channel_bindings="require")
    with inside() as client:
        expect_equal(client.auth(BoundClient(right(shown))), 235, "login")


@case
def a_key_of_another_kind_is_fatal_where_bindings_are_required(world):
    shown = authority(world).issue(GATE)
    install(world, shown)
    FAULTS["a_key_of_another_kind"][2](world, shown)
    world.tables("beta", "", "", ACCOUNTS)
    world.parameters("beta", _dotted(files(world)) | {"relay.channel_bindings": "require"})
    refused_at_start(world, KEY, "tls.key")


@case
def a_key_of_another_kind_is_not_loaded_where_bindings_are_required(world):
    shown = gate(world, relay_channel_bindings="require")
    FAULTS["a_key_of_another_kind"][2](world, shown)
    world.gate.signal(signal.SIGHUP)
    within(10, lambda: "certificate-not-loaded" in world.gate.log(), "certificate-not-loaded after SIGHUP")
    with inside() as client:
        expect_equal(client.auth(BoundClient(right(shown))), 235, "login")


@case
def parameters_that_make_no_sense_without_a_certificate_are_fatal(world):
    shown = authority(world).issue(GATE)
    install(world, shown)
    world.tables("beta", "", "", ACCOUNTS)
    world.parameters("beta", {"relay.tls_key_file": f"{world.dir}/beta/tls.key"})
    refused_at_start(world, KEY, CERTIFICATE)
    world.parameters("beta", {"relay.auth_only_with_tls": True})
    refused_at_start(world, "relay.auth_only_with_tls", CERTIFICATE)


# ---- the end, the log, the cost


@case
def a_stopping_relay_ends_sessions_inside_tls_with_421(world):
    gate(world)
    with by_hand() as idle, by_hand() as sealed, asked() as between:
        sealed.log_in(modern())
        sealed.expect(b"NOOP", 250)
        began = time.monotonic()
        world.gate.child.terminate()
        expect_equal(idle.take(), 421, "what is said inside TLS")
        expect_equal(sealed.take(), 421, "what is said in the seal inside TLS")
        expect_in(b"4.3.2", idle.last, "the reply")
        for client in (idle, sealed):
            within(5, lambda client=client: _is_told(client), "the end of TLS (close_notify)")
        between.link.start_tls(unverified(), server_side=False)
        expect_equal(between.take(), 421, "what is said inside a handshake that was under way")
        within(5, lambda: not world.gate.is_running(), "the gate's end")
    expect_equal(world.gate.child.returncode, 0, f"exit code after {time.monotonic() - began:.1f} s")


def _is_told(client):
    """Whether the gate has said that TLS ends."""
    if not client.link.tls.is_closed:
        try:
            client.link.read_some()
        except EOFError:
            pass
    return client.link.tls.is_closed


@case
def a_handshake_that_does_not_end_does_not_hold_up_the_end(world):
    gate(world)
    with asked():
        began = time.monotonic()
        world.gate.child.terminate()
        within(8, lambda: not world.gate.is_running(), "the gate's end at process.drain_time")
        expect(time.monotonic() - began < 5, "the end took longer than process.drain_time")
    expect_equal(world.gate.child.returncode, 0, "exit code")


@case
def an_idle_session_inside_tls_is_closed(world):
    gate(world, relay_server_idle_time="1s")
    with by_hand() as client:
        expect_equal(client.take(), 421, "what is said to an idle client")
        within(5, lambda: _is_told(client), "the end of TLS (close_notify)")


@case
def an_idle_session_is_not_kept_by_records_that_carry_nothing(world):
    gate(world, relay_server_idle_time="1s")
    with by_hand() as client:
        began = time.monotonic()
        try:
            while time.monotonic() - began < 6:
                client.socket.sendall(key_updates(client.link.tls, 1))
                time.sleep(0.1)
        except OSError:
            pass
        took = time.monotonic() - began
        expect(took < 3, f"the session went on for {took:.1f} s")


@case
def no_log_has_a_password_or_what_was_said_in_a_login(world):
    shown = gate(world, log_level="debug", **PATIENT)
    said = []
    for login in (
        BoundClient(right(shown)),
        BoundClient(b"x" * 16),
        BoundClient(None, "Wrong-Pw1"),
        modern(),
        exchange_55(),
    ):
        with inside() as client:
            challenge = client.begin_auth(login)
            answer = login.authenticate(challenge)
            client.say(base64.b64encode(answer))
            said += [challenge, answer]
    text = (world.gate.log() + world.beta.log()).encode()
    for secret in (PASSWORD.encode(), PASSWORD.encode("utf-16le"), b"Wrong-Pw1", b"NTLMSSP"):
        for form in wire.spellings(secret):
            expect(form not in text, f"a log has {secret!r}, be it in base64")
    for token in said:
        for part in (base64.b64encode(token)[40:80], token.hex().encode()[80:120]):
            expect(part not in text, "a log has a message of a login")
    for hashed in re.findall(r"[0-9a-f]{32}", ACCOUNTS):
        expect(hashed.encode() not in text.lower(), "a log has a hash of a password")


@case
def an_idle_session_inside_tls_costs_little_memory(world):
    """The bound is loose: a fifth of it is usual."""
    gate(world, relay_session_limit_per_address=1000)
    expect_alive(world)  # what the first session costs is not asked
    before = world.gate.resident_kib()
    clients = [inside() for _ in range(200)]
    each = (world.gate.resident_kib() - before) / len(clients)
    for client in clients:
        client.close()
    expect(each < 120 or world.is_sanitized(), f"{each:.0f} KiB for an idle session")


@case
def sessions_inside_tls_leave_no_memory_behind(world):
    gate(world, relay_session_limit_per_address=1000)
    sizes = []
    for _ in range(4):
        for _ in range(100):
            client = asked()
            client.socket.sendall(client_hello())
            client.close()
        clients = [inside() for _ in range(50)]
        for client in clients:
            client.close()
        time.sleep(0.3)
        sizes.append(world.gate.resident_kib())
    expect(sizes[-1] - sizes[0] < 2000 or world.is_sanitized(), f"resident KiB after each round: {sizes}")
