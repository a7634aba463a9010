"""Every way to write or reach a listed domain ends in the relay or in a refusal, never on the default route."""

import smtplib
import subprocess
import time

from harness.runner import Failed, case, expect, expect_equal, expect_in, within
from harness.world import ALPHA, PASSWORD, PEERS

# Everything below partner.example is listed, d\u00f6m.example too; nothing else is.
DOMAINS = (
    "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
    ".partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
    "d\u00f6m.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
)

FORMS = {
    "lower_case": "anna@partner.example",
    "upper_case": "anna@PARTNER.EXAMPLE",
    "mixed_case": "Anna@Partner.eXample",
    "subdomain": "anna@sub.partner.example",
    "deep_subdomain_in_mixed_case": "anna@A.b.Sub.PARTNER.example",
    "trailing_dot": "anna@partner.example.",
    "source_route": "@alpha.example:anna@partner.example",
    "source_route_through_a_listed_domain": "@partner.example:anna@alpha.example",
    "source_route_of_two_hosts": "@x.example,@y.example:anna@partner.example",
    "percent_hack": "anna%partner.example@alpha.example",
    "percent_hack_at_an_unlisted_domain": "anna%partner.example@plain.example",
    "percent_hack_in_upper_case": "anna%PARTNER.EXAMPLE@local.alpha.example",
    "percent_hack_twice": "anna%partner.example%plain.example@alpha.example",
    "bang_path": "partner.example!anna",
    "bang_path_at_our_own_domain": "partner.example!anna@local.alpha.example",
    "bang_path_at_an_unlisted_domain": "partner.example!anna@plain.example",
    "bang_path_of_two_hosts": "plain.example!partner.example!anna",
    "quoted_local_part": '"anna of the sales"@partner.example',
    "quoted_at_sign": '"anna@partner.example"@plain.example',
    "quoted_at_sign_at_our_own_domain": '"anna@partner.example"@local.alpha.example',
    "quoted_percent": '"anna%partner.example"@plain.example',
    "quoted_pair": '"anna\\@partner.example"@plain.example',
    "extension": "anna+lists@partner.example",
    "extension_that_looks_like_a_domain": "anna+x@partner.example",
    "a_label": "anna@xn--dm-fka.example",
    "a_label_in_upper_case": "anna@XN--DM-FKA.EXAMPLE",
    "two_at_signs": "anna@partner.example@plain.example",
}

UTF8_FORMS = {
    "u_label": "anna@d\u00f6m.example",
    "u_label_in_upper_case": "anna@D\u00d6M.EXAMPLE",
    "u_label_decomposed": "anna@do\u0308m.example",
    "u_label_in_full_width_letters": "anna@\uff50artner.example",
    "u_label_with_an_ideographic_full_stop": "anna@partner\u3002example",
    "u_label_behind_a_percent_sign": "anna%d\u00f6m.example@plain.example",
}


def _offer(world, recipient, sender="joe@alpha.example", utf8=False):
    """Says RCPT TO with the address as it is. True: the message was taken; False: the address was refused."""
    with smtplib.SMTP(*ALPHA, local_hostname="user.alpha.example", timeout=30) as smtp:
        smtp.ehlo()
        smtp.send(f"MAIL FROM:<{sender}>{' SMTPUTF8' if utf8 else ''}\r\n".encode())
        code, reply = smtp.getreply()
        expect_equal(code, 250, f"MAIL ({reply!r})")
        smtp.send(f"RCPT TO:<{recipient}>\r\n".encode())
        code, reply = smtp.getreply()
        if code >= 400:
            expect(code // 100 in (4, 5), f"{reply!r}")
            return False
        code, reply = smtp.data(world.text().encode())
        expect_equal(code, 250, f"the message ({reply!r})")
        return True


def _settle(world, peer):
    """Waits until nothing is on its way any more: delivered by the relay, bounced, or deferred with a verdict."""
    within(25, lambda: "status=" in world.alpha.log() or peer.messages, "any verdict")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline and ("(active)" in world.alpha.queue() or "*" in world.alpha.queue()):
        time.sleep(0.1)


def _expect_not_on_the_default_route(world, peer):
    leaked = [
        message.recipients for message in world.sink.messages if world.marker.encode() in message.content
    ]
    bounces = [message for message in world.sink.messages if b"MAIL FROM:<>" in message.sender]
    if leaked and len(bounces) < len(leaked):
        raise Failed(f"the message went the default route: {leaked}")
    expect(world.marker.encode() not in peer.clear_octets(), "the peer saw the marker in clear")


def _form(name, recipient, utf8):
    def run(world):
        peer = world.peer()
        world.sending(DOMAINS)
        if _offer(world, recipient, utf8=utf8):
            _settle(world, peer)
        _expect_not_on_the_default_route(world, peer)
        if name in (
            "lower_case",
            "upper_case",
            "mixed_case",
            "subdomain",
            "a_label",
            "u_label",
            "trailing_dot",
            "quoted_local_part",
            "extension",
            "a_label_in_upper_case",
            "u_label_in_upper_case",
        ):
            within(10, lambda: peer.messages, "the message at the peer: this form is an ordinary address")
            expect(peer.messages[0].sealed, "not sealed")

    run.__module__ = __name__
    run.__name__ = "never_leaks_" + name
    return case(run)


for _name, _address in FORMS.items():
    _form(_name, _address, utf8=False)
for _name, _address in UTF8_FORMS.items():
    _form(_name, _address, utf8=True)


@case
def control_an_unlisted_address_takes_the_default_route(world):
    peer = world.peer()
    world.sending(DOMAINS)
    for recipient in ("anna@plain.example", "anna@notpartner.example", "anna@partner.example.org"):
        expect(_offer(world, recipient), f"{recipient} was refused")
        world.expect_verdict(recipient, "sent")
    expect_equal(len(world.sink.messages), 3, "messages that took the default route")
    expect_equal(peer.messages, [], "messages at the partner")


def _expansion(name, listed, recipients, sender="joe@alpha.example"):
    """The listed recipient comes about by an expansion of alpha's; it must be reached sealed."""

    def run(world):
        peer = world.peer()
        world.sending(DOMAINS)
        for recipient in recipients:
            expect(_offer(world, recipient, sender), f"{recipient} was refused")
        within(20, lambda: peer.messages, "the message at the peer")
        expect_equal(peer.messages[0].recipients, [listed], "recipients")
        expect(peer.messages[0].sealed, "not sealed")
        time.sleep(0.5)
        for message in world.sink.messages:
            expect(
                all("partner.example" not in each for each in message.recipients),
                f"the default route was taken: {message.recipients}",
            )

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_expansion("seals_what_a_virtual_alias_leads_to", "anna@partner.example", ["alias@alpha.example"])
_expansion("seals_the_listed_member_of_a_list", "anna@partner.example", ["list@alpha.example"])
_expansion("seals_what_an_alias_leads_to", "anna@partner.example", ["team@local.alpha.example"])
_expansion("seals_what_a_forward_file_leads_to", "anna@partner.example", ["forwarder@local.alpha.example"])
_expansion("seals_a_blind_copy", "anna@partner.example", ["bcc@plain.example"])
_expansion(
    "seals_despite_a_relayhost_of_the_sender",
    "anna@partner.example",
    ["anna@partner.example"],
    "odd@alpha.example",
)
_expansion(
    "seals_despite_a_transport_of_the_sender",
    "anna@partner.example",
    ["anna@partner.example"],
    "odd2@alpha.example",
)


@case
def control_routing_by_sender_works_for_unlisted_domains(world):
    world.sending(DOMAINS)
    expect(_offer(world, "bob@plain.example", "odd2@alpha.example"), "refused")
    within(20, lambda: world.sink.messages, "the message at the sink")


@case
def a_bounce_to_a_listed_domain_is_sealed(world):
    peer = world.peer()
    world.sending(DOMAINS)
    world.sink.replies["RCPT"] = b"550 5.1.1 Nobody here"
    expect(_offer(world, "bob@plain.example", "anna@partner.example"), "refused")
    within(20, lambda: peer.messages, "the bounce at the peer")
    expect_equal(peer.messages[0].sender.split(b" ")[1], b"FROM:<>", "sender of the bounce")
    expect(peer.messages[0].sealed, "not sealed")


@case
def a_mixed_message_is_split_between_relay_and_default_route(world):
    peer = world.peer(address=PEERS[0])
    world.sending(DOMAINS)
    world.send(["anna@partner.example", "bob@plain.example", "carl@SUB.partner.example"])
    for recipient in ("anna@partner.example", "bob@plain.example"):
        world.expect_verdict(recipient, "sent")
    within(
        10,
        lambda: sum(len(message.recipients) for message in peer.messages) == 2,
        "both listed recipients at the peer",
    )
    expect_equal(
        [message.recipients for message in world.sink.messages], [["bob@plain.example"]], "default route"
    )


@case
def sendmail_leads_to_the_same_route(world):
    peer = world.peer()
    world.sending(DOMAINS)
    world.alpha.sendmail(
        "joe@alpha.example",
        ["-t"],
        world.text().replace("To: Anna", "To: anna@Partner.Example\r\nBcc: bob@sub.partner.example"),
    )
    within(
        20,
        lambda: sum(len(message.recipients) for message in peer.messages) == 2,
        "both recipients at the peer",
    )
    expect_equal(world.sink.messages, [], "what took the default route")
    expect_in(b"sealed with RC4", peer.messages[0].content, "the content")


@case(seconds=120)
def the_exported_table_leaks_no_form_either(world):
    """`smtpseal export postfix`: the same answers without a daemon in the path of other mail."""
    peer = world.peer()
    world.tables("alpha", DOMAINS, f"PARTNER\\alpha {PASSWORD}\n")
    config = world.parameters("alpha", {})
    table = f"{world.dir}/transport"
    for options in (["--output", table], ["--regexp", "--output", f"{table}.regexp"]):
        subprocess.run([world.binary(""), "--config", config, "export", "postfix", *options], check=True)
    world.start_relay()
    world.alpha.set(transport_maps=f"regexp:{table}.regexp, texthash:{table}")
    for name, recipient in (FORMS | UTF8_FORMS).items():
        world.marker = f"MARKER-{name}"
        if _offer(world, recipient, utf8=name in UTF8_FORMS):
            within(
                15,
                lambda: world.alpha.log().count("status=") > 0
                and "(active)" not in world.alpha.queue()
                and "*" not in world.alpha.queue(),
                f"an end of {name}",
            )
        _expect_not_on_the_default_route(world, peer)
    for name in (
        "mixed_case",
        "deep_subdomain_in_mixed_case",
        "a_label",
        "u_label",
        "extension",
        "quoted_local_part",
    ):
        within(
            5,
            lambda name=name: [each for each in peer.messages if f"MARKER-{name}".encode() in each.content],
            f"{name} at the peer",
        )
    world.send("bob@plain.example")
    within(
        10,
        lambda: any(each.recipients == ["bob@plain.example"] for each in world.sink.messages),
        "plain mail at the sink",
    )
