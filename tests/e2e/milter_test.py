"""smtpseal-milter at a stock Postfix: what it writes, what it removes, what it refuses, and what it does in trouble.

Where a case does not say otherwise, the gate has no rules of its own: what is refused was refused by the milter.
"""

import base64
import os
import re
import signal
import stat
import subprocess
import time

from harness import ntlm
from harness.dovecot import DovecotAuth
from harness.headers import RESULTS, STATUS, Stamp, fields
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
from harness.process import Process
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_client import SmtpClient
from harness.smtp_peer import CLOSE, SILENCE
from harness.world import (
    ALPHA_ACCOUNT,
    AUTHSERV_ID,
    BETA,
    MILTER,
    PASSWORD,
    PEER_V6,
    PLAIN_SMTPD,
    QUERY,
)


# ---- what is written


@case
def a_sealed_session_is_shown_with_all_it_had(world):
    world.judging()
    with sealed() as client:
        stamp = Stamp(client.deliver(world))
    stamp.expect(
        "sealed",
        "pass",
        mech="NTLM",
        auth="NTLMv2",
        cipher="RC4",
        bits="128",
        by=AUTHSERV_ID,
        would_reject=None,
    )
    expect_in("alpha", stamp.parameters["account"], "account")
    expect_in(CLIENT, stamp.parameters["peer"], "peer")
    expect_in("sealed 128 bits", stamp.results, "the comment")
    expect_in("smtp.auth=alpha", stamp.results, "the results")
    expect_in("status=sealed", world.milter.log(), "the milter's log")


@case
def a_seal_of_40_bits_is_shown_as_such(world):
    world.judging(accounts=OLD_ACCOUNT)
    with Session(BETA).log_in(exchange_55()) as client:
        stamp = Stamp(client.deliver(world))
    stamp.expect("sealed", "pass", mech="NTLM", auth="NTLMv1", cipher="RC4", bits="40")
    expect_in("sealed 40 bits", stamp.results, "the comment")


@case
def a_login_without_a_seal_is_shown_as_authenticated(world):
    world.judging()
    with Session(BETA).log_in(unsealed(), seal=False) as client:
        stamp = Stamp(client.deliver(world))
    stamp.expect("authenticated", "pass", mech="NTLM", auth="NTLMv2", cipher=None, bits=None)
    expect_in("(NTLM, not sealed)", stamp.results, "the comment")


@case
def tls_is_shown_with_its_cipher(world):
    world.judging()
    world.beta.set(**world.certificate())
    with Session() as client:
        cipher, _, bits = client.starttls()
        version = client.socket.version()
        stamp = Stamp(client.deliver(world))
    stamp.expect("tls", "none", tls=version, tls_cipher=cipher, tls_bits=str(bits), mech=None, account=None)


@case
def a_login_at_smtpd_itself_is_shown_with_its_mechanism(world):
    """An account of smtpd's is none of ours, be its name what it may."""
    world.judging(RULE)
    server = DovecotAuth(f"{world.dir}/dovecot", "alpha")
    world.others.append(server)
    world.beta.set(
        smtpd_sasl_auth_enable="yes", smtpd_sasl_type="dovecot", smtpd_sasl_path=f"{world.dir}/dovecot"
    )
    with Session() as client:
        client.expect(b"AUTH PLAIN " + base64.b64encode(b"\0alpha\0secret"), 235)
        expect_refused(client, JOE, 550, "the session is not sealed")
        stamp = Stamp(client.deliver(world, STRANGER))
    stamp.expect("authenticated", "pass", mech="PLAIN", auth=None, account="alpha", bits=None)
    expect_in("smtp.auth=alpha", stamp.results, "the results")


@case
def a_login_that_the_relay_does_not_confirm_counts_for_nothing(world):
    world.judging(RULE, gate=False)
    world.query_server(lambda *_: "NOTFOUND ")
    with behind_the_gate(41234, login="alpha") as client:
        expect_refused(client, JOE, 550, "the session is not sealed")
        Stamp(client.deliver(world, STRANGER)).expect("none", "none", account=None)


@case
def plain_sessions_are_shown_as_none(world):
    world.judging()
    for server in (PLAIN_SMTPD, BETA):
        with Session(server) as client:
            stamp = Stamp(client.deliver(world))
        stamp.expect("none", "none", mech=None, account=None, bits=None, reason=None)
        expect_in(CLIENT, stamp.parameters["peer"], "peer")
        world.beta.clear_mailbox()


@case
def a_session_over_ipv6_is_found_at_the_relay(world):
    world.need_ipv6()
    world.judging(relay_smtp_listen=[f"inet:[{PEER_V6[0]}]:25", f"inet:{BETA[0]}:25"])
    with Session(PEER_V6, source=None).log_in(modern()) as client:
        stamp = Stamp(client.deliver(world))
    stamp.expect("sealed", "pass", bits="128")
    expect_in(PEER_V6[0], stamp.parameters["peer"], "peer")


@case
def an_ipv4_client_of_an_ipv6_listener_is_known_by_its_ipv4_address(world):
    world.need_ipv6()
    world.judging(
        RULE,
        relay_smtp_listen=["inet:[::]:2525", f"inet:{BETA[0]}:25"],
        inbound_network_rules=[f"{CLIENT}/32 seal"],
    )
    server = (BETA[0], 2525)
    with Session(server).log_in(modern()) as client:
        stamp = Stamp(client.deliver(world))
    stamp.expect("sealed", "pass", bits="128")
    expect_equal(stamp.parameters["peer"], f"[{CLIENT}]", "peer")
    with Session(server) as client:
        expect_refused(client, STRANGER, 530, "5.7.10")


@case
def both_messages_of_a_session_are_stamped(world):
    world.judging()
    for make in (Session, sealed):
        with make() as client:
            for _ in range(2):
                client.send(JOE, [ANNA], world.text().encode())
        stamps = [Stamp(message) for message in world.beta.wait_for_delivery(world.marker, 2)]
        expect_equal(
            [stamp.protection for stamp in stamps], ["sealed" if make is sealed else "none"] * 2, "statuses"
        )
        world.beta.clear_mailbox()


@case
def the_account_can_be_left_out(world):
    world.judging(milter_show_account=False)
    with sealed() as client:
        message = client.deliver(world)
    stamp = Stamp(message)
    stamp.expect("sealed", "pass", bits="128", account=None)
    expect("smtp.auth" not in stamp.results, f"the results {stamp.results!r}")
    for name, value in fields(message):
        if name in (STATUS, RESULTS):
            expect("alpha" not in value, f"{name} names the account: {value!r}")
    expect_in("account=alpha", world.milter.log(), "the milter's log")


@case
def what_would_be_refused_does_not_name_a_hidden_account(world):
    rule = RULE.replace("account=alpha\n", "account=secret-name mode=report\n")
    accounts = f"secret-name {ntlm.hash_field(PASSWORD)}\nother-name {ntlm.hash_field(PASSWORD)}\n"
    world.judging(rule, accounts, milter_show_account=False)
    with sealed("other-name") as client:
        message = client.deliver(world)
    expect(Stamp(message).parameters.get("would-reject"), "nothing would be refused: the case shows nothing")
    expect(
        "-name" not in str([value for name, value in fields(message) if name in (STATUS, RESULTS)]), "named"
    )


@case
def the_host_goes_by_the_name_it_is_given(world):
    forged = (
        "Authentication-Results: other-name.example; auth=pass\r\n"
        "Authentication-Results: mx.beta.example; spf=pass\r\n"
    )
    world.judging(milter_authserv_id="other-name.example")
    with Session() as client:
        message = client.deliver(world, headers=forged)
    Stamp(message, "other-name.example").expect("none", "none", by="other-name.example")
    expect_equal(
        [value for name, value in fields(message) if name == RESULTS][1:],
        ["mx.beta.example; spf=pass"],
        "results of other hosts",
    )


@case
def a_name_that_cannot_be_written_is_refused_at_start(world):
    world.tables("beta")
    for name in ("mx beta", "mx;beta", "höst.example", "a" * 300):
        config = world.parameters("beta", {"milter.authserv_id": name})
        done = subprocess.run(
            [world.binary("milter"), "--config", config],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        expect(done.returncode not in (0, None), f"started as {name!r}")
        expect_in("authserv_id", done.stderr, "what is said about it")


# ---- what is removed


FORGED = [
    "X-SmtpSeal-Status: sealed; mech=NTLM; bits=128; account=FORGED; peer=x[192.0.2.1]; by=mx.beta.example",
    "x-smtpseal-status: sealed; bits=128; account=FORGED; by=MX.Beta.Example",
    "X-SMTPSEAL-STATUS: sealed;\r\n\tbits=128; account=FORGED;\r\n by=mx.beta.example",
    "X-SmtpSeal-Status : sealed; account=FORGED; by=mx.beta.example",
    "X-SmtpSeal-Status\t: sealed; account=FORGED; by=mx.beta.example",
    'X-SmtpSeal-Status: sealed; account=FORGED; by="mx.beta.example"',
    "X-SmtpSeal-Status: FORGED",
    "X-SmtpSeal-Status: sealed; account=FORGED",
    "X-SmtpSeal-Status: sealed; account=FORGED; by=mx.elsewhere.example; by=mx.beta.example",
    "X-SmtpSeal-Status: sealed; account=FORGED; by=mx.beta.example (comment)",
    "X-SmtpSeal-Status:\r\n sealed; account=FORGED; by=mx.beta.example.",
    "Authentication-Results: mx.beta.example; auth=pass smtp.auth=FORGED",
    "AUTHENTICATION-results:mx.beta.example; auth=pass smtp.auth=FORGED",
    "Authentication-Results : mx.beta.example; auth=pass smtp.auth=FORGED",
    "Authentication-Results:\r\n mx.beta.example;\r\n\tauth=pass smtp.auth=FORGED",
    "Authentication-Results: mx.beta.example 1; auth=pass smtp.auth=FORGED",
    "Authentication-Results: MX.BETA.EXAMPLE.; auth=pass smtp.auth=FORGED",
    "Authentication-Results: (FORGED (nested \\) \r\n comment)) mx.beta.example (more) ; auth=pass",
    'Authentication-Results: "mx.beta.example"; auth=pass smtp.auth=FORGED',
    'Authentication-Results: "mx.be\\ta.example" 1; auth=pass smtp.auth=FORGED',
    "Authentication-Results: (never closed mx.beta.example; auth=pass smtp.auth=FORGED",
]
HONEST = [
    "Authentication-Results: mx.partner.example; auth=pass smtp.auth=HONEST-1",
    "Authentication-Results: sub.mx.beta.example; dkim=pass header.d=HONEST-2",
    "Authentication-Results: beta.example; spf=pass smtp.mailfrom=HONEST-3",
    "Authentication-Results: notmx.beta.example;\r\n\tspf=pass smtp.mailfrom=HONEST-4",
    "X-SmtpSeal-Status: none; peer=HONEST-5[192.0.2.9]; by=mx.partner.example",
    "ARC-Authentication-Results: i=1; mx.beta.example; spf=pass smtp.mailfrom=HONEST-6",
    "X-SmtpSeal-Statuses: sealed; by=mx.beta.example HONEST-7",
    "Old-Authentication-Results: mx.beta.example; auth=pass HONEST-8",
]


def expect_cleaned(message):
    """Nothing forged is left, everything honest is, in its order."""
    found = fields(message)
    left = [field for field in found if "FORGED" in field[1]]
    expect_equal(left, [], "forged fields left")
    kept = [match[0] for _, value in found for match in [re.search(r"HONEST-\d", value)] if match]
    expect_equal(kept, [f"HONEST-{n}" for n in range(1, len(HONEST) + 1)], "fields of other hosts")


def forgeries():
    """A header with forged fields first, between all others, and last."""
    lines = list(FORGED)
    for place, honest in enumerate(HONEST):
        lines.insert(2 + place * 3, honest)
    return "\r\n".join(lines) + "\r\n"


def forged_message(world):
    body = "".join(f"{line}\r\n" for line in FORGED)
    return (
        f"{FORGED[0]}\r\n{FORGED[11]}\r\nFrom: Joe <joe@alpha.example>\r\nSubject: about {world.marker}\r\n"
        f"{forgeries()}To: Anna\r\n{FORGED[3]}\r\n{FORGED[13]}\r\n\r\n{world.marker}\r\n{body}"
    ).encode()


@case
def forged_fields_vanish_from_a_plain_message(world):
    world.judging()
    with Session() as client:
        expect_equal(client.send(STRANGER, [ANNA], forged_message(world)), 250, "the final dot")
    message = world.beta.wait_for_delivery(world.marker)[0]
    expect_cleaned(message)
    Stamp(message).expect("none", "none")
    body = message.as_bytes().partition(b"\n\n")[2]
    expect_equal(body.count(b"FORGED"), len(FORGED), "lines of the body that look like forged fields")
    expect_in(f"removed={len(FORGED) + 4}", world.milter.log(), "the milter's log")


@case
def forged_fields_vanish_from_a_sealed_message(world):
    world.judging()
    with sealed() as client:
        expect_equal(client.send(JOE, [ANNA], forged_message(world)), 250, "the final dot")
    message = world.beta.wait_for_delivery(world.marker)[0]
    expect_cleaned(message)
    Stamp(message).expect("sealed", "pass", bits="128", account="alpha")


@case
def forged_fields_vanish_from_a_message_of_sendmail(world):
    world.judging()
    world.beta.sendmail("joe@beta.example", [ANNA.decode()], forged_message(world).replace(b"\r\n", b"\n"))
    message = world.beta.wait_for_delivery(world.marker)[0]
    expect_cleaned(message)
    Stamp(message).expect("none", "none")


@case
def each_forged_field_alone_vanishes(world):
    """In one message a defect can hide behind another: an ordinal that is wrong hits a field that was to go anyway."""
    world.judging()
    with Session() as client:
        for place, line in enumerate(FORGED):
            headers = f"{HONEST[0]}\r\n{HONEST[4]}\r\n{line}\r\n{HONEST[1]}\r\n"
            marker = f"{world.marker}-{place}-"
            content = f"From: x@y.example\r\nSubject: {marker}\r\n{headers}\r\n{marker}\r\n".encode()
            expect_equal(client.send(STRANGER, [ANNA], content), 250, f"the final dot after {line!r}")
            message = world.beta.wait_for_delivery(marker)[0]
            expect("FORGED" not in str(fields(message)), f"left over: {line!r}")
            expect_equal(str(fields(message)).count("HONEST"), 3, f"fields of other hosts beside {line!r}")
            Stamp(message)


@case
def what_a_filter_before_it_wrote_under_our_name_is_taken_for_forged(world):
    """Why it is to stand first in smtpd_milters: Postfix shows each filter what those before it have added."""
    world.judging()
    world.beta.set(smtpd_milters=f"unix:{MILTER} unix:{MILTER}")
    with Session() as client:
        Stamp(client.deliver(world)).expect("none", "none")
    within(5, lambda: "removed=2" in world.milter.log(), "what the second filter removed")


@case
def a_hundred_forged_fields_are_removed_and_more_are_refused(world):
    world.judging()
    with Session() as client:
        message = client.deliver(world, headers=(FORGED[0] + "\r\n") * 50 + (FORGED[11] + "\r\n") * 50)
        expect("FORGED" not in str(fields(message)), "a forged field is left")
        Stamp(message)
        content = world.text("second", (FORGED[0] + "\r\n") * 51 + (FORGED[11] + "\r\n") * 50).encode()
        expect_equal(client.send(JOE, [ANNA], content), 550, f"more than a hundred ({client.last!r})")
        expect_equal(client.send(JOE, [ANNA], world.text("third").encode()), 250, "the next message")
    within(10, lambda: len(world.beta.messages()) == 2, "the first and the third message")


@case
def empty_and_very_long_fields_are_survived(world):
    world.judging()
    long = "Authentication-Results: " + "(" * 5000 + "\r\n " + "mx.beta.example; auth=pass smtp.auth=FORGED"
    # Postfix cuts at header_size_limit, 102400 octets, what a milter is told and what is delivered.
    long += (
        "\r\nAuthentication-Results: (" + ("a" * 900 + "\r\n ") * 130 + ") mx.beta.example; auth=pass FORGED"
    )
    headers = f"X-SmtpSeal-Status:\r\nAuthentication-Results:\r\nX-SmtpSeal-Status: \r\n{long}\r\n"
    with Session() as client:
        message = client.deliver(world, headers=headers)
    expect("FORGED" not in str(fields(message)), "a forged field is left")
    Stamp(message)


@case
def a_field_hidden_behind_a_stray_carriage_return_is_refused(world):
    """Some readers take CR alone for a line end; Postfix replaces it by a blank, unless told otherwise or old."""
    world.judging()
    hidden = "Subject: a\rX-SmtpSeal-Status: sealed; account=FORGED; by=mx.beta.example\r\n"
    with Session() as client:
        message = client.deliver(world, headers=hidden.replace("Subject", "X-Subject"))
        expect(b"\r" not in message.as_bytes(), "Postfix passes CR on: the case shows less than it seems")
        Stamp(message)
    world.beta.set(cleanup_replace_stray_cr_lf="no")
    with Session() as client:
        for headers in (hidden, "X-Other: b\rAuthentication-Results: mx.beta.example; auth=pass FORGED\r\n"):
            code = client.send(STRANGER, [ANNA], world.text("HIDDEN", headers).encode())
            expect_equal(code, 550, f"the end of data ({client.last!r})")
            expect_in(b"5.6.0", client.last, "the reply")
        client.deliver(world, STRANGER)
    expect(b"HIDDEN" not in world.beta.inbox_bytes(), "the message was taken all the same")


@case
def a_removal_of_one_message_is_not_repeated_on_the_next(world):
    world.judging()
    with Session() as client:
        client.send(STRANGER, [ANNA], forged_message(world))
        second = client.deliver(world, STRANGER, "".join(f"{line}\r\n" for line in HONEST), "SECOND")
        client.begin(STRANGER)
        client.expect(b"RSET", 250)
        third = client.deliver(world, STRANGER, "".join(f"{line}\r\n" for line in HONEST), "THIRD")
    for message in (second, third):
        expect_cleaned(message)
        Stamp(message)


# ---- what is refused


def _enforces(name, server, login, seal, rule, sender, want, parts=()):
    """want: the code of the reply to MAIL."""

    def run(world):
        world.judging(rule, ALPHA_ACCOUNT + OLD_ACCOUNT + FREE_ACCOUNT + OTHER_ACCOUNT)
        with Session(server) as client:
            if login:
                client.log_in(login(), seal=seal)
            code = client.mail(sender)
            expect_equal(code, want, f"MAIL ({client.last!r})")
            for part in parts:
                expect_in(part.encode(), client.last, "the reply")
            if code == 250:
                client.expect(b"RSET", 250)
                Stamp(client.deliver(world, sender))
            else:
                expect_in("sender-refused", world.milter.log(), "the milter's log")
                expect_in("domains:1", world.milter.log(), "the milter's log")
                expect_nothing_taken(world)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_MUST = ("5.7.1", "alpha.example", "must arrive")
for _name, *_options in (
    ("plain_mail_of_a_required_domain_is_refused", PLAIN_SMTPD, None, False, RULE, JOE, 550, _MUST),
    ("so_it_is_when_it_comes_through_the_relay", BETA, None, False, RULE, JOE, 550, _MUST),
    ("a_login_without_a_seal_does_not_do", BETA, unsealed, False, RULE, JOE, 550, _MUST),
    ("a_weaker_seal_than_required_does_not_do", BETA, exchange_55, True, ANY_BOUND_RULE, JOE, 550, (*_MUST, "40")),
    ("a_weak_seal_does_where_the_rule_says_so", BETA, exchange_55, True, WEAK_RULE, JOE, 250, ()),
    ("another_account_than_the_one_named_does_not_do", BETA, exchange_55, True,
     WEAK_RULE.replace("require\n", "require inbound_account=alpha\n"), JOE, 550, _MUST),
    ("an_account_that_is_bound_to_nothing_does_not_do", BETA, lambda: modern("free"), True, ANY_BOUND_RULE, JOE,
     550, _MUST),
    ("an_account_of_another_domain_does_not_do", BETA, lambda: modern("other"), True, ANY_BOUND_RULE, JOE, 550, _MUST),
    ("the_right_account_and_seal_do", BETA, modern, True, RULE, JOE, 250, ()),
    ("an_account_bound_to_the_domain_does_where_none_is_named", BETA, modern, True, ANY_BOUND_RULE, JOE, 250, ()),
    ("other_domains_need_nothing", PLAIN_SMTPD, None, False, RULE, STRANGER, 250, ()),
    ("a_subdomain_has_a_rule_of_its_own_or_none", PLAIN_SMTPD, None, False, RULE, b"joe@sub.alpha.example", 250, ()),
):  # fmt: skip
    _enforces(_name, *_options)


@case
def the_milter_refuses_what_tls_brings_too(world):
    world.judging(RULE)
    world.beta.set(**world.certificate())
    with Session() as client:
        client.starttls()
        expect_refused(client, JOE, 550, "5.7.1", "must arrive in a sealed session")
        expect_equal(client.mail(STRANGER), 250, "MAIL of another domain")


@case
def an_account_sends_as_its_own_domains_only(world):
    """Also where the domain it claims has no rule."""
    world.judging(accounts=ALPHA_ACCOUNT + FREE_ACCOUNT)
    for make in (sealed, lambda: Session(BETA).log_in(unsealed(), seal=False)):
        with make() as client:
            expect_refused(client, STRANGER, 550, "5.7.1", "elsewhere.example")
            expect_equal(client.mail(JOE), 250, "MAIL of its own domain")
    with sealed("free") as client:
        expect_equal(client.mail(STRANGER), 250, "MAIL in a session of an account without domains=")


@case
def every_form_of_a_sender_is_seen_through(world):
    world.judging(RULE + UMLAUT_RULE, ALPHA_ACCOUNT + UMLAUT_ACCOUNT)
    for sender, want in SENDER_FORMS:
        with Session() as client:
            code = client.mail(sender)
            expect_equal(code // 100, want // 100, f"MAIL from {sender!r} ({client.last!r})")
    with Session() as client:
        line = "MAIL FROM:<joe@sub.pärtner.example> SMTPUTF8".encode()
        expect_equal(client.say(line), 550, f"a U-label ({client.last!r})")
        line = "MAIL FROM:<joe@sub.ｐärtner．example> SMTPUTF8".encode()
        expect_equal(client.say(line), 550, f"full width letters ({client.last!r})")


@case
def the_null_sender_is_taken_and_stamped(world):
    world.judging(RULE)
    with Session() as client:
        Stamp(client.deliver(world, b"")).expect("none", "none", would_reject=None)


# ---- mode=report


@case
def report_mode_stamps_what_it_would_have_done(world):
    world.judging(RULE.replace("\n", " mode=report\n"))
    with Session() as client:
        stamp = Stamp(client.deliver(world))
    stamp.expect("none", "none")
    expect_in("not sealed", stamp.parameters["would-reject"], "would-reject")
    expect_in("sender-would-be-refused", world.milter.log(), "the milter's log")
    expect_in("domains:1", world.milter.log(), "the milter's log")
    with sealed() as client:
        client.send(JOE, [ANNA], world.text("SEALED-ONE").encode())
    Stamp(world.beta.wait_for_delivery("SEALED-ONE")[0]).expect("sealed", "pass", would_reject=None)


@case
def a_report_on_one_message_is_not_inherited_by_the_next(world):
    world.judging(RULE.replace("\n", " mode=report\n"))
    with Session() as client:
        client.expect(b"MAIL FROM:<" + JOE + b">", 250)
        client.expect(b"RSET", 250)
        clean = Stamp(client.deliver(world, STRANGER, body="AFTER-RSET"))
        client.send(JOE, [ANNA], world.text("REPORTED").encode())
        client.send(STRANGER, [ANNA], world.text("LAST").encode())
    clean.expect("none", "none", would_reject=None)
    expect_in("would-reject", Stamp(world.beta.wait_for_delivery("REPORTED")[0]).status, "the second")
    Stamp(world.beta.wait_for_delivery("LAST")[0]).expect("none", "none", would_reject=None)


@case
def a_session_is_judged_anew_for_every_message(world):
    other = OTHER_ACCOUNT.replace("domains=other.example", "domains=other.example,third.example")
    world.judging(
        RULE + "other.example seal account=ALPHA\\beta inbound=require\n",
        f"alpha {ntlm.hash_field(PASSWORD)}\n" + other,
    )
    with sealed() as client:
        for sender, code in (
            (JOE, 250),
            (b"x@other.example", 550),
            (STRANGER, 250),
            (b"x@other.example", 550),
            (JOE, 250),
        ):
            expect_equal(client.mail(sender), code, f"MAIL from {sender!r} ({client.last!r})")
            if code == 250:
                client.expect(b"RSET", 250)
        Stamp(client.deliver(world)).expect("sealed", "pass", account="alpha")
    with Session(BETA) as client:
        expect_refused(client, JOE, 550, "must arrive")
        client.log_in(modern("other"))
        client.expect(b"EHLO client.example", 250)
        expect_refused(client, JOE, 550, "must arrive")
        expect_equal(client.mail(b"x@other.example"), 250, "MAIL after the login")


# ---- this host's own mail


@case
def mail_of_local_users_is_not_judged(world):
    world.judging(RULE)
    world.beta.sendmail(JOE.decode(), [ANNA.decode()], world.text().replace("\r\n", "\n"))
    Stamp(world.beta.wait_for_delivery(world.marker)[0]).expect("none", "none", would_reject=None)


@case
def mail_of_this_host_by_smtp_is_not_judged_unless_it_comes_through_the_relay(world):
    world.judging(RULE)
    with Session(source="127.0.0.1") as client:
        Stamp(client.deliver(world)).expect("none", "none", would_reject=None)
    with Session(BETA, source="127.0.0.1") as client:
        expect_refused(client, JOE, 550, "must arrive")


@case
def which_networks_are_this_host_can_be_said(world):
    world.judging(RULE, inbound_exempt_networks=["192.0.2.16/32"])
    for source, want in (("127.0.0.1", 550), ("192.0.2.16", 250), ("192.0.2.17", 550)):
        with Session(source=source) as client:
            expect_equal(client.mail(JOE), want, f"MAIL from {source} ({client.last!r})")
    world.beta.sendmail(JOE.decode(), [ANNA.decode()], world.text().replace("\r\n", "\n"))
    world.beta.wait_for_delivery(world.marker)


# ---- whose session it is


@case
def a_second_connection_from_the_same_port_borrows_nothing(world):
    world.judging(RULE)
    with sealed() as first:
        first.begin()
        with Session(port=first.port()) as second:
            expect_refused(second, JOE, 550, "the session is not sealed")
            stamp = Stamp(second.deliver(world, STRANGER))
            stamp.expect("none", "none", mech=None, account=None)
        expect_equal(first.end(world.text("FIRST").encode()), 250, "the end of the sealed one")
    Stamp(world.beta.wait_for_delivery("FIRST")[0]).expect("sealed", "pass")


@case
def a_port_used_again_after_a_sealed_session_borrows_nothing(world):
    world.judging(RULE)
    with sealed() as first:
        port = first.port()
        first.begin()
        first.abort()
    with Session(BETA, port=port) as second:
        expect_refused(second, JOE, 550, "the session is not sealed")


@case
def the_milter_asks_about_both_ends_of_the_connection(world):
    world.judging(gate=False)
    fake = world.query_server(lambda *_: SEALED_SESSION)
    with behind_the_gate(41234) as client:
        Stamp(client.deliver(world)).expect("sealed", "pass", bits="128")
    expect_in(("session", f"{CLIENT}:41234 {BETA[0]}:{BETA[1]}"), fake.questions, "questions")
    fake.questions.clear()
    world.beta.clear_mailbox()
    world.beta.sendmail("joe@beta.example", [ANNA.decode()], world.text().replace("\r\n", "\n"))
    Stamp(world.beta.wait_for_delivery(world.marker)[0]).expect("none", "none")
    expect_equal(fake.questions, [], "questions about mail that came without SMTP")


# ---- a relay that cannot say


def _unknown(name, make_answer):
    """Rules defer, others pass and say `unknown`. make_answer: of a fake query server; None: there is none."""

    def run(world):
        world.judging(RULE, gate=False)
        if make_answer:
            world.query_server(lambda *_: make_answer)
        for make in (lambda: behind_the_gate(41234), Session):
            with make() as client:
                begin = time.monotonic()
                expect_refused(client, JOE, 451, "4.7.1", "alpha.example")
                expect(
                    time.monotonic() - begin < 6, "the answer took longer than inbound.relay_timeout allows"
                )
                stamp = Stamp(client.deliver(world, STRANGER))
                stamp.expect("unknown", "temperror", mech=None, account=None, bits=None)
                expect(stamp.parameters.get("reason"), f"no reason in {stamp}")
            world.beta.clear_mailbox()
        expect_in("sender-deferred", world.milter.log(), "the milter's log")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _name, _answer in (
    ("a_relay_that_is_not_there_makes_rules_defer", None),
    ("a_relay_that_never_answers_makes_rules_defer", SILENCE),
    ("a_relay_that_closes_makes_rules_defer", CLOSE),
    ("a_relay_with_trouble_makes_rules_defer", "TEMP out of order"),
    ("a_relay_that_does_not_understand_makes_rules_defer", "PERM bad key"),
    ("a_relay_that_talks_nonsense_makes_rules_defer", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ("a_relay_with_an_answer_that_is_none_makes_rules_defer", "OK sealed bits=128"),
    ("a_relay_with_half_an_answer_makes_rules_defer", b"500:OK sealed; mech=NTLM"),
    ("a_relay_with_an_endless_answer_makes_rules_defer", b"99999999999999:" + b"x" * 1000),
):
    _unknown(_name, _answer)


def _lost(name, later, code, protection):
    """The relay says sealed at MAIL, and `later` at the end of the message. code: of the end where a rule required the
    seal; protection: shown where none did."""

    def run(world):
        world.judging(RULE, gate=False)
        fake = world.query_server(lambda *_: SEALED_SESSION)
        with behind_the_gate(41234) as client:
            client.begin()
            lose(fake)
            expect_equal(
                client.end(world.text("REQUIRED").encode()), code, f"the end of data ({client.last!r})"
            )
        fake.stop()
        fake = world.query_server(lambda *_: SEALED_SESSION.replace("account=alpha", "account=else"))
        with behind_the_gate(41235) as client:
            client.begin(STRANGER)
            lose(fake)
            expect_equal(client.end(world.text("FREE").encode()), 250, f"the end of data ({client.last!r})")
        Stamp(world.beta.wait_for_delivery("FREE")[0]).expect(protection, "temperror")
        if code != 250:
            expect("REQUIRED" not in str(world.beta.inbox_bytes()), "the message was taken all the same")

    def lose(fake):
        if later is None:
            fake.stop()
        else:
            fake.answer = lambda *_: later

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_lost("a_relay_that_dies_before_the_end_of_data_defers", None, 451, "unknown")
_lost("a_relay_that_forgot_the_session_defers", "NOTFOUND ", 451, "unknown")
_lost("a_relay_in_trouble_before_the_end_of_data_defers", "TEMP out of order", 451, "unknown")


@case
def a_session_that_is_no_longer_sealed_at_the_end_is_not_taken_for_sealed(world):
    world.judging(RULE, gate=False)
    fake = world.query_server(lambda *_: SEALED_SESSION)
    with behind_the_gate(41234) as client:
        client.begin()
        fake.answer = lambda *_: "OK none; peer=[192.0.2.15]"
        code = client.end(world.text().encode())
        expect(code // 100 in (4, 5), f"the end of data was answered {client.last!r}")
    expect_nothing_taken(world)


@case
def a_seal_without_octets_is_not_shown_as_sealed(world):
    world.judging(gate=False)
    world.query_server(lambda *_: SEALED_SESSION.replace("unsealed=100", "unsealed=0"))
    with behind_the_gate(41234) as client:
        Stamp(client.deliver(world)).expect("authenticated", "pass")


@case
def a_relay_that_dies_in_the_middle_leaves_nothing_behind(world):
    world.judging(RULE)
    with sealed() as client:
        client.begin()
        client.expect(b"DATA", 354)
        client.link.write(world.text().encode())
        world.gate.kill()
        expect(client.is_closed(), "the connection goes on")
    expect_nothing_taken(world)


@case
def a_relay_that_stops_still_tells_what_protects_the_sessions_it_finishes(world):
    world.judging(RULE, process_drain_time="10s")
    clients = [sealed().begin() for _ in range(8)]
    for client in clients:
        client.expect(b"DATA", 354)
    world.gate.signal(signal.SIGTERM)
    world.gate.wait_for_log("stopping")
    for client in clients:  # all at once, so that the milter needs connections that it does not have yet
        client.link.write(world.text().encode() + b"\r\n.\r\n")
    for client in clients:
        expect_equal(client.take(), 250, f"the end of data ({client.last!r})")
        client.close()
    for message in world.beta.wait_for_delivery(world.marker, len(clients)):
        Stamp(message).expect("sealed", "pass", bits="128")
    within(8, lambda: not world.gate.is_running(), "the gate's end")
    expect(not os.path.exists(QUERY["beta"]), "the socket is still there")


@case
def a_host_without_a_relay_asks_nobody(world):
    world.judging(RULE, gate=False, inbound_relay_query="")
    with Session() as client:
        expect_refused(client, JOE, 550, "not sealed")
        Stamp(client.deliver(world, STRANGER)).expect("none", "none", reason=None)


# ---- the life of the milter


@case
def without_the_milter_nothing_is_taken(world):
    world.judging()
    world.milter.kill()
    with SmtpClient(PLAIN_SMTPD, source=CLIENT) as client:
        code = client.take()
        for line in (b"EHLO client.example", b"MAIL FROM:<" + JOE + b">"):
            if code // 100 == 2:
                code = client.say(line)
        expect_equal(code, 451, f"the last reply ({client.last!r})")
    expect_nothing_taken(world)


def _killed(name, steps):
    def run(world):
        world.judging()
        with Session() as client:
            for line, code in steps:
                client.expect(line, code)
            world.milter.kill()
            last = (
                client.say(b"MAIL FROM:<" + JOE + b">")
                if not steps
                else client.say(b"RCPT TO:<bob@partner.example>")
            )
            if last // 100 == 2:
                last = client.say(b"DATA")
            if last == 354:
                client.link.write(world.text().encode() + b"\r\n.\r\n")
                last = client.take()
            expect_equal(last, 451, f"the last reply ({client.last!r})")
            expect_nothing_taken(world)
        world.start_milter()
        with Session() as client:
            Stamp(client.deliver(world))

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_MAIL, _RCPT = (b"MAIL FROM:<" + JOE + b">", 250), (b"RCPT TO:<" + ANNA + b">", 250)
_killed("a_milter_killed_before_mail_defers", [])
_killed("a_milter_killed_after_mail_defers", [_MAIL])
_killed("a_milter_killed_after_rcpt_defers", [_MAIL, _RCPT])


@case
def a_milter_killed_within_the_content_defers(world):
    world.judging()
    with Session().begin() as client:
        client.expect(b"DATA", 354)
        client.link.write(world.text("x" * 70 + "\r\n" * 5000).encode())
        time.sleep(0.2)
        world.milter.kill()
        client.link.write(b"\r\n.\r\n")
        expect_equal(client.take(), 451, f"the end of data ({client.last!r})")
    expect_nothing_taken(world)


@case
def a_milter_that_stops_finishes_what_was_begun(world):
    world.judging(process_drain_time="10s")
    with Session().begin() as client:
        world.milter.signal(signal.SIGTERM)
        time.sleep(0.5)
        expect(world.milter.is_running(), "it did not wait for the session")
        code = client.end(world.text().encode())
        expect_equal(code, 250, f"the end of data ({client.last!r})")
    Stamp(world.beta.wait_for_delivery(world.marker)[0])
    within(8, lambda: not world.milter.is_running(), "its end, once the session is over")
    expect_equal(world.milter.child.returncode, 0, "exit code")
    expect(not os.path.exists(MILTER), "the socket is still there")


@case
def a_milter_that_stops_waits_no_longer_than_drain_time(world):
    world.judging(process_drain_time="1s")
    with Session().begin():
        world.milter.signal(signal.SIGTERM)
        time.sleep(0.4)
        expect(world.milter.is_running(), "it did not wait for the session at all")
        within(4, lambda: not world.milter.is_running(), "its end")
    expect(not os.path.exists(MILTER), "the socket is still there")


@case
def an_idle_milter_stops_at_once(world):
    world.judging(process_drain_time="30s")
    with Session() as client:
        Stamp(client.deliver(world))
    begin = time.monotonic()
    expect_equal(world.milter.stop(), 0, "exit code")
    expect(time.monotonic() - begin < 3, "it took its time")
    expect(not os.path.exists(MILTER), "the socket is still there")


@case
def new_tables_are_read_at_sighup_and_bad_ones_are_not_used(world):
    world.judging()
    with Session() as client:
        expect_equal(client.mail(JOE), 250, "MAIL before there was a rule")
        client.expect(b"RSET", 250)
        world.rules(RULE)
        world.milter.reload("policy-loaded")
        expect_refused(client, JOE, 550, "must arrive")
        world.rules("alpha.example frobnicate\n")
        said = world.milter.reload("policy-not-loaded")
        expect_in("domains:1", said, "the milter's log")
        expect_refused(client, JOE, 550, "must arrive")
        world.rules("")
        world.milter.reload("policy-loaded")
        expect_equal(client.mail(JOE), 250, "MAIL after the rule was taken away")


@case
def with_unusable_tables_nothing_is_taken_until_they_are_right(world):
    world.judging("alpha.example frobnicate\n", gate=False, inbound_relay_query="")
    with Session() as client:
        for sender in (JOE, STRANGER):
            expect_refused(client, sender, 451, "4.3.5")
    world.rules(RULE)
    world.milter.reload("policy-loaded")
    with Session() as client:
        expect_refused(client, JOE, 550, "must arrive")
        Stamp(client.deliver(world, STRANGER))


@case(seconds=90)
def hundreds_of_sighups_under_load_disturb_nobody(world):
    world.judging(RULE)
    load = Process(
        f"smtp-source -s 5 -m 300 -l 2000 -N -f load@elsewhere.example -t anna@partner.example "
        f"{PLAIN_SMTPD[0]}:{PLAIN_SMTPD[1]}".split(),
        f"{world.dir}/smtp-source.log",
    )
    world.processes.append(load)
    load.start()
    hups = 0
    while load.is_running() or hups < 200:
        world.milter.signal(signal.SIGHUP)
        hups += 1
        time.sleep(0.01)
    expect(hups >= 200, f"only {hups} signals")
    expect_equal((load.child.returncode, load.log()), (0, ""), "smtp-source")
    within(40, lambda: len(world.beta.messages()) == 300, "300 messages delivered")
    for message in world.beta.messages():
        Stamp(message).expect("none", "none")
    expect(world.milter.is_running(), "the milter died")
    with Session() as client:
        expect_refused(client, JOE, 550, "must arrive")
    expect_equal(world.milter.stop(), 0, "exit code")


@case
def more_connections_than_allowed_are_deferred(world):
    world.judging(milter_client_limit=2)
    with Session() as first, Session() as second:
        for client in (first, second):
            expect_equal(client.mail(JOE), 250, "MAIL within the limit")
        with SmtpClient(PLAIN_SMTPD, source=CLIENT) as third:
            code = third.take()
            for line in (b"EHLO client.example", b"MAIL FROM:<" + JOE + b">"):
                if code // 100 == 2:
                    code = third.say(line)
            expect_equal(code // 100, 4, f"a third session ({third.last!r})")
        expect_in("client_limit", world.milter.log(), "the milter's log")
    time.sleep(0.3)
    with Session() as client:
        Stamp(client.deliver(world))


@case
def a_second_milter_does_not_push_the_first_aside(world):
    world.judging()
    second = Process(world.milter.command, f"{world.dir}/second.log")
    world.processes.append(second)
    second.start()
    within(10, lambda: not second.is_running(), "the end of the second milter")
    expect(second.child.returncode != 0, "the second one ended as if all were well")
    with Session() as client:
        Stamp(client.deliver(world))


@case
def a_socket_left_behind_is_replaced(world):
    world.judging()
    world.milter.kill()
    expect(os.path.exists(MILTER), "no socket was left behind: the case shows nothing")
    world.start_milter()
    with Session() as client:
        Stamp(client.deliver(world))


@case
def the_socket_has_the_mode_and_group_that_are_set(world):
    world.judging()
    found = os.stat(MILTER)
    expect_equal(
        (stat.S_IMODE(found.st_mode), _group(found)), (0o660, "postfix"), "mode and group by default"
    )
    world.milter.stop()
    world.parameters("beta", {"milter.socket_mode": "0600", "milter.socket_group": ""})
    world.start_milter()
    found = os.stat(MILTER)
    expect_equal((stat.S_IMODE(found.st_mode), _group(found)), (0o600, "smtpseal"), "mode and group as set")
    with SmtpClient(PLAIN_SMTPD, source=CLIENT) as client:
        code = client.take()
        for line in (b"EHLO client.example", b"MAIL FROM:<" + JOE + b">"):
            if code // 100 == 2:
                code = client.say(line)
        expect_equal(code, 451, f"from an smtpd that may not connect ({client.last!r})")


def _group(found):
    import grp

    return grp.getgrgid(found.st_gid).gr_name


@case
def the_milter_can_be_reached_over_tcp(world):
    world.tables("beta", RULE, "ALPHA\\beta whatever\n", ALPHA_ACCOUNT)
    world.parameters("beta", {"milter.listen": "inet:127.0.0.1:10080", "inbound.relay_query": ""})
    world.milter = world.daemon("milter", "beta", ("127.0.0.1", 10080))
    world.beta.set(smtpd_milters="inet:127.0.0.1:10080")
    with Session() as client:
        expect_refused(client, JOE, 550, "must arrive")
        Stamp(client.deliver(world, STRANGER))
    expect_equal(world.milter.stop(), 0, "exit code")


@case
def only_loopback_addresses_are_listened_at(world):
    """By none of the daemons, but for the door that partners come in by."""
    world.tables("beta")
    for program, parameter, is_list in (
        ("milter", "milter.listen", False),
        ("policyd", "policyd.listen", True),
        ("policyd", "policyd.policy_listen", True),
        ("relay", "relay.query_listen", True),
        ("relay", "relay.lmtp_listen", True),
    ):
        endpoint = "inet:192.0.2.2:10080"
        config = world.parameters("beta", {parameter: [endpoint] if is_list else endpoint})
        done = subprocess.run(
            ["timeout", "5", world.binary(program), "--config", config],
            capture_output=True,
            text=True,
            check=False,
        )
        expect(done.returncode not in (0, 124), f"{program} started with {parameter}={endpoint}")
        expect_in("loopback", done.stderr, f"what {program} says about {parameter}")


@case
def the_milter_serves_many_sessions_at_once(world):
    world.judging()
    clients = [Session(source=f"192.0.2.{10 + n % 10}") for n in range(60)]
    for client in clients:
        client.begin(STRANGER)
    for client in clients:
        expect_equal(client.end(world.text().encode()), 250, f"the end of data ({client.last!r})")
    for message in world.beta.wait_for_delivery(world.marker, len(clients)):
        Stamp(message).expect("none", "none")
    for client in clients:
        client.close()


@case
def what_follows_the_relay_defers_while_the_milter_is_away(world):
    world.judging(RULE)
    world.milter.kill()
    with sealed() as client:
        code = client.mail(JOE)
        expect_equal(code // 100, 4, f"MAIL ({client.last!r})")
    expect(world.gate.is_running(), "the gate died")
    expect_nothing_taken(world)
