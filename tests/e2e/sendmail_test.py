"""Sendmail that sends through smtpseal-relay, with the files of conf-examples/sendmail/relay."""

import email
import email.policy

from harness import ntlm, wire
from harness.headers import Stamp
from harness.partners import CLIENT
from harness.proxy import without_keyword
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.sendmail import example
from harness.smtp_client import SmtpClient
from harness.smtp_peer import MODERN_KEYWORDS, fake_exchange_55
from harness.world import PASSWORD
from sendmail_inbound_test import receiving

ANNA = "anna@partner.example"
JOE = "joe@alpha.example"
POLICYD, RELAY, RELAY_7BIT = "/run/smtpseal/policyd", "/run/smtpseal/relay", "/run/smtpseal/relay-7bit"
CREDENTIALS = f"PARTNER\\alpha {PASSWORD}\n"
TO_BETA = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.2]\n"
TO_PEER = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
TO_PROXY = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.20]\n"
ADDRESS_FORMS = [  # as Sendmail gets it, as the peer does
    ("anna@PARTNER.example", "anna@PARTNER.example"),
    ("anna@partner.example.", ANNA),
    ("anna@sub.Partner.EXAMPLE", "anna@sub.Partner.EXAMPLE"),
    ("anna%partner.example@alpha.example", ANNA),
    ("partner.example!anna", ANNA),
    ("@alpha.example:anna@partner.example", ANNA),
    ("@other.example:anna@partner.example", ANNA),
    ('"anna@partner.example"@alpha.example', ANNA),
    ("anna@[192.0.2.66]", "anna@[192.0.2.66]"),
]
WEAKER = [  # attributes of the rule, of the account at the gate; what the relay there says of the session
    ("profile=exchange-5.5 strength=40", "profile=exchange-5.5 strength=40", "bits=40"),
    ("profile=exchange-5.5 strength=56", "profile=exchange-5.5 strength=56", "bits=56"),
]


def without(*keywords):
    return [each for each in MODERN_KEYWORDS if each.split()[0] not in keywords]


def sending(world, domains=TO_BETA, relay=True, policyd=True, **files):
    """The host that sends through the relay, with these rules."""
    host = world.sendmail("relay")
    host.configure("relay", **({"domains": domains, "credentials": CREDENTIALS} | files))
    if policyd:
        world.on_sendmail(host, "policyd", POLICYD)
    if relay:
        world.on_sendmail(host, "relay", RELAY, RELAY_7BIT)
    return host.start()


def expect_verdict(host, status, *parts, recipient=ANNA, **options):
    got, text = host.verdict(recipient, **options)
    expect_equal(got, status, text)
    for part in parts:
        expect_in(part, text, f"the verdict on {recipient}")


def expect_nothing_on_the_wire(capture, *secrets):
    data = capture.data()
    for secret in secrets:
        expect_equal(wire.count(data, secret), 0, f"{secret} on the wire")


def decoded(content):
    """The text of a message."""
    return email.message_from_bytes(content, policy=email.policy.default).get_content()


def with_line(mc, line, before="include(`/usr/local"):
    """The text of a sendmail.mc with one more line."""
    at = mc.index(before)
    return mc[:at] + line + "\n" + mc[at:]


# ---- the main job


@case
def seals_mail_to_postfix_behind_a_relay(world):
    host = sending(world)
    world.receiving()
    with world.capture(interface=host.interface) as capture:
        expect_verdict(host, "sent", "mailer=smtpseal,", queue_id=host.send(JOE, ANNA, world.text()))
        message = world.beta.wait_for_delivery(world.marker)[0]
    expect_equal(wire.count(capture.data(), "AUTH NTLM TlRM"), 1, "logins on the wire")
    expect_nothing_on_the_wire(capture, world.marker, JOE, ANNA, "MAIL FROM")
    expect_in("sealed with RC4, 128 bits", " ".join(message.get_all("Received")), "the Received headers")
    expect_equal(host.queue(), "", "the queue")


@case
def the_examples_work_as_shipped(world):
    """Sendmail, relay, wire, Sendmail: every file as it is in conf-examples/sendmail."""
    inbound = receiving(world, plugins=[world.plugin()])
    host = world.sendmail("relay")
    host.configure("relay")
    world.on_sendmail(host, "policyd", POLICYD)
    world.on_sendmail(host, "relay", RELAY, RELAY_7BIT)
    host.start()
    with world.capture(interface=host.interface) as capture:
        host.send(JOE, "anna@beta.example", world.text())
        expect_verdict(host, "sent", recipient="anna@beta.example")
    expect_equal(wire.count(capture.data(), "AUTH NTLM TlRM"), 1, "logins on the wire")
    expect_nothing_on_the_wire(capture, world.marker, JOE, "anna@beta.example", "MAIL FROM")
    inbound.run_queue()
    message = inbound.wait_for_delivery(world.marker)[0]
    Stamp(message, "mail.beta.example").expect("sealed", "pass", bits="128", account="alpha")


@case
def weaker_seals_hold_where_the_rules_allow_them(world):
    host = sending(
        world,
        "".join(
            f"d{n}.example seal account=PARTNER\\u{n} nexthop=[192.0.2.2] {rule}\n"
            for n, (rule, _, _) in enumerate(WEAKER)
        ),
        credentials="".join(f"PARTNER\\u{n} {PASSWORD}\n" for n in range(len(WEAKER))),
    )
    world.receiving(
        "".join(f"u{n} {ntlm.hash_field(PASSWORD)} {account}\n" for n, (_, account, _) in enumerate(WEAKER))
    )
    with world.capture(interface=host.interface) as capture:
        for n, (_, _, bits) in enumerate(WEAKER):
            host.send(JOE, f"anna@d{n}.example", world.text())
            expect_verdict(host, "sent", recipient=f"anna@d{n}.example")
            expect_in(f"status=sealed {bits}", world.gate.log(), "the log of the gate")
    expect_nothing_on_the_wire(capture, world.marker, JOE, "anna@d")


@case
def mail_for_other_domains_goes_its_own_way(world):
    host = sending(world)
    host.send(JOE, "bob@plain.example", world.text())
    expect_verdict(host, "sent", "mailer=esmtp,", recipient="bob@plain.example")
    expect_in(world.marker.encode(), world.sink.clear_octets(), "what the sink saw")


@case
def several_messages_use_one_session(world):
    peer = world.peer()
    host = sending(world, TO_PEER)
    for _ in range(4):
        expect_verdict(host, "sent", queue_id=host.send(JOE, ANNA, world.text()))
    expect_equal((len(peer.messages), len(peer.sessions)), (4, 1), "messages and sessions")
    expect(all(message.sealed for message in peer.messages), "not sealed")
    world.expect_no_leak(peer)


@case(seconds=90)
def a_message_of_20_megabytes_arrives_whole(world):
    host = sending(world)
    world.receiving()
    line = "0123456789abcdef" * 4 + "\r\n"
    host.send(JOE, ANNA, world.text() + line * 300_000 + "the end\r\n")
    expect_verdict(host, "sent", seconds=60)
    within(20, lambda: b"the end" in world.beta.inbox_bytes(), "the whole message")
    expect_equal(world.beta.inbox_bytes().count(b"0123456789abcdef"), 1_200_000, "pieces that arrived")


@case
def one_message_for_several_domains_has_a_verdict_for_each(world):
    peer = world.peer(replies={"RCPT": lambda line: b"550 5.1.1 No such user" if b"<no@" in line else None})
    host = sending(
        world,
        TO_PEER + "other.example seal account=PARTNER\\alpha nexthop=[192.0.2.11]\n" + "open.example none\n",
    )
    host.send(JOE, [ANNA, "no@partner.example", "carl@other.example", "bob@plain.example"], world.text())
    expect_verdict(host, "sent")
    expect_verdict(host, "bounced", "No such user", recipient="no@partner.example")
    expect_verdict(host, "deferred", recipient="carl@other.example")
    expect_verdict(host, "sent", recipient="bob@plain.example")
    notice = host.wait_for_delivery("No such user")[0]
    expect_equal(notice.get_content_type(), "multipart/report", "the notice to the sender")
    expect_equal(
        [each.recipients for each in world.sink.messages], [["bob@plain.example"]], "what the sink took"
    )
    expect(peer.messages[0].sealed, "not sealed")


@case
def a_bounce_does_not_carry_what_was_sealed(world):
    """It may go to a domain to which nothing has to be sealed."""
    world.peer(replies={"RCPT": b"550 5.1.1 No such user"})
    host = sending(world, TO_PEER)
    host.send("bob@plain.example", ANNA, f"Subject: hello\n\n{world.marker}\n")
    expect_verdict(host, "bounced", "No such user")
    within(10, lambda: world.sink.messages, "the bounce")
    expect_in(b"No such user", world.sink.messages[0].content, "the bounce")
    expect(world.marker.encode() not in world.sink.clear_octets(), "the bounce has the message")


# ---- protection that cannot be had: nothing leaves


def _refused(name, domains=TO_PEER, say=("partner.example",), files=None, **options):
    """A case in which the peer is not good enough: deferred with the reason, and nothing on the wire."""

    def run(world):
        fake = world.peer(**options)
        host = sending(world, domains, **(files or {}))
        with world.capture(interface=host.interface) as capture:
            host.send(JOE, ANNA, world.text())
            expect_verdict(host, "deferred", *say)
        expect(fake.sessions, "the peer was never asked")
        expect_equal(fake.messages, [], "messages the peer took")
        world.expect_no_leak(fake)
        expect_nothing_on_the_wire(capture, world.marker, JOE, ANNA, "MAIL FROM")
        expect_in(ANNA, host.queue(), "the queue")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_refused("defers_at_a_wrong_password", password="another", say=("partner.example", "535"))
_refused("defers_at_a_peer_without_auth", keywords=without("AUTH"), say=("partner.example", "AUTH"))
_refused("defers_at_5xx_to_auth", replies={"AUTH": b"504 5.5.4 no such mechanism"}, say=("504",))
_refused("defers_at_a_login_without_a_layer", flags=ntlm.MODERN & ~ntlm.SEAL)
_refused("defers_at_a_weaker_layer", flags=ntlm.MODERN & ~ntlm.BITS_128)
_refused(
    "defers_at_a_peer_plain_behind_235",
    seals=False,
    files={"smtpseal_toml": example("relay", "smtpseal.toml") + 'command_timeout = "1s"\n'},
)


@case
def defers_where_auth_is_stripped_on_the_way(world):
    world.receiving()
    middle = world.proxy(without_keyword(b"AUTH"))
    host = sending(world, TO_PROXY)
    with world.capture(interface=host.interface) as capture:
        host.send(JOE, ANNA, world.text())
        expect_verdict(host, "deferred")
    expect_equal(middle.connections, 1, "connections")
    expect_nothing_on_the_wire(capture, world.marker, JOE, ANNA, "MAIL FROM")


@case
def keeps_all_mail_while_policyd_is_down(world):
    peer = world.peer()
    host = sending(world, TO_PEER, policyd=False)
    with world.capture(interface=host.interface) as capture:
        host.send(JOE, ANNA, world.text())
        host.send(JOE, "bob@plain.example", world.text())
        for recipient in (ANNA, "bob@plain.example"):
            expect_verdict(host, "deferred", "stat=queued", recipient=recipient)
        host.run_queue()
        for recipient in (ANNA, "bob@plain.example"):
            expect_in(recipient, host.queue(), "the queue")
    expect_nothing_on_the_wire(capture, world.marker, JOE, ANNA)
    world.on_sendmail(host, "policyd", POLICYD)
    host.run_queue()
    expect_verdict(host, "sent", after=1)
    expect(peer.messages[0].sealed, "not sealed")
    expect_equal(len(world.sink.messages), 1, "messages for others")


@case
def keeps_mail_for_listed_domains_while_the_relay_is_down(world):
    peer = world.peer()
    host = sending(world, TO_PEER, relay=False)
    host.send(JOE, ANNA, world.text())
    expect_verdict(host, "deferred")
    host.send(JOE, "bob@plain.example", "Subject: hello\n\n")
    expect_verdict(host, "sent", recipient="bob@plain.example")
    world.on_sendmail(host, "relay", RELAY, RELAY_7BIT)
    host.run_queue()
    expect_verdict(host, "sent", after=1)
    expect(peer.messages[0].sealed, "not sealed")
    expect(world.marker.encode() not in world.sink.clear_octets(), "the sink saw the message")


# ---- what Sendmail makes of messages and addresses


@case
def converts_8_bit_mail_where_the_rule_says_7bit(world):
    peer = world.peer(keywords=without("8BITMIME"))
    host = sending(world, TO_PEER.replace("\n", " body=7bit\n"))
    headers = (
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    )
    host.send(JOE, ANNA, world.text("Gr\u00fc\u00dfe\r\n", headers), "-B8BITMIME")
    expect_verdict(host, "sent", "mailer=smtpseal7,")
    expect(peer.messages[0].content.isascii(), "8 bit went out")
    expect_in("Gr\u00fc\u00dfe", decoded(peer.messages[0].content), "the content")


@case
def seals_to_a_fake_exchange_55(world):
    peer = world.peer(fake_exchange_55)
    host = sending(world, TO_PEER.replace("\n", " profile=exchange-5.5 strength=40\n"))
    expect_verdict(host, "sent", "mailer=smtpseal7,", queue_id=host.send(JOE, ANNA, world.text()))
    expect(peer.messages[0].sealed, "not sealed")
    expect_equal(peer.failures, [], "what the fake had to complain about")


@case
def no_way_of_writing_an_address_leads_past_the_relay(world):
    peer = world.peer()
    host = sending(
        world,
        TO_PEER
        + TO_PEER.replace("partner", ".partner")
        + "[192.0.2.66] seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n",
    )
    for address, _ in ADDRESS_FORMS:
        host.send(JOE, address, world.text())
    within(10, lambda: len(peer.messages) + len(world.sink.messages) >= len(ADDRESS_FORMS), "all messages")
    expect_equal(
        sorted(recipient for message in peer.messages for recipient in message.recipients),
        sorted(as_sent for _, as_sent in ADDRESS_FORMS),
        "recipients at the peer",
    )
    expect(all(message.sealed for message in peer.messages), "not sealed")


@case
def no_name_server_leads_past_the_relay(world):
    """What a name server says of a listed domain would replace it before the mailertable is asked, did smtpseal.m4 not forbid."""
    peer = world.peer()
    world.dns("cname=partner.example,plain.example", "host-record=plain.example,192.0.2.66")
    host = world.sendmail("relay")
    with host.name_server("192.0.2.53"):
        sending(world, TO_PEER)
        host.send(JOE, ANNA, world.text())
        expect_verdict(host, "sent", "mailer=smtpseal,")
        expect_equal(
            (len(peer.messages), len(world.sink.messages)), (1, 0), "messages at the peer and astray"
        )
        host.stop()
        allowing = (
            "define(`_SMTPSEAL_CHECK_')undefine(`_NO_CANONIFY_')undefine(`confDONT_EXPAND_CNAMES')dnl\n"
        )
        host.configure("relay", sendmail_mc=example("relay") + allowing)
        host.start()
        host.send(JOE, ANNA, world.text())
        expect_verdict(host, "sent", "mailer=esmtp,", after=1)
    expect_equal(len(world.sink.messages), 1, "messages astray without what smtpseal.m4 sets")


def submit(world, host, recipient):
    """Hands a message in by SMTP, where Sendmail does less with addresses than in sendmail(1)."""
    with SmtpClient(host.address, source=CLIENT) as client:
        client.greet()
        code = client.send(JOE.encode(), [recipient.encode()], world.text().encode())
        expect_equal(code, 250, f"the dot ({client.last!r})")


@case
def no_search_list_leads_past_the_relay(world):
    """The search list would complete a name that is not listed to one that is."""
    world.dns(
        "mx-host=partner.example,plain.example,10",
        "host-record=plain.example,192.0.2.66",
        "host-record=alpha.example,192.0.2.31",
    )
    host = world.sendmail("relay")
    access = example("relay", "access") + f"Connect:{CLIENT}\tRELAY\n"
    with host.name_server("192.0.2.53", "example"):
        sending(world, TO_PEER, access=access)
        submit(world, host, "anna@partner")
        expect_verdict(host, "deferred", "host name lookup failure", recipient="anna@partner")
        expect_equal(world.sink.messages, [], "what went astray")
        host.stop()
        without_check = "define(`_SMTPSEAL_CHECK_')undefine(`confBIND_OPTS')dnl\n"
        host.configure("relay", sendmail_mc=example("relay") + without_check, access=access)
        host.start()
        submit(world, host, "anna@partner")
        expect_verdict(host, "sent", recipient="anna@partner", after=1)
    expect_equal(len(world.sink.messages), 1, "messages astray without what smtpseal.m4 sets")


@case
def an_answer_of_the_map_that_is_no_mailer_keeps_the_mail(world):
    host = sending(world, TO_PEER, policyd=False)
    world.query_server(
        lambda _, key: "OK nonsense" if key == "partner.example" else "NOTFOUND ", host.path(POLICYD)
    )
    host.send(JOE, ANNA, world.text())
    expect_verdict(host, "deferred", "mailer=*error*,")
    expect_in("the map smtpseal answers what is no mailer", host.log(), "the log")
    expect_equal(world.sink.messages, [], "what went astray")


# ---- beside other features of Sendmail


@case
def the_exported_mailertable_leads_to_the_relay_without_policyd(world):
    peer = world.peer()
    mc = with_line(example("relay"), "FEATURE(`mailertable')dnl", "MAILER(`local')")
    mc = with_line(mc, "define(`SMTPSEAL_DOMAINS', `')dnl")
    host = sending(
        world,
        TO_PEER + TO_PEER.replace("partner", ".seven").replace("\n", " body=7bit\n"),
        policyd=False,
        sendmail_mc=mc,
        mailertable="",
    )
    table = host.run(world.binary(""), "export", "sendmail", "--mailertable")
    host.make_tables(mailertable=table + "moved.example esmtp:[192.0.2.66]\n")
    wanted = {ANNA: "smtpseal", "anna@sub.seven.example": "smtpseal7", "bob@moved.example": "esmtp"}
    for recipient, mailer in wanted.items():
        host.send(JOE, recipient, world.text())
        expect_verdict(host, "sent", f"mailer={mailer},", recipient=recipient)
    expect_equal((len(peer.messages), len(world.sink.messages)), (2, 1), "messages")
    expect(all(message.sealed for message in peer.messages), "not sealed")


NATIVE = "define(`SMTPSEAL_OUTBOUND', `native')define(`SMTPSEAL_SSF', `56')"
INBOUND = "define(`SMTPSEAL_INBOUND', `yes')"
CONTRADICTIONS = [  # lines before the include, what m4 says
    ("define(`SMTPSEAL_OUTBOUND', `realy')", "SMTPSEAL_OUTBOUND is relay, native or none"),
    ("define(`SMTPSEAL_INBOUND', `1')", "SMTPSEAL_INBOUND is yes or no"),
    (NATIVE + "define(`SMTPSEAL_SSF', `many')", "SMTPSEAL_SSF is 40, 56 or 128"),
    (NATIVE + "undefine(`SMTPSEAL_SSF')", "native needs SMTPSEAL_SSF"),
    ("define(`SMTPSEAL_DOMAINS', `')", "FEATURE(mailertable)"),
    ("define(`_CANONIFY_HOSTS_', 1)", "canonify_hosts"),
    (NATIVE + "define(`confMCI_CACHE_SIZE', `4')", "confMCI_CACHE_SIZE"),
    (NATIVE + "define(`confAUTH_MAX_BITS', `128')", "confAUTH_MAX_BITS"),
    (NATIVE + "define(`confDELIVERY_MODE', `interactive')", "confDELIVERY_MODE"),
    (NATIVE + "define(`confAUTH_MECHANISMS', `PLAIN')", "confAUTH_MECHANISMS"),
    (NATIVE + "undefine(`_ACCESS_TABLE_')", "FEATURE(access_db)"),
    (NATIVE + "define(`_LOCAL_TLS_SERVER_')", "LOCAL_TLS_SERVER"),
    (NATIVE + "define(`_LOCAL_TLS_RCPT_')", "LOCAL_TLS_RCPT"),
    (NATIVE + "define(`_LOCAL_TRY_TLS_')", "LOCAL_TRY_TLS"),
    (INBOUND + "define(`confAUTH_MAX_BITS', `1')", "confAUTH_MAX_BITS"),
    (INBOUND + "define(`confDELIVERY_MODE', `interactive')", "confDELIVERY_MODE"),
    (INBOUND + "define(`confAUTH_MECHANISMS', `XNTLM')", "confAUTH_MECHANISMS"),
    (INBOUND + "define(`confAUTH_OPTIONS', `p,a')", "confAUTH_OPTIONS"),
    (INBOUND + "define(`_LOCAL_TLS_CLIENT_')", "LOCAL_TLS_CLIENT"),
    ("undefine(`_MAILER_smtp_')", "MAILER(smtp)"),
]
DELIVERING = "DAEMON_OPTIONS(`Name=MTA, DeliveryMode=i')"
FILTERING = "DAEMON_OPTIONS(`Name=MTA,InputMailFilters=spam')"
UNDONE = [  # lines before the include, lines behind it, what m4 says
    (NATIVE, DELIVERING, "DeliveryMode in DAEMON_OPTIONS"),
    (INBOUND, DELIVERING, "DeliveryMode in DAEMON_OPTIONS"),
    ("define(`SMTPSEAL_MILTER', `inet:1@127.0.0.1')", FILTERING, "InputMailFilters in DAEMON_OPTIONS"),
    ("", "define(`confBIND_OPTS', `')", "confBIND_OPTS"),
    (NATIVE, "define(`confPRIVACY_FLAGS', `authwarnings')", "confPRIVACY_FLAGS"),
    (INBOUND, "define(`confPRIVACY_FLAGS', `authwarnings')", "confPRIVACY_FLAGS"),
    ("", "undefine(`_NO_CANONIFY_')", "_NO_CANONIFY_"),
    ("", "define(`confDONT_EXPAND_CNAMES', `False')", "confDONT_EXPAND_CNAMES"),
    (NATIVE, "define(`confMCI_CACHE_SIZE', `2')", "confMCI_CACHE_SIZE"),
    (NATIVE, "LOCAL_TLS_RCPT\nR$*\t$@ OK", "_LOCAL_TLS_RCPT_"),
    (NATIVE, "LOCAL_TRY_TLS\nR$*\t$@ OK", "_LOCAL_TRY_TLS_"),
    (NATIVE, "LOCAL_TLS_SERVER\nR$*\t$@ OK", "_LOCAL_TLS_SERVER_"),
    (NATIVE, "define(`confDELIVERY_MODE', `background')", "confDELIVERY_MODE"),
    (INBOUND, "define(`confDELIVERY_MODE', `background')", "confDELIVERY_MODE"),
    (INBOUND, "LOCAL_TLS_CLIENT\nR$*\t$@ OK", "_LOCAL_TLS_CLIENT_"),
    (INBOUND, "define(`confAUTH_MAX_BITS', `1')", "confAUTH_MAX_BITS"),
    (INBOUND, "define(`confAUTH_MECHANISMS', `PLAIN')", "confAUTH_MECHANISMS"),
    (INBOUND, "define(`confAUTH_OPTIONS', `a')", "confAUTH_OPTIONS"),
    (
        "define(`SMTPSEAL_MILTER', `inet:1@127.0.0.1')",
        "define(`confINPUT_MAIL_FILTERS', `spam')",
        "confINPUT_MAIL_FILTERS",
    ),
]
AGREEMENTS = [  # lines before the include, the end of a line of sendmail.cf
    (NATIVE, "O ConnectionCacheSize=0"),
    (NATIVE, "O DeliveryMode=queueonly"),
    (NATIVE, "R$* $| NTLM\t$: $1 $| $(macro {auth_ssf} $@ 56 $)"),
    (INBOUND + "define(`confAUTH_MECHANISMS', `PLAIN NTLM')", "O AuthMechanisms=PLAIN NTLM"),
    (INBOUND + "define(`confAUTH_OPTIONS', `p,y,T')", "O AuthOptions=p,y,T"),
    (
        INBOUND + "define(`SMTPSEAL_RELAYING', `one A+B\\c=d')",
        "C{SmtpsealRelaying}one A+2BB+5Cc+3Dd",
    ),
    ("", ",noverb,noexpn,noetrn,nobodyreturn"),
    (NATIVE, ",noverb,noexpn,noetrn,nobodyreturn"),
    (INBOUND, ",noverb,noexpn,noetrn,nobodyreturn"),
    ("", " -DNSRCH -DEFNAMES"),
    (
        "undefine(`SMTPSEAL_MILTER')INPUT_MAIL_FILTER(`spam', `S=unix:/run/spam')",
        "O InputMailFilters=smtpseal, spam",
    ),
]


def m4(host, text):
    """What m4 makes of a sendmail.mc, and prints; ends with its exit code."""
    host.write("/etc/mail/other.mc", text)
    return host.run("sh", "-c", "cd /etc/mail; m4 other.mc; echo $?")


@case
def smtpseal_m4_stops_at_what_contradicts_it(world):
    host = world.sendmail("relay")
    for lines, complaint in CONTRADICTIONS:
        output = m4(host, with_line(example("relay"), lines + "dnl"))
        expect_in("*** ERROR: smtpseal: ", output, f"what m4 says of {lines}")
        expect_in(complaint, output, f"what m4 says of {lines}")
        expect_equal(output.split()[-1], "1", f"the exit code of m4 for {lines}")
    for before, behind, complaint in UNDONE:
        text = with_line(example("relay"), "undefine(`SMTPSEAL_MILTER')" + before + "dnl")
        expect_equal(m4(host, text).split()[-1], "0", f"the exit code of m4 for {before}")
        output = m4(host, text + behind + "\n")
        expect_in(f"smtpseal: {complaint}", output, f"what m4 says of {behind}")
        expect_equal(output.split()[-1], "1", f"the exit code of m4 for {behind} behind")


@case
def smtpseal_m4_leaves_what_agrees_with_it(world):
    host = world.sendmail("relay")
    for lines, result in AGREEMENTS:
        output = m4(host, with_line(example("relay"), lines + "dnl"))
        expect_in(result + "\n", output, f"sendmail.cf for {lines}")
        expect_equal(output.split()[-1], "0", f"the exit code of m4 for {lines}")


@case
def a_mailertable_of_the_host_never_leads_past_the_relay(world):
    """The host's own table would lead the listed domain to the sink."""
    peer = world.peer()
    mc = with_line(example("relay"), "FEATURE(`mailertable')dnl", "MAILER(`local')")
    table = "partner.example esmtp:[192.0.2.66]\nmoved.example esmtp:[192.0.2.66]\n"
    host = sending(world, TO_PEER, policyd=False, sendmail_mc=mc, mailertable=table)
    for recipient in (ANNA, "bob@moved.example"):
        host.send(JOE, recipient, world.text())
        expect_verdict(host, "deferred", recipient=recipient)
    host.run_queue()
    expect_equal(world.sink.messages, [], "messages while policyd is down")
    world.on_sendmail(host, "policyd", POLICYD)
    host.run_queue()
    expect_verdict(host, "sent", "mailer=smtpseal,", after=1)
    expect_verdict(host, "sent", "mailer=esmtp,", after=1, recipient="bob@moved.example")
    expect_equal(
        ([each.recipients for each in peer.messages], [each.recipients for each in world.sink.messages]),
        ([[ANNA]], [["bob@moved.example"]]),
        "recipients",
    )
