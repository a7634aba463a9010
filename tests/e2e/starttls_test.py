"""Sending inside TLS: STARTTLS at the next hop, its certificate, logins bound to it, and what must not leave before."""

import base64
import glob
import os
import re
import shutil
import ssl
import subprocess
import time

from harness import ntlm, wire
from harness.certificates import Authority, self_signed, signed_by_a_leaf
from harness.proxy import (
    TO_CLIENT,
    TO_SERVER,
    TlsProxy,
    alters_tls,
    answers_starttls,
    behind_starttls,
    behind_starttls_reply,
    bytewise,
    delays_tls,
    without_keyword,
)
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_client import SmtpClient
from harness.smtp_peer import CLOSE, MODERN_KEYWORDS, SILENCE, fake_exchange_55
from harness.world import PASSWORD, PEER, PEER_V6, PEERS, PLAIN_SMTPD, PROXY

ANNA = "anna@partner.example"
JOE = "joe@alpha.example"
MAIL = "mail.partner.example"
AT_PEER = f"host-record={MAIL},{PEER[0]}"
AT_PROXY = f"host-record={MAIL},{PROXY[0]}"
AUTH = "partner.example auth account=PARTNER\\alpha nexthop=[mail.partner.example] tls=verify ca_file={ca}\n"
SEAL = AUTH.replace(" auth ", " seal ")
TLS = "partner.example tls nexthop=[mail.partner.example] ca_file={ca}\n"
ENCRYPT = "partner.example auth account=PARTNER\\alpha nexthop=[mail.partner.example] tls=encrypt\n"
SEAL_ENCRYPT = ENCRYPT.replace(" auth ", " seal ")
TLS_ENCRYPT = "partner.example tls nexthop=[mail.partner.example] tls=encrypt\n"
PINNED = "partner.example auth account=PARTNER\\alpha nexthop=[mail.partner.example] tls=verify fingerprint={pin}\n"
BY_MX = "partner.example auth account=PARTNER\\alpha tls=verify ca_file={ca}\n"
NOT_OFFERED = "does not offer STARTTLS, or it was removed in transit"
WITHOUT_AUTH = [each for each in MODERN_KEYWORDS if not each.startswith("AUTH")]
HASTY = {
    "relay_command_timeout": "2s",
    "relay_greeting_timeout": "2s",
    "relay_tls_handshake_timeout": "2s",
    "relay_data_init_timeout": "2s",
    "relay_data_done_timeout": "2s",
}
PATIENT = HASTY | {"relay_retry_time": "1m"}


def authority(world, **options):
    return Authority(f"{world.dir}/tls", **options)


def more(domains, attributes):
    return domains.replace("\n", f" {attributes}\n")


def offering(*mechanisms):
    return [*WITHOUT_AUTH, "AUTH " + " ".join(mechanisms)]


def secured(world, domains=AUTH, certificate=None, records=(AT_PEER,), sending=None, **peer_options):
    """A peer with TLS, a name server, and alpha's daemons with this rule: {ca} in it is the authority that signed the peer's
    certificate, {pin} its fingerprint. Returns the peer."""
    root = authority(world)
    shown = certificate(root) if certificate else root.issue(MAIL)
    peer = world.peer(tls=shown, **peer_options)
    if records:
        world.dns(*records)
    world.sending(domains.format(ca=root.certificate, pin=shown.sha256), **(sending or {}))
    return peer


def deliver(world, peer, recipient=ANNA):
    """One message to the peer; returns its session."""
    count = len(peer.messages)
    world.expect_verdict(recipient, "sent", "Queued by a fake", queue_id=world.send(recipient))
    within(5, lambda: len(peer.messages) > count, "the message at the peer")
    return peer.sessions[-1]


def hop_open(world):
    """The fields of the relay's last line about a session that was opened."""
    lines = [line for line in world.relay.log().splitlines() if "hop-open" in line]
    expect(lines, "the relay's log has no hop-open")
    return {name: value.strip('"') for name, value in re.findall(r'([\w-]+)=("[^"]*"|\S+)', lines[-1])}


def received(message):
    """The Received header that the relay wrote."""
    head = message.content.partition(b"\r\n\r\n")[0].replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ")
    found = [line for line in head.decode().split("\r\n") if "(smtpseal-relay)" in line]
    expect_equal(len(found), 1, "Received headers of the relay")
    return found[0]


def expect_nothing_in(world, octets, what):
    for secret in (world.marker, JOE, "@partner.example"):
        expect(secret.encode() not in octets, f"{what} has {secret!r}")


def expect_nothing_left(world, *peers):
    """Nothing of the message left, be it inside TLS, and no login was begun."""
    world.expect_no_leak(*peers)
    for peer in peers:
        expect_equal(peer.messages, [], "messages the peer took")
        expect_nothing_in(world, peer.unsealed_octets(), "what the peer read")
        harmless = (b"EHLO", b"STARTTLS", b"NOOP", b"QUIT")  # NOOP: what a proxy makes of STARTTLS
        said = [
            line.text
            for session in peer.sessions
            for line in session.lines
            if line.text.split(b" ")[0] not in harmless
        ]
        expect_equal(said, [], "what the peer heard")


def state(world):
    """All that alpha's relay keeps in its state directory."""
    found = ""
    for path in glob.glob(f"{world.dir}/alpha/state/*"):
        with open(path, encoding="utf-8") as text:
            found += text.read()
    return found


def expect_no_credential_in(text, what):
    for secret in wire.spellings(PASSWORD.encode()):
        expect(secret not in text.encode(), f"{what} has the password, be it in base64")


# ---- the instruments


@case
def the_fake_tells_clear_from_tls_and_from_a_seal(world):
    root = authority(world)
    peer = world.peer(tls=root.issue(MAIL))
    context = ssl.create_default_context(cafile=root.certificate)
    with SmtpClient(PEER) as client:
        client.greet()
        client.expect(b"STARTTLS", 220)
        client.link.start_tls(context, server_side=False, server_name=MAIL)
        client.expect(b"EHLO client.example", 250)
        expect(b"STARTTLS" not in client.last, "STARTTLS is offered inside TLS")
        client.expect(b"NOOP said-in-tls", 250)
        expect_equal(client.auth(ntlm.SambaClient("PARTNER\\alpha", PASSWORD)), 235, "login")
        expect_equal(client.send(b"joe@alpha.example", [ANNA.encode()], world.text().encode()), 250, "dot")
        session = peer.sessions[0]
        expect_equal(
            session.commands_in_clear(), [b"EHLO client.example", b"STARTTLS"], "what was said in clear"
        )
        expect_equal(session.clear, b"EHLO client.example\r\nSTARTTLS\r\n", "the octets in clear")
        expect_in(b"said-in-tls", peer.unsealed_octets(), "what was said outside the seal")
        expect_nothing_in(world, peer.unsealed_octets(), "what was said outside the seal")
        within(5, lambda: peer.messages, "the message")
        expect(peer.messages[0].sealed and peer.messages[0].in_tls, "not sealed, or not in TLS")
        client.socket.sendall(b"MAIL FROM:<joe@alpha.example>\r\n")
        within(5, lambda: b"joe@alpha" in peer.clear_octets(), "what came in clear behind the handshake")


@case
def the_man_in_the_middle_reads_what_is_inside_tls(world):
    root = authority(world)
    peer = secured(world, TLS_ENCRYPT, records=(AT_PROXY,))
    middle = TlsProxy(PROXY, PEER, root.issue("evil.example"))
    world.others.append(middle)
    deliver(world, peer)
    expect_equal(middle.tls_client, 1, "handshakes of the relay with the man in the middle")
    expect_in(world.marker.encode(), middle.seen[TO_SERVER], "what the man in the middle read")
    expect_equal(peer.sessions[0].commands_in_clear()[1:], [b"STARTTLS"], "what the peer heard in clear")


# ---- the main job


@case
def logs_on_inside_verified_tls(world):
    peer = secured(world)
    session = deliver(world, peer)
    expect_equal(session.commands_in_clear(), [b"EHLO alpha.example", b"STARTTLS"], "what was said in clear")
    inside = session.commands_in_tls()
    expect_equal(inside[0], b"EHLO alpha.example", "the first command inside TLS")
    expect_equal(inside[1][:15], b"AUTH NTLM TlRMT", "the second")
    expect_equal(inside[3][:10], b"MAIL FROM:", "the one behind the login")
    expect_equal(session.tls_version, "TLSv1.3", "version of TLS")
    login = session.ntlm
    expect_equal(login.response, "NTLMv2", "response")
    expect(login.has_mic, "no MIC")
    expect_equal(login.target_name, f"SMTPSVC/{MAIL}", "MsvAvTargetName")
    expect_equal(login.av_flags, ntlm.AV_FLAG_MIC, "MsvAvFlags")
    expect_equal(
        login.channel_bindings,
        ntlm.channel_bindings(session.tls_end_point_hash),
        "MsvAvChannelBindings",
    )
    message = peer.messages[0]
    expect(message.in_tls and not message.sealed, "the message came otherwise than in TLS without a seal")
    line = received(message)
    for part in (f"TLSv1.3 with cipher {session.tls_cipher}", "certificate verified", "NTLMv2"):
        expect_in(part, line, "the Received header")
    expect("sealed with" not in line, "the Received header claims a seal")
    opened = hop_open(world)
    expect_equal((opened.get("tls"), opened.get("verified")), ("TLSv1.3", "chain"), "the log of the relay")
    world.expect_no_leak(peer)


@case
def nothing_but_ehlo_and_starttls_can_be_read_on_the_wire(world):
    peer = secured(world)
    with world.capture() as capture:
        deliver(world, peer)
    found = [each for each in wire.conversations(capture.data()) if each.server == PEER]
    expect_equal(len(found), 1, "connections to the peer")
    said = found[0].streams["C"].data
    expect(said.startswith(b"EHLO alpha.example\r\nSTARTTLS\r\n\x16\x03"), f"the client began {said[:60]!r}")
    for secret in (world.marker, JOE, ANNA, "TlRMTVNTUAAB", "NTLMSSP", "MAIL FROM"):
        for form in wire.spellings(secret.encode()):
            for side, stream in found[0].streams.items():
                expect(form not in stream.data, f"{secret} can be read on the wire (side {side})")


@case
def seals_inside_verified_tls(world):
    peer = secured(world, SEAL)
    session = deliver(world, peer)
    message = peer.messages[0]
    expect(message.sealed and message.in_tls, "not sealed, or not in TLS")
    expect_nothing_in(world, peer.unsealed_octets(), "what came outside the seal")
    line = received(message)
    for part in ("TLSv1.3 with cipher", "certificate verified", "sealed with RC4, 128 bits"):
        expect_in(part, line, "the Received header")
    opened = hop_open(world)
    expect_equal(
        [opened.get(name) for name in ("status", "bits", "tls", "verified")],
        ["sealed", "128", "TLSv1.3", "chain"],
        "the log of the relay",
    )
    expect_equal(
        session.ntlm.channel_bindings, ntlm.channel_bindings(session.tls_end_point_hash), "channel bindings"
    )
    world.expect_no_leak(peer)


@case
def seals_inside_tls_with_any_certificate_where_the_rule_says_so(world):
    peer = secured(world, SEAL_ENCRYPT, lambda _: self_signed(f"{world.dir}/own", "other.example"))
    session = deliver(world, peer)
    expect(peer.messages[0].sealed and peer.messages[0].in_tls, "not sealed, or not in TLS")
    expect_equal(hop_open(world).get("verified"), "no", "the log of the relay")
    expect_equal(
        session.ntlm.channel_bindings, ntlm.channel_bindings(session.tls_end_point_hash), "channel bindings"
    )
    expect("certificate verified" not in received(peer.messages[0]), "Received claims a check")


@case
def sends_in_verified_tls_without_a_login_where_the_level_is_tls(world):
    root = authority(world)
    peer = world.peer(tls=root.issue(MAIL))
    world.dns(AT_PEER)
    world.sending(TLS.format(ca=root.certificate), credentials="")
    session = deliver(world, peer)
    expect_equal(session.commands_in_clear(), [b"EHLO alpha.example", b"STARTTLS"], "what was said in clear")
    inside = session.commands_in_tls()
    expect_equal(inside[0], b"EHLO alpha.example", "the first command inside TLS")
    expect_equal(inside[1][:10], b"MAIL FROM:", "the second: no login")
    expect(session.ntlm is None, "a login was tried")
    line = received(peer.messages[0])
    expect_in("certificate verified", line, "the Received header")
    expect("NTLM" not in line, "the Received header claims a login")
    opened = hop_open(world)
    expect_equal((opened.get("tls"), opened.get("verified")), ("TLSv1.3", "chain"), "the log of the relay")
    world.expect_no_leak(peer)


@case
def tls_only_at_level_none_means_the_level_tls(world):
    peer = secured(world, TLS.replace(" tls nexthop", " none tls=only nexthop"))
    session = deliver(world, peer)
    expect(peer.messages[0].in_tls and session.ntlm is None, "not in TLS, or logged on")
    expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")
    world.expect_no_leak(peer)


@case
def level_tls_with_any_certificate_is_not_called_verified(world):
    peer = secured(world, TLS_ENCRYPT, lambda _: self_signed(f"{world.dir}/own", "other.example"))
    deliver(world, peer)
    expect(peer.messages[0].in_tls, "not in TLS")
    expect_equal(hop_open(world).get("verified"), "no", "the log of the relay")
    expect("certificate verified" not in received(peer.messages[0]), "Received claims a check")
    world.expect_no_leak(peer)


@case
def sends_in_tls_to_a_stock_postfix(world):
    root = authority(world)
    leaf = root.issue(MAIL)
    world.beta.set(
        smtpd_tls_security_level="may",
        smtpd_tls_cert_file=leaf.certificate,
        smtpd_tls_key_file=leaf.key,
        smtpd_tls_received_header="yes",
    )
    world.dns(f"host-record={MAIL},{PLAIN_SMTPD[0]}")
    world.sending(TLS.format(ca=root.certificate), credentials="")
    for _ in range(2):
        world.expect_verdict(ANNA, "sent", queue_id=world.send(ANNA))
    message = world.beta.wait_for_delivery(world.marker, 2)[0]
    lines = " ".join(" ".join(message.get_all("Received")).split())
    expect_in("using TLSv1.3 with cipher", lines, "what Postfix says of the session")
    expect_in("certificate verified", lines, "what the relay says of it")
    world.expect_no_leak()


@case
def does_not_start_tls_where_the_rule_does_not_say_so(world):
    peer = secured(world, "partner.example seal account=PARTNER\\alpha nexthop=[mail.partner.example]\n")
    session = deliver(world, peer)
    expect(b"STARTTLS" not in session.commands(), "STARTTLS was said")
    expect(peer.messages[0].sealed and not peer.messages[0].in_tls, "not sealed, or in TLS")
    expect(not any(session.ntlm.channel_bindings or b""), "bound to a channel that is not there")
    expect(hop_open(world).get("tls") in (None, "none", "no"), "the log of the relay claims TLS")


@case
def uses_a_session_inside_tls_again(world):
    peer = secured(world)
    for _ in range(3):
        deliver(world, peer)
    expect_equal((len(peer.messages), len(peer.sessions)), (3, 1), "messages and sessions")


@case
def a_session_inside_tls_that_the_next_hop_closed_meanwhile_costs_nothing(world):
    peer = secured(world, sending={"relay_session_reuse_idle": "60s"})
    deliver(world, peer)
    peer.drop_connections()
    deliver(world, peer)
    expect_equal(len(peer.messages), 2, "messages")
    expect(peer.messages[1].in_tls, "not in TLS")


@case
def a_session_is_not_used_again_once_the_rule_asks_for_more(world):
    peer = secured(world, ENCRYPT, lambda _: self_signed(f"{world.dir}/own", MAIL))
    deliver(world, peer)
    world.tables("alpha", more(ENCRYPT, "").replace("encrypt", "verify"), f"PARTNER\\alpha {PASSWORD}\n")
    world.relay.reload("policy-loaded")
    world.expect_verdict(ANNA, "deferred", "self-signed certificate", queue_id=world.send(ANNA))
    expect_equal(len(peer.messages), 1, "messages")


@case
def domains_with_different_rules_do_not_share_a_session(world):
    peer = secured(
        world,
        "one.example tls nexthop=[mail.partner.example] tls=encrypt\n"
        "two.example tls nexthop=[mail.partner.example] ca_file={ca}\n",
        lambda _: self_signed(f"{world.dir}/own", MAIL),
    )
    deliver(world, peer, "a@one.example")
    world.send("b@two.example")
    world.expect_verdict("b@two.example", "deferred", "two.example", "domains:2", "self-signed certificate")
    expect_equal(len(peer.messages), 1, "messages")


@case
def says_quit_inside_tls_once_a_session_is_idle(world):
    peer = secured(world, sending={"relay_session_reuse_idle": "1s"})
    session = deliver(world, peer)
    within(10, lambda: not session.is_open, "the end of the session")
    expect_equal(session.commands_in_tls()[-1], b"QUIT", "the last command inside TLS")
    expect_equal(session.commands_in_clear()[1:], [b"STARTTLS"], "what was said in clear")


@case
def fifty_messages_arrive_once_each_inside_tls(world):
    peer = secured(world, SEAL)
    command = f"smtp-source -s 10 -l 2000 -m 50 -f {JOE} -t {ANNA} 192.0.2.1:25"
    subprocess.run(command.split(), check=True, timeout=50)
    within(50, lambda: len(world.alpha.verdicts(ANNA)) >= 50, "50 verdicts")
    expect_equal({status for status, _ in world.alpha.verdicts(ANNA)}, {"sent"}, "verdicts")
    expect_equal(len(peer.messages), 50, "messages")
    expect(all(each.sealed and each.in_tls for each in peer.messages), "not sealed, or not in TLS")
    world.expect_no_leak(peer)


@case(seconds=120)
def a_large_message_streams_through_tls(world):
    peer = secured(world, SEAL)
    body = (b"0123456789abcdef" * 4 + b"\r\n") * 140_000  # 9.2 MB
    before = world.relay.resident_kib()
    world.send(ANNA, world.text().encode() + body + b"the end\r\n")
    world.expect_verdict(ANNA, "sent", seconds=90)
    within(10, lambda: peer.messages, "the message")
    expect(body in peer.messages[0].content, "the content was changed on its way")
    grown = max(world.relay.resident_kib() - before, 0)
    expect(
        grown < 4000 or world.is_sanitized(),
        f"the relay grew by {grown} KiB over a message of 9 MB: it stores the message",
    )


def _chunked(name, **options):
    def run(world):
        peer = secured(world, SEAL, **options)
        for _ in range(2):
            deliver(world, peer)
        expect(peer.messages[0].sealed and peer.messages[0].in_tls, "not sealed, or not in TLS")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_chunked(
    "works_with_a_peer_that_puts_each_octet_in_a_tls_record",
    chunks=lambda data: [data[n : n + 1] for n in range(len(data))],
)
_chunked("takes_sealed_records_of_one_octet_inside_tls", record_size=1)
_chunked("works_with_tls_1_2", tls_versions=("1.2", "1.2"))


@case
def works_through_a_path_that_splits_every_write_of_tls(world):
    peer = secured(world, SEAL, records=(AT_PROXY,))
    world.proxy(bytewise, PEER)
    deliver(world, peer)
    expect(peer.messages[0].sealed and peer.messages[0].in_tls, "not sealed, or not in TLS")


@case
def takes_starttls_in_lower_case_and_a_reply_of_several_lines(world):
    root = authority(world)
    peer = world.peer(
        tls=root.issue(MAIL),
        keywords=[*WITHOUT_AUTH, "starttls"],
        tls_keywords=offering("NTLM"),
        offers_starttls=False,
    )
    world.dns(AT_PEER)
    world.sending(AUTH.format(ca=root.certificate))
    deliver(world, peer)


@case
def goes_on_where_the_server_asks_for_a_client_certificate(world):
    root = authority(world)
    context = root.issue(MAIL).context()
    context.load_verify_locations(root.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    peer = world.peer(tls=context)
    world.dns(AT_PEER)
    world.sending(AUTH.format(ca=root.certificate))
    deliver(world, peer)
    expect(peer.messages[0].in_tls, "not in TLS")


@case
def asks_in_the_handshake_for_the_name_that_it_checks(world):
    peer = secured(world)
    expect_equal(deliver(world, peer).tls_server_name, MAIL, "server name (SNI)")


# ---- where the next hop comes from


@case
def checks_the_name_of_the_mx_host_and_tells_that_it_came_from_dns(world):
    peer = secured(world, BY_MX, records=("mx-host=partner.example,mail.partner.example,10", AT_PEER))
    login = deliver(world, peer).ntlm
    expect_equal(login.target_name, f"SMTPSVC/{MAIL}", "MsvAvTargetName")
    expect_equal(login.av_flags, ntlm.AV_FLAG_MIC | ntlm.AV_FLAG_UNTRUSTED_SPN, "MsvAvFlags")
    expect(login.has_mic, "no MIC")


@case
def tells_in_a_sealed_login_without_tls_too_that_the_host_came_from_dns(world):
    peer = world.peer()
    world.dns("mx-host=partner.example,mail.partner.example,10", AT_PEER)
    world.sending("partner.example seal account=PARTNER\\alpha\n")
    login = deliver(world, peer).ntlm
    expect_equal(login.target_name, f"SMTPSVC/{MAIL}", "MsvAvTargetName")
    expect_equal(login.av_flags, ntlm.AV_FLAG_MIC | ntlm.AV_FLAG_UNTRUSTED_SPN, "MsvAvFlags")


@case
def tries_the_next_mx_where_one_offers_no_starttls_and_one_is_not_trusted(world):
    root = authority(world)
    plain = world.peer()
    other = world.peer(address=PEERS[1], tls=self_signed(f"{world.dir}/own", "second.example"))
    good = world.peer(address=PEERS[2], tls=root.issue("third.example"))
    world.dns(
        "mx-host=partner.example,first.example,10",
        "mx-host=partner.example,second.example,20",
        "mx-host=partner.example,third.example,30",
        f"host-record=first.example,{PEER[0]}",
        f"host-record=second.example,{PEERS[1][0]}",
        f"host-record=third.example,{PEERS[2][0]}",
    )
    world.sending(BY_MX.format(ca=root.certificate))
    deliver(world, good)
    expect(plain.sessions and other.sessions, "the better hosts were not asked")
    expect_nothing_left(world, plain, other)
    world.expect_no_leak(good)


@case
def a_certificate_of_another_mx_host_is_not_taken(world):
    """Each host is checked by its own name, not by that of the domain or of its neighbours."""
    peer = secured(
        world,
        BY_MX,
        lambda root: root.issue("partner.example", "second.example"),
        records=("mx-host=partner.example,mail.partner.example,10", AT_PEER),
    )
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", f"certificate is not for {MAIL}")
    expect_nothing_left(world, peer)


@case
def takes_a_certificate_for_the_address_where_the_nexthop_is_one(world):
    peer = secured(
        world,
        AUTH.replace("[mail.partner.example]", f"[{PEER[0]}]"),
        lambda root: root.issue(PEER[0]),
        records=(),
    )
    deliver(world, peer)
    expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")


@case
def takes_the_name_in_tls_name_instead_of_the_hosts(world):
    peer = secured(
        world,
        more(AUTH.replace("[mail.partner.example]", f"[{PEER[0]}]"), "tls_name=mail.partner.example"),
        records=(),
    )
    deliver(world, peer)
    expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")


@case
def takes_a_certificate_for_the_ipv6_address_that_is_the_nexthop(world):
    world.need_ipv6()
    root = authority(world)
    peer = world.peer(address=PEER_V6, tls=root.issue(PEER_V6[0]))
    world.sending(AUTH.replace("[mail.partner.example]", f"[{PEER_V6[0]}]").format(ca=root.certificate))
    deliver(world, peer)
    expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")


@case
def takes_a_tls_name_in_u_labels_for_its_a_labels(world):
    name = "m\u00e4il.partner.example"
    peer = secured(
        world,
        more(AUTH, f"tls_name={name}"),
        lambda root: root.issue(name.encode("idna").decode()),
    )
    deliver(world, peer)


def _name_taken(name, *names):
    def run(world):
        peer = secured(world, certificate=lambda root: root.issue(*names))
        deliver(world, peer)
        expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_name_taken("takes_a_wildcard_for_one_label", "*.partner.example")
_name_taken("takes_one_of_many_names", *(f"host{n}.example" for n in range(40)), MAIL)
_name_taken("takes_a_name_in_another_case", "MAIL.Partner.Example")


# ---- whom it trusts


@case
def trusts_an_authority_of_the_system_where_no_ca_file_is_named(world):
    root = authority(world)
    peer = world.peer(tls=root.issue(MAIL))
    world.dns(AT_PEER)
    rule = AUTH.replace(" ca_file={ca}", "")
    world.sending(rule)
    world.expect_verdict(
        ANNA, "deferred", "unable to get local issuer certificate", queue_id=world.send(ANNA)
    )
    expect_nothing_left(world, peer)
    name = subprocess.run(
        ["openssl", "x509", "-noout", "-hash", "-in", root.certificate],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    link = f"/etc/ssl/certs/{name}.0"  # in the copy of /etc that the cases have
    shutil.copy(root.certificate, link)
    try:
        world.relay.stop()
        world.start_relay()
        deliver(world, peer)
        expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")
    finally:
        os.unlink(link)


@case
def trusts_the_authorities_that_the_parameter_names(world):
    root = authority(world)
    peer = world.peer(tls=root.issue(MAIL))
    world.dns(AT_PEER)
    world.sending(AUTH.replace(" ca_file={ca}", ""), relay_tls_ca_file=root.certificate)
    deliver(world, peer)
    expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")


@case
def trusts_only_the_authorities_of_ca_file_where_there_is_one(world):
    """Not those of the parameter, nor of another rule."""
    root, other = authority(world), Authority(f"{world.dir}/other", "Other Root")
    peer = world.peer(tls=root.issue(MAIL))
    world.dns(AT_PEER)
    world.sending(
        TLS.format(ca=other.certificate)
        + TLS.replace("partner.example tls", "two.example tls").format(ca=root.certificate),
        relay_tls_ca_file=root.certificate,
    )
    deliver(world, peer, "b@two.example")
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "domains:1", "unable to get local issuer certificate")
    expect_equal(len(peer.messages), 1, "messages")


@case
def takes_a_self_signed_certificate_that_ca_file_names(world):
    own = self_signed(f"{world.dir}/own", MAIL)
    peer = world.peer(tls=own)
    world.dns(AT_PEER)
    world.sending(AUTH.format(ca=own.certificate))
    deliver(world, peer)
    expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")


@case
def takes_a_chain_with_an_intermediate(world):
    peer = secured(world, certificate=lambda root: root.intermediate().issue(MAIL))
    deliver(world, peer)
    expect_equal(hop_open(world).get("verified"), "chain", "the log of the relay")


@case
def reads_the_authorities_anew_at_a_reload(world):
    old, new = Authority(f"{world.dir}/old"), Authority(f"{world.dir}/new")
    peer = world.peer(tls=new.issue(MAIL))
    world.dns(AT_PEER)
    path = f"{world.dir}/trusted.pem"
    shutil.copy(old.certificate, path)
    world.sending(AUTH.format(ca=path))
    world.expect_verdict(ANNA, "deferred", "certificate is not trusted", queue_id=world.send(ANNA))
    expect_nothing_left(world, peer)
    shutil.copy(new.certificate, path)
    world.relay.reload("policy-loaded")
    deliver(world, peer)


def _pinned(name, pin, certificate=lambda root: root.issue(MAIL)):
    """A case in which fingerprint= is made of the right one by `pin`, and the certificate is taken."""

    def run(world):
        shown = certificate(authority(world))
        peer = world.peer(tls=shown)
        world.dns(AT_PEER)
        world.sending(PINNED.format(pin=pin(shown.sha256)))
        session = deliver(world, peer)
        expect_equal(hop_open(world).get("verified"), "fingerprint", "the log of the relay")
        expect_in("certificate verified", received(peer.messages[0]), "the Received header")
        expect_equal(
            session.ntlm.channel_bindings,
            ntlm.channel_bindings(session.tls_end_point_hash),
            "channel bindings",
        )

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_pinned("takes_a_fingerprint_with_colons", lambda pin: pin)
_pinned("takes_a_fingerprint_without_colons_in_lower_case", lambda pin: pin.replace(":", "").lower())
_pinned("takes_one_of_several_fingerprints", lambda pin: "00:" * 31 + "00," + pin + "," + "ab" * 32)
_pinned(
    "a_fingerprint_takes_the_place_of_chain_name_and_dates",
    lambda pin: pin,
    lambda root: self_signed(root.directory + "/own", "other.example", expired=True),
)


# ---- protection that cannot be had: nothing leaves


def _refused(name, *say, domains=AUTH, status="deferred", middle=None, answer=None, **options):
    """A case in which the peer or the path is not good enough: the verdict names domain, rule and reason, and nothing of the
    message left, be it inside TLS."""

    def run(world):
        records = (AT_PROXY if middle else AT_PEER,)
        peer = secured(world, domains, records=records, sending=HASTY, **options)
        if middle:
            world.proxy(middle, PEER)
        world.send(ANNA)
        world.expect_verdict(ANNA, status, "partner.example", "domains:1", *say)
        expect(peer.sessions, "the peer was never asked")
        expect_nothing_left(world, peer)
        if status == "deferred":
            expect_in(ANNA, world.alpha.queue(), "Postfix's queue")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _name, _domains in {
    "at_level_auth": AUTH,
    "at_level_seal": SEAL,
    "at_level_tls": TLS,
    "with_any_certificate": ENCRYPT,
    "at_level_tls_with_any_certificate": TLS_ENCRYPT,
    "where_none_says_tls_only": TLS.replace(" tls nexthop", " none tls=only nexthop"),
    "where_a_fingerprint_is_named": PINNED,
}.items():
    _refused(f"refuses_a_peer_without_starttls_{_name}", NOT_OFFERED, domains=_domains, offers_starttls=False)
_refused("refuses_a_path_that_strips_starttls", NOT_OFFERED, middle=without_keyword(b"STARTTLS"))
_refused(
    "refuses_a_path_that_strips_starttls_with_any_certificate",
    NOT_OFFERED,
    domains=ENCRYPT,
    middle=without_keyword(b"STARTTLS"),
)
_refused(
    "refuses_a_peer_without_starttls_permanently_where_the_entry_says_so",
    NOT_OFFERED,
    domains=more(AUTH, "on_failure=bounce"),
    status="bounced",
    offers_starttls=False,
)
for _code in (b"454 4.7.0 TLS not available", b"502 5.5.1 not here", b"500 5.5.1 what?", b"250 2.0.0 fine"):
    _refused(
        f"refuses_{_code[:3].decode()}_to_starttls",
        "did not accept STARTTLS: " + _code.decode(),
        replies={"STARTTLS": _code},
    )
_refused(
    "refuses_a_path_that_answers_starttls_454",
    "did not accept STARTTLS: 454 4.7.0 not now",
    middle=answers_starttls(b"454 4.7.0 not now\r\n"),
)
_refused(
    "refuses_a_path_that_answers_starttls_502",
    "did not accept STARTTLS: 502 5.5.1 no such command",
    middle=answers_starttls(b"502 5.5.1 no such command\r\n"),
)
_refused("defers_when_the_peer_never_answers_starttls", replies={"STARTTLS": SILENCE})
_refused("defers_when_the_peer_ends_at_starttls", replies={"STARTTLS": CLOSE})
_refused("defers_when_the_peer_never_shakes_hands", "TLS handshake failed", replies={"handshake": SILENCE})
_refused("defers_when_the_peer_ends_in_the_handshake", "TLS handshake failed", replies={"handshake": CLOSE})
_refused(
    "refuses_a_peer_that_goes_on_in_clear_behind_220",
    "TLS handshake failed",
    replies={"handshake": b"250-fake.example Hello\r\n250 AUTH NTLM"},
)
_refused(
    "defers_when_the_path_holds_the_handshake_back", "TLS handshake failed", middle=delays_tls(6), domains=TLS
)

# What came in clear behind the reply would be taken for what the server says inside TLS.
BEHIND = {
    "one_reply": b"250 2.0.0 injected\r\n",
    "an_answer_to_ehlo": b"250-evil.example\r\n250 AUTH NTLM\r\n",
    "half_a_line": b"250-evil",
    "one_octet": b"\r",
}
for _name, _octets in BEHIND.items():
    _refused(
        f"refuses_{_name}_in_clear_behind_the_reply_to_starttls",
        "sent octets in clear behind its reply to STARTTLS",
        behind_starttls=_octets,
    )
_refused(
    "refuses_octets_that_the_path_puts_behind_the_reply_to_starttls",
    "sent octets in clear behind its reply to STARTTLS",
    middle=behind_starttls_reply(b"250-evil.example\r\n250 AUTH NTLM PLAIN\r\n"),
)
_refused(
    "refuses_octets_behind_the_reply_to_starttls_with_any_certificate",
    "sent octets in clear behind its reply to STARTTLS",
    domains=TLS_ENCRYPT,
    behind_starttls=b"250 2.0.0 injected\r\n",
)


@case
def a_command_that_the_path_puts_behind_starttls_has_no_effect_on_a_sound_peer(world):
    peer = secured(world, records=(AT_PROXY,))
    world.proxy(behind_starttls(b"RSET\r\n"), PEER)
    session = deliver(world, peer)
    expect(b"RSET" not in session.commands(), "the fake took what came in clear for a command")


@case
def a_command_that_the_path_puts_behind_starttls_does_not_get_a_message_out_of_step(world):
    """The peer is one that takes what came in clear for something said inside TLS, so that all its replies come late."""
    peer = secured(world, TLS, records=(AT_PROXY,), sending=HASTY, keeps_clear_input=True)
    world.proxy(behind_starttls(b"RSET\r\n"), PEER)
    world.send(ANNA)
    status, text = world.alpha.verdict(ANNA)
    expect(b"RSET" in peer.sessions[0].commands(), "the fake did not take what came in clear")
    taken = [each for each in peer.messages if each.accepted]
    if status == "sent":
        expect(taken, f"called sent, but the peer never took it ({text})")
    else:
        expect_equal(status, "deferred", f"the verdict ({text})")
        expect_equal(taken, [], "messages taken though the verdict is another")
    world.expect_no_leak(peer)


_refused(
    "refuses_an_expired_certificate",
    "certificate is not trusted: certificate has expired",
    certificate=lambda root: root.issue(MAIL, expired=True),
)
_refused(
    "refuses_a_certificate_that_is_not_yet_valid",
    "certificate is not trusted: certificate is not yet valid",
    certificate=lambda root: root.issue(MAIL, not_yet_valid=True),
)
_refused(
    "refuses_a_self_signed_certificate",
    "certificate is not trusted: self-signed certificate",
    certificate=lambda root: self_signed(root.directory + "/own", MAIL),
)
_refused(
    "refuses_a_certificate_of_another_authority",
    "certificate is not trusted: unable to get local issuer certificate",
    certificate=lambda root: Authority(root.directory + "/other", "Other Root").issue(MAIL),
)
_refused(
    "refuses_a_certificate_of_another_authority_with_the_same_name",
    "certificate is not trusted",
    certificate=lambda root: Authority(root.directory + "/other").issue(MAIL),
)
_refused(
    "refuses_a_chain_without_its_intermediate",
    "certificate is not trusted: unable to get local issuer certificate",
    certificate=lambda root: root.intermediate().issue(MAIL, with_chain=False),
)
_refused(
    "refuses_a_certificate_that_a_leaf_has_signed",
    "certificate is not trusted: invalid CA certificate",
    certificate=lambda root: signed_by_a_leaf(root.issue("other.example"), MAIL),
)
_refused(
    "refuses_a_certificate_for_clients",
    "certificate is not trusted",
    "purpose",
    certificate=lambda root: root.issue(MAIL, purpose="clientAuth"),
)
_refused(
    "refuses_a_certificate_with_a_weak_key",
    "certificate is not trusted: EE certificate key too weak",
    certificate=lambda root: root.issue(MAIL, key="weak-rsa"),
)
_refused(
    "refuses_a_certificate_for_another_name",
    f"certificate is not for {MAIL}",
    certificate=lambda root: root.issue("partner.example", "mail2.partner.example"),
)
_refused(
    "refuses_a_certificate_whose_name_is_in_the_common_name_only",
    f"certificate is not for {MAIL}",
    certificate=lambda root: root.issue(common_name=MAIL),
)
_refused(
    "refuses_a_wildcard_for_two_labels",
    f"certificate is not for {MAIL}",
    certificate=lambda root: root.issue("*.example"),
)
_refused(
    "refuses_a_wildcard_for_a_part_of_a_label",
    f"certificate is not for {MAIL}",
    certificate=lambda root: root.issue("m*.partner.example"),
)
_refused(
    "refuses_a_certificate_for_the_host_where_tls_name_says_another",
    "certificate is not for gate.partner.example",
    domains=more(AUTH, "tls_name=gate.partner.example"),
)
_refused(
    "refuses_a_certificate_for_a_name_where_the_nexthop_is_an_address",
    f"certificate is not for {PEER[0]}",
    domains=AUTH.replace("[mail.partner.example]", f"[{PEER[0]}]"),
)
_refused(
    "refuses_another_fingerprint",
    "fingerprint",
    domains=PINNED.replace("{pin}", "ab" * 32),
)


@case
def refuses_the_fingerprint_of_an_authority_that_is_shown_with_the_certificate(world):
    middle = authority(world).intermediate()
    leaf = middle.issue(MAIL)
    peer = world.peer(tls=leaf)
    world.dns(AT_PEER)
    world.sending(PINNED.format(pin=middle.sha256))
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "domains:1", "fingerprint", leaf.sha256)
    expect_nothing_left(world, peer)


_refused(
    "refuses_an_untrusted_certificate_at_level_tls",
    "self-signed certificate",
    domains=TLS,
    certificate=lambda root: self_signed(root.directory + "/own", MAIL),
)
_refused(
    "refuses_an_untrusted_certificate_at_level_seal",
    "self-signed certificate",
    domains=SEAL,
    certificate=lambda root: self_signed(root.directory + "/own", MAIL),
)
_refused(
    "refuses_an_untrusted_certificate_permanently_where_the_entry_says_so",
    "certificate has expired",
    domains=more(AUTH, "on_failure=bounce"),
    status="bounced",
    certificate=lambda root: root.issue(MAIL, expired=True),
)

# Versions.
for _version in ("1.0", "1.1"):
    _refused(
        f"refuses_a_peer_with_tls_{_version.replace('.', '_')}_only",
        "TLS handshake failed",
        tls_versions=(_version, _version),
    )
_refused(
    "refuses_a_peer_with_tls_1_0_only_where_tls_min_is_1_1",
    "TLS handshake failed",
    domains=more(AUTH, "tls_min=1.1"),
    tls_versions=("1.0", "1.0"),
)
_refused(
    "refuses_a_peer_with_tls_1_2_only_where_tls_min_is_1_3",
    "TLS handshake failed",
    domains=more(AUTH, "tls_min=1.3"),
    tls_versions=("1.2", "1.2"),
)
_refused(
    "refuses_a_peer_with_tls_1_0_only_with_any_certificate",
    "TLS handshake failed",
    domains=TLS_ENCRYPT,
    tls_versions=("1.0", "1.0"),
)


def _version_taken(name, least, offered, want):
    def run(world):
        peer = secured(world, more(AUTH, f"tls_min={least}"), tls_versions=offered)
        session = deliver(world, peer)
        expect_equal((session.tls_version, hop_open(world).get("tls")), (want, want), "version, and the log")
        expect_in(want + " with cipher", received(peer.messages[0]), "the Received header")
        expect_equal(
            session.ntlm.channel_bindings,
            ntlm.channel_bindings(session.tls_end_point_hash),
            "channel bindings",
        )

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_version_taken("takes_tls_1_0_where_tls_min_says_so", "1.0", ("1.0", "1.0"), "TLSv1")
_version_taken("takes_tls_1_1_where_tls_min_says_so", "1.1", ("1.1", "1.1"), "TLSv1.1")
_version_taken("takes_the_best_version_whatever_tls_min_says", "1.0", ("1.0", "1.3"), "TLSv1.3")
_version_taken("takes_tls_1_3_where_tls_min_asks_for_it", "1.3", ("1.0", "1.3"), "TLSv1.3")


@case
def a_bit_that_is_flipped_inside_tls_sends_nothing_twice_and_loses_nothing(world):
    for side, number in ((TO_CLIENT, 2), (TO_CLIENT, 3), (TO_SERVER, 3), (TO_SERVER, 4)):
        peer = secured(
            world, TLS, records=(AT_PROXY,), sending=HASTY, tls_versions=("1.2", "1.2")
        )  # the server's records answer RCPT and DATA; the client's are DATA and the first of the content
        middle = world.proxy(alters_tls(side, number), PEER)
        queue_id = world.send(ANNA)
        world.expect_verdict(ANNA, "deferred", "partner.example", queue_id=queue_id)
        expect_equal(peer.messages, [], "messages")
        expect_in(ANNA, world.alpha.queue(), "Postfix's queue")
        world.expect_no_leak(peer)
        world.end_round(middle, peer)


@case
def a_connection_cut_before_the_reply_to_the_final_dot_defers(world):
    peer = secured(world, TLS, replies={"DOT": CLOSE}, sending=HASTY)
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "partner.example")
    expect_in(ANNA, world.alpha.queue(), "Postfix's queue")
    world.expect_no_leak(peer)


# ---- the man in the middle


@case
def a_man_in_the_middle_with_a_certificate_of_his_own_learns_nothing(world):
    root = authority(world)
    evil = Authority(root.directory + "/evil", "Evil Root").issue(MAIL)
    for domains, reason in ((AUTH, "unable to get local issuer"), (SEAL, "unable to get local issuer")):
        peer = world.peer(tls=root.issue(MAIL))
        middle = TlsProxy(PROXY, PEER, evil)
        world.others.append(middle)
        world.dns(AT_PROXY)
        world.sending(domains.format(ca=root.certificate), **HASTY)
        world.expect_verdict(ANNA, "deferred", reason, queue_id=world.send(ANNA))
        expect_nothing_left(world, peer)
        expect_nothing_in(world, middle.seen[TO_SERVER], "what the man in the middle read")
        expect(b"AUTH" not in middle.seen[TO_SERVER], "a login was begun with the man in the middle")
        expect_in(b"STARTTLS", middle.seen[TO_SERVER], "what the man in the middle read")
        world.end_round(middle, peer)


@case
def a_login_passed_on_by_a_man_in_the_middle_is_refused_for_its_bindings(world):
    """The NTLM relay attack: the rule does not check the certificate, but the server checks what the login is bound to."""
    root = authority(world)
    evil = Authority(root.directory + "/evil", "Evil Root").issue(MAIL)
    peer = secured(world, ENCRYPT, records=(AT_PROXY,), checks_bindings=True)
    middle = TlsProxy(PROXY, PEER, evil)
    world.others.append(middle)
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "partner.example", "535")
    expect_equal(peer.ntlm_tries(), 1, "logins passed on")
    expect_equal(
        peer.sessions[0].ntlm.channel_bindings,
        ntlm.channel_bindings(evil.end_point_hash()),
        "what the login is bound to",
    )
    expect_equal(peer.messages, [], "messages")
    expect_nothing_in(world, middle.seen[TO_SERVER], "what the man in the middle read")
    world.expect_no_leak(peer)


@case
def a_server_that_checks_bindings_takes_the_login(world):
    peer = secured(world, SEAL, checks_bindings=True)
    deliver(world, peer)
    expect(peer.messages[0].sealed and peer.messages[0].in_tls, "not sealed, or not in TLS")


@case
def a_seal_keeps_a_message_from_a_man_in_the_middle_of_tls(world):
    root = authority(world)
    evil = Authority(root.directory + "/evil", "Evil Root").issue(MAIL)
    peer = secured(world, SEAL_ENCRYPT, records=(AT_PROXY,))
    middle = TlsProxy(PROXY, PEER, evil)
    world.others.append(middle)
    deliver(world, peer)
    expect_equal(middle.tls_client, 1, "handshakes of the relay with the man in the middle")
    expect_in(b"AUTH NTLM", middle.seen[TO_SERVER], "what the man in the middle read")
    expect_nothing_in(world, middle.seen[TO_SERVER], "what the man in the middle read")
    expect(peer.messages[0].sealed, "not sealed")


@case
def a_man_in_the_middle_who_takes_ntlm_out_of_tls_gets_no_password(world):
    """He sits inside unverified TLS and offers PLAIN alone; the rule allows NTLM only."""
    root = authority(world)
    peer = secured(world, ENCRYPT, records=(AT_PROXY,), sending=HASTY)
    middle = TlsProxy(
        PROXY,
        PEER,
        root.issue("evil.example"),
        lambda: lambda side, data: data.replace(b"AUTH NTLM", b"AUTH PLAIN LOGIN"),
    )
    world.others.append(middle)
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "does not offer AUTH NTLM, or it was removed in transit")
    expect_nothing_left(world, peer)
    expect(b"AUTH" not in middle.seen[TO_SERVER], "a login was begun")


# ---- channel bindings


def _bound(name, make, want_hash=None):
    """A case in which the login must be bound to a certificate of this kind; `want_hash` is that of its signature."""

    def run(world):
        shown = make(f"{world.dir}/tls")
        if want_hash:
            expect_in(want_hash, _signature_algorithm(shown), "the certificate's signature algorithm")
        peer = world.peer(tls=shown)
        world.dns(AT_PEER)
        world.sending(ENCRYPT)
        session = deliver(world, peer)
        bindings = session.ntlm.channel_bindings
        expect(bindings is not None, "no MsvAvChannelBindings inside TLS")
        expect_equal(bindings, ntlm.channel_bindings(shown.end_point_hash()), "MsvAvChannelBindings")
        expect_equal(any(bindings), shown.end_point_hash() is not None, "whether the login is bound")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


def _signature_algorithm(certificate):
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", certificate.certificate],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return " ".join(text.split("Signature Algorithm:")[1].split()[:10]).lower()


def _by_rsa(**options):
    return lambda directory: Authority(directory, signs_with="rsa").issue(MAIL, **options)


def _by_ec(**options):
    return lambda directory: Authority(directory).issue(MAIL, **options)


for _hash in ("sha1", "sha224", "sha256", "sha384", "sha512"):
    _bound(
        f"binds_to_a_certificate_signed_with_ecdsa_and_{_hash}", _by_ec(signature_hash=_hash), f"with-{_hash}"
    )
for _hash in ("md5", "sha1", "sha256", "sha512"):
    _bound(
        f"binds_to_a_certificate_signed_with_rsa_and_{_hash}",
        _by_rsa(signature_hash=_hash, key="rsa"),
        f"{_hash}with",
    )
for _hash in ("sha256", "sha384", "sha512"):
    _bound(
        f"binds_to_a_certificate_signed_with_rsa_pss_and_{_hash}",
        _by_rsa(signature_hash=_hash, pss=True),
        f"rsassapss hash algorithm: {_hash}",
    )
_bound(
    "binds_to_nothing_where_the_signature_is_ed25519",
    lambda directory: Authority(directory, signs_with="ed25519").issue(MAIL),
    "ed25519",
)
_bound("binds_to_the_leaf_of_a_chain", lambda directory: Authority(directory).intermediate().issue(MAIL))


# ---- what the next hop offers inside TLS


def _not_offered(name, *say, domains=AUTH, **options):
    """A case in which TLS is there, but no login can begin."""

    def run(world):
        peer = secured(world, domains, sending=HASTY, **options)
        world.send(ANNA)
        world.expect_verdict(ANNA, "deferred", "partner.example", "domains:1", *say)
        expect_nothing_left(world, peer)
        expect_equal(peer.sessions[0].commands_in_tls()[0], b"EHLO alpha.example", "a new EHLO inside TLS")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_not_offered(
    "refuses_a_peer_that_offers_ntlm_in_clear_only",
    "does not offer AUTH NTLM, or it was removed in transit",
    tls_keywords=WITHOUT_AUTH,
)
_not_offered(
    "refuses_a_peer_with_plain_where_the_rule_allows_ntlm_only",
    "does not offer AUTH NTLM, or it was removed in transit",
    tls_keywords=offering("PLAIN", "LOGIN"),
)
_not_offered(
    "refuses_a_peer_with_login_where_the_rule_allows_plain_only",
    "does not offer AUTH PLAIN, or it was removed in transit",
    domains=more(AUTH, "mechanisms=PLAIN"),
    tls_keywords=offering("NTLM", "LOGIN"),
)
_not_offered(
    "does_not_show_a_password_for_plain_that_is_offered_in_clear_only",
    "or it was removed in transit",
    domains=more(AUTH, "mechanisms=NTLM,PLAIN"),
    keywords=offering("NTLM", "PLAIN"),
    tls_keywords=WITHOUT_AUTH,
)


@case
def what_was_offered_in_clear_does_not_count_inside_tls(world):
    """SIZE, DSN and 8BITMIME are known in clear only: no parameter of theirs is said inside TLS."""
    peer = secured(world, TLS, tls_keywords=["HELP"])
    world.send(ANNA, mail_options=("RET=HDRS", "ENVID=abc123"), rcpt_options=("NOTIFY=FAILURE",))
    world.expect_verdict(ANNA, "sent")
    within(5, lambda: peer.messages, "the message")
    expect_equal(peer.messages[0].sender, b"MAIL FROM:<joe@alpha.example>", "MAIL FROM")


@case
def takes_a_login_that_is_offered_inside_tls_only(world):
    peer = secured(
        world, SEAL, keywords=WITHOUT_AUTH, tls_keywords=offering("GSSAPI", "NTLM"), needs_starttls=True
    )
    deliver(world, peer)
    expect(peer.messages[0].sealed, "not sealed")


def _two_steps(name, initial_response, domains):
    def run(world):
        peer = secured(world, domains, initial_response=initial_response)
        login = deliver(world, peer).ntlm
        expect_equal(login.response, "NTLMv2", "response")
        expect(login.has_mic, "no MIC")
        expect_equal(peer.failures, [], "what the fake had to complain about")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_two_steps("says_negotiate_again_where_the_initial_response_is_ignored", "ignore", AUTH)
_two_steps("says_auth_ntlm_alone_where_the_initial_response_is_refused", "refuse", AUTH)
_two_steps("seals_where_the_initial_response_is_ignored", "ignore", SEAL)
_two_steps("seals_where_the_initial_response_is_refused", "refuse", SEAL)


@case
def says_negotiate_again_in_clear_too(world):
    for how in ("ignore", "refuse"):
        peer = world.peer(initial_response=how)
        world.sending(f"partner.example seal account=PARTNER\\alpha nexthop=[{PEER[0]}]\n")
        deliver(world, peer)
        expect(peer.messages[0].sealed, "not sealed")
        world.end_round(peer)


# ---- logins by PLAIN and LOGIN


def _shown(name, mechanisms, offered, want, domains=AUTH):
    """A case in which the password is shown inside TLS by mechanism `want`."""

    def run(world):
        peer = secured(
            world,
            more(domains, f"mechanisms={mechanisms}"),
            keywords=offered,
            sending={"log_level": "debug"},
        )
        session = deliver(world, peer)
        expect(session.ntlm is None, "NTLM was tried")
        expect_equal(
            [(each.mechanism, each.user, each.password, each.in_tls) for each in session.logins],
            [(want, "PARTNER\\alpha", PASSWORD, True)],
            "logins",
        )
        expect(peer.messages[0].in_tls, "not in TLS")
        expect_no_credential_in(peer.clear_octets().decode(), "what the peer read in clear")
        line = received(peer.messages[0])
        expect("NTLM" not in line, "the Received header claims NTLM")
        expect_in("certificate verified", line, "the Received header")
        for log in (world.relay.log(), world.policyd.log(), world.alpha.log()):
            expect_no_credential_in(log, "a log")
        world.expect_no_leak(peer)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_shown("falls_to_plain_where_ntlm_is_not_offered", "NTLM,PLAIN", offering("PLAIN"), "PLAIN")
_shown("falls_to_login_where_nothing_else_is_offered", "NTLM,PLAIN,LOGIN", offering("LOGIN"), "LOGIN")
_shown("takes_plain_before_ntlm_where_the_rule_says_so", "PLAIN,NTLM", offering("NTLM", "PLAIN"), "PLAIN")
_shown("takes_login_before_plain_where_the_rule_says_so", "LOGIN,PLAIN", offering("PLAIN", "LOGIN"), "LOGIN")


@case
def takes_ntlm_before_plain_where_both_are_offered(world):
    peer = secured(
        world, more(AUTH, "mechanisms=NTLM,PLAIN,LOGIN"), keywords=offering("PLAIN", "LOGIN", "NTLM")
    )
    session = deliver(world, peer)
    expect_equal(session.ntlm.response, "NTLMv2", "response")
    expect_equal(peer.logins(), [], "logins that show the password")


@case
def a_refused_ntlm_login_never_falls_back_to_showing_the_password(world):
    for reply in (None, b"535 5.7.3 no", b"554 5.7.3 no", b"454 4.7.0 later", b"504 5.7.4 no"):
        peer = secured(
            world,
            more(AUTH, "mechanisms=NTLM,PLAIN,LOGIN"),
            keywords=offering("NTLM", "PLAIN", "LOGIN"),
            password=PASSWORD if reply else "the right one",
            replies={"AUTH2": reply} if reply else {},
            sending=PATIENT,
        )
        world.expect_verdict(ANNA, "deferred", "partner.example", queue_id=world.send(ANNA))
        world.expect_verdict(ANNA, "deferred", "partner.example", queue_id=world.send(ANNA))
        expect_equal(peer.ntlm_tries(), 1, f"NTLM logins tried ({reply})")
        expect_equal(peer.logins(), [], f"logins that show the password ({reply})")
        said = [line for session in peer.sessions for line in session.commands()]
        expect(not [line for line in said if line[:10] == b"AUTH PLAIN"], f"PLAIN was begun ({reply})")
        expect_no_credential_in(peer.unsealed_octets().decode(errors="replace"), "what the peer read")
        world.end_round(peer)


@case
def a_password_that_is_refused_holds_the_account(world):
    peer = secured(
        world, more(AUTH, "mechanisms=PLAIN"), keywords=offering("PLAIN", "LOGIN"), password="another one"
    )
    world.expect_verdict(ANNA, "deferred", "535", "PARTNER", queue_id=world.send(ANNA))
    world.expect_verdict(ANNA, "deferred", "on hold", queue_id=world.send(ANNA))
    expect_equal(len(peer.logins()), 1, "logins tried")
    expect_no_credential_in(world.relay.log() + world.alpha.log(), "a log")


@case
def the_password_is_in_no_log_whatever_the_login(world):
    for attributes, keywords, replies in (
        ("mechanisms=NTLM", offering("NTLM"), {}),
        ("mechanisms=PLAIN", offering("PLAIN"), {"AUTH2": b"535 5.7.3 no"}),
        ("mechanisms=LOGIN", offering("LOGIN"), {"AUTH2": b"454 4.7.0 later"}),
        ("mechanisms=PLAIN", offering("PLAIN"), {"AUTH2": CLOSE}),
    ):
        peer = secured(
            world,
            more(AUTH, attributes),
            keywords=keywords,
            replies=replies,
            sending=HASTY | {"log_level": "debug"},
        )
        queue_id = world.send(ANNA)
        world.alpha.verdict(ANNA, queue_id)
        logs = [process.log() for process in world.processes] + [world.alpha.log()]
        expect_no_credential_in("".join(logs), "a log")
        world.end_round(peer)


@case
def a_peer_that_repeats_the_password_does_not_bring_it_into_a_log(world):
    """As one does that takes the line with it for a command it does not know."""
    by_plain = base64.b64encode(b"\0PARTNER\\alpha\0" + PASSWORD.encode())
    by_login = base64.b64encode(PASSWORD.encode())
    for mechanism, reply in (
        ("PLAIN", b'500 5.5.1 Command unrecognized: "' + by_plain + b'"'),
        ("LOGIN", b'500 5.5.1 Command unrecognized: "' + by_login + b'"'),
        ("PLAIN", b"500-5.7.8 no such account\r\n500 5.7.8 with password " + PASSWORD.encode()),
        ("LOGIN", b"500-5.7.8 " + by_login + b"?\r\n500 5.7.8 sorry"),
    ):
        peer = secured(
            world,
            more(AUTH, f"mechanisms={mechanism}"),
            keywords=offering("PLAIN", "LOGIN"),
            replies={"AUTH2": reply},
        )
        world.expect_verdict(ANNA, "deferred", "500", queue_id=world.send(ANNA))
        logs = [process.log() for process in world.processes] + [world.alpha.log()]
        expect_no_credential_in("".join(logs), "a log")
        expect_no_credential_in(state(world), "what the relay keeps")
        world.end_round(peer)


@case
def goes_on_to_plain_where_ntlm_is_offered_but_not_there(world):
    for code in (b"504 5.7.4 no", b"534 5.7.9 no"):
        peer = secured(
            world,
            more(AUTH, "mechanisms=NTLM,PLAIN"),
            keywords=offering("NTLM", "PLAIN"),
            replies={"AUTH": lambda line, code=code: code if line.startswith(b"AUTH NTLM") else None},
        )
        deliver(world, peer)
        expect_equal([each.mechanism for each in peer.logins()], ["PLAIN"], "logins that show the password")
        world.end_round(peer)


@case
def does_not_go_on_to_plain_where_auth_ntlm_is_answered_535_or_530(world):
    for code in (b"535 5.7.8 no", b"530 5.7.0 no", b"454 4.7.0 later", b"421 4.3.2 bye"):
        peer = secured(
            world,
            more(AUTH, "mechanisms=NTLM,PLAIN,LOGIN"),
            keywords=offering("NTLM", "PLAIN", "LOGIN"),
            replies={"AUTH": lambda line, code=code: code if line.startswith(b"AUTH NTLM") else None},
        )
        world.expect_verdict(ANNA, "deferred", code[:3].decode(), queue_id=world.send(ANNA))
        expect_equal(peer.logins(), [], f"logins that show the password ({code})")
        expect_equal(peer.messages, [], "messages")
        world.end_round(peer)


# ---- what replies to a login mean


@case
def a_login_refused_inside_tls_holds_the_account(world):
    peer = secured(world, password="the right one")
    world.expect_verdict(
        ANNA, "deferred", "partner.example", "domains:1", "535", "PARTNER", queue_id=world.send(ANNA)
    )
    world.expect_verdict(ANNA, "deferred", "on hold", queue_id=world.send(ANNA))
    expect_equal((peer.ntlm_tries(), len(peer.sessions)), (1, 1), "logins and sessions")
    expect_equal(peer.messages, [], "messages")
    world.tables("alpha", AUTH.format(ca=f"{world.dir}/tls/test-root.pem"), "PARTNER\\alpha the right one\n")
    world.relay.reload("policy-loaded")
    world.alpha.flush()
    within(20, lambda: len(peer.messages) == 2, "both messages, once the password is right")


@case
def a_refused_login_is_tried_at_no_other_host(world):
    root = authority(world)
    first = world.peer(tls=root.issue("first.example"), password="the right one")
    second = world.peer(address=PEERS[1], tls=root.issue("second.example"), password="the right one")
    world.dns(
        "mx-host=partner.example,first.example,10",
        "mx-host=partner.example,second.example,20",
        f"host-record=first.example,{PEER[0]}",
        f"host-record=second.example,{PEERS[1][0]}",
    )
    world.sending(BY_MX.format(ca=root.certificate))
    world.expect_verdict(ANNA, "deferred", "535", queue_id=world.send(ANNA))
    expect_equal((first.ntlm_tries(), len(second.sessions)), (1, 0), "logins, and sessions at the next host")
    world.expect_no_leak(first, second)


def _temporary(name, reply):
    """A reply to the login that says nothing about the account: it is not held, but not tried at once by others either."""

    def run(world):
        peer = secured(world, replies={"AUTH2": reply}, sending=PATIENT)
        text = world.expect_verdict(
            ANNA, "deferred", "partner.example", "domains:1", reply[:3].decode(), queue_id=world.send(ANNA)
        )
        expect("refused" not in text, f"held as bad: {text}")
        text = world.expect_verdict(ANNA, "deferred", "partner.example", queue_id=world.send(ANNA))
        expect("refused" not in text, f"held as bad: {text}")
        expect_equal(peer.ntlm_tries(), 1, "logins tried by two messages")
        expect("after=refused" not in world.relay.log(), "the log calls the login refused")
        world.expect_no_leak(peer)

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_temporary("does_not_hold_an_account_for_454_nor_try_it_again_at_once", b"454 4.7.0 later")
_temporary("does_not_hold_an_account_for_421_nor_try_it_again_at_once", b"421 4.3.2 shutting down")


@case
def a_login_that_failed_for_now_is_tried_again_later(world):
    replies = {"AUTH2": b"454 4.7.0 later"}
    peer = secured(world, replies=replies, sending=HASTY)
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "454")
    replies.clear()
    within(20, lambda: world.alpha.flush() or time.sleep(0.5) or len(peer.messages) == 1, "the message")


def _not_accepted(name, reply, *say, domains=AUTH, **options):
    """A reply to the AUTH line itself, which showed no credential: told with its code, and nothing is held."""

    def run(world):
        peer = secured(world, domains, replies={"AUTH": reply}, sending=HASTY, **options)
        text = world.expect_verdict(
            ANNA, "deferred", "domains:1", reply[:3].decode(), *say, queue_id=world.send(ANNA)
        )
        expect("on hold" not in text, f"held: {text}")
        text = world.expect_verdict(ANNA, "deferred", reply[:3].decode(), queue_id=world.send(ANNA))
        expect("on hold" not in text, f"held: {text}")
        expect("credential-held" not in world.relay.log(), "the log calls the account held")
        expect_equal((peer.ntlm_tries(), peer.messages), (0, []), "logins and messages")
        world.expect_no_leak(peer)
        expect_nothing_in(world, peer.unsealed_octets(), "what the peer read")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


IN_CLEAR = f"partner.example auth account=PARTNER\\alpha nexthop=[{PEER[0]}]\n"
_not_accepted("tells_501_to_the_auth_line", b"501 5.5.4 no", "did not accept AUTH NTLM")
_not_accepted("tells_504_to_the_auth_line", b"504 5.7.4 no", "did not accept AUTH NTLM")
_not_accepted("tells_530_to_the_auth_line", b"530 5.7.0 no", "did not accept AUTH NTLM")
_not_accepted("tells_534_to_the_auth_line", b"534 5.7.9 no", "did not accept AUTH NTLM", "weak")
_not_accepted("tells_538_to_the_auth_line", b"538 5.7.11 no", "did not accept AUTH NTLM")
_not_accepted("tells_that_530_in_clear_may_mean_starttls", b"530 5.7.0 no", "STARTTLS", domains=IN_CLEAR)
_not_accepted("tells_that_538_in_clear_may_mean_starttls", b"538 5.7.11 no", "STARTTLS", domains=IN_CLEAR)


@case
def a_peer_that_wants_starttls_first_is_told_of(world):
    peer = world.peer(tls=authority(world).issue(MAIL), needs_starttls=True)
    world.sending(IN_CLEAR, **HASTY)
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "Must issue a STARTTLS command first")
    expect_equal(peer.ntlm_tries(), 0, "logins")
    world.expect_no_leak(peer)


@case
def an_exchange_profile_logs_on_inside_tls(world):
    peer = secured(
        world,
        more(SEAL_ENCRYPT, "profile=exchange-5.5 strength=40"),
        make=fake_exchange_55,
    )
    session = deliver(world, peer)
    expect_equal(session.ntlm.response, "NTLMv1", "response")
    expect(peer.messages[0].sealed and peer.messages[0].in_tls, "not sealed, or not in TLS")


# ---- rules that make no sense


CONTRADICTIONS = [
    "tls account=PARTNER\\alpha",
    "tls tls=none",
    "tls mechanisms=PLAIN",
    "tls profile=exchange-5.5",
    "none tls=verify",
    "none tls=encrypt",
    "auth account=PARTNER\\alpha tls=only",
    "auth account=PARTNER\\alpha tls=maybe",
    "auth account=PARTNER\\alpha tls=encrypt ca_file={ca}",
    "auth account=PARTNER\\alpha ca_file={ca}",
    "auth account=PARTNER\\alpha tls_name=mail.partner.example",
    "auth account=PARTNER\\alpha tls_min=1.2",
    "auth account=PARTNER\\alpha tls=verify tls_min=1.4",
    "auth account=PARTNER\\alpha tls=verify tls_min=",
    "auth account=PARTNER\\alpha tls=verify tls_name=*",
    "auth account=PARTNER\\alpha tls=verify ca_file=relative.pem",
    "auth account=PARTNER\\alpha tls=verify ca_file=/nonexistent.pem",
    "auth account=PARTNER\\alpha tls=verify ca_file={rubbish}",
    "auth account=PARTNER\\alpha tls=verify ca_file={cut}",
    "auth account=PARTNER\\alpha tls=verify fingerprint=abcd",
    "auth account=PARTNER\\alpha tls=verify fingerprint=",
    "auth account=PARTNER\\alpha tls=verify fingerprint=" + "ab" * 32 + ",",
    "auth account=PARTNER\\alpha tls=verify fingerprint=" + "ab" * 32 + " ca_file={ca}",
    "auth account=PARTNER\\alpha mechanisms=PLAIN",
    "auth account=PARTNER\\alpha mechanisms=NTLM,LOGIN",
    "auth account=PARTNER\\alpha tls=verify mechanisms=",
    "auth account=PARTNER\\alpha tls=verify mechanisms=CRAM-MD5",
    "auth account=PARTNER\\alpha tls=verify mechanisms=NTLM,NTLM",
    "seal account=PARTNER\\alpha tls=verify mechanisms=NTLM,PLAIN",
    "auth account=PARTNER\\hashed tls=verify mechanisms=NTLM,PLAIN",
]


@case
def rules_that_contradict_themselves_are_not_taken(world):
    root = authority(world)
    with open(root.certificate, encoding="ascii") as text:
        pem = text.read()
    names = {
        "ca": root.certificate,
        "rubbish": world.write("rubbish.pem", "no certificate\n"),
        "cut": world.write("cut.pem", pem + pem[: len(pem) // 2]),
    }
    credentials = f"PARTNER\\alpha {PASSWORD}\nPARTNER\\hashed {ntlm.hash_field(PASSWORD)}\n"
    world.parameters("alpha", {})
    taken = []
    for rule in ["auth account=PARTNER\\alpha tls=verify ca_file={ca}", *CONTRADICTIONS]:
        world.tables("alpha", f"partner.example {rule.format(**names)}\n", credentials)
        done = subprocess.run(
            [world.binary("relay"), "--config", f"{world.dir}/alpha/smtpseal.toml", "--check-config"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            taken.append(rule)
        else:
            expect_in("domains:1", done.stderr, f"what is said of {rule}")
            expect_no_credential_in(done.stderr, f"what is said of {rule}")
    expect_equal(taken, ["auth account=PARTNER\\alpha tls=verify ca_file={ca}"], "rules that were taken")


@case
def a_ca_file_that_is_gone_at_a_reload_leaves_the_rules_as_they_are(world):
    peer = secured(world)
    deliver(world, peer)
    os.rename(f"{world.dir}/tls/test-root.pem", f"{world.dir}/tls/gone.pem")
    said = world.relay.reload("policy-not-loaded")
    expect_in("domains:1", said, "the log at the reload")
    deliver(world, peer)
    expect(peer.messages[1].in_tls, "not in TLS")
