"""Sendmail that receives, with the files of conf-examples/sendmail/inbound: smtpseal-milter beside it, and sessions that Sendmail
seals itself by the SASL plugin."""

from harness.headers import RESULTS, STATUS, Stamp, fields
from harness.partners import CLIENT, SENDER_FORMS, UMLAUT_ACCOUNT, UMLAUT_RULE
from harness.runner import case, expect, expect_equal, expect_in
from harness.sendmail import example
from harness.smtp_client import SmtpClient

ANNA, JOE, STRANGER = b"anna@beta.example", b"joe@alpha.example", b"joe@elsewhere.example"
MILTER = "/run/smtpseal/milter"
NAME = "mail.beta.example"


def receiving(world, milter=True, plugins=(), **files):
    host = world.sendmail("inbound")
    host.configure("inbound", **files)
    host.plugins(*plugins)
    if milter:
        world.on_sendmail(host, "milter", MILTER)
    return host.start()


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
