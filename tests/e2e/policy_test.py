"""smtpseal-policyd as check_policy_service of a stock Postfix, and its maps, spoken to by Postfix and by hand."""

import resource
import signal
import socket
import statistics
import subprocess
import time

from harness import ntlm
from harness.headers import Stamp
from harness.partners import (
    ANNA,
    ANY_BOUND_RULE,
    CLIENT,
    FREE_ACCOUNT,
    JOE,
    OLD_ACCOUNT,
    OTHER_ACCOUNT,
    RULE,
    SEALED_SESSION,
    SENDER_FORMS,
    STRANGER,
    UMLAUT_ACCOUNT,
    UMLAUT_RULE,
    WEAK_RULE,
    Session,
    behind_the_gate,
    exchange_55,
    expect_nothing_taken,
    expect_refused,
    modern,
    sealed,
    unsealed,
)
from harness.policy_client import PolicyClient, request
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_client import SmtpClient
from harness.smtp_peer import CLOSE, SILENCE
from harness.socketmap import SocketmapClient
from harness.world import (
    ALPHA,
    ALPHA_ACCOUNT,
    BETA,
    PASSWORD,
    PEER,
    PLAIN_SMTPD,
    POLICY,
    POLICYD,
    QUERY,
    SOCKETS,
    WITH_POLICYD,
)

FOREIGN = b"x@foreign.example"
LISTED = f"partner.example seal account=PARTNER\\alpha nexthop=[{PEER[0]}]:25\n"


def rcpt(client, sender, recipient=ANNA):
    """Code of the reply to RCPT, in a transaction of its own."""
    client.expect(b"MAIL FROM:<" + sender + b">", 250)
    code = client.say(b"RCPT TO:<" + recipient + b">")
    reply = client.last
    client.expect(b"RSET", 250)
    client.last = reply
    return code


def expect_rcpt(client, sender, code, *parts, recipient=ANNA):
    expect_equal(
        rcpt(client, sender, recipient), code, f"RCPT {recipient!r} from {sender!r} ({client.last!r})"
    )
    for part in parts:
        expect_in(part.encode(), client.last, "the reply")


def judging(world, domains="", accounts=None, **changes):
    world.judging(domains, accounts, by=("policyd",), **changes)


# ---- the same rules as the milter, without it


@case
def the_rules_hold_at_rcpt_without_a_milter(world):
    judging(world, RULE)
    with Session() as client:
        expect_rcpt(client, JOE, 550, "5.7.1", "must arrive in a sealed session", "not sealed")
        expect_rcpt(client, STRANGER, 250)
        expect_rcpt(client, b"", 250)
        message = client.deliver(world, STRANGER)
    expect(message["X-SmtpSeal-Status"] is None, "who wrote a status header without a milter?")
    with sealed() as client:
        client.deliver(world)
    expect_in("domains:1", world.beta_policyd.log(), "policyd's log")


def _enforces(name, login, seal, rule, want, parts=()):
    def run(world):
        judging(world, rule, ALPHA_ACCOUNT + OLD_ACCOUNT + FREE_ACCOUNT + OTHER_ACCOUNT)
        with Session(BETA) as client:
            if login:
                client.log_in(login(), seal=seal)
            expect_rcpt(client, JOE, want, *parts)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _name, *_options in (
    ("a_plain_session_through_the_relay_is_refused", None, False, RULE, 550, ("not sealed",)),
    ("a_login_without_a_seal_is_refused", unsealed, False, RULE, 550, ("not sealed",)),
    ("a_weaker_seal_is_refused", exchange_55, True, ANY_BOUND_RULE, 550, ("too weak",)),
    ("a_weak_seal_passes_where_the_rule_says_so", exchange_55, True, WEAK_RULE, 250),
    ("another_account_is_refused", lambda: modern("free"), True, RULE, 550, ("bound",)),
    (
        "an_account_of_another_domain_is_refused",
        lambda: modern("other"),
        True,
        ANY_BOUND_RULE,
        550,
        ("bound",),
    ),
    ("the_right_account_passes", modern, True, RULE, 250),
):
    _enforces(_name, *_options)


@case
def every_form_of_a_sender_is_seen_through_at_rcpt(world):
    judging(world, RULE + UMLAUT_RULE, ALPHA_ACCOUNT + UMLAUT_ACCOUNT)
    for sender, want in SENDER_FORMS:
        with Session() as client:
            if client.mail(sender) == 250:
                code = client.say(b"RCPT TO:<" + ANNA + b">")
                expect_equal(code // 100, want // 100, f"RCPT from {sender!r} ({client.last!r})")


@case
def report_mode_refuses_nothing_and_logs(world):
    judging(world, RULE.replace("\n", " mode=report\n"))
    with Session() as client:
        client.deliver(world)
    expect_in("sender-would-be-refused", world.beta_policyd.log(), "policyd's log")


@case
def this_host_is_not_judged_unless_it_comes_through_the_relay(world):
    judging(world, RULE)
    with Session(source="127.0.0.1") as client:
        expect_rcpt(client, JOE, 250)
    with Session(BETA, source="127.0.0.1") as client:
        expect_rcpt(client, JOE, 550, "not sealed")
    world.parameters("beta", {"inbound.exempt_networks": []})
    world.beta_policyd.stop()
    world.start_beta_policyd()
    with Session(source="127.0.0.1") as client:
        expect_rcpt(client, JOE, 550, "not sealed")


@case
def a_session_borrows_no_seal_from_the_same_port(world):
    judging(world, RULE)
    with sealed() as first:
        first.begin()
        with Session(port=first.port()) as second:
            expect_rcpt(second, JOE, 550, "not sealed")
        expect_equal(first.end(world.text().encode()), 250, "the end of the sealed one")


@case
def networks_can_be_held_to_more_without_a_relay(world):
    judging(
        world,
        gate=False,
        inbound_relay_query="",
        inbound_network_rules=[
            "192.0.2.15/32 auth",
            "192.0.2.16/32 seal",
            "192.0.2.0/24 any",
            "127.0.0.1 seal",
        ],
    )
    for source, want in (("192.0.2.14", 250), ("192.0.2.15", 530), ("192.0.2.16", 530)):
        with Session(source=source) as client:
            expect_rcpt(client, STRANGER, want, *(["5.7"] if want != 250 else []))


@case
def networks_can_be_held_to_more_behind_the_relay(world):
    judging(world, inbound_network_rules=[])
    world.parameters("beta", {"inbound.network_rules": ["192.0.2.15/32 auth", "192.0.2.16/32 seal"]})
    world.beta_policyd.stop()
    world.start_beta_policyd()  # the gate has no such rules
    for source, login, seal, want in (
        ("192.0.2.14", None, False, 250),
        ("192.0.2.15", None, False, 530),
        ("192.0.2.16", None, False, 530),
        ("192.0.2.15", unsealed, False, 250),
        ("192.0.2.16", unsealed, False, 530),
        ("192.0.2.16", modern, True, 250),
    ):
        with Session(BETA, source=source) as client:
            if login:
                client.log_in(login(), seal=seal)
            expect_rcpt(client, JOE, want)


def _unknown(name, answer):
    def run(world):
        judging(world, RULE, gate=False)
        if answer:
            world.query_server(lambda *_: answer)
        for make in (lambda: behind_the_gate(41234), Session):
            with make() as client:
                begin = time.monotonic()
                expect_rcpt(client, JOE, 451, "4.7.1")
                expect(time.monotonic() - begin < 6, "it took longer than inbound.relay_timeout allows")
                expect_rcpt(client, STRANGER, 250)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _name, _answer in (
    ("a_relay_that_is_not_there_makes_rules_defer_at_rcpt", None),
    ("a_relay_that_never_answers_makes_rules_defer_at_rcpt", SILENCE),
    ("a_relay_that_closes_makes_rules_defer_at_rcpt", CLOSE),
    ("a_relay_with_trouble_makes_rules_defer_at_rcpt", "TEMP out of order"),
    ("a_relay_that_talks_nonsense_makes_rules_defer_at_rcpt", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
):
    _unknown(_name, _answer)


@case
def the_relay_is_asked_about_both_ends_of_the_connection_at_rcpt(world):
    judging(world, RULE, gate=False)
    fake = world.query_server(lambda *_: SEALED_SESSION)
    with behind_the_gate(41234) as client:
        expect_rcpt(client, JOE, 250)
    expect_in(("session", f"{CLIENT}:41234 {BETA[0]}:{BETA[1]}"), fake.questions, "questions")


# ---- who may relay


@case
def accounts_without_relay_may_not_send_to_foreign_recipients(world):
    """Although smtpd is told every login and has permit_sasl_authenticated in smtpd_relay_restrictions."""
    boss = f"boss {ntlm.hash_field(PASSWORD)} relay=yes\n"
    judging(world, "", ALPHA_ACCOUNT + boss, relay_xclient_login="all")
    for account, want in (("alpha", 554), ("boss", 250)):
        with sealed(account) as client:
            expect_rcpt(client, JOE, want, recipient=FOREIGN)
            expect_rcpt(client, JOE, 250)
    world.beta.set(smtpd_recipient_restrictions="")
    with sealed("alpha") as client:
        expect_rcpt(client, JOE, 250, recipient=FOREIGN)  # what policyd is there for


@case
def a_client_without_a_login_still_may_not_relay(world):
    judging(world)
    for server in (PLAIN_SMTPD, BETA):
        with Session(server) as client:
            expect_rcpt(client, STRANGER, 554, recipient=FOREIGN)


@case
def a_stranger_learns_nothing_of_our_tables(world):
    """A listed foreign domain whose deliveries cannot work: only who may relay is told so."""
    judging(world, "foreign.example seal account=ALPHA\\beta\n")
    with Session() as client:
        expect_rcpt(client, STRANGER, 554, "Relay access denied", recipient=FOREIGN)
        for part in (b"domains", b"rule", b"account"):
            expect(part not in client.last, f"{client.last!r} names {part!r}")
    with Session(source="127.0.0.1") as client:
        expect_rcpt(client, STRANGER, 451, "foreign.example", recipient=FOREIGN)
    world.beta.set(smtpd_relay_before_recipient_restrictions="no")
    with Session() as client:
        expect_rcpt(client, STRANGER, 451, "foreign.example", recipient=FOREIGN)
        for part in (b"domains:", b"ALPHA", world.dir.encode()):
            expect(part not in client.last, f"{client.last!r} names {part!r}")


# ---- milter and policyd


@case
def milter_and_policyd_go_together(world):
    world.judging(RULE, by=("milter", "policyd"))
    with Session() as client:
        expect_refused(client, JOE, 550, "must arrive")
        Stamp(client.deliver(world, STRANGER)).expect("none", "none")
    world.beta.clear_mailbox()
    with sealed() as client:
        Stamp(client.deliver(world)).expect("sealed", "pass")
    world.beta.set(smtpd_milters="")
    with Session() as client:
        expect_rcpt(client, JOE, 550, "must arrive")


# ---- mail that leaves


def outbound(world, domains=LISTED, credentials=f"PARTNER\\alpha {PASSWORD}\n", relay=True, **changes):
    """alpha with policyd at RCPT of its users."""
    world.tables("alpha", domains, credentials)
    world.parameters("alpha", {name.replace("_", ".", 1): value for name, value in changes.items()})
    if relay:
        world.start_relay()
    world.start_policyd()
    world.alpha.set(**WITH_POLICYD["alpha"])


def expect_reason(world, client, recipient, code, *parts):
    """The reply has these parts, and neither account nor file name, which the log has."""
    expect_rcpt(client, JOE, code, *parts, recipient=recipient)
    for part in (b"PARTNER\\", b"domains:", world.dir.encode()):
        expect(part not in client.last, f"{client.last!r} names {part!r}")
    expect_in("domains:1", world.policyd.log(), "policyd's log")


class User(Session):
    def __init__(self):
        super().__init__(ALPHA)


def within_delivered(peer, marker):
    return within(
        10, lambda: [each for each in peer.messages if marker.encode() in each.content], "the delivery"
    )


@case
def mail_to_a_listed_domain_is_taken_where_it_can_be_delivered(world):
    outbound(world)
    peer = world.peer()
    with User() as client:
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, "the final dot")
        expect_rcpt(client, JOE, 250, recipient=b"bob@plain.example")
    within_delivered(peer, world.marker)


@case
def a_sender_learns_at_once_that_the_credential_is_on_hold(world):
    outbound(world, credentials="PARTNER\\alpha wrong-password\n")
    world.peer()
    queue_id = world.send("anna@partner.example")
    world.expect_verdict("anna@partner.example", "deferred", queue_id=queue_id)
    with User() as client:
        expect_reason(world, client, ANNA, 451, "4.7.8", "partner.example", "on hold")
        expect_rcpt(client, JOE, 250, recipient=b"bob@plain.example")
    world.tables("alpha", LISTED, f"PARTNER\\alpha {PASSWORD}\n")
    world.relay.reload("policy-loaded")
    with User() as client:
        expect_rcpt(client, JOE, 250)


@case
def a_sender_learns_at_once_that_there_is_no_credential(world):
    """The relay read its tables when the credential was missing; policyd knows the rule."""
    outbound(world, credentials="")
    with User() as client:
        expect_reason(world, client, ANNA, 451, "4.3.5", "not usable")
        expect_rcpt(client, JOE, 250, recipient=b"bob@plain.example")
    world.tables("alpha", LISTED, f"PARTNER\\alpha {PASSWORD}\n")
    world.relay.reload("policy-loaded")
    with User() as client:
        expect_rcpt(client, JOE, 250)


@case
def a_sender_learns_at_once_that_the_relay_is_down(world):
    outbound(world)
    world.relay.kill()
    with User() as client:
        expect_reason(world, client, ANNA, 451, "4.4.1", "partner.example", "relay does not answer")
        expect_rcpt(client, JOE, 250, recipient=b"bob@plain.example")


@case
def a_sender_learns_that_the_relay_does_not_answer(world):
    outbound(world)
    world.relay.signal(signal.SIGSTOP)
    try:
        with User() as client:
            begin = time.monotonic()
            expect_reason(world, client, ANNA, 451, "4.4.1", "partner.example", "relay does not answer")
            expect(time.monotonic() - begin < 6, "it took longer than inbound.relay_timeout allows")
            expect_rcpt(client, JOE, 250, recipient=b"bob@plain.example")
    finally:
        world.relay.signal(signal.SIGCONT)
    with User() as client:
        expect_rcpt(client, JOE, 250)


@case
def a_domain_that_only_policyd_knows_is_deferred(world):
    outbound(world, "", "")
    world.tables("alpha", LISTED, f"PARTNER\\alpha {PASSWORD}\n")
    world.policyd.reload("policy-loaded")
    with User() as client:
        expect_reason(world, client, ANNA, 451, "4.3.5", "other tables")
    world.relay.reload("policy-loaded")
    with User() as client:
        expect_rcpt(client, JOE, 250)


@case
def malformed_tables_defer_and_say_where(world):
    outbound(world, "partner.example frobnicate\n", relay=False)
    with User() as client:
        expect_rcpt(client, JOE, 451, recipient=b"bob@plain.example")
    with PolicyClient(POLICY["alpha"]) as client:
        answer = client.ask(recipient="anna@partner.example")
    expect(answer is None or answer.startswith("451 "), f"the answer is {answer!r}")
    expect_in("domains:1", world.policyd.log(), "policyd's log")
    world.tables("alpha", LISTED, f"PARTNER\\alpha {PASSWORD}\n")
    world.policyd.reload("policy-loaded")
    world.start_relay()
    with User() as client:
        expect_rcpt(client, JOE, 250)


@case
def a_mistake_in_the_accounts_file_stops_no_outgoing_mail(world):
    world.tables("alpha", LISTED, f"PARTNER\\alpha {PASSWORD}\n", "alpha secret frobnicate\n")
    world.parameters("alpha", {})
    world.start_policyd()
    answer, problem = world.postmap("anna@partner.example")
    expect_equal(answer, f"smtpseal:unix:{SOCKETS}/relay", f"where a listed domain goes ({problem})")
    expect_equal(world.postmap("bob@plain.example"), (None, ""), "where another one goes")
    with PolicyClient(POLICY["alpha"]) as client:
        expect_equal(client.ask(), None, "a judgement without accounts")
    expect_in("accounts:1", world.policyd.log(), "policyd's log")


@case
def forms_that_hide_a_listed_domain_are_refused_at_once(world):
    outbound(world)
    with PolicyClient(POLICY["alpha"]) as client:
        for recipient, want in (
            ("anna%partner.example@alpha.example", "550 5.1.3"),
            ("partner.example!anna@plain.example", "550 5.1.3"),
            ("anna@PARTNER.Example", "DUNNO"),
            ("anna@plain.example", "DUNNO"),
            ("list-anna=partner.example@plain.example", "DUNNO"),
        ):
            expect_in(want, client.ask(recipient=recipient), f"the answer for {recipient}")


# ---- other places in Postfix


PLACES = ("client", "helo", "sender", "data", "end_of_data", "etrn")


@case
def in_other_restrictions_it_does_no_harm(world):
    judging(world, RULE)
    service = f"check_policy_service unix:{POLICY['beta']}"
    world.beta.set(
        smtpd_delay_reject="no",
        **{f"smtpd_{place}_restrictions": service for place in PLACES},
    )
    with Session() as client:
        client.deliver(world, STRANGER)
        expect(
            client.say(b"ETRN partner.example") in (250, 251, 252, 253, 458, 459), f"ETRN ({client.last!r})"
        )
        code = client.mail(JOE)
        if code == 250:
            code = client.say(b"RCPT TO:<" + ANNA + b">")
        expect_equal(code, 550, f"mail that breaks the rule ({client.last!r})")
    with sealed() as client:
        client.deliver(world)
    warnings = [line for line in world.beta.log().splitlines() if "warning: " in line and "ETRN" not in line]
    expect_equal(warnings, [], "warnings of Postfix")


@case
def every_stage_is_answered(world):
    judging(world, RULE)
    with PolicyClient(POLICY["beta"]) as client:
        for stage in (
            "CONNECT",
            "EHLO",
            "HELO",
            "DATA",
            "END-OF-MESSAGE",
            "BDAT",
            "VRFY",
            "ETRN",
            "MADE-UP",
            "rcpt",
        ):
            expect_equal(
                client.ask(protocol_state=stage, sender="joe@alpha.example"), "DUNNO", f"answer at {stage}"
            )
        expect_in("550 ", client.ask(sender="joe@alpha.example"), "the answer at RCPT")


# ---- requests that are none


BAD = {
    "no_request_attribute": request(request=None),
    "another_request": request(request="smtpd_milk_policy"),
    "a_repeated_attribute": request().replace(b"size=0\n", b"size=0\nsender=x@y.example\n"),
    "a_line_without_an_equals_sign": request().replace(b"size=0\n", b"size\n"),
    "an_empty_name": request().replace(b"size=0\n", b"=0\n"),
    "a_nul": request(helo_name="a\0b"),
    "a_megabyte_in_one_attribute": request(helo_name="x" * 1_000_000),
    "a_megabyte_of_attributes": request().replace(
        b"size=0\n", b"".join(b"a%d=1\n" % n for n in range(100_000))
    ),
    "a_megabyte_without_a_line_end": b"x" * 1_000_000,
    "binary": bytes(range(256)) * 40 + b"\n\n",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing_at_all": b"\n",
}


def _disconnects(name, octets):
    def run(world):
        judging(world, RULE, gate=False, inbound_relay_query="")
        with PolicyClient(POLICY["beta"]) as bystander, PolicyClient(POLICY["beta"]) as client:
            expect_equal(client.ask(), "DUNNO", "the answer to a good request before it")
            try:
                client.write(octets)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it did not wait for the end of a megabyte
            expect_equal(client.answer(), None, "the answer")
            expect_equal(bystander.ask(), "DUNNO", "the answer to another client")
        expect_in("bad-request", world.beta_policyd.log(), "policyd's log")
        expect(world.beta_policyd.is_running(), "policyd died")

    run.__module__ = __name__
    run.__name__ = f"a_request_with_{name}_is_not_answered"
    return case(run)


for _name, _octets in BAD.items():
    _disconnects(_name, _octets)


@case
def odd_but_good_requests_are_answered(world):
    judging(world, RULE, gate=False, inbound_relay_query="")
    joe = request(sender="joe@alpha.example")
    with PolicyClient(POLICY["beta"]) as client:
        expect_equal(
            client.ask(frobnication="yes", client_address_in_1970="x=y=z"), "DUNNO", "unknown attributes"
        )
        client.write(b"request=smtpd_access_policy\n\n")
        expect_equal(client.answer(), "DUNNO", "a request with nothing else")
        client.write(b"protocol_state=RCPT\nsender=joe@alpha.example\nrequest=smtpd_access_policy\n\n")
        expect_in("550 5.7.1", client.answer(), "a request with its attributes in another order")
        client.write(joe + request() + joe)
        answers = [client.answer()[:9] for _ in range(3)]
        expect_equal(answers, ["550 5.7.1", "DUNNO", "550 5.7.1"], "three requests in one write")
        for octet in joe:
            client.write(bytes([octet]))
        expect_in("550 5.7.1", client.answer(), "a request octet by octet")
        long = request(sender="joe@alpha.example", ccert_subject="x" * 20000)
        client.write(long)
        expect_in("550 5.7.1", client.answer(), "a long but bearable request")
        client.write(joe[:-1])
        client.socket.settimeout(0.5)
        try:
            expect(False, f"half a request was answered {client.answer()!r}")
        except TimeoutError:
            pass
    with PolicyClient(POLICY["beta"]) as client:
        client.write(joe[: len(joe) // 2])
    with PolicyClient(POLICY["beta"]) as client:
        client.write(joe[: len(joe) // 2])
        client.socket.shutdown(socket.SHUT_WR)
        expect_equal(client.answer(), None, "the answer to half a request and an end")
    with PolicyClient(POLICY["beta"]) as client:
        expect_equal(client.ask(), "DUNNO", "the answer after all that")


@case
def an_answer_cannot_be_split_by_what_was_asked(world):
    """A sender's own text comes back in the reason; it must not end the answer."""
    judging(world, RULE, gate=False, inbound_relay_query="")
    with PolicyClient(POLICY["beta"]) as client:
        for sender in (
            '"a\raction=OK"@alpha.example',
            "joe@alpha.example\r",
            "joe%alpha.example\t@x.example",
        ):
            answer = client.ask(sender=sender)
            expect(answer is None or answer[:1] == "5", f"the answer for {sender!r} is {answer!r}")
            if answer is None:
                return


# ---- the life of policyd


@case
def without_policyd_mail_waits(world):
    judging(world)
    world.beta_policyd.kill()
    world.beta.set(smtpd_policy_service_retry_delay="1s")
    with Session() as client:
        expect_rcpt(client, STRANGER, 451, "4.3.5")
    expect_nothing_taken(world)
    world.start_beta_policyd()
    with Session() as client:
        client.deliver(world, STRANGER)


@case
def policyd_killed_within_a_session_makes_it_defer(world):
    judging(world)
    world.beta.set(smtpd_policy_service_retry_delay="1s")
    with Session() as client:
        expect_rcpt(client, STRANGER, 250)
        world.beta_policyd.kill()
        expect_rcpt(client, STRANGER, 451, "4.3.5")
        world.start_beta_policyd()
        expect_rcpt(client, STRANGER, 250)


@case
def policyd_reads_new_rules_at_sighup_and_does_not_use_bad_ones(world):
    judging(world)
    with Session() as client:
        expect_rcpt(client, JOE, 250)
        world.rules(RULE)
        world.beta_policyd.reload("policy-loaded")
        expect_rcpt(client, JOE, 550, "must arrive")
        world.rules("alpha.example frobnicate\n")
        expect_in("domains:1", world.beta_policyd.reload("policy-not-loaded"), "policyd's log")
        expect_rcpt(client, JOE, 550, "must arrive")
        expect_rcpt(client, STRANGER, 250)


@case
def policyd_ends_in_order(world):
    judging(world)
    with PolicyClient(POLICY["beta"]) as client:
        expect_equal(client.ask(), "DUNNO", "an answer")
        expect_equal(world.beta_policyd.stop(), 0, "exit code")
        expect_equal(client.answer(), None, "what is said to an idle client")


@case(seconds=90)
def thousands_of_connections_and_slow_clients_delay_nobody(world):
    # policyd inherits it.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 20000), most))
    judging(world, RULE, gate=False, inbound_relay_query="", policyd_client_limit=3000)
    half = request()[:100]
    slow = [PolicyClient(POLICY["beta"]) for _ in range(2000)]
    try:
        for client in slow:
            client.write(half)
        deaf = PolicyClient(POLICY["beta"], seconds=0.2)
        try:
            while True:
                deaf.write(request() * 100)  # and never read what comes back
        except TimeoutError:
            pass
        with PolicyClient(POLICY["beta"]) as client:
            times = [client.timed(sender="joe@alpha.example") for _ in range(500)]
        with Session() as client:
            expect_rcpt(client, JOE, 550, "must arrive")
        late = sorted(times)[-5]
        expect(late < 0.1, f"median {statistics.median(times):.5f} s, 99 % within {late:.5f} s")
        for client in slow:
            client.write(request()[100:])
        for client in slow:
            expect_equal(client.answer(), "DUNNO", "an answer to a slow client")
        deaf.close()
    finally:
        for client in slow:
            client.close()


@case
def more_clients_than_allowed_are_turned_away(world):
    judging(world, gate=False, inbound_relay_query="", policyd_client_limit=4)
    clients = [PolicyClient(POLICY["beta"]) for _ in range(4)]
    for client in clients:
        expect_equal(client.ask(), "DUNNO", "an answer within the limit")
    with PolicyClient(POLICY["beta"]) as fifth:
        try:
            answer = fifth.ask()
        except BrokenPipeError:
            answer = None
        expect_equal(answer, None, "the answer to a fifth client")
    for client in clients:
        client.close()

    def is_served():
        try:
            with PolicyClient(POLICY["beta"]) as client:
                return client.ask() == "DUNNO"
        except BrokenPipeError:
            return False

    within(5, is_served, "an answer once others have gone")


@case(seconds=90)
def a_relay_that_hangs_delays_only_those_who_need_it(world):
    judging(world, RULE, gate=False, inbound_relay_timeout="3s")
    world.query_server(lambda *_: SILENCE)
    waiting = [PolicyClient(POLICY["beta"]) for _ in range(100)]
    for client in waiting:
        client.write(request(sender="joe@alpha.example"))
    with PolicyClient(POLICY["beta"]) as client:
        times = [client.timed() for _ in range(100)]
    expect(max(times) < 0.5, f"others waited up to {max(times):.3f} s")
    begin = time.monotonic()
    for client in waiting:
        expect_in("451 4.7.1", client.answer(), "the answer to who had to wait")
        client.close()
    expect(time.monotonic() - begin < 10, "they waited for one another")


# ---- the map `query`


@case
def the_query_map_names_rule_line_and_decision(world):
    world.tables(
        "alpha",
        "# a comment\n\n.partner.example seal account=PARTNER\\alpha\n" + RULE,
        "PARTNER\\alpha x\nALPHA\\beta y\n",
    )
    world.parameters("alpha", {})
    world.start_policyd()
    for key, parts in (
        ("user@sub.partner.example", (".partner.example", "domains:3", "relay")),
        ("user@SUB.Partner.Example", ("domains:3",)),
        ("user@partner.example", ("own route",)),
        ("user@alpha.example", ("domains:4", "sealed", "128", "alpha")),
        ("user%sub.partner.example@plain.example", ("refused",)),
    ):
        answer, problem = world.postmap(key, "query")
        expect(answer is not None, f"no answer to {key}: {problem}")
        for part in parts:
            expect_in(part, answer, f"the answer to {key}")
    with SocketmapClient(POLICYD["alpha"]) as client:
        for question in ("query ", "query *", "frobnicate x@y", "query " + "x" * 5000 + "@y.example"):
            expect(
                client.ask(question).split(" ")[0] in ("OK", "NOTFOUND", "TEMP"),
                f"the answer to {question[:20]!r}",
            )
    expect_in(
        "through the relay", world.postmap("user@sub.partner.example", "query")[0], "the answer afterwards"
    )


# ---- the map `mailertable`


@case
def the_mailertable_map_answers_sendmails_keys(world):
    world.tables(
        "alpha",
        "partner.example seal account=PARTNER\\alpha\n"
        ".partner.example seal account=PARTNER\\alpha body=7bit\n"
        "open.partner.example none\n"
        "döm.example auth account=PARTNER\\alpha\n",
        "PARTNER\\alpha x\n",
    )
    world.parameters("alpha", {"policyd.mailer_seven_bit": "narrow"})
    world.start_policyd()
    for key, wanted in (
        ("Partner.EXAMPLE", "smtpseal:partner.example"),
        ("a.b.partner.example", "narrow:a.b.partner.example"),
        ("döm.example", "smtpseal:xn--dm-fka.example"),
        ("not a domain", "smtpseal:invalid"),
        ("open.partner.example", None),
        (".partner.example", None),
        (".", None),
        ("plain.example", None),
    ):
        for table in ("mailertable", "smtpseal"):
            expect_equal(world.postmap(key, table), (wanted, ""), f"the answer to {key} in {table}")
    with SocketmapClient(POLICYD["alpha"]) as client:
        answer = client.ask("mailtertable partner.example")
    expect_in("TEMP unknown map", answer, "the answer of a map that there is not")


@case
def the_mailertable_map_without_tables_defers(world):
    world.tables("alpha", "partner.example frobnicate\n", "")
    world.parameters("alpha", {})
    world.start_policyd()
    with SocketmapClient(POLICYD["alpha"]) as client:
        for key in ("partner.example", "plain.example", "."):
            expect_in("domains:1", client.ask("mailertable " + key), f"the answer to {key}")
            expect(client.ask("mailertable " + key).startswith("TEMP "), f"{key} is not deferred")


@case
def the_relay_tells_what_protects_a_session_only_to_who_may_connect(world):
    world.receiving()
    with sealed() as client, SocketmapClient(QUERY["beta"]) as query:
        client.begin()
        key = f"session {CLIENT}:{client.port()} {BETA[0]}:{BETA[1]}"
        answer = query.ask(key)
        for part in ("OK sealed", "bits=128", "alpha"):
            expect_in(part, answer, "the answer")
        for other in (
            f"session {CLIENT}:{client.port()} {PLAIN_SMTPD[0]}:25",
            f"session 192.0.2.16:{client.port()} {BETA[0]}:25",
            f"session {CLIENT}:1 {BETA[0]}:25",
        ):
            expect_equal(query.ask(other).strip(), "NOTFOUND", f"the answer to {other!r}")
        for bad in (
            "session",
            "session x",
            f"session {CLIENT} {BETA[0]}",
            "session  ",
            f"session {CLIENT}:99999 {BETA[0]}:25",
            "other x",
        ):
            expect_equal(query.ask(bad + " ").split(" ")[0], "PERM", f"the answer to {bad!r}")
        expect_equal(query.ask(key)[:9], "OK sealed", "the answer afterwards")
    with SocketmapClient(QUERY["beta"]) as query:
        within(5, lambda: query.ask(key).startswith("NOTFOUND"), "forgetting a session that has ended")
    done = subprocess.run(
        ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "stat", QUERY["beta"]],
        capture_output=True,
        check=False,
    )
    expect(done.returncode != 0, "nobody may look at the socket")


@case
def a_client_that_is_refused_learns_the_reason_in_one_line(world):
    judging(world, RULE)
    with SmtpClient(PLAIN_SMTPD, source=CLIENT) as client:
        client.greet()
        expect_rcpt(client, JOE, 550)
        expect_equal(client.last.count(b"\n"), 0, f"line ends in {client.last!r}")
        expect(len(client.last) <= 512, f"a reply of {len(client.last)} octets")
