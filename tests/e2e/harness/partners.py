"""Who talks to beta in the cases about its milter and policyd: accounts, logins, rules, a client that has greeted."""

import secrets
import time

from harness import ntlm
from harness.runner import expect_equal, expect_in
from harness.smtp_client import SmtpClient
from harness.world import BETA, BETA_SMTPD, PASSWORD, PLAIN_SMTPD

JOE, ANNA, STRANGER = b"joe@alpha.example", b"anna@partner.example", b"joe@elsewhere.example"
CLIENT = "192.0.2.15"
OLD_ACCOUNT = f"old {ntlm.hash_field(PASSWORD)} domains=alpha.example profile=exchange-5.5 strength=40\n"
FREE_ACCOUNT = f"free {ntlm.hash_field(PASSWORD)}\n"
OTHER_ACCOUNT = f"other {ntlm.hash_field(PASSWORD)} domains=other.example\n"
RULE = "alpha.example seal account=ALPHA\\beta inbound=require inbound_account=alpha\n"
ANY_BOUND_RULE = "alpha.example seal account=ALPHA\\beta inbound=require\n"
WEAK_RULE = "alpha.example seal account=ALPHA\\beta profile=exchange-5.5 strength=40 inbound=require\n"
UMLAUT_RULE = ".pärtner.example none inbound=require\n"
UMLAUT_ACCOUNT = f"umlaut {ntlm.hash_field(PASSWORD)} domains=.pärtner.example\n"
SENDER_FORMS = [  # sender, code from plain clients where RULE and UMLAUT_RULE hold
    (b"joe@alpha.example", 550),
    (b"joe@ALPHA.Example", 550),
    (b"joe%alpha.example@elsewhere.example", 550),
    (b"joe%ALPHA.example", 550),
    (b"alpha.example!joe", 550),
    (b"alpha.example!joe@elsewhere.example", 550),
    (b'"joe@alpha.example"@elsewhere.example', 550),
    (b"@elsewhere.example:joe@alpha.example", 550),
    (b"joe@sub.xn--prtner-bua.example", 550),
    (b"joe@a.b.xn--prtner-bua.example", 550),
    (b"joe@xn--prtner-bua.example", 250),
    (b"joe", 553),
    (b"joe@alpha", 553),  # Postfix may append a domain
    (b"joe+alpha.example@elsewhere.example", 250),
    (b"alpha.example@elsewhere.example", 250),
    (b"joe@notalpha.example", 250),
    (b"", 250),
]
SEALED_SESSION = (
    "OK sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128; account=alpha; sealed=100; unsealed=100; "
    "peer=[192.0.2.15]"
)


def modern(account="alpha"):
    return ntlm.SambaClient(f"BETA\\{account}", PASSWORD)


def unsealed(account="alpha"):
    return ntlm.SambaClient(f"BETA\\{account}", PASSWORD, seal=False)


def exchange_55(account="old"):
    return ntlm.Client(f"BETA\\{account}", PASSWORD)


class Session(SmtpClient):
    """A client that has greeted, from an address that is not exempt from anything."""

    def __init__(self, server=PLAIN_SMTPD, source=CLIENT, **options):
        super().__init__(server, source=source, **options)
        self.greet()

    def log_in(self, login, seal=True):
        expect_equal(self.auth(login, seal=seal), 235, "login")
        return self

    def begin(self, sender=JOE):
        """Up to the content."""
        self.expect(b"MAIL FROM:<" + sender + b">", 250)
        self.expect(b"RCPT TO:<" + ANNA + b">", 250)
        return self

    def end(self, content):
        self.expect(b"DATA", 354)
        self.link.write(content + b"\r\n.\r\n")
        return self.take()

    def deliver(self, world, sender=JOE, headers="", body=""):
        """One message with a marker of its own; returns it as delivered."""
        world.marker = f"MARKER-{secrets.token_hex(6)}"
        code = self.send(sender, [ANNA], world.text(body, headers).encode())
        expect_equal(code, 250, f"the final dot ({self.last!r})")
        return world.beta.wait_for_delivery(world.marker)[0]


def sealed(account="alpha"):
    return Session(BETA).log_in(modern(account))


def behind_the_gate(client_port, client=CLIENT, server=BETA, login="[UNAVAILABLE]"):
    """What the gate does for a client: introduces it to the smtpd behind by XCLIENT."""
    session = SmtpClient(BETA_SMTPD)
    session.take()
    session.expect(
        f"XCLIENT NAME=[UNAVAILABLE] ADDR={client} PORT={client_port} HELO=client.example PROTO=ESMTP "
        f"DESTADDR={server[0]} DESTPORT={server[1]} LOGIN={login}".encode(),
        220,
    )
    session.expect(b"EHLO client.example", 250)
    session.__class__ = Session
    return session


def expect_refused(client, sender, code, *parts):
    got = client.mail(sender)
    expect_equal(got, code, f"MAIL from {sender!r} ({client.last!r})")
    for part in parts:
        expect_in(part.encode(), client.last, "the reply")


def expect_nothing_taken(world):
    time.sleep(0.3)
    expect_equal(world.beta.messages(), [], "messages in the mailbox")
    expect_equal(world.beta.queue(), "", "queue of beta")
