"""Sendmail that receives, with the files of conf-examples/sendmail/inbound: smtpseal-milter beside it, and sessions that Sendmail
seals itself by the SASL plugin."""

import ssl

from harness import ntlm, wire
from harness.headers import RESULTS, STATUS, Stamp, fields
from harness.partners import CLIENT, SENDER_FORMS, UMLAUT_ACCOUNT, UMLAUT_RULE
from harness.proxy import without_keyword
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.sendmail import STOCK_NTLM, example
from harness.smtp_client import SmtpClient

ANNA, JOE, STRANGER = b"anna@beta.example", b"joe@alpha.example", b"joe@elsewhere.example"
MILTER = "/run/smtpseal/milter"
NAME = "mail.beta.example"
PASSWORD = "correct horse battery staple"
SHORT_PASSWORD = "Secret-Pw1"  # LM_KEY needs one of at most 14 characters


def receiving(world, milter=True, plugins=(), start=None, **files):
    host = world.sendmail("inbound")
    host.configure("inbound", **files)
    host.plugins(*plugins)
    if milter:
        world.on_sendmail(host, "milter", MILTER)
    return host.start(*([start] if start else []))


TLS = """define(`confSERVER_CERT', `/etc/mail/tls/tls.pem')dnl
define(`confSERVER_KEY', `/etc/mail/tls/tls.key')dnl
define(`confCACERT', `/etc/mail/tls/tls.pem')dnl
define(`confCACERT_PATH', `/etc/mail/tls')dnl
"""


def receiving_with_tls(world, milter=True, **options):
    """The host that receives, with STARTTLS and a certificate that nobody knows."""
    world.certificate()
    inbound = world.sendmail("inbound")
    for file in ("tls.key", "tls.pem"):
        with open(f"{world.dir}/{file}", encoding="ascii") as text:
            inbound.write(f"/etc/mail/tls/{file}", text.read(), 0o600)
    mc = example("inbound").replace("FEATURE(`no_default_msa')", TLS + "FEATURE(`no_default_msa')")
    if not milter:
        mc = mc.replace("include(`/usr/local", "define(`SMTPSEAL_MILTER', `')dnl\ninclude(`/usr/local")
    return receiving(world, milter, sendmail_mc=mc, **options)


def tls_without_a_look(connection):
    """TLS with whoever is there."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


class Session(SmtpClient):
    def __init__(self, host, **options):
        super().__init__(host.address, source=CLIENT, **options)
        self.greet()

    def deliver(self, world, host, sender, headers=""):
        """One message, which the queue runner delivers; returns it as delivered."""
        expect_equal(
            self.send(sender, [ANNA], world.text(headers=headers).encode()), 250, f"the dot ({self.last!r})"
        )
        host.run_queue()
        return host.wait_for_delivery(world.marker)[0]


# ---- the milter


@case
def plain_mail_from_others_is_stamped_as_such(world):
    host = receiving(world)
    with Session(host) as client:
        stamp = Stamp(client.deliver(world, host, STRANGER), NAME)
    stamp.expect("none", "none", mech=None, account=None)
    expect_in(CLIENT, stamp.parameters["peer"], "peer")


@case
def forged_status_fields_do_not_survive(world):
    host = receiving(world)
    forged = (
        f"X-SmtpSeal-Status: sealed; mech=NTLM; bits=128; by={NAME}\r\n"
        f"Authentication-Results: {NAME}; auth=pass (NTLM, sealed 128 bits) smtp.auth=alpha\r\n"
        "Authentication-Results: mx.elsewhere.example; spf=pass\r\n"
        f"x-smtpseal-status : sealed; by={NAME}\r\n"
    )
    with Session(host) as client:
        message = client.deliver(world, host, STRANGER, headers=forged)
    Stamp(message, NAME).expect("none", "none")
    left = [value for name, value in fields(message) if name in (STATUS, RESULTS)]
    expect_equal(len(left), 3, f"status fields in {left}")
    expect(not any("sealed" in value for value in left), f"forged fields: {left}")


@case
def who_must_come_sealed_is_refused_in_plain(world):
    host = receiving(
        world,
        domains=example("inbound", "domains") + UMLAUT_RULE,
        accounts=example("inbound", "accounts") + UMLAUT_ACCOUNT,
    )
    with Session(host) as client:
        for sender, code in SENDER_FORMS:
            got = client.mail(sender)
            expect_equal(got // 100, code // 100, f"MAIL from {sender!r} ({client.last!r})")
            client.expect(b"RSET", 250)
    expect_equal(host.queue(), "", "the queue")


@case
def defers_all_mail_while_the_milter_is_down(world):
    host = receiving(world, milter=False)
    with Session(host) as client:
        code = client.mail(STRANGER)
    expect_equal(code // 100, 4, f"MAIL while the milter is down ({client.last!r})")


# ---- sessions that Sendmail seals


def with_plugin(world, **files):
    return receiving(world, plugins=[world.plugin()], **files)


def modern(account="alpha", password=PASSWORD, **options):
    return ntlm.SambaClient(f"BETA\\{account}", password, **options)


def postfix_sending(world, to="192.0.2.32", attributes="", credentials=f"BETA\\alpha {PASSWORD}\n"):
    """Postfix and smtpseal-relay on alpha, with a rule for the domain of the Sendmail host."""
    world.sending(f"beta.example seal account=BETA\\alpha nexthop=[{to}] {attributes}\n", credentials)


@case
def a_sealed_session_is_shown_with_what_sendmail_knows(world):
    host = with_plugin(world)
    with Session(host) as client:
        expect_equal(client.auth(modern()), 235, "login")
        client.expect(b"EHLO client.example", 250)
        messages = [client.deliver(world, host, JOE) for _ in range(3)]
    for message in messages:
        stamp = Stamp(message, NAME)
        stamp.expect("sealed", "pass", mech="NTLM", cipher="RC4", bits="128", account="alpha", by=NAME)
        expect_in("(authenticated bits=128)", message.get_all("Received")[0], "Received")
    expect_in("authid=alpha, mech=NTLM, bits=128", host.log(), "the log of Sendmail")


@case
def mail_of_postfix_behind_a_relay_arrives_sealed(world):
    host = with_plugin(world)
    postfix_sending(world)
    with world.capture(interface=host.interface) as capture:
        for _ in range(3):
            queue_id = world.send(ANNA.decode(), sender=JOE.decode())
            world.expect_verdict(ANNA.decode(), "sent", queue_id=queue_id)
        host.run_queue()
        messages = host.wait_for_delivery(world.marker, 3)
    data = capture.data()
    expect_equal(wire.count(data, "AUTH NTLM TlRM"), 1, "logins for three messages")
    for secret in (world.marker, JOE, ANNA, "MAIL FROM"):
        expect_equal(wire.count(data, secret), 0, f"{secret} on the wire")
    for message in messages:
        Stamp(message, NAME).expect("sealed", "pass", bits="128", account="alpha")
    world.expect_no_leak()


@case(seconds=90)
def a_message_of_20_megabytes_arrives_whole(world):
    host = with_plugin(world)
    postfix_sending(world)
    line = "0123456789abcdef" * 4 + "\r\n"
    world.alpha.set(message_size_limit="30000000")
    world.send(ANNA.decode(), world.text() + line * 300_000 + "the end\r\n", sender=JOE.decode())
    world.expect_verdict(ANNA.decode(), "sent", seconds=60)
    host.run_queue()
    message = host.wait_for_delivery(world.marker)[0].as_bytes()
    expect(message.rstrip().endswith(b"the end"), "the end is missing")
    expect_equal(message.count(b"0123456789abcdef"), 1_200_000, "pieces that arrived")


def _weaker(strength):
    def run(world):
        account = f"alpha {ntlm.hash_field(SHORT_PASSWORD)} profile=exchange-5.5 strength={strength}\n"
        rule = f"alpha.example none strength={strength} inbound=require inbound_account=alpha\n"
        host = with_plugin(world, accounts=account.replace("\n", " domains=alpha.example\n"), domains=rule)
        postfix_sending(
            world,
            attributes=f"profile=exchange-5.5 strength={strength}",
            credentials=f"BETA\\alpha {SHORT_PASSWORD}\n",
        )
        with world.capture(interface=host.interface) as capture:
            world.send(ANNA.decode(), world.text("some more\r\n" * 2000), sender=JOE.decode())
            world.expect_verdict(ANNA.decode(), "sent")
        expect_equal(wire.count(capture.data(), "AUTH NTLM TlRM"), 1, "logins on the wire")
        expect_equal(wire.count(capture.data(), world.marker), 0, "markers on the wire")
        host.run_queue()
        message = host.wait_for_delivery(world.marker)[0]
        Stamp(message, NAME).expect("sealed", "pass", bits=str(strength), account="alpha")

    run.__module__ = __name__
    run.__name__ = f"half_duplex_sessions_of_{strength}_bit_work_with_a_relay"
    return case(run)


for _strength in (40, 56):
    _weaker(_strength)


# ---- a relay at a Sendmail that is not good enough: nothing leaves


def _relay_defers(name, *say, plugins=None, credentials=None, strip=False, start=None, **files):
    def run(world):
        host = receiving(
            world, plugins=[world.plugin()] if plugins is None else plugins, start=start, **files
        )
        options = {"credentials": credentials} if credentials else {}
        if strip:
            world.proxy(without_keyword(b"AUTH"), target=host.address)
        postfix_sending(world, "192.0.2.20" if strip else "192.0.2.32", **options)
        with world.capture(interface=host.interface) as capture:
            world.send(ANNA.decode(), sender=JOE.decode())
            world.expect_verdict(ANNA.decode(), "deferred", "beta.example", *say)
        data = capture.data()
        expect_equal(wire.count(data, "EHLO"), 1, "greetings on the wire")
        for secret in (world.marker, JOE, ANNA, "MAIL FROM"):
            expect_equal(wire.count(data, secret), 0, f"{secret} on the wire")
        expect_equal(host.queue(), "", "the queue of the receiver")
        world.expect_no_leak()

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_relay_defers("a_relay_defers_at_a_wrong_password", "535", credentials="BETA\\alpha wrong\n")
_relay_defers("a_relay_defers_without_any_plugin_at_the_receiver", "AUTH", plugins=[])
_relay_defers("a_relay_defers_at_the_stock_plugin_in_place_of_ours", "weaker kind", plugins=[STOCK_NTLM])
_relay_defers("a_relay_defers_where_auth_is_stripped_on_the_way", "AUTH", strip=True)
_relay_defers(
    "a_relay_defers_at_a_receiver_that_takes_no_layer", "does not grant encryption", start="-OAuthMaxBits=0"
)
_relay_defers(
    "a_relay_defers_at_a_receiver_that_takes_a_weaker_layer_only",
    "weaker than the required 128 bit",
    start="-OAuthMaxBits=40",
)


# ---- who gets in, and with what


@case
def a_login_without_a_layer_is_not_enough_where_mail_must_be_sealed(world):
    free = f"free {ntlm.hash_field(PASSWORD)}\n"
    host = with_plugin(world, accounts=example("inbound", "accounts") + free)
    with Session(host) as client:
        expect_equal(client.auth(modern("free", seal=False), seal=False), 235, "login")
        expect_equal(client.mail(JOE), 550, f"MAIL ({client.last!r})")
        expect_in(b"sealed session", client.last, "the reply")
        client.expect(b"RSET", 250)
        stamp = Stamp(client.deliver(world, host, STRANGER), NAME)
    stamp.expect("authenticated", "pass", mech="NTLM", bits=None, account="free")


@case
def an_account_cannot_speak_for_another_domain(world):
    host = with_plugin(world)
    with Session(host) as client:
        expect_equal(client.auth(modern()), 235, "login")
        expect_equal(client.mail(b"joe@gamma.example"), 550, f"MAIL ({client.last!r})")


@case
def wrong_passwords_and_strangers_look_alike(world):
    host = with_plugin(world)
    replies = set()
    for login in (
        modern(password="wrong"),
        modern("nobody"),
        modern("nobody", ""),
        modern("", ""),
        modern(password=""),
    ):
        with Session(host) as client:
            expect_equal(client.auth(login), 535, f"the login ({client.last!r})")
            replies.add(client.last)
            expect_equal(client.mail(JOE), 550, f"MAIL ({client.last!r})")
    expect_equal(len(replies), 1, f"replies {replies}")


RELAYING = [  # SMTPSEAL_RELAYING, the account, whether with a layer; the reply to RCPT
    ("", "alpha", True, 550),
    ("other", "alpha", True, 550),
    ("other alpha", "alpha", True, 250),
    ("other alpha", "alpha", False, 550),
    ("other alpha", "other", True, 250),
    ("PARTNER\\al+pha", "PARTNER\\al+pha", True, 250),
    ("PARTNER\\al+pha", "PARTNER\\al+pha", False, 550),
    ("PARTNER\\al+pha", "alpha", True, 550),
]


@case
def accounts_relay_only_where_they_are_named_and_have_a_layer(world):
    accounts = "".join(
        f"{account} {ntlm.hash_field(PASSWORD)}\n" for account in ("alpha", "other", "PARTNER\\al+pha")
    )
    set_up = None
    for names, account, has_layer, code in RELAYING:
        if names != set_up:
            line = f"define(`SMTPSEAL_RELAYING', `{names}')dnl\ninclude(`/usr/local"
            mc = example("inbound").replace("include(`/usr/local", line)
            world.sendmail("inbound").stop()
            host = with_plugin(
                world,
                milter=set_up is None,
                sendmail_mc=mc,
                accounts=accounts,
                domains="other.example none\n",
            )
            set_up = names
        with Session(host) as client:
            domain, _, user = account.rpartition("\\")
            login = ntlm.SambaClient(f"{domain}\\{user}", PASSWORD, seal=has_layer)
            expect_equal(client.auth(login, seal=has_layer), 235, f"login of {account}")
            client.expect(b"MAIL FROM:<>", 250)
            got = client.say(b"RCPT TO:<bob@plain.example>")
            expect_equal(got, code, f"RCPT of {account} where {names!r} may relay ({client.last!r})")
            if code == 550:
                expect_in(b"Relaying denied", client.last, "the reply")


@case
def an_account_with_a_domain_is_known_by_its_name(world):
    """Sendmail tells the milter accounts in xtext."""
    accounts = f"PARTNER\\al+pha {ntlm.hash_field(PASSWORD)} domains=alpha.example\n"
    rules = "alpha.example none inbound=require inbound_account=PARTNER\\al+pha\n"
    host = with_plugin(world, accounts=accounts, domains=rules)
    with Session(host) as client:
        expect_equal(client.auth(ntlm.SambaClient("PARTNER\\al+pha", PASSWORD)), 235, "login")
        stamp = Stamp(client.deliver(world, host, JOE), NAME)
    stamp.expect("sealed", "pass", bits="128", account="PARTNER\\al+pha")


@case
def nobody_makes_the_receiving_process_deliver(world):
    """VERB would, and would show what it says to others."""
    host = with_plugin(world)
    with Session(host) as client:
        expect(b"250-VERB" not in client.last and b"250-EXPN" not in client.last, f"offered: {client.last!r}")
        expect_equal(client.say(b"VERB") // 100, 5, f"VERB ({client.last!r})")
        expect_equal(client.say(b"EXPN anna") // 100, 5, f"EXPN ({client.last!r})")
        expect_equal(client.say(b"ETRN beta.example") // 100, 5, f"ETRN ({client.last!r})")


@case
def a_layer_may_lie_on_top_of_tls_but_not_below(world):
    host = receiving_with_tls(world, plugins=[world.plugin()])
    with Session(host) as client:
        client.starttls()
        expect_equal(client.auth(modern()), 235, "login inside TLS")
        stamp = Stamp(client.deliver(world, host, JOE), NAME)
    stamp.expect("sealed", "pass", bits="128", account="alpha")
    expect_in("tls", stamp.parameters, "the status")
    with Session(host) as client:
        expect_equal(client.auth(modern()), 235, "login")
        client.expect(b"STARTTLS", 220)
        client.link.seal = None
        client.socket = client.link.connection = tls_without_a_look(client.socket)
        client.expect(b"EHLO client.example", 250)
        expect_equal(client.mail(JOE), 503, f"MAIL behind STARTTLS in a sealed session ({client.last!r})")


@case
def no_account_means_no_login(world):
    """Without a usable accounts file there is no AUTH to offer, and who must come sealed is not let in otherwise."""
    host = with_plugin(world, accounts="alpha\n")
    with Session(host) as client:
        expect(b"AUTH" not in client.last, f"AUTH is offered: {client.last!r}")
    within(
        5, lambda: "NTLM (smtpseal): not offered: /etc/smtpseal/accounts" in host.log(), "a word in the log"
    )
