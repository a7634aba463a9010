"""Sendmail with the files of conf-examples/sendmail: sending through the relay, sending and receiving with the SASL plugin."""

from harness import wire
from harness.runner import case, expect, expect_equal, expect_in

ANNA = "anna@beta.example"
JOE = "joe@alpha.example"
POLICYD, RELAY, RELAY_7BIT = "/run/smtpseal/policyd", "/run/smtpseal/relay", "/run/smtpseal/relay-7bit"
ACCOUNT = 'alpha "correct horse battery staple"\n'
TO_BETA = "beta.example seal account=BETA\\alpha nexthop=[192.0.2.2]\n"


def sending(world, **files):
    """The host that sends through the relay."""
    host = world.sendmail("relay")
    host.configure("relay", **files)
    world.on_sendmail(host, "policyd", POLICYD)
    world.on_sendmail(host, "relay", RELAY, RELAY_7BIT)
    return host.start()


@case
def sends_sealed_through_the_relay(world):
    host = sending(world, domains=TO_BETA)
    world.receiving(ACCOUNT)
    with world.capture(interface=host.interface) as capture:
        queue_id = host.send(JOE, ANNA, world.text())
        status, text = host.verdict(ANNA, queue_id)
        message = world.beta.wait_for_delivery(world.marker)[0]
    expect_equal((status, "mailer=smtpseal," in text), ("sent", True), text)
    expect_equal(wire.count(capture.data(), "AUTH NTLM TlRM"), 1, "logins on the wire")
    for secret in (world.marker, JOE, ANNA, "MAIL FROM"):
        expect_equal(wire.count(capture.data(), secret), 0, f"{secret} on the wire")
    expect_in("sealed with RC4, 128 bits", " ".join(message.get_all("Received")), "the Received headers")
    expect(host.queue() == "", "the queue is not empty")
