"""Sendmail that seals what it sends by the SASL plugin itself, with the files of conf-examples/sendmail/native.

What it promises is less than the relay does: where a login fails, MAIL FROM has left in clear, and nothing else.
"""

import os
import re

from harness import ntlm, wire
from harness.headers import Stamp
from harness.proxy import TO_CLIENT, TO_SERVER, records, without_keyword
from harness.runner import case, expect, expect_equal, expect_in
from harness.sendmail import STOCK_NTLM, example
from harness.smtp_peer import MODERN_KEYWORDS, SmtpPeer
from harness.world import PEERS
from sendmail_inbound_test import NAME, Session, modern, receiving, receiving_with_tls

ANNA, JOE = "anna@beta.example", "joe@gamma.example"
PASSWORD = "tin whistle in the rain"
SHORT_PASSWORD = "Secret-Pw1"  # LM_KEY needs one of at most 14 characters
TO_PEER = {  # to a fake at 192.0.2.10
    "mailertable": "beta.example esmtp:[192.0.2.10]\n",
    "authinfo": f'AuthInfo:192.0.2.10 "U:gamma" "I:gamma" "P:{PASSWORD}" "M:NTLM"\n',
}
# All that may be readable on the wire before a session is sealed, or where it never is: the documented limit.
CLEAR = re.compile(
    rb"EHLO mail\.gamma\.example|AUTH NTLM [\w+/=]+|[\w+/=]+|\*|QUIT|RSET"
    rb"|MAIL From:<joe@gamma\.example>( SIZE=\d+)?( AUTH=joe@gamma\.example)?"
)


def without(*keywords):
    return [each for each in MODERN_KEYWORDS if each.split()[0] not in keywords]


def sending(world, plugins=None, **files):
    host = world.sendmail("native")
    host.configure("native", **files)
    host.plugins(*([world.plugin()] if plugins is None else plugins))
    return host.start()


def strength_of(bits):
    """The files of a host whose layers have that strength, and which asks no more of them."""
    return {
        "access": example("native", "access").replace("\t128", f"\t{bits}"),
        "sendmail_mc": example("native").replace("`128'", f"`{bits}'"),
    }


def deliver(world, host, text=None, to=ANNA):
    """Hands a message in and runs the queue; returns (status, text) of the verdict, and the capture."""
    with world.capture(interface=host.interface) as capture:
        queue_id = host.send(JOE, to, text or world.text())
        host.run_queue()
    recipient = to if isinstance(to, str) else to[0]
    return host.verdict(recipient, queue_id), capture.data()


def clear_lines(data):
    """The lines of the client in all sessions of a capture, up to where records begin."""
    lines = []
    for conversation in wire.conversations(data, port=25):
        for side, octets in conversation.turns:
            if side == "C" and wire.sealed_records(octets):
                break
            if side == "C":
                lines += octets.split(b"\r\n")[:-1]
    expect(lines, "nothing on the wire")
    return lines


def expect_sealed(world, data, *more):
    for secret in (world.marker, JOE, ANNA, "MAIL", *more):
        expect_equal(wire.count(data, secret), 0, f"{secret} on the wire")
    for line in clear_lines(data):
        expect(CLEAR.fullmatch(line), f"in clear: {line}")


def expect_limit_kept(world, data):
    """Nothing but the sender is readable, and that only as documented."""
    for secret in (world.marker, ANNA, "anna", "RCPT", "DATA\r\n"):
        expect_equal(wire.count(data, secret), 0, f"{secret} on the wire")
    for line in clear_lines(data):
        expect(CLEAR.fullmatch(line), f"in clear: {line}")


# ---- the main job


@case
def seals_mail_to_another_sendmail(world):
    inbound = receiving(world, plugins=[world.plugin()])
    host = sending(world)
    (status, text), data = deliver(world, host)
    expect_equal(status, "sent", text)
    expect_sealed(world, data)
    inbound.run_queue()
    message = inbound.wait_for_delivery(world.marker)[0]
    Stamp(message, NAME).expect("sealed", "pass", mech="NTLM", cipher="RC4", bits="128", account="gamma")
    expect_in("(authenticated bits=128)", message.get_all("Received")[0], "Received")
    expect_in("authid=gamma, mech=NTLM, bits=128", inbound.log(), "the log of the receiver")


@case
def seals_mail_to_postfix_behind_a_relay(world):
    world.judging(accounts=f'gamma "{PASSWORD}" domains=gamma.example\n')
    host = sending(
        world,
        mailertable="beta.example esmtp:[192.0.2.2]\n",
        authinfo=TO_PEER["authinfo"].replace("192.0.2.10", "192.0.2.2"),
    )
    recipients = [ANNA] + [f"anna+{n:060}@beta.example" for n in range(90)]
    (status, text), data = deliver(world, host, to=recipients)
    expect_equal(status, "sent", text)
    expect_sealed(world, data)
    message = world.beta.wait_for_delivery(world.marker)[0]
    Stamp(message).expect("sealed", "pass", auth="NTLMv2", bits="128", account="gamma")


def _weaker(strength):
    """NTLMv1 with one RC4 state for both directions, which replies may not cross: so where the server offers no PIPELINING.
    (Commands of more than a record's length would go out before the reply to the first of them.)"""

    def run(world):
        account = f'gamma "{SHORT_PASSWORD}" profile=exchange-5.5 strength={strength} domains=gamma.example\n'
        rule = f"gamma.example none strength={strength} inbound=require\n"
        access = example("inbound", "access") + "Srv_Features:192.0.2.33\tP\n"
        inbound = receiving(world, plugins=[world.plugin()], accounts=account, domains=rule, access=access)
        host = sending(
            world,
            authinfo=example("native", "authinfo").replace(PASSWORD, SHORT_PASSWORD),
            **strength_of(strength),
            smtpseal_toml=example("native", "smtpseal.toml")
            + f'client_profile = "exchange-5.5"\nclient_strength = "{strength}"\n',
        )
        recipients = [ANNA] + [f"anna+{n:060}@beta.example" for n in range(90)]
        (status, text), data = deliver(world, host, world.text("some more\r\n" * 2000), to=recipients)
        expect_equal(status, "sent", text)
        expect_sealed(world, data)
        inbound.run_queue()
        message = inbound.wait_for_delivery(world.marker)[0]
        Stamp(message, NAME).expect("sealed", "pass", bits=str(strength), account="gamma")

    run.__module__ = __name__
    run.__name__ = f"half_duplex_sessions_of_{strength}_bit_work_between_sendmails"
    return case(run)


for _strength in (40, 56, 128):
    _weaker(_strength)


@case
def a_weaker_session_will_do_where_the_host_says_so(world):
    peer = world.peer(password=PASSWORD, flags=ntlm.MODERN & ~ntlm.BITS_128)
    host = sending(
        world,
        **strength_of(56),
        smtpseal_toml=example("native", "smtpseal.toml") + 'client_strength = "56"\n',
        **TO_PEER,
    )
    (status, text), data = deliver(world, host)
    expect_equal(status, "sent", text)
    expect(peer.messages[0].sealed, "not sealed")
    expect_equal(peer.sessions[0].ntlm.response, "NTLMv2", "response")
    expect_sealed(world, data)


@case(seconds=90)
def a_message_of_20_megabytes_arrives_whole(world):
    inbound = receiving(world, plugins=[world.plugin()])
    host = sending(world)
    line = "0123456789abcdef" * 4 + "\r\n"
    host.send(JOE, ANNA, world.text() + line * 300_000 + "the end\r\n")
    host.run_queue()
    expect_equal(host.verdict(ANNA)[0], "sent", "the verdict")
    inbound.run_queue()
    message = inbound.wait_for_delivery(world.marker)[0].as_bytes()
    expect(message.rstrip().endswith(b"the end"), "the end is missing")
    expect_equal(message.count(b"0123456789abcdef"), 1_200_000, "pieces that arrived")


@case
def each_message_of_a_queue_run_has_a_session_of_its_own(world):
    """A session that Sendmail kept would be used again without a look at what protects it."""
    peer = world.peer(password=PASSWORD)
    host = sending(world, **TO_PEER)
    for _ in range(3):
        host.send(JOE, ANNA, world.text())
    host.run_queue()
    expect_equal([status for status, _ in host.verdicts(ANNA)], ["sent"] * 3, "verdicts")
    expect_equal((len(peer.messages), len(peer.sessions)), (3, 3), "messages and sessions")
    expect(all(message.sealed for message in peer.messages), "not sealed")


def _account(name, fields, user):
    def run(world):
        peer = world.peer(password=PASSWORD)
        host = sending(
            world,
            mailertable=TO_PEER["mailertable"],
            authinfo=f'AuthInfo:192.0.2.10 {fields} "P:{PASSWORD}" "M:NTLM"\n',
        )
        (status, text), _ = deliver(world, host)
        expect_equal(status, "sent", text)
        expect_equal((peer.sessions[0].ntlm.domain, peer.sessions[0].ntlm.user), user, "domain and user")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_account("the_realm_of_authinfo_is_the_domain", '"U:gamma" "I:gamma" "R:BETA"', ("BETA", "gamma"))
_account("a_domain_may_stand_before_the_account", '"U:gamma" "I:BETA\\gamma"', ("BETA", "gamma"))
_account(
    "without_a_realm_the_name_of_the_host_is_the_domain",
    '"U:gamma" "I:gamma"',
    ("mail.gamma.example", "gamma"),
)


# ---- protection that cannot be had: nothing but the sender leaves


def _refused(name, say, plugins=None, files=None, **options):
    def run(world):
        fake = world.peer(SmtpPeer, **({"password": PASSWORD} | options))
        host = sending(world, plugins and plugins(world), **(TO_PEER | (files or {})))
        (status, text), data = deliver(world, host)
        expect_equal(status, "deferred", text)
        expect(fake.sessions, "the peer was never asked")
        expect_equal(fake.messages, [], "messages the peer took")
        expect_limit_kept(world, data)
        expect_in(ANNA, host.queue(), "the queue")
        expect_in(say, host.log(), "the log")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


TOO_WEAK = (
    "reject=454 4.7.1 mail for beta.example must be sealed by NTLM with 128 bit, and this session is not"
)
_refused("defers_at_a_wrong_password", TOO_WEAK, password="another")
_refused("defers_at_a_peer_without_auth", TOO_WEAK, keywords=without("AUTH"))
_refused("defers_at_a_peer_with_other_mechanisms", "AUTH", keywords=without("AUTH") + ["AUTH PLAIN LOGIN"])
_refused("defers_at_5xx_to_auth", TOO_WEAK, replies={"AUTH": b"504 5.5.4 no such mechanism"})
_refused("defers_at_4xx_to_auth", "Temporary AUTH failure", replies={"AUTH": b"454 4.7.0 later"})
_refused("defers_at_a_challenge_without_a_layer", "encryption", flags=ntlm.MODERN & ~ntlm.SEAL)
_refused(
    "defers_at_a_challenge_for_a_weaker_layer", "weaker than required", flags=ntlm.MODERN & ~ntlm.BITS_128
)
_refused("defers_at_a_challenge_for_ntlmv1", "not acceptable", flags=ntlm.MODERN & ~ntlm.ESS)
_refused("defers_at_a_challenge_that_is_none", "not acceptable", challenge=b"TlRMTVNTUAAAAAA=")
_refused("defers_at_235_to_the_auth_line", TOO_WEAK, replies={"AUTH": b"235 2.7.0 welcome"})
_refused("defers_with_the_stock_plugin_in_place_of_ours", TOO_WEAK, plugins=lambda _: [STOCK_NTLM])
_refused("defers_without_any_plugin", "Temporary AUTH failure", plugins=lambda _: [])
_refused(
    "defers_where_the_configuration_is_broken", "Deferred", files={"smtpseal_toml": "[sasl]\nnonsense = 1\n"}
)


def through_proxy(world, rule):
    """Sendmail to Sendmail with somebody between; returns the status, the text of the verdict and the capture."""
    inbound = receiving(world, plugins=[world.plugin()])
    world.proxy(rule, target=inbound.address)
    host = sending(
        world,
        mailertable="beta.example esmtp:[192.0.2.20]\n",
        authinfo=TO_PEER["authinfo"].replace("192.0.2.10", "192.0.2.20"),
    )
    verdict, data = deliver(world, host)
    expect_equal(inbound.queue(), "", "the queue of the receiver")
    return *verdict, data


@case
def only_the_sender_is_seen_where_auth_is_stripped_on_the_way(world):
    status, text, data = through_proxy(world, without_keyword(b"AUTH"))
    expect_equal(status, "bounced", text)
    expect_in("mail from gamma.example must arrive in a sealed session", text, "the verdict")
    expect_limit_kept(world, data)


@case
def defers_where_plain_replies_come_in_place_of_sealed_ones(world):
    status, text, data = through_proxy(world, records(TO_CLIENT, lambda *_: [b"250 2.0.0 fine\r\n"]))
    expect_equal(status, "deferred", text)
    expect_sealed(world, data)


@case
def defers_where_a_sealed_record_is_altered(world):
    def alter(number, record):
        return [record[:-1] + bytes([record[-1] ^ 1])] if number == 1 else [record]

    status, text, data = through_proxy(world, records(TO_SERVER, alter))
    expect_equal(status, "deferred", text)
    expect_sealed(world, data)


@case
def ours_is_used_where_both_plugins_are_there(world):
    peer = world.peer(password=PASSWORD)
    host = sending(world, plugins=[STOCK_NTLM, world.plugin()], **TO_PEER)
    (status, text), data = deliver(world, host)
    expect_equal(status, "sent", text)
    expect(peer.messages[0].sealed, "not sealed")
    expect_sealed(world, data)


# ---- TLS


@case
def a_session_by_ntlm_has_no_tls_below(world):
    """Sendmail would not tell a layer on top of TLS from none."""
    inbound = receiving_with_tls(world, plugins=[world.plugin()])
    host = sending(world)
    (status, text), data = deliver(world, host)
    expect_equal(status, "sent", text)
    expect_equal(wire.count(data, "STARTTLS"), 1, "STARTTLS on the wire, which the receiver offers")
    expect_sealed(world, data)
    inbound.run_queue()
    Stamp(inbound.wait_for_delivery(world.marker)[0], NAME).expect(
        "sealed", "pass", bits="128", account="gamma"
    )


@case
def tls_with_somebody_does_not_stand_for_a_seal(world):
    """Anybody can offer STARTTLS, with a certificate of his own, and no AUTH."""
    thief = receiving_with_tls(world, milter=False)
    for authinfo in ("", example("native", "authinfo")):
        host = sending(world, authinfo=authinfo)
        (status, text), data = deliver(world, host)
        expect_equal(status, "deferred", text)
        expect(wire.count(data, "STARTTLS") >= 1, "there was no TLS to be had")
        expect_equal(wire.count(data, world.marker), 0, "markers on the wire")
        expect_in(TOO_WEAK, host.log(), "the log")
        host.clear()
    expect_equal(thief.queue(), "", "what the thief got")
    host = sending(world, authinfo="", access="Connect:127.0.0.1\tRELAY\n")
    expect_equal(deliver(world, host)[0][0], "sent", "the verdict where nothing is asked")


@case
def a_login_without_a_layer_inside_tls_does_not_stand_for_a_seal(world):
    """As the stock plugin does it, where AuthInfo names two mechanisms and so does not forbid TLS."""
    account = f'gamma "{SHORT_PASSWORD}" profile=exchange-5.5 strength=40\n'
    thief = receiving_with_tls(
        world, milter=False, plugins=[world.plugin()], accounts=account, domains="other.example none\n"
    )
    authinfo = (
        example("native", "authinfo").replace("M:NTLM", "M:NTLM PLAIN").replace(PASSWORD, SHORT_PASSWORD)
    )
    host = sending(world, plugins=[STOCK_NTLM], authinfo=authinfo)
    (status, text), _ = deliver(world, host)
    expect_equal(status, "deferred", text)
    expect_in("authid=gamma, mech=NTLM, bits=0", thief.log(), "the log of the thief")
    expect_in(TOO_WEAK, host.log(), "the log")
    expect_equal(thief.queue(), "", "what the thief got")


# ---- one process, several sessions


@case
def what_one_session_had_does_not_count_for_the_next(world):
    """Both recipients of each message are delivered to by one process, one after the other."""
    good = world.peer(password=PASSWORD)
    plain = world.peer(address=PEERS[1], keywords=without("AUTH"))
    host = sending(
        world,
        mailertable="beta.example esmtp:[192.0.2.10]\nother.example esmtp:[192.0.2.11]\n",
        authinfo=TO_PEER["authinfo"],
        access=example("native", "access")
        + "SmtpSeal:other.example\t128\nSmtpSeal:free.other.example\tnone\n",
    )
    for recipients in ([ANNA, "carl@other.example"], ["carl@other.example", ANNA]):
        host.send(JOE, recipients, world.text())
    host.run_queue()
    expect_equal([status for status, _ in host.verdicts(ANNA)], ["sent"] * 2, "verdicts on the good peer")
    verdicts = [status for status, _ in host.verdicts("carl@other.example")]
    expect_equal(verdicts, ["deferred"] * 2, "verdicts on the other")
    expect_equal((len(good.messages), len(plain.messages)), (2, 0), "messages")
    expect(all(message.sealed for message in good.messages), "not sealed")
    expect(world.marker.encode() not in plain.clear_octets(), "the message was seen")


REQUIREMENTS = [  # in the access map; recipient, whether it waits where nothing protects the session
    ("SmtpSeal:beta.example\t128\n", ANNA, True),
    ("SmtpSeal:beta.example\t40\n", "anna@sub.beta.example", True),
    ("SmtpSeal:beta.example\t128\nSmtpSeal:sub.beta.example\tnone\n", "anna@sub.beta.example", False),
    ("SmtpSeal:\t128\n", "anna@beta.example", True),
    ("SmtpSeal:\t128\nSmtpSeal:beta.example\tnone\n", "anna@beta.example", False),
    ("SmtpSeal:beta.example\t128\n", "anna@BETA.Example.", True),
    ("SmtpSeal:beta.example\twhatever\n", ANNA, True),
    ("SmtpSeal:[192.0.2.10]\t128\n", "anna@[192.0.2.10]", True),
    ("SmtpSeal:other.example\t128\n", ANNA, False),
    ("", ANNA, False),
]


@case
def the_exported_access_map_holds_the_rules(world):
    peer = world.peer(keywords=without("AUTH"))
    host = sending(world, **TO_PEER)
    host.write("/etc/smtpseal/domains", "beta.example seal account=BETA\\gamma\nother.example none\n")
    host.write("/etc/smtpseal/credentials", f"BETA\\gamma {SHORT_PASSWORD}\n", 0o640, "smtpseal")
    host.make_tables(access=host.run(world.binary(""), "export", "sendmail"))
    (status, text), data = deliver(world, host)
    expect_equal(status, "deferred", text)
    expect_in(TOO_WEAK, host.log(), "the log")
    expect_limit_kept(world, data)
    expect_equal(peer.messages, [], "messages")


@case
def the_access_map_says_what_must_be_sealed(world):
    peer = world.peer(keywords=without("AUTH"))
    host = sending(world, mailertable=TO_PEER["mailertable"] + ".beta.example esmtp:[192.0.2.10]\n")
    for entries, recipient, waits in REQUIREMENTS:
        host.make_tables(access="Connect:127.0.0.1\tRELAY\n" + entries)
        host.send(JOE, recipient, world.text())
        host.run_queue()
        status, text = host.verdict(recipient)
        expect_equal(status, "deferred" if waits else "sent", f"{entries!r}: {text}")
        host.clear()
    expect_equal(len(peer.messages), sum(not waits for _, _, waits in REQUIREMENTS), "messages")
    os.unlink(host.path("/etc/mail/access.db"))
    host.send(JOE, ANNA, world.text())
    host.run_queue()
    expect_in(ANNA, host.queue(), "the queue without an access map")
    expect_equal(
        peer.messages[sum(not waits for _, _, waits in REQUIREMENTS) :], [], "messages without an access map"
    )


# ---- what an authenticated partner could leave behind

# For EHLO, MAIL, RCPT, DATA and the final dot of a session that has not begun yet.
FORGED = b"".join(b"%d 2.0.0 forged reply %d\r\n" % (354 if n == 3 else 250, n) for n in range(150))


def both_ways(world, mode):
    """A host that receives and sends natively, and delivers in a mode that smtpseal.m4 does not let it have."""
    native = "define(`SMTPSEAL_SSF', `128')dnl\nFEATURE(`mailertable')dnl\nMAILER(`local')"
    return receiving(
        world,
        plugins=[world.plugin()],
        start=f"-ODeliveryMode={mode}",
        sendmail_mc=example("inbound")
        .replace("MAILER(`local')", native)
        .replace("`SMTPSEAL_OUTBOUND', `none'", "`SMTPSEAL_OUTBOUND', `native'"),
        mailertable="victim.example esmtp:[192.0.2.10]\ntls.example esmtp:[192.0.2.10]\n",
        authinfo=TO_PEER["authinfo"],
        access=example("inbound", "access")
        + "Connect:192.0.2.15\tRELAY\nSmtpSeal:victim.example\t128\nTLS_Rcpt:tls.example\tENCR:128\n",
        smtpseal_toml=example("inbound", "smtpseal.toml") + 'client_layer = "require"\n',
    )


def _left_behind(mode):
    """Sendmail keeps plaintext beyond the 4096 octets it reads at once in a variable of the process, where a delivery that
    the process goes on to do finds it as the first octets its own peer says. smtpseal.m4 lets the receiving daemon deliver
    nothing; here it has to."""

    def run(world):
        peer = world.peer(password=PASSWORD)
        host = both_ways(world, mode)
        with Session(host) as client:
            expect_equal(client.auth(modern()), 235, "login")
            client.expect(b"MAIL FROM:<joe@alpha.example>", 250)
            client.expect(b"RCPT TO:<carl@victim.example>", 250)
            client.expect(b"DATA", 354)
            content = world.text(("x" * 70 + "\r\n") * 55).encode()
            content += b"x" * (4096 - len(content) - len(b"\r\n.\r\n")) + b"\r\n.\r\n"
            client.link.write(content + FORGED)  # one record
            status, text = host.verdict("carl@victim.example")
        expect_equal(status, "sent", text)
        expect_equal(len(peer.messages), 1, "messages that reached the peer")
        expect_in(world.marker.encode(), peer.messages[0].content, "the message")
        expect(peer.messages[0].sealed, "not sealed")
        expect_in("Queued by a fake", text, "the verdict")

    run.__module__ = __name__
    run.__name__ = f"what_a_partner_leaves_behind_is_no_reply_to_a_session_in_mode_{mode}"
    return case(run)


for _mode in ("background", "interactive"):
    _left_behind(_mode)


@case
def the_seal_of_a_partner_does_not_count_for_the_session_that_delivers(world):
    """As VERB would have it: the process that has a sealed session with a partner delivers."""
    plain = world.peer(keywords=without("AUTH"))
    host = both_ways(world, "interactive")
    recipients = {
        "carl@victim.example": "must be sealed by NTLM with 128 bit",
        "dora@tls.example": "too weak",
    }
    with Session(host) as client:
        expect_equal(client.auth(modern()), 235, "login")
        for recipient in recipients:
            code = client.send(b"joe@alpha.example", [recipient.encode()], world.text().encode())
            expect_equal(code, 250, f"the dot ({client.last!r})")
    for recipient, reason in recipients.items():
        status, text = host.verdict(recipient)
        expect_equal(status, "deferred", text)
        expect_in(reason, host.log(), "the log")
    expect_equal(plain.messages, [], "messages the peer took")
    expect(world.marker.encode() not in plain.clear_octets(), "the message was seen")


@case
def what_a_server_leaves_behind_is_no_reply_to_another_session(world):
    """The same from the other end: a server's last reply is longer than what Sendmail reads at once, twice: for the final dot
    and for QUIT."""

    def padded(reply):
        return reply + b"\r\n" + b"x" * (4096 - len(reply) - 4) + b"\r\n"

    evil = padded(b"250 2.0.0 taken") + padded(b"221 2.0.0 bye") + FORGED
    world.peer(password=PASSWORD, replies={"DOT": evil})
    good = world.peer(address=PEERS[1], password=PASSWORD)
    authinfo = TO_PEER["authinfo"]
    host = sending(
        world,
        mailertable="beta.example esmtp:[192.0.2.10]\nvictim.example esmtp:[192.0.2.11]\n",
        authinfo=authinfo + authinfo.replace("192.0.2.10", "192.0.2.11"),
        access=example("native", "access") + "SmtpSeal:victim.example\t128\n",
    )
    host.send(JOE, [ANNA, "carl@victim.example"], world.text())
    host.run_queue()
    status, text = host.verdict(ANNA)
    expect_equal(status, "deferred", f"the verdict on the server with the long reply: {text}")
    status, text = host.verdict("carl@victim.example")
    expect_equal(status, "sent", text)
    expect_in("Queued by a fake", text, "the verdict")
    expect_equal(
        [each.recipients for each in good.messages], [["carl@victim.example"]], "recipients at the peer"
    )
