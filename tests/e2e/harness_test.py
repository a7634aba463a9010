"""The instruments themselves: a case that finds nothing must not be one that cannot see."""

import base64

from harness import ntlm, wire
from harness.proxy import bytewise, cut_at
from harness.records import Framing
from harness.runner import case, expect, expect_equal, within
from harness.smtp_client import SmtpClient
from harness.smtp_peer import fake_exchange_55
from harness.world import BETA_SMTPD, PEER, PLAIN_SMTPD, PROXY


@case
def capture_sees_plain_mail(world):
    with world.capture() as capture, SmtpClient(PLAIN_SMTPD) as client:
        client.greet()
        client.send(b"joe@alpha.example", [b"anna@partner.example"], world.text().encode())
    expect(wire.count(capture.data(), world.marker) >= 2, "the marker is not in the capture")
    world.beta.wait_for_delivery(world.marker)


@case
def capture_sees_what_is_split_and_what_is_in_base64(world):
    world.proxy(bytewise, PLAIN_SMTPD)
    with world.capture() as capture, SmtpClient(PROXY) as client:
        client.greet()
        hidden = base64.b64encode(b"xy" + world.marker.encode() + b"z")
        client.send(b"joe@alpha.example", [b"anna@partner.example"], b"Subject: x\r\n\r\n" + hidden)
    found = wire.count(capture.data(), world.marker)
    expect_equal(found, 2, "the marker in base64, before and behind the proxy")
    expect(wire.count(capture.data(), "MARKER-other") == 0, "found what was never sent")


@case
def fakes_authenticate_and_seal_with_each_other(world):
    for framing in ("be-leading", "be-trailing", "le-leading", "le-trailing"):
        for make, options in (
            (lambda: ntlm.Client("PARTNER\\alpha", "Secret-Pw1"), {}),
            (
                lambda: ntlm.SambaClient("PARTNER\\alpha", "Secret-Pw1"),
                {"flags": ntlm.MODERN, "with_target_info": True},
            ),
        ):
            peer = fake_exchange_55(PEER, framing=framing, **options)
            with SmtpClient(PEER) as client:
                client.greet()
                expect_equal(client.auth(make(), framing=framing), 235, "login")
                expect_equal(
                    client.send(b"joe@alpha.example", [b"anna@partner.example"], world.text().encode()),
                    250,
                    "dot",
                )
            within(5, lambda: not peer.sessions[0].is_open, "the end of the session")
            peer.stop()
            expect_equal(len(peer.messages), 1, "messages taken")
            expect(peer.messages[0].sealed, "not sealed")
            expect(world.marker.encode() not in peer.clear_octets(), "the fake saw the marker in clear")


@case
def fakes_refuse_a_wrong_password_and_a_wrong_record(world):
    peer = world.peer(fake_exchange_55)
    with SmtpClient(PEER) as client:
        client.greet()
        expect_equal(client.auth(ntlm.Client("PARTNER\\alpha", "wrong")), 535, "login with a wrong password")
    seal = ntlm.SealState(ntlm.MODERN, b"k" * 16, True)
    other = ntlm.SealState(ntlm.MODERN, b"k" * 16, False)
    signature, sealed = seal.seal(b"250 Ok\r\n")
    try:
        other.unseal(signature, bytes([sealed[0] ^ 1]) + sealed[1:])
    except ntlm.NtlmError:
        pass
    else:
        expect(False, "an altered record was taken")
    expect_equal(peer.messages, [], "messages taken")
    expect_equal(
        Framing("le-trailing").split(b"\x11\0\0\0" + b"x" * 20), (b"x" * 17, b"xxx"), "a record split off"
    )


@case
def proxy_cuts_where_told(world):
    world.proxy(cut_at("C", b"RCPT TO"), PLAIN_SMTPD)
    with SmtpClient(PROXY) as client:
        client.greet()
        client.expect(b"MAIL FROM:<joe@alpha.example>", 250)
        client.link.write(b"RCPT TO:<anna@partner.example>\r\n")
        expect(client.is_closed(), "the connection goes on")


@case
def smtpd_behind_the_gate_honours_xclient(world):
    with SmtpClient(BETA_SMTPD) as client:
        client.take()
        client.expect(
            b"XCLIENT NAME=mail.alpha.example ADDR=192.0.2.99 PORT=1234 HELO=alpha.example PROTO=ESMTP LOGIN=alpha",
            220,
        )
        client.expect(b"EHLO alpha.example", 250)
        expect(b"AUTH" not in client.last, "smtpd offers its own AUTH")
        client.send(b"joe@alpha.example", [b"anna@partner.example"], world.text().encode())
    world.beta.wait_for_delivery(world.marker)
    expect(
        "client=mail.alpha.example[192.0.2.99], sasl_method=XCLIENT, sasl_username=alpha" in world.beta.log(),
        "the log",
    )
