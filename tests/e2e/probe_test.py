"""smtpseal probe: the way to a domain, tried by the relay as for mail and told step by step; never any mail."""

import json
import threading

from harness import ntlm, proxy
from harness.certificates import Authority
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_peer import SILENCE, fake_exchange_55
from harness.world import PASSWORD, PROXY

DOMAIN = "partner.example"
ACCOUNT = "PARTNER\\alpha"
RULE = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]"
RIGHT = f"{ACCOUNT} {PASSWORD}\n"
CLEAR = f'{ACCOUNT} "{PASSWORD}"\n'


def probe(world, *arguments, stands, domain=DOMAIN):
    report = json.loads(world.smtpseal("alpha", "probe", domain, "--json", *arguments, status=0 if stands else 1))
    expect_equal(report["stands"], stands, f"the verdict: {report}")
    return report


def probe_peer(world, rule=RULE, credentials=RIGHT, stands=True, make=None, **options):
    peer = world.peer(*([make] if make else []), **options)
    world.sending(rule + "\n", credentials)
    report = probe(world, stands=stands)
    said = [line.split(b" ")[0].upper() for session in peer.sessions for line in session.commands()]
    expect(not {b"MAIL", b"RCPT", b"DATA"} & set(said), f"a probe sent mail: {said}")
    return report


def steps(report):
    return {step["name"]: step["detail"] for step in report["steps"]}


def failed(report):
    """Names of the steps that failed."""
    return [step["name"] for step in report["steps"] if not step["ok"]]


@case
def a_sealed_link_stands(world):
    report = probe_peer(world)
    names = [step["name"] for step in report["steps"]]
    expect_equal(
        names,
        "rule,account,hosts,connect,greeting,ehlo,challenge,login,ehlo in seal,noop,quit".split(","),
        "the steps",
    )
    found = steps(report)
    for name, part in (
        ("rule", "/alpha/domains:1"),
        ("ehlo", "AUTH NTLM"),
        ("challenge", "of PARTNER, grants UNICODE"),
        ("login", "NTLMv2, agreed on UNICODE,SIGN,SEAL"),
        ("login", "seal of 128 bit, be-leading, RC4 state each way"),
        ("hosts", "192.0.2.10"),
    ):
        expect_in(part, found[name], f"the step {name}")
    expect_in("sealed with 128 bit", report["verdict"], "the verdict")
    expect_in("128 bit or more", report["verdict"], "the verdict")
    expect_in("probe id=", world.relay.log(), "the relay's log")
    text = world.smtpseal("alpha", "probe", DOMAIN)
    for part in ("STEP", "ok  login ", "ok partner.example: the link stands"):
        expect_in(part, text, "the report")


@case
def marks_and_a_line_while_waiting_are_for_terminals(world):
    world.peer()
    world.sending(RULE + "\n", RIGHT)
    shown = world.smtpseal_on_terminal("alpha", "probe", DOMAIN)
    for part in ("✓  login", "✓ partner.example: the link stands", f"probing {DOMAIN}, at most 60 s ..."):
        expect_in(part, shown, "what a terminal shows")
    expect("probing" not in world.smtpseal("alpha", "probe", DOMAIN), "the line is written to a pipe")


@case
def a_relay_that_ends_ends_its_probe(world):
    peer = world.peer(replies={"greeting": SILENCE})
    world.sending(RULE + "\n", RIGHT, relay_greeting_timeout="30s")
    waiting = threading.Thread(target=world.smtpseal, args=("alpha", "probe", DOMAIN), kwargs={"status": 1})
    waiting.start()
    within(10, lambda: peer.sessions, "the probe's session")
    world.relay.stop(20)  # gives up after process.drain_time
    waiting.join()
    expect_in("stopped", world.relay.log(), "the relay's log")


@case
def a_probe_never_takes_a_session_of_mail(world):
    peer = world.peer()
    world.sending(RULE + "\n", RIGHT)
    world.send("anna@partner.example")
    world.expect_verdict("anna@partner.example", "sent")
    probe(world, stands=True)
    expect_equal(len(peer.sessions), 2, "sessions")


@case
def an_exchange_5_5_link_stands(world):
    report = probe_peer(world, RULE + " profile=exchange-5.5 strength=40", make=fake_exchange_55)
    expect_in("NTLMv1", steps(report)["login"], "the login")
    expect_in("seal of 40 bit", steps(report)["login"], "the login")
    expect_in("shared RC4 state", steps(report)["login"], "the login")
    expect("ehlo in seal" not in steps(report), "a second EHLO was said, which Exchange 5.5 refuses")


@case
def a_strength_below_the_rule_is_told(world):
    report = probe_peer(world, stands=False, flags=ntlm.MODERN & ~0xA0000000)
    expect_in("too weak", report["verdict"], "the verdict")
    expect_in("40 < 128", report["verdict"], "the verdict")
    expect_equal(failed(report), ["login"], "steps that failed")
    expect_in("KEY_EXCH", steps(report)["challenge"], "what was granted")


@case
def a_stripped_auth_is_told(world):
    world.peer()
    world.proxy(lambda: proxy.without_keyword(b"AUTH")(), target=("192.0.2.10", 25))
    world.sending(RULE.replace("192.0.2.10", PROXY[0]) + "\n", RIGHT)
    report = probe(world, stands=False)
    expect_in("does not offer AUTH NTLM, or it was removed in transit", report["verdict"], "the verdict")
    expect("AUTH" not in steps(report)["ehlo"], "what is offered")


@case
def a_wrong_password_is_told_and_holds_the_account(world):
    report = probe_peer(world, stands=False, password="another")
    expect_in("wrong password", report["verdict"], "the verdict")
    expect_in("535", report["verdict"], "the verdict")
    expect_in("holds lift 'PARTNER\\alpha'", report["mend"], "the mend")
    holds = json.loads(world.smtpseal("alpha", "holds", "--json"))["holds"]
    expect_equal([each["account"] for each in holds], [ACCOUNT], "accounts on hold")
    again = probe(world, stands=False)
    expect_equal(failed(again), ["account"], "steps that failed")
    expect_in("is on hold", again["verdict"], "the verdict")
    expect_in("smtpseal holds lift", again["mend"], "the mend")


@case
def tls_alone_is_proved(world):
    authority = Authority(f"{world.dir}/ca", "Test CA")
    certificate = authority.issue("mx.partner.example")
    world.dns("mx-host=partner.example,mx.partner.example,10", "host-record=mx.partner.example,192.0.2.10")
    world.peer(tls=certificate, keywords=["8BITMIME"])
    world.sending(f"partner.example tls tls=verify ca_file={authority.certificate}\n")
    report = probe(world, stands=True)
    expect_in("certificate verified by chain", steps(report)["starttls"], "the step")
    expect_in("TLSv1.3", report["verdict"], "the verdict")
    expect("login" not in steps(report), "a login was tried")


@case
def a_certificate_that_is_not_good_enough_is_told(world):
    authority = Authority(f"{world.dir}/ca", "Test CA")
    other = Authority(f"{world.dir}/other", "Another CA")
    world.dns("mx-host=partner.example,mx.partner.example,10", "host-record=mx.partner.example,192.0.2.10")
    world.peer(tls=other.issue("mx.partner.example"))
    world.sending(f"partner.example tls tls=verify ca_file={authority.certificate}\n")
    report = probe(world, stands=False)
    expect_equal(failed(report), ["starttls"], "steps that failed")
    expect_in("TLS with mx.partner.example", report["verdict"], "the verdict")


@case
def a_login_inside_tls_is_proved(world):
    authority = Authority(f"{world.dir}/ca", "Test CA")
    world.peer(tls=authority.issue("mx.partner.example"))
    world.sending(
        RULE.replace(" seal ", " auth ") + f" tls=verify tls_name=mx.partner.example ca_file={authority.certificate}\n", RIGHT
    )
    report = probe(world, stands=True)
    expect_in("AUTH NTLM", steps(report)["ehlo in TLS"], "what is offered")
    expect_in("logged on as PARTNER\\alpha by NTLM", report["verdict"], "the verdict")


@case
def a_dead_host_is_told_and_the_next_one_tried(world):
    world.dns(
        "mx-host=partner.example,dead.partner.example,10",
        "mx-host=partner.example,mx.partner.example,20",
        "host-record=dead.partner.example,192.0.2.11",
        "host-record=mx.partner.example,192.0.2.10",
    )
    world.peer()
    world.sending("partner.example seal account=PARTNER\\alpha\n", RIGHT)
    report = probe(world, stands=True)
    expect_equal([step["ok"] for step in report["steps"] if step["name"] == "connect"], [False, True], "connects")
    expect_in("dead.partner.example", steps(report)["hosts"], "the hosts")
    world.others[-1].stop()
    report = probe(world, stands=False)
    expect_in("no host of it can be reached", report["verdict"], "the verdict")


@case
def a_null_mx_is_told(world):
    world.dns("mx-host=partner.example,.,0")
    world.sending("partner.example seal account=PARTNER\\alpha\n", RIGHT)
    report = probe(world, stands=False)
    expect_in("no host to deliver to", report["verdict"], "the verdict")
    expect_equal(failed(report), ["hosts"], "steps that failed")


@case
def what_is_not_listed_is_told(world):
    world.peer()
    world.sending(RULE + "\nopen.example none\n", RIGHT)
    expect_in("not listed", probe(world, domain="elsewhere.example", stands=False)["verdict"], "the verdict")
    report = probe(world, domain="open.example", stands=False)
    expect_in("no rule asks for", report["verdict"], "the verdict")
    report = probe(world, domain="not a domain", stands=False)
    expect_equal(report["steps"], [], "steps")


@case
def hostile_words_of_a_peer_are_shown_escaped(world):
    greeting = "220 \u009b2J\u202efake ESMTP".encode()
    world.peer(replies={"greeting": greeting, "AUTH": b"504 \xff\xfe no"})
    world.sending(RULE + "\n", RIGHT)
    told = world.smtpseal("alpha", "probe", DOMAIN, status=1)
    expect_in("\\xc2\\x9b2J\\xe2\\x80\\xaefake", told, "the report")
    expect(told.isascii(), "the report holds what a terminal may obey")
    report = probe(world, stands=False)
    expect_in("504", report["verdict"], "the verdict")


@case
def a_control_character_ends_a_probe(world):
    world.peer(replies={"greeting": b"220 \x1b[2Jfake"})
    world.sending(RULE + "\n", RIGHT)
    report = probe(world, stands=False)
    expect_equal(failed(report), ["greeting"], "steps that failed")


@case
def a_host_that_is_silent_is_given_up_in_time(world):
    peer = world.peer(replies={"greeting": SILENCE})
    world.sending(RULE + "\n", RIGHT)
    answers = []
    first = threading.Thread(target=lambda: answers.append(probe(world, "--timeout", "3", stands=False)))
    first.start()
    within(10, lambda: peer.sessions, "the first probe's session")
    expect_in("another probe", world.smtpseal("alpha", "probe", DOMAIN, status=1), "the answer to a second probe")
    first.join()
    expect_equal(failed(answers[0]), ["greeting"], "steps that failed")
    expect(answers[0]["steps"][-1]["milliseconds"] < 5000, "the time it took")
    expect_in("time limit", answers[0]["verdict"], "the verdict")


@case
def a_relay_that_does_not_run_is_told(world):
    world.tables("alpha", RULE + "\n", RIGHT)
    world.parameters("alpha", {})
    told = world.smtpseal("alpha", "probe", DOMAIN, status=1)
    expect_in("does not run", told, "the message")
    expect_in("systemctl start smtpseal-relay", told, "the message")
