"""What goes wrong on the way: daemons killed, connections cut, records damaged, files broken. No message is lost, none is
half delivered, none leaves in clear, and Postfix delivers what it still has once all is well again."""

import os
import signal
import smtplib
import socket
import subprocess
import time

from harness import ntlm
from harness.proxy import TO_CLIENT, TO_SERVER, cut_at, records
from harness.runner import Failed, case, expect, expect_equal, expect_in, within
from harness.smtp_peer import SILENCE
from harness.world import BETA, PASSWORD, SOCKETS

ANNA = "anna@partner.example"
CREDENTIALS = f"PARTNER\\alpha {PASSWORD}\n"
TO_BETA = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.2]\n"
TO_PEER = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
TO_PROXY = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.20]\n"
TO_PROXY_EXCHANGE = TO_PROXY.replace("\n", " profile=exchange-5.5 strength=40\n")


def expect_kept(world):
    """Postfix still has the message, nothing was delivered, nothing went astray."""
    expect_in(ANNA, world.alpha.queue(), "Postfix's queue")
    expect_equal(world.beta.messages(), [], "messages delivered")
    world.expect_no_leak()


def expect_delivered_after_flush(world, at_least=1):
    """What Postfix kept arrives, complete."""
    within(
        25,
        lambda: world.alpha.flush() or len(world.beta.messages()) >= at_least or time.sleep(0.5),
        "the message(s) kept",
    )
    messages = world.beta.wait_for_delivery(world.marker, at_least)
    for message in messages:
        expect_in("the last line", message.get_payload(), "the content")
    within(10, lambda: not world.alpha.queue(), "an empty queue")


# ---- connections cut between the relays


class _Switch:
    """A proxy rule that can be turned off."""

    def __init__(self, make):
        self.make = make
        self.on = True
        self.used = 0

    def __call__(self):
        if not self.on:
            return lambda side, data: data
        self.used += 1
        return self.make()


def _cut(name, make, delivered_first=False, domains=TO_PROXY, accounts=None):
    def run(world):
        world.receiving(accounts)
        switch = _Switch(make)
        world.proxy(switch)
        world.sending(domains, relay_session_reuse_idle="0s")
        with world.capture("tcp and host 192.0.2.66") as capture:
            world.send(ANNA, world.text("line\r\n" * 2000 + "the last line\r\n"))
            world.expect_verdict(ANNA, "deferred", "partner.example")
        expect(switch.used > 0, "the proxy was not used")
        expect(world.marker.encode() not in capture.data(), "the message took the default route")
        if not delivered_first:
            expect_kept(world)
        switch.on = False
        expect_delivered_after_flush(world, 2 if delivered_first else 1)
        time.sleep(0.3)
        expect_equal(len(world.beta.messages()), 2 if delivered_first else 1, "messages delivered in all")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


def _cut_record(side, number):
    """Cuts instead of the record with that number."""
    return records(side, lambda at, record: None if at == number else [record])


def _cut_inside_record(side, number):
    """Passes half of the record with that number, then cuts at the next octets."""
    return records(
        side,
        lambda at, record: [record[: len(record) // 2]]
        if at == number
        else None
        if at > number
        else [record],
    )


_cut("nothing_is_lost_when_the_connection_is_cut_at_the_greeting", cut_at(TO_CLIENT, b"220"))
_cut("nothing_is_lost_when_the_connection_is_cut_at_ehlo", cut_at(TO_SERVER, b"EHLO"))
_cut("nothing_is_lost_when_the_connection_is_cut_at_the_reply_to_ehlo", cut_at(TO_CLIENT, b"250"))
_cut("nothing_is_lost_when_the_connection_is_cut_at_auth", cut_at(TO_SERVER, b"AUTH"))
_cut("nothing_is_lost_when_the_connection_is_cut_at_the_challenge", cut_at(TO_CLIENT, b"334"))
_cut("nothing_is_lost_when_the_connection_is_cut_at_the_response", cut_at(TO_SERVER, b"TlRMTVNTUAAD"))
_cut("nothing_is_lost_when_the_connection_is_cut_at_235", cut_at(TO_CLIENT, b"235"))
# Sealed commands of a modern session, a record each: EHLO, MAIL, RCPT, DATA, content in records of 4096 octets, end of data.
for _number, _what in enumerate(("ehlo", "mail", "rcpt", "data", "the_first_content", "the_second_content")):
    _cut(f"nothing_is_lost_when_the_seal_is_cut_at_{_what}", _cut_record(TO_SERVER, _number))
for _number, _what in enumerate(("ehlo", "mail", "rcpt", "data")):
    _cut(f"nothing_is_lost_when_the_seal_is_cut_at_the_reply_to_{_what}", _cut_record(TO_CLIENT, _number))
_cut("nothing_is_lost_when_a_record_is_cut_in_the_middle", _cut_inside_record(TO_SERVER, 4))
_cut(
    "a_lost_reply_to_the_final_dot_costs_a_duplicate_at_most", _cut_record(TO_CLIENT, 4), delivered_first=True
)


# ---- records damaged between the relays


def _damage(position):
    def change(number, record):
        if number != 2:
            return [record]
        damaged = bytearray(record)
        damaged[position if position < len(damaged) else -1] ^= 0x40
        return [bytes(damaged)]

    return change


_store = {}


def _reorder(number, record):
    if number == 4:
        _store["held"] = record
        return []
    return [record, _store.pop("held")] if number == 5 else [record]


for _side, _from in ((TO_SERVER, "sent"), (TO_CLIENT, "received")):
    _cut(f"a_damaged_record_{_from}_ends_the_session", records(_side, _damage(24)))
    _cut(f"a_damaged_signature_{_from}_ends_the_session", records(_side, _damage(9)))
    _cut(
        f"a_replayed_record_{_from}_ends_the_session",
        records(_side, lambda number, record: [record, record] if number == 2 else [record]),
    )
    _cut(
        f"an_oversized_record_{_from}_ends_the_session",
        records(
            _side, lambda number, record: [b"\x00\xff\xff\xff" + record[4:]] if number == 2 else [record]
        ),
    )
    _cut(
        f"a_cut_record_{_from}_ends_the_session",
        records(
            _side,
            lambda number, record: [record[:3] + bytes([(record[3] - 1) & 255]) + record[4:-1]]
            if number == 2
            else [record],
        ),
    )
_cut("reordered_records_end_the_session", records(TO_SERVER, _reorder))
_cut("a_reflected_record_ends_the_session", lambda: _Reflect())
_cut(
    "a_damaged_record_to_exchange_55_ends_the_session",
    records(TO_SERVER, _damage(24)),
    domains=TO_PROXY_EXCHANGE,
    accounts=f"alpha {ntlm.hash_field(PASSWORD)} profile=exchange-5.5 strength=40\n",
)


class _Reflect:
    """Sends the client's own first record back to it instead of the server's reply."""

    def __init__(self):
        self.sealed = False
        self.own = None

    def __call__(self, side, data):
        if side == TO_CLIENT and data.startswith(b"235"):
            self.sealed = True
            return data
        if not self.sealed:
            return data
        if side == TO_SERVER and self.own is None:
            self.own = data
            return data
        return self.own if side == TO_CLIENT and self.own else data


# ---- daemons killed


def _killed(name, stage):
    def run(world):
        peer = world.peer(replies={stage: SILENCE})
        world.sending(TO_PEER)
        world.send(ANNA, world.text("line\r\n" * 100 + "the last line\r\n"))
        wanted = {"AUTH": b"AUTH", "MAIL": b"MAIL", "RCPT": b"RCPT", "DATA": b"DATA", "DOT": b"."}[stage]
        within(
            15,
            lambda: any(line.startswith(wanted) for s in peer.sessions for line in s.commands()),
            f"{stage} at the peer",
        )
        world.relay.kill()
        world.expect_verdict(ANNA, "deferred")
        expect_in(ANNA, world.alpha.queue(), "Postfix's queue")
        world.expect_no_leak(peer)
        peer.replies.clear()
        taken = len([each for each in peer.messages if each.accepted])
        world.start_relay()
        world.alpha.flush()
        within(
            20,
            lambda: len([each for each in peer.messages if each.accepted]) == taken + 1,
            "the message at the peer",
        )
        expect_in(b"the last line", peer.messages[-1].content, "the content")
        within(10, lambda: not world.alpha.queue(), "an empty queue")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


for _stage in ("AUTH", "MAIL", "RCPT", "DATA", "DOT"):
    _killed(f"nothing_is_lost_when_the_relay_is_killed_at_{_stage.lower()}", _stage)


@case
def nothing_is_lost_when_the_gate_is_killed(world):
    world.receiving()
    world.sending(TO_BETA)
    world.send(ANNA, world.text("the last line\r\n"))
    world.expect_verdict(ANNA, "sent")
    world.gate.kill()
    world.send(ANNA, world.text("the last line\r\n"))
    within(20, lambda: len(world.alpha.verdicts(ANNA)) == 2, "a second verdict")
    expect_equal(world.alpha.verdicts(ANNA)[-1][0], "deferred", "verdict while the gate is down")
    world.gate.start(BETA)
    expect_delivered_after_flush(world, 2)


@case
def a_relay_that_is_down_defers_and_nothing_takes_another_route(world):
    world.receiving()
    world.sending(TO_BETA)
    world.relay.kill()
    world.send([ANNA, "bob@plain.example"], world.text("the last line\r\n"))
    world.expect_verdict(ANNA, "deferred")
    world.expect_verdict("bob@plain.example", "sent")
    expect_equal(
        [each.recipients for each in world.sink.messages], [["bob@plain.example"]], "the default route"
    )
    expect_in(ANNA, world.alpha.queue(), "Postfix's queue")
    world.start_relay()
    expect_delivered_after_flush(world)


@case
def a_policyd_that_is_down_defers_and_nothing_takes_another_route(world):
    world.receiving()
    world.sending(TO_BETA)
    world.relay.kill()
    world.send(ANNA, world.text("the last line\r\n"))
    world.expect_verdict(ANNA, "deferred")
    world.policyd.kill()
    world.start_relay()
    for recipient in ("carl@partner.example", "bob@plain.example"):
        try:
            world.send(recipient)
        except Failed as refusal:
            expect_in("451", str(refusal), "what alpha says without a map")
        else:
            expect(False, f"alpha took mail for {recipient} without a map")
    world.alpha.reload()
    world.alpha.flush()
    time.sleep(1.5)
    expect_kept(world)
    expect_equal(world.sink.messages, [], "what took the default route")
    world.start_policyd()
    world.alpha.reload()  # qmgr remembers failures, too
    within(
        20,
        lambda: world.alpha.flush() or world.beta.messages() or time.sleep(0.5),
        "the message, with policyd back",
    )
    world.expect_no_leak()


@case
def daemons_killed_again_and_again_lose_nothing(world):
    world.receiving()
    world.sending(TO_BETA)
    source = subprocess.Popen(
        [
            "smtp-source",
            "-s",
            "4",
            "-l",
            "3000",
            "-m",
            "60",
            "-f",
            "joe@alpha.example",
            "-t",
            ANNA,
            "192.0.2.1:25",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(4):
        time.sleep(0.15)
        world.relay.kill()
        world.start_relay()
        time.sleep(0.15)
        world.gate.kill()
        world.gate.start(BETA)
    source.wait(30)
    taken = world.alpha.log().count("client=")
    expect(taken > 0, "alpha took no message")
    within(45, lambda: world.alpha.flush() or not world.alpha.queue() or time.sleep(1), "an empty queue")
    within(20, lambda: len(world.beta.messages()) >= taken, f"{taken} messages delivered, as many as were taken")
    expect("bounced" not in {status for status, _ in world.alpha.verdicts(ANNA)}, "a message was bounced")
    expect_equal(world.sink.messages, [], "what took the default route")


@case
def a_stopping_relay_takes_no_new_message_from_postfix(world):
    world.peer()
    world.sending("partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]:25\n")
    with smtplib.LMTP(f"{SOCKETS}/relay") as lmtp:
        lmtp.ehlo()  # as LHLO
        expect_equal(lmtp.mail("joe@alpha.example")[0], 250, "MAIL before")
        world.relay.signal(signal.SIGTERM)
        world.relay.wait_for_log("stopping")
        expect_equal(lmtp.rcpt(ANNA)[0], 250, "RCPT of the transaction that has begun")
        expect_equal(lmtp.docmd("RSET")[0], 421, "RSET, after which another transaction could begin")
    within(5, lambda: not world.relay.is_running(), "the relay's end")


@case
def sigterm_lets_the_message_on_its_way_finish(world):
    peer = world.peer(replies={"DOT": (1.0, b"250 2.6.0 slow but sure")})
    world.sending(TO_PEER)
    world.send(ANNA)
    within(
        15,
        lambda: any(b"." == line for s in peer.sessions for line in s.commands()),
        "the final dot at the peer",
    )
    world.relay.signal(signal.SIGTERM)
    world.expect_verdict(ANNA, "sent", "slow but sure")
    within(5, lambda: not world.relay.is_running(), "the relay's end")
    expect_equal(world.relay.child.returncode, 0, "its exit code")


@case
def policyd_ends_in_order_with_clients_connected(world):
    world.sending(TO_PEER)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{SOCKETS}/policyd")
        client.sendall(b"23:transpo")  # in the middle of a request
        expect_equal(world.policyd.stop(), 0, "exit code")
    expect(not os.path.exists(f"{SOCKETS}/policyd"), "the socket is left behind")


@case
def a_second_relay_does_not_take_the_sockets_of_the_first(world):
    peer = world.peer()
    world.sending(TO_PEER)
    second = subprocess.run(world.relay.command, capture_output=True, text=True, timeout=10, check=False)
    expect_equal(second.returncode, 1, "exit code of the second")
    world.send(ANNA)
    world.expect_verdict(ANNA, "sent")
    expect_equal(len(peer.messages), 1, "messages")


# ---- broken files


BROKEN = {
    "an_unknown_level": "partner.example sealed account=PARTNER\\alpha\n",
    "an_unknown_attribute": "partner.example seal account=PARTNER\\alpha colour=blue\n",
    "an_unknown_value": "partner.example seal account=PARTNER\\alpha strength=41\n",
    "a_missing_account": "partner.example seal\n",
    "a_bad_pattern": "part ner..example seal account=PARTNER\\alpha\n",
    "a_repeated_pattern": "partner.example seal account=PARTNER\\alpha\nPARTNER.example none\n",
    "a_repeated_attribute": "partner.example seal account=PARTNER\\alpha strength=128 strength=40\n",
    "rubbish": "\x01\x02\x03\n",
}


def _broken(name, text):
    """At start: TEMP for every lookup. At reload: the old set stays. Both say file and line."""

    def run(world):
        peer = world.peer()
        world.tables("alpha", text, CREDENTIALS)
        world.parameters("alpha", {})
        checked = subprocess.run(
            [world.binary("policyd"), "--config", f"{world.dir}/alpha/smtpseal.toml", "--check-config"],
            capture_output=True,
            text=True,
            check=False,
        )
        expect_equal(checked.returncode, 1, "exit code of --check-config")
        expect_in("domains:", checked.stderr, "what --check-config says")
        world.start_policyd()
        for key in (ANNA, "bob@plain.example", "*"):
            answer, error = world.postmap(key)
            expect(
                answer is None and error,
                f"lookup of {key} gave {answer!r} and {error!r} without a trustworthy map",
            )
        expect_in("domains:", world.policyd.log(), "the log")
        world.tables("alpha", TO_PEER, CREDENTIALS)
        world.policyd.reload("policy-loaded")
        world.start_relay()
        expect_equal(world.postmap(ANNA)[0], f"smtpseal:unix:{SOCKETS}/relay", "lookup after the repair")
        expect_equal(
            world.postmap("bob@plain.example"), (None, ""), "lookup of an unlisted domain after the repair"
        )
        world.tables("alpha", text, CREDENTIALS)
        said = world.policyd.reload("policy-not-loaded")
        expect_in("domains:", said, "the log at the reload")
        world.relay.reload("policy-not-loaded")
        expect_equal(world.postmap(ANNA)[0], f"smtpseal:unix:{SOCKETS}/relay", "lookup with the old set")
        world.send(ANNA)
        world.expect_verdict(ANNA, "sent")
        expect(peer.messages[0].sealed, "not sealed")

    run.__module__ = __name__
    run.__name__ = f"a_domains_file_with_{name}_is_never_trusted"
    return case(run)


for _name, _text in BROKEN.items():
    _broken(_name, _text)


@case
def a_missing_or_unreadable_domains_file_is_never_trusted(world):
    world.tables("alpha", TO_PEER, CREDENTIALS)
    world.parameters("alpha", {})
    os.chmod(f"{world.dir}/alpha/domains", 0o600)
    world.start_policyd()
    answer, error = world.postmap(ANNA)
    expect(answer is None and error, f"lookup with an unreadable file gave {answer!r} and {error!r}")
    os.rename(f"{world.dir}/alpha/domains", f"{world.dir}/alpha/gone")
    world.policyd.reload("policy-not-loaded")
    answer, error = world.postmap(ANNA)
    expect(answer is None and error, f"lookup without a file gave {answer!r} and {error!r}")
    os.rename(f"{world.dir}/alpha/gone", f"{world.dir}/alpha/domains")
    os.chmod(f"{world.dir}/alpha/domains", 0o644)
    world.policyd.reload("policy-loaded")
    expect_equal(world.postmap(ANNA)[0], f"smtpseal:unix:{SOCKETS}/relay", "lookup with a readable file")


@case
def postfix_stops_mail_while_the_map_cannot_be_trusted(world):
    world.tables("alpha", "partner.example sealed\n", CREDENTIALS)
    world.parameters("alpha", {})
    world.start_policyd()
    world.start_relay()
    world.alpha.sendmail("joe@alpha.example", [ANNA, "bob@plain.example"], world.text())
    time.sleep(2)
    world.expect_no_leak()
    expect_equal(world.sink.messages, [], "what took the default route")
    expect_in(ANNA, world.alpha.queue(), "Postfix's queue")


def _refused_mode(name, table, mode):
    def run(world):
        peer = world.peer()
        world.tables("alpha", TO_PEER, CREDENTIALS)
        world.parameters("alpha", {})
        os.chmod(f"{world.dir}/alpha/{table}", mode)
        checked = subprocess.run(
            [world.binary("relay"), "--config", f"{world.dir}/alpha/smtpseal.toml", "--check-config"],
            capture_output=True,
            text=True,
            check=False,
        )
        expect_equal(checked.returncode, 1, "exit code of --check-config")
        expect_in(f"{world.dir}/alpha/{table}", checked.stderr, "what --check-config says")
        expect(PASSWORD not in checked.stderr, "the password is in the message")
        world.start_policyd() if table != "domains" else None
        world.start_relay()
        if table != "domains":
            world.send(ANNA)
            world.expect_verdict(ANNA, "deferred", table)
        expect_equal(peer.sessions, [], "sessions with the peer")
        expect(PASSWORD not in world.relay.log(), "the password is in the log")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_refused_mode("credentials_readable_by_others_are_refused", "credentials", 0o644)
_refused_mode("credentials_writable_by_others_are_refused", "credentials", 0o642)
_refused_mode("accounts_readable_by_others_are_refused", "accounts", 0o644)
_refused_mode("domains_writable_by_others_are_refused", "domains", 0o666)


@case
def a_rule_without_its_credential_is_refused(world):
    world.tables("alpha", TO_PEER, "OTHER\\account secret\n")
    world.parameters("alpha", {})
    checked = subprocess.run(
        [world.binary("relay"), "--config", f"{world.dir}/alpha/smtpseal.toml", "--check-config"],
        capture_output=True,
        text=True,
        check=False,
    )
    expect_equal(checked.returncode, 1, "exit code of --check-config")
    expect_in("domains:1", checked.stderr, "what --check-config says")
    world.start_policyd()
    world.start_relay()
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "domains:1")


@case
def parameters_are_checked_with_file_and_line(world):
    world.tables("alpha", TO_PEER, CREDENTIALS)
    for changes, word in (
        ({"relay.linelimit": 5}, "linelimit"),
        ({"relay.line_limit": 5}, "line_limit"),
        ({"relay.stray_line_ends": "maybe"}, "stray_line_ends"),
        ({"log.level": 3}, "level"),
    ):
        world.parameters("alpha", changes)
        done = subprocess.run(
            [world.binary("relay"), "--config", f"{world.dir}/alpha/smtpseal.toml"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        expect_equal(done.returncode, 1, f"exit code with {changes}")
        expect_in("smtpseal.toml:", done.stderr, "the message")
        expect_in(word, done.stderr, "the message")


@case
def relay_and_map_that_disagree_defer(world):
    """policyd has reloaded and the relay has not: the relay does not know the domain, and does not guess."""
    world.peer()
    world.sending("other.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n")
    world.tables("alpha", TO_PEER, CREDENTIALS)
    world.policyd.reload("policy-loaded")
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "disagree")
    world.expect_no_leak()


@case
def the_first_message_after_a_domain_is_listed_is_sealed(world):
    """Exchange bounced it (Q279214). Postfix's programs remember the last address they asked for for 30 s; that one takes a
    `postfix reload`."""
    peer = world.peer()
    world.sending("other.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n")
    world.send(ANNA)
    world.expect_verdict(ANNA, "sent")
    expect_equal(len(world.sink.messages), 1, "messages on the default route while the domain is not listed")
    world.tables("alpha", TO_PEER, CREDENTIALS)
    world.policyd.reload("policy-loaded")
    world.relay.reload("policy-loaded")
    world.send("bob@partner.example")
    within(15, lambda: peer.messages, "the message to another address at the peer")
    world.alpha.reload()
    world.send(ANNA)
    within(15, lambda: len(peer.messages) == 2, "the message to the same address at the peer")
    expect_equal(len(world.sink.messages), 1, "messages on the default route")
    expect(all(message.sealed for message in peer.messages), "not sealed")


@case
def no_secret_is_ever_logged(world):
    world.peer(password="another one")
    world.receiving(log_level="debug")
    world.sending(TO_PEER + TO_BETA.replace("partner", "beta"), log_level="debug")
    world.send([ANNA, "anna@beta.example"])
    world.expect_verdict(ANNA, "deferred")
    world.expect_verdict("anna@beta.example", "sent")
    hashes = ntlm.hash_field(PASSWORD).replace("{LM}", "{NT}").split("{NT}")[1:]
    for process in world.processes:
        for secret in [PASSWORD, "TlRMTVNTUAAD"] + hashes:
            expect(
                secret.lower() not in process.log().lower(), f"{secret} is in the log of {process.command[0]}"
            )
