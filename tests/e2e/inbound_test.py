"""Receiving: smtpseal-relay on port 25, a stock Postfix behind it."""

import base64
import random
import socket
import statistics
import threading
import time

from harness import ntlm, wire
from harness.process import can_connect
from harness.proxy import TO_SERVER, bytewise, records
from harness.records import Framing
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_client import SmtpClient
from harness.smtp_peer import SmtpPeer
from harness.world import BETA, PASSWORD, PEER_V6, PLAIN_SMTPD, PROXY

JOE, ANNA = b"joe@alpha.example", b"anna@partner.example"
ALPHA_ACCOUNT = f"alpha {ntlm.hash_field(PASSWORD)} domains=alpha.example\n"
WEAK_ACCOUNT = f"old {ntlm.hash_field(PASSWORD)} domains=alpha.example profile=exchange-5.5 strength=40\n"


def modern(password=PASSWORD, account="BETA\\alpha"):
    return ntlm.SambaClient(account, password)


def exchange_55(password=PASSWORD, account="BETA\\old"):
    return ntlm.Client(account, password)


def expect_nothing_delivered(world):
    time.sleep(0.3)
    expect_equal(world.beta.messages(), [], "messages in the mailbox")
    expect_equal(world.beta.queue(), "", "queue of beta")


# ---- plain sessions


@case
def mail_without_authentication_passes(world):
    world.receiving()
    with world.client(source="192.0.2.15") as client:
        client.greet(b"sender.example")
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
        client.expect(b"QUIT", 221)
    message = world.beta.wait_for_delivery(world.marker)[0]
    expect_in("192.0.2.15", message["Received"], "the Received header: smtpd knows the client's own address")
    expect_in("sender.example", message["Received"], "the Received header: smtpd knows the client's HELO")
    expect("sasl_username" not in world.beta.log(), "smtpd believes that the client authenticated")


@case
def ehlo_offers_what_smtpd_offers_and_nothing_dangerous(world):
    world.receiving()
    with world.client() as client:
        offered = {line[4:].split(b" ")[0].upper(): line[4:] for line in client.greet().split(b"\n")[1:]}
    for keyword in (b"XCLIENT", b"XFORWARD", b"XEXCH50", b"STARTTLS", b"ETRN"):
        expect(keyword not in offered, f"{keyword} is offered")
    expect_equal(offered.get(b"AUTH"), b"AUTH NTLM", "AUTH")
    for keyword in (b"8BITMIME", b"SIZE", b"DSN"):
        expect_in(keyword, offered, "keywords")


@case
def mail_over_ipv6_keeps_the_address_of_the_client(world):
    world.need_ipv6()
    world.receiving(relay_smtp_listen=[f"inet:[{PEER_V6[0]}]:25", f"inet:{BETA[0]}:25"])
    with SmtpClient(PEER_V6) as client:
        client.greet()
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        expect_equal(client.say(b"RCPT TO:<x@foreign.example>"), 554, "relaying")
        client.expect(b"RSET", 250)
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
    expect_in(f"[{PEER_V6[0]}]", world.beta.log(), "smtpd's log")


@case
def helo_works(world):
    world.receiving()
    with world.client() as client:
        client.take()
        client.expect(b"HELO sender.example", 250)
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
    world.beta.wait_for_delivery(world.marker)


@case
def smtpd_refusals_are_passed_on(world):
    world.receiving()
    with world.client(source="192.0.2.15") as client:
        client.greet()
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RCPT TO:<x@foreign.example>", 554)
        expect_in(b"Relay access denied", client.last, "the reply")
        client.expect(b"RCPT TO:<" + ANNA + b">", 250)


@case
def an_unauthenticated_client_cannot_relay(world):
    """smtpd's own address is in mynetworks: if XCLIENT failed to take effect, this would be an open relay."""
    world.receiving()
    for source in ("192.0.2.15", "192.0.2.2", "127.0.0.1"):
        with world.client(source=source) as client:
            client.greet()
            client.expect(b"MAIL FROM:<" + JOE + b">", 250)
            code = client.say(b"RCPT TO:<x@foreign.example>")
            expect(source == "127.0.0.1" or code == 554, f"RCPT from {source} was answered {client.last!r}")
    expect_nothing_delivered(world)


@case
def two_messages_in_one_session_do_not_mix(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        client.send(JOE, [ANNA], b"Subject: one\r\n\r\nfirst " + world.marker.encode())
        client.expect(b"MAIL FROM:<other@alpha.example>", 250)
        client.expect(b"RSET", 250)
        expect(client.say(b"DATA") >= 500, "DATA after RSET")
        client.send(
            b"second@alpha.example",
            [b"bob@partner.example"],
            b"Subject: two\r\n\r\nsecond " + world.marker.encode(),
        )
    world.beta.wait_for_delivery(world.marker, 2)
    log = world.beta.log()
    for sender, recipient in (("joe", "anna"), ("second", "bob")):
        expect_in(f"to=<{recipient}@partner.example>", log, "the log")
        expect_in(f"from=<{sender}@alpha.example>", log, "the log")
    expect("from=<other@alpha.example>" not in log, "a transaction that was reset went on")
    expect_equal(log.count("status=sent"), 2, "deliveries")


@case
def a_greeting_comes_first_and_commands_out_of_order_are_refused(world):
    world.receiving()
    with world.client() as client:
        client.take()
        expect(client.say(b"DATA") >= 500, "DATA without anything")
        expect(client.say(b"RCPT TO:<" + ANNA + b">") >= 500, "RCPT without MAIL")
        client.expect(b"EHLO sender.example", 250)
        client.expect(b"NOOP", 250)
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        expect(client.say(b"MAIL FROM:<" + JOE + b">") >= 500, "nested MAIL")
        expect(client.say(b"DATA") >= 500, "DATA without a recipient")
        expect(client.say(b"FROBNICATE") in (500, 502), "an unknown command")


# ---- authenticated and sealed sessions


def _seals(name, make, accounts, framing, response):
    def run(world):
        world.receiving(accounts)
        with world.capture() as capture, world.client(source="192.0.2.15") as client:
            client.greet(b"alpha.example")
            expect_equal(client.auth(make(), framing=framing), 235, "login")
            if response == "NTLMv2":
                client.expect(b"EHLO alpha.example", 250)
                expect(b"AUTH" not in client.last, "AUTH is offered again inside the seal")
            for _ in range(2):
                expect_equal(
                    client.send(JOE, [ANNA], world.text("more\r\n" * 3000).encode()), 250, "the final dot"
                )
            client.expect(b"QUIT", 221)
        world.beta.wait_for_delivery(world.marker, 2)
        behind = [each for each in wire.conversations(capture.data()) if each.server == BETA]
        for secret in (world.marker.encode(), JOE, ANNA):
            found = sum(stream.data.count(secret) for each in behind for stream in each.streams.values())
            expect_equal(found, 0, f"{secret!r} on the wire")
        expect_in("client=", world.beta.log(), "smtpd's log")
        expect_in("[192.0.2.15]", world.beta.log(), "smtpd's log")
        for part in (f"auth={response}", "status=sealed", "account="):
            expect_in(part, world.gate.log(), "the gate's log")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _framing in ("be-leading", "be-trailing", "le-leading", "le-trailing"):
    _seals(f"unseals_samba_records_{_framing.replace('-', '_')}", modern, ALPHA_ACCOUNT, _framing, "NTLMv2")
    _seals(
        f"unseals_exchange_55_records_{_framing.replace('-', '_')}",
        exchange_55,
        WEAK_ACCOUNT,
        _framing,
        "NTLMv1",
    )


@case
def auth_works_without_an_initial_response(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        expect_equal(client.auth(modern(), initial=False), 235, "login")
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")


@case
def authentication_without_a_seal_is_taken_where_no_rule_forbids_it(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        expect_equal(
            client.auth(ntlm.SambaClient("BETA\\alpha", PASSWORD, seal=False), seal=False), 235, "login"
        )
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
    expect_in("status=authenticated", world.gate.log(), "the gate's log")


@case
def smtpd_learns_every_login_where_a_parameter_says_so(world):
    world.receiving(relay_xclient_login="all")
    with world.client() as client:
        client.greet()
        expect_equal(client.auth(modern()), 235, "login")
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
    expect_in("sasl_username=alpha", world.beta.log(), "smtpd's log")
    expect_in(
        "(Authenticated sender: alpha)", world.beta.wait_for_delivery(world.marker)[0]["Received"], "Received"
    )


@case
def records_in_octets_and_octets_in_records_are_taken(world):
    world.receiving()
    with world.client(chunks=lambda data: [data[n : n + 1] for n in range(len(data))]) as client:
        client.greet()
        expect_equal(client.auth(modern()), 235, "login")
        client.link.record_size = 1
        client.expect(b"EHLO alpha.example", 250)
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.link.record_size = 7
        client.expect(b"RCPT TO:<" + ANNA + b">", 250)
        client.expect(b"DATA", 354)
        client.link.write(world.text().encode() + b"\r\n.\r\n")
        expect_equal(client.take(), 250, "the final dot")
    world.beta.wait_for_delivery(world.marker)


@case
def many_records_in_one_read_are_taken(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        expect_equal(client.auth(modern()), 235, "login")
        client.expect(b"EHLO alpha.example", 250)
        client.link.record_size = 64
        expect_equal(client.send(JOE, [ANNA], world.text("line\r\n" * 5000).encode()), 250, "the final dot")
    world.beta.wait_for_delivery(world.marker)


# ---- nobody gets in


@case
def wrong_password_and_unknown_user_look_and_time_the_same(world):
    world.receiving(
        relay_auth_failure_limit=100, relay_auth_failure_limit_per_address=1000, relay_error_limit=1000
    )
    times = {"alpha": [], "nobody": []}
    texts = set()
    with world.client() as client:
        client.greet()
        for _ in range(40):
            for user, spent in times.items():
                challenge_client = modern("not the password", f"BETA\\{user}")
                challenge = client.begin_auth(challenge_client)
                answer = base64.b64encode(challenge_client.authenticate(challenge))
                begin = time.perf_counter()
                expect_equal(client.say(answer), 535, f"login as {user}")
                spent.append(time.perf_counter() - begin)
                texts.add(client.last)
    expect_equal(len(texts), 1, f"texts of the refusals {texts}")
    known, unknown = (statistics.median(times[user]) for user in times)
    expect(abs(known - unknown) < 0.003, f"the refusals take {known:.4f} s and {unknown:.4f} s")


@case
def no_anonymous_no_guest_no_blank_password(world):
    world.receiving(relay_auth_failure_limit=100)
    with world.client() as client:
        client.greet()
        for account, password in (
            ("\\", ""),
            ("BETA\\", PASSWORD),
            ("BETA\\Guest", ""),
            ("BETA\\alpha", ""),
            ("BETA\\guest", "guest"),
        ):
            code = client.auth(ntlm.Client(account, password, ntlm.MODERN | ntlm.REQUEST_TARGET), seal=False)
            expect_equal(code // 100, 5, f"login as {account!r}")
        challenge = client.begin_auth(ntlm.Client("X\\y", "z"))
        empty = ntlm.MAGIC + b"\3\0\0\0" + (b"\0\0\0\0\x40\0\0\0" * 6) + challenge[20:24]
        expect_equal(
            client.say(base64.b64encode(empty)) // 100,
            5,
            "an AUTHENTICATE message without user and responses",
        )
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RCPT TO:<" + ANNA + b">", 250)
    expect("sasl_username" not in world.beta.log(), "smtpd believes that somebody authenticated")


@case
def a_modern_account_refuses_ntlmv1_and_weak_seals(world):
    world.receiving(ALPHA_ACCOUNT, relay_auth_failure_limit=100)
    with world.client() as client:
        client.greet()
        for flags in (
            ntlm.EXCHANGE_55,
            ntlm.EXCHANGE_55 & ~ntlm.LM_KEY | ntlm.BITS_128,
            ntlm.MODERN,
            ntlm.MODERN & ~ntlm.BITS_128,
        ):
            code = client.auth(ntlm.Client("BETA\\alpha", PASSWORD, flags | ntlm.REQUEST_TARGET), seal=False)
            expect_equal(code // 100, 5, f"login with flags {flags:#x}")


@case
def auth_can_be_cancelled(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        client.begin_auth(modern())
        client.expect(b"*", 501)
        expect_equal(client.say(b"AUTH NTLM"), 334, "a second AUTH")
        client.expect(b"*", 501)
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "mail after cancelled logins")


@case
def a_session_is_closed_after_too_many_failures(world):
    world.receiving(relay_auth_failure_limit=3)
    with world.client() as client:
        client.greet()
        client.begin_auth(modern())
        client.expect(b"*", 501)
        expect_equal(client.auth(modern("wrong")), 535, "first wrong password")
        code = client.auth(modern("wrong"))
        expect(code in (535, 421), f"second wrong password was answered {client.last!r}")
        expect(client.is_closed(), "the session goes on after three failures")


@case
def an_address_is_limited_over_its_sessions(world):
    world.receiving(relay_auth_failure_limit_per_address=4, relay_auth_failure_time="1h")
    for _ in range(4):
        with world.client(source="192.0.2.15") as client:
            client.greet()
            client.auth(modern("wrong"))
    with world.client(source="192.0.2.15") as client:
        client.greet()
        code = client.say(b"AUTH NTLM " + base64.b64encode(modern().negotiate()))
        expect_equal(code, 421, f"AUTH after too many failures ({client.last!r})")
    with world.client(source="192.0.2.16") as client:
        client.greet()
        expect_equal(client.auth(modern()), 235, "login from another address")


@case
def the_right_password_works_after_a_wrong_one(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        expect_equal(client.auth(modern("wrong")), 535, "the wrong one")
        expect_equal(client.auth(modern()), 235, "the right one")
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")


@case
def a_recorded_response_cannot_be_replayed(world):
    world.receiving()
    with world.client() as first, world.client() as second:
        first.greet()
        second.greet()
        client = modern()
        answer = client.authenticate(first.begin_auth(client))
        second.begin_auth(modern())
        expect_equal(second.say(base64.b64encode(answer)), 535, "the response to another challenge")
        expect_equal(first.say(base64.b64encode(answer)), 235, "the response to its own challenge")


@case
def other_mechanisms_and_a_second_login_are_refused(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        for line in (b"AUTH PLAIN AGFscGhhAFNlY3JldC1QdzE=", b"AUTH LOGIN", b"AUTH", b"AUTH NTLM a b c"):
            expect(client.say(line) in (501, 504, 503), f"{line!r} was answered {client.last!r}")
        expect_equal(client.auth(modern()), 235, "login")
        expect_equal(client.say(b"AUTH NTLM"), 503, "a second login")


@case
def malformed_logins_are_refused_and_the_session_goes_on(world):
    world.receiving(
        relay_auth_failure_limit=100, relay_auth_failure_limit_per_address=1000, relay_error_limit=100
    )
    tokens = [
        b"!",
        b"====",
        b"TlRM",
        b"=",
        base64.b64encode(b"NTLMSSP\0"),
        base64.b64encode(b"NTLMSSP\0\2\0\0\0" + b"\0" * 40),
        base64.b64encode(b"NTLMSSP\0\1\0\0\0"),
        base64.b64encode(b"NTLMSSP\0\1\0\0\0\x97\x82\x08\xe2" + b"\xff" * 16),
        base64.b64encode(b"A" * 9000),
    ]
    with world.client() as client:
        client.greet()
        for token in tokens:
            code = client.say(b"AUTH NTLM " + token)
            if code == 334:
                code = client.say(b"*")
            expect(code // 100 == 5, f"{token[:40]!r} was answered {client.last!r}")
        good = modern()
        challenge = client.begin_auth(good)
        right = good.authenticate(challenge)
        random.seed(4)
        for _ in range(60):
            wrong = bytearray(right)
            for _ in range(random.randrange(1, 5)):
                wrong[random.randrange(12, 64)] = random.randrange(256)
            code = client.say(base64.b64encode(bytes(wrong[: random.randrange(12, len(wrong) + 1)])))
            expect(code // 100 == 5 or code == 235, f"a damaged response was answered {client.last!r}")
            if code == 235:
                return
            client.begin_auth(modern())
        client.expect(b"*", 501)
        expect_equal(client.auth(modern()), 235, "login after all that")


@case
def xclient_and_its_like_never_reach_smtpd(world):
    world.receiving(relay_error_limit=100)
    commands = [
        b"XCLIENT ADDR=127.0.0.1",
        b"xclient addr=127.0.0.1 login=root",
        b"XFORWARD ADDR=127.0.0.1",
        b"XEXCH50 10 2",
        b"STARTTLS",
        b"ETRN partner.example",
        b"BURL imap://x/ LAST",
        b" XCLIENT ADDR=127.0.0.1",
        b"X\tCLIENT ADDR=1",
    ]
    for login in (False, True):
        with world.client(source="192.0.2.15") as client:
            client.greet()
            if login:
                expect_equal(client.auth(modern()), 235, "login")
            for command in commands:
                expect(500 <= client.say(command) <= 504, f"{command!r} was answered {client.last!r}")
            client.expect(b"MAIL FROM:<" + JOE + b">", 250)
            for command in commands:
                expect(
                    500 <= client.say(command) <= 504,
                    f"{command!r} in a transaction was answered {client.last!r}",
                )
            client.expect(b"RCPT TO:<x@foreign.example>", 554)
    expect_nothing_delivered(world)


@case
def a_login_grants_no_relaying_unless_the_account_says_so(world):
    world.receiving(ALPHA_ACCOUNT + f"boss {ntlm.hash_field(PASSWORD)} relay=yes\n")
    for user, want in (("alpha", 554), ("boss", 250)):
        with world.client(source="192.0.2.15") as client:
            client.greet()
            expect_equal(client.auth(modern(account=f"BETA\\{user}")), 235, f"login as {user}")
            client.expect(b"MAIL FROM:<" + JOE + b">", 250)
            expect_equal(
                client.say(b"RCPT TO:<x@foreign.example>"), want, f"relaying as {user} ({client.last!r})"
            )


# ---- rules for client networks


@case
def networks_can_be_held_to_authentication_and_to_a_seal(world):
    world.receiving(inbound_network_rules=["192.0.2.15/32 auth", "192.0.2.16/32 seal", "192.0.2.0/24 any"])
    unsealed = lambda: ntlm.SambaClient("BETA\\alpha", PASSWORD, seal=False)  # noqa: E731
    for source, login, seal, want in (
        ("192.0.2.14", None, False, 250),
        ("192.0.2.15", None, False, 530),
        ("192.0.2.16", None, False, 530),
        ("192.0.2.15", unsealed, False, 250),
        ("192.0.2.16", unsealed, False, 530),
        ("192.0.2.16", modern, True, 250),
    ):
        with world.client(source=source) as client:
            client.greet()
            if login:
                expect_equal(client.auth(login(), seal=seal), 235, "login")
            code = client.say(b"MAIL FROM:<" + JOE + b">")
            expect(
                code == want or (want == 530 and code // 100 == 5),
                f"MAIL from {source} was answered {client.last!r}, want {want}",
            )
    expect_nothing_delivered(world)


# ---- rules for sender domains


@case
def a_sender_domain_can_be_bound_to_a_seal_and_an_account(world):
    world.receiving(
        ALPHA_ACCOUNT
        + f"other {ntlm.hash_field(PASSWORD)} domains=other.example\n"
        + f"bound {ntlm.hash_field(PASSWORD)} domains=alpha.example\n",
        domains="alpha.example seal account=ALPHA\\beta inbound=require inbound_account=alpha\n",
        credentials="ALPHA\\beta whatever\n",
    )
    unsealed = lambda: ntlm.SambaClient("BETA\\alpha", PASSWORD, seal=False)  # noqa: E731
    for login, sender, want in (
        (None, b"joe@alpha.example", 5),
        (None, b"joe@ALPHA.example", 5),
        (None, b"joe%alpha.example", 5),
        (None, b"alpha.example!joe", 5),
        (None, b'"joe@alpha.example"', 5),
        (None, b"joe%alpha.example@elsewhere.example", 5),
        (None, b"joe@elsewhere.example", 2),
        (None, b"", 2),
        (unsealed, b"joe@alpha.example", 5),
        (modern, b"joe@alpha.example", 2),
        (modern, b"joe@Alpha.Example", 2),
        (lambda: modern(account="BETA\\other"), b"joe@alpha.example", 5),
        (
            lambda: modern(account="BETA\\bound"),
            b"joe@alpha.example",
            5,
        ),  # bound, but not the account the rule names
    ):
        with world.client() as client:
            client.greet()
            if login:
                expect_equal(client.auth(login(), seal=login is not unsealed), 235, "login")
            code = client.say(b"MAIL FROM:<" + sender + b">")
            expect_equal(code // 100, want, f"MAIL from {sender!r} in a session of {login} ({client.last!r})")


@case
def a_rule_in_report_mode_logs_and_refuses_nothing(world):
    world.receiving(
        domains="alpha.example seal account=ALPHA\\beta inbound=require inbound_account=alpha mode=report\n",
        credentials="ALPHA\\beta whatever\n",
    )
    with world.client() as client:
        client.greet()
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
    expect_in("domains:1", world.gate.log(), "the gate's log")


# ---- smuggling


SMUGGLED = (
    b"MAIL FROM:<evil@alpha.example>\r\nRCPT TO:<anna@partner.example>\r\nDATA\r\n"
    b"Subject: smuggled SMUGGLED\r\n\r\nx\r\n.\r\n"
)
ENDS = {
    "lf_dot_lf": b"\n.\n",
    "lf_dot_crlf": b"\n.\r\n",
    "crlf_dot_lf": b"\r\n.\n",
    "cr_dot_cr": b"\r.\r",
    "crlf_dot_cr": b"\r\n.\r",
    "cr_dot_crlf": b"\r.\r\n",
    "crlf_nul_dot_crlf": b"\r\n\0.\r\n",
    "crlf_dot_nul_crlf": b"\r\n.\0\r\n",
}


def _smuggle(name, end, sealed, normalise):
    def run(world):
        changes = {"relay_stray_line_ends": "normalise"} if normalise else {}
        world.receiving(**changes)
        with world.client() as client:
            client.greet()
            if sealed:
                expect_equal(client.auth(modern()), 235, "login")
            client.expect(b"MAIL FROM:<" + JOE + b">", 250)
            client.expect(b"RCPT TO:<" + ANNA + b">", 250)
            client.expect(b"DATA", 354)
            client.link.write(world.text().encode() + b"line" + end + SMUGGLED + b"tail\r\n.\r\n")
            code = client.take()
            has_stray = b"\n" in end.replace(b"\r\n", b"") or b"\r" in end.replace(b"\r\n", b"")
            if has_stray and not normalise:
                expect_equal(code // 100, 5, f"reply to content with stray line ends ({client.last!r})")
        time.sleep(0.5)
        messages = world.beta.messages()
        expect(
            all("SMUGGLED" not in (each["Subject"] or "") for each in messages),
            "a second message was smuggled in",
        )
        expect(len(messages) <= 1, f"{len(messages)} messages from one")
        if has_stray and not normalise:
            expect_equal(messages, [], "messages delivered though refused")
        else:
            expect_equal((code, len(messages)), (250, 1), "reply and number of messages")
            expect_in(
                "MAIL FROM:<evil@alpha.example>", messages[0].get_payload(), "the content of the one message"
            )
        expect("evil@alpha.example" not in world.beta.log(), "smtpd saw the smuggled sender")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _name, _end in ENDS.items():
    _smuggle(f"nothing_is_smuggled_by_{_name}", _end, sealed=False, normalise=False)
    _smuggle(f"nothing_is_smuggled_by_{_name}_when_normalised", _end, sealed=False, normalise=True)
_smuggle("nothing_is_smuggled_through_a_seal", b"\n.\n", sealed=True, normalise=False)


@case
def stray_line_ends_in_commands_are_refused(world):
    world.receiving()
    for line in (
        b"MAIL FROM:<joe@alpha.example>\nRCPT TO:<anna@partner.example>",
        b"NOOP\rXCLIENT ADDR=127.0.0.1",
        b"MAIL FROM:<joe@alpha.example>\r\r",
        b"NOOP\0",
    ):
        with world.client() as client:
            client.greet()
            code = client.say(line)
            expect(code // 100 == 5, f"{line!r} was answered {client.last!r}")


@case
def nothing_said_in_clear_survives_the_switch_to_the_seal(world):
    """Commands injected in front of the sealed stream by somebody in the middle."""
    world.receiving()
    with world.client() as client:
        client.greet()
        login = modern()
        answer = login.authenticate(client.begin_auth(login))
        client.link.write(
            base64.b64encode(answer)
            + b"\r\nMAIL FROM:<evil@alpha.example>\r\nRCPT TO:<anna@partner.example>\r\n"
        )
        code = client.take()
        if code == 235:
            client.link.start_seal(login.seal_state(), Framing())
            try:
                code = client.say(b"DATA")
            except (EOFError, ConnectionError):
                code = 0
            expect(code == 0 or code >= 400, f"DATA was answered {code}")
        expect(client.is_closed(), "the session goes on")
    expect("evil@alpha.example" not in world.beta.log(), "smtpd saw the injected sender")
    expect_nothing_delivered(world)


@case
def plain_commands_behind_235_end_the_session(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        expect_equal(client.auth(modern(), seal=False), 235, "login")
        client.link.write(b"MAIL FROM:<joe@alpha.example>\r\nRCPT TO:<anna@partner.example>\r\n")
        expect(client.is_closed(), "the session goes on")
    expect_nothing_delivered(world)


# ---- records that are not right


def _record(name, change):
    """change(number, record) -> list of octets, or None; the session must end and nothing may be delivered."""

    def run(world):
        world.receiving()
        middle = world.proxy(records(TO_SERVER, change))
        with SmtpClient(PROXY, seconds=6) as client:
            client.greet()
            expect_equal(client.auth(modern()), 235, "login")
            client.link.record_size = 100
            done = 0
            try:
                client.expect(b"MAIL FROM:<" + JOE + b">", 250)
                client.expect(b"RCPT TO:<" + ANNA + b">", 250)
                client.expect(b"DATA", 354)
                client.link.write(world.text("line\r\n" * 200).encode() + b"\r\n.\r\n")
                done = client.take()
            except (EOFError, OSError):
                pass
            expect(done != 250, "a message with a wrong record was taken")
        expect(middle.connections == 1 and len(middle.seen[TO_SERVER]) > 500, "the proxy saw no records")
        expect_nothing_delivered(world)
        expect(world.gate.is_running(), "the gate died")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


def _flip(position):
    def change(number, record):
        if number != 5:
            return [record]
        damaged = bytearray(record)
        damaged[position] ^= 1
        return [bytes(damaged)]

    return change


_held = {}


def _swap(number, record):
    if number == 5:
        _held["record"] = record
        return []
    return [record, _held.pop("record")] if number == 6 else [record]


_record("an_altered_octet_ends_the_session", _flip(30))
_record("an_altered_signature_ends_the_session", _flip(10))
_record("an_altered_sequence_number_ends_the_session", _flip(17))
_record("an_altered_version_ends_the_session", _flip(4))
_record(
    "a_replayed_record_ends_the_session", lambda number, record: [record, record] if number == 5 else [record]
)
_record("a_missing_record_ends_the_session", lambda number, record: [] if number == 5 else [record])
_record("records_in_another_order_end_the_session", _swap)
_record(
    "a_record_with_a_longer_length_ends_the_session",
    lambda number, record: [record[:3] + bytes([record[3] + 1]) + record[4:]] if number == 5 else [record],
)
_record(
    "a_record_too_short_for_a_signature_ends_the_session",
    lambda number, record: [b"\0\0\0\x0f" + record[4:19]] if number == 5 else [record],
)
_record(
    "a_record_of_two_gigabytes_ends_the_session",
    lambda number, record: [b"\x7f\xff\xff\xff" + record[4:]] if number == 5 else [record],
)
_record("a_record_cut_short_delivers_nothing", lambda number, record: None if number == 9 else [record])


@case
def an_oversized_record_is_refused_before_memory_is_taken_for_it(world):
    world.receiving()
    before = world.gate.resident_kib()
    with world.client() as client:
        client.greet()
        expect_equal(client.auth(modern(), seal=False), 235, "login")
        client.link.send_raw(b"\x40\0\0\0" + b"\1\0\0\0" + b"x" * 4000)
        expect(client.is_closed(), "the session goes on")
    grown = world.gate.resident_kib() - before
    expect(grown < 4000 or world.is_sanitized(), f"the gate grew by {grown} KiB")


# ---- limits


@case
def an_endless_command_line_is_refused(world):
    world.receiving()
    with world.client() as client:
        client.greet()
        client.link.write(b"NOOP " + b"x" * 100_000 + b"\r\n")
        expect_equal(client.take(), 500, f"an endless line ({client.last!r})")


@case
def sessions_are_limited_in_all_and_for_each_address(world):
    world.receiving(relay_session_limit=4, relay_session_limit_per_address=2)
    clients = [SmtpClient(BETA, source=source) for source in ("192.0.2.14", "192.0.2.14", "192.0.2.15")]
    codes = [client.take() for client in clients]
    expect_equal(codes, [220, 220, 220], "greetings within the limits")
    over = SmtpClient(BETA, source="192.0.2.14")
    expect_equal(over.take(), 421, "a third session of one address")
    expect(over.is_closed(), "and it stays open")
    clients.append(SmtpClient(BETA, source="192.0.2.16"))
    expect_equal(clients[-1].take(), 220, "a session of another address")
    beyond = SmtpClient(BETA, source="192.0.2.17")
    expect_equal(beyond.take(), 421, "a fifth session")
    clients.pop(0).close()
    within(5, lambda: _greets("192.0.2.17"), "a session after another has ended")
    for client in clients + [over, beyond]:
        client.close()


def _greets(source):
    with SmtpClient(BETA, source=source) as client:
        return client.take() == 220


@case
def an_idle_session_is_closed(world):
    world.receiving(relay_server_idle_time="1s")
    with world.client() as client:
        client.greet()
        expect_equal(client.take(), 421, "what is said to an idle client")
        expect(client.is_closed(), "the session goes on")


@case
def a_stopping_relay_ends_idle_sessions_with_421(world):
    world.receiving()
    with world.client() as plain, world.client() as sealed:
        plain.greet()
        sealed.greet()
        expect_equal(sealed.auth(modern()), 235, "login")
        expect_equal(sealed.say(b"NOOP") // 100, 2, "NOOP in the seal")
        started = time.monotonic()
        world.gate.child.terminate()
        expect_equal(plain.take(), 421, "what is said to an idle client")
        expect_equal(sealed.take(), 421, "what is said to an idle client in the seal")
        within(5, lambda: not world.gate.is_running(), "the gate's end, long before process.drain_time")
    expect_equal(world.gate.child.returncode, 0, f"exit code after {time.monotonic() - started:.1f} s")


@case
def a_login_that_never_ends_is_closed(world):
    world.receiving(relay_server_login_time="1s")
    with world.client() as client:
        client.greet()
        client.begin_auth(modern())
        expect(client.is_closed(6), "the session goes on")


@case
def too_many_errors_end_a_session(world):
    world.receiving(relay_error_limit=5)
    with world.client() as client:
        client.greet()
        client.link.write(b"FROB\r\n" * 20)
        expect(client.is_closed(), "the session goes on")


# ---- smtpd behind the gate


@case
def an_smtpd_that_refuses_xclient_ends_the_session(world):
    """It would go on with the gate's own address, which is in mynetworks: an open relay."""
    world.receiving(relay_smtpd="inet:192.0.2.3:25")
    with world.client(source="192.0.2.15") as client:
        client.greet()
        code = client.say(b"MAIL FROM:<" + JOE + b">")
        expect(code // 100 in (4, 5), f"MAIL was answered {client.last!r}")
    expect_nothing_delivered(world)


@case
def an_smtpd_that_is_down_defers(world):
    world.receiving(relay_smtpd="inet:127.0.0.1:10099")
    with world.client() as client:
        code = client.take()
        if code == 220:
            code = client.say(b"EHLO sender.example")
        if code == 250:
            code = client.say(b"MAIL FROM:<" + JOE + b">")
        expect_equal(code // 100, 4, f"the reply {client.last!r}")


@case
def an_smtpd_that_dies_in_the_middle_defers(world):
    smtpd = world.peer(
        SmtpPeer,
        ("127.0.0.1", 10088),
        keywords=["8BITMIME", "SIZE"],
        replies={"unknown": b"220 XCLIENT fine", "DOT": lambda line: smtpd.drop_connections() or b"250 gone"},
    )
    world.receiving(relay_smtpd="inet:127.0.0.1:10088")
    with world.client() as client:
        client.greet()
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RCPT TO:<" + ANNA + b">", 250)
        client.expect(b"DATA", 354)
        client.link.write(world.text().encode() + b"\r\n.\r\n")
        expect_equal(client.take() // 100, 4, f"the final dot ({client.last!r})")
    xclient = [line for line in smtpd.sessions[-1].commands() if line.startswith(b"XCLIENT")]
    expect_equal(len(xclient), 1, "XCLIENT commands")
    for part in (b"ADDR=192.0.2", b"PORT=", b"HELO=client.example", b"PROTO=ESMTP"):
        expect_in(part, xclient[0], "XCLIENT")


@case
def a_helo_name_with_odd_characters_does_not_break_xclient(world):
    world.receiving()
    for name in (
        b"a b",
        b"x" * 255,
        b"[192.0.2.15]",
        b"evil=1+20LOGIN=root",
        "t\u00f6st".encode(),
        b"a\tLOGIN=root",
    ):
        with world.client(source="192.0.2.15") as client:
            client.take()
            if client.say(b"EHLO " + name) != 250:
                continue
            code = client.say(b"MAIL FROM:<" + JOE + b">")
            expect(code == 250 or code // 100 in (4, 5), f"MAIL was answered {client.last!r}")
            if code == 250:
                expect_equal(client.say(b"RCPT TO:<x@foreign.example>"), 554, "relaying")
    expect("sasl_username" not in world.beta.log(), "a HELO name became a login")


@case
def a_path_that_splits_every_write_changes_nothing(world):
    world.receiving()
    world.proxy(bytewise)
    with SmtpClient(PROXY) as client:
        client.greet()
        expect_equal(client.auth(modern()), 235, "login")
        expect_equal(client.send(JOE, [ANNA], world.text("x\r\n" * 50).encode()), 250, "the final dot")
    world.beta.wait_for_delivery(world.marker)


@case
def a_client_that_leaves_at_any_point_leaves_nothing_behind(world):
    world.receiving()
    steps = [b"EHLO x.example", b"MAIL FROM:<" + JOE + b">", b"RCPT TO:<" + ANNA + b">", b"DATA"]
    for sealed in (False, True):
        for count in range(len(steps) + 1):
            with world.client() as client:
                client.greet()
                if sealed:
                    expect_equal(client.auth(modern()), 235, "login")
                for step in steps[:count]:
                    client.say(step)
                client.link.write(b"half a li")
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    expect(can_connect(BETA) and world.gate.is_running(), "the gate died")
    expect_nothing_delivered(world)


@case
def bdat_content_arrives_unchanged(world):
    world.receiving()
    with world.client() as client:
        expect_in(b"CHUNKING", client.greet(), "the keywords")
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RCPT TO:<" + ANNA + b">", 250)
        first, last = world.text().encode(), b"\r\n.\r\nQUIT\r\nXCLIENT ADDR=127.0.0.1\r\nthe end\r\n"
        client.link.write(b"BDAT %d\r\n" % len(first) + first)
        expect_equal(client.take(), 250, f"the first chunk ({client.last!r})")
        client.link.write(b"BDAT %d LAST\r\n" % len(last) + last)
        expect_equal(client.take(), 250, f"the last chunk ({client.last!r})")
        client.expect(b"NOOP", 250)
    message = world.beta.wait_for_delivery(world.marker)[0]
    expect_in("\n.\nQUIT\nXCLIENT ADDR=127.0.0.1\nthe end\n", message.get_payload(), "the content")


@case
def bdat_is_refused_where_smtpd_takes_none(world):
    """Content would reach smtpd as command lines."""
    world.beta.set(smtpd_discard_ehlo_keywords="chunking", smtpd_authorized_xclient_hosts="192.0.2.0/24")
    world.receiving(relay_smtpd=f"inet:{PLAIN_SMTPD[0]}:{PLAIN_SMTPD[1]}")
    content = b"MAIL FROM:<evil@alpha.example>\r\nRCPT TO:<anna@partner.example>\r\nDATA\r\n\r\nx\r\n.\r\n"
    with world.client(source="192.0.2.15") as client:
        expect(b"CHUNKING" not in client.greet(), "CHUNKING is offered")
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RCPT TO:<" + ANNA + b">", 250)
        client.link.write(b"BDAT %d LAST\r\n" % len(content) + content)
        expect_equal(client.take(), 503, f"the reply ({client.last!r})")
        client.expect(b"NOOP", 250)
    expect_nothing_delivered(world)


@case
def a_flood_of_empty_records_holds_up_nobody(world):
    """They carry nothing, so that no read of the session ends with them."""
    world.receiving()
    with world.client() as client, world.client() as other:
        client.greet()
        expect_equal(client.auth(modern()), 235, "login")
        other.greet()
        flood = b"".join(client.link.framing.join(*client.link.seal.seal(b"")) for _ in range(20000))
        threading.Thread(target=_send_all, args=(client.socket, flood), daemon=True).start()
        slowest = 0.0
        for _ in range(50):
            begin = time.monotonic()
            other.expect(b"NOOP", 250)
            slowest = max(slowest, time.monotonic() - begin)
        expect(slowest < 1, f"another session waited {slowest:.2f} s for a reply")


def _send_all(connection, octets):
    try:
        connection.sendall(octets)
    except OSError:
        pass


@case
def bdat_smuggles_nothing(world):
    """What is counted must not turn into an end of data at the next hop that speaks DATA."""
    world.receiving()
    for content in (b"Subject: x\r\n\r\nx\n.\nMAIL FROM:<evil@alpha.example>\r\n", b"Subject: x\r\n\r\nx\r"):
        with world.client() as client:
            client.greet()
            client.expect(b"MAIL FROM:<" + JOE + b">", 250)
            client.expect(b"RCPT TO:<" + ANNA + b">", 250)
            client.link.write(b"BDAT %d LAST\r\n" % len(content) + content)
            expect_equal(client.take() // 100, 5, f"the reply ({client.last!r})")
    expect_nothing_delivered(world)
