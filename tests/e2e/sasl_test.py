"""The SASL plugin in programs of others: cyrus smtptest and Postfix, as clients and as servers."""

import os

from harness import ntlm, wire
from harness.ntlm import hash_field
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.sasl import SASLDB, STOCK_NTLM, PostfixWithSasl, SaslSpace, Smtptest
from harness.smtp_client import SmtpClient
from harness.world import ALPHA_ACCOUNT, BASE, BETA, PASSWORD

SMTPD = ("192.0.2.11", 25)  # of gamma, which authenticates by the plugin
JAILED = ("192.0.2.12", 25)  # the same in a chroot, as Debian has it
ANNA = "anna@partner.example"
WEAK_ACCOUNT = f"weak {hash_field(PASSWORD)} strength=40\n"

GAMMA_SETTINGS = f"""
myhostname = gamma.example
inet_interfaces = {SMTPD[0]}
inet_protocols = ipv4
mydestination =
mynetworks = 127.0.0.1/32
alias_maps =
default_transport = login
relayhost = [{BETA[0]}]
virtual_mailbox_domains = gamma.example
virtual_mailbox_limit = 0
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_authenticated_header = yes
smtpd_sasl_local_domain = gamma.example
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = inline:{{ {{ [{BETA[0]}] = alpha:{PASSWORD} }} {{ [{SMTPD[0]}] = anna:{PASSWORD} }} }}
smtp_sasl_mechanism_filter = ntlm
smtp_sasl_security_options = noanonymous
"""

GAMMA_SERVICES = f"""
{SMTPD[0]}:{SMTPD[1]} inet n - n - - smtpd -o max_use=1
{JAILED[0]}:{JAILED[1]} inet n - y - - smtpd -o syslog_name=gamma/jailed
login unix - - y - - smtp -o max_use=1
"""

SMTPD_CONF = f"""
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {BASE}/gamma/sasldb2
mech_list: NTLM
smtpseal_accounts: auxprop
"""


def message(world, recipient):
    """The commands that send a message in one go, without waiting for a reply."""
    text = f"Subject: {world.marker}\n\n{world.marker}"
    size = len(text.replace("\n", "\r\n")) + 2
    return ["MAIL FROM:<joe@alpha.example>", f"RCPT TO:<{recipient}>", f"BDAT {size} LAST", text, "QUIT"]


def space(world, name, *plugins, settings=""):
    """A mount namespace with these plugins, and `settings` in section [sasl] of smtpseal.toml."""
    made = SaslSpace(f"{world.dir}/{name}", *plugins)
    world.others.append(made)
    made.write("smtpseal.toml", "[sasl]\n" + settings)
    return made


def gamma(world, *plugins):
    """Postfix that authenticates by these plugins, in both roles."""
    made = PostfixWithSasl(space(world, "gamma", SASLDB, *plugins), BASE, "gamma", GAMMA_SETTINGS, GAMMA_SERVICES)
    os.makedirs(made.etc + "/sasl", exist_ok=True)
    configure_smtpd(made, SMTPD_CONF)
    made.add_sasldb_user("anna", PASSWORD)
    world.others.append(made)
    made.start().clear()
    return made


def configure_smtpd(host, text):
    host.write("sasl/smtpd.conf", text)


def client_octets(capture, port):
    return b"".join(each.streams["C"].data for each in wire.conversations(capture.data(), port))


# ---- cyrus smtptest


@case
def smtptest_and_the_relay_agree_on_every_strength(world):
    world.receiving(ALPHA_ACCOUNT + WEAK_ACCOUNT)
    client = space(world, "client", world.plugin(), settings='client_strength = "40"\n')
    for account, options, bits in (
        ("alpha", [], 128),
        ("weak", ["-k", "1"], 128),
        ("weak", ["-l", "56"], 56),
        ("weak", ["-l", "40"], 40),
        ("alpha", ["-l", "0"], 0),
    ):
        run = Smtptest(client, BETA, account, PASSWORD, ["NOOP", "QUIT"], *options)
        expect_equal(run.ssf, bits, f"{account} {options}: {run.output}")
        expect_in("\n221 ", run.output, "the end of the session")
        status = f"status=sealed bits={bits}" if bits else "status=authenticated bits=0"
        world.gate.wait_for_log(f"account={account} {status} messages=0")


@case
def smtptest_sends_mail_through_the_layer(world):
    world.receiving()
    client = space(world, "client", world.plugin())
    with world.capture() as capture:
        run = Smtptest(client, BETA, "alpha", PASSWORD, message(world, ANNA))
    expect_equal(run.ssf, 128, f"security strength factor: {run.output}")
    world.beta.wait_for_delivery(world.marker)
    world.gate.wait_for_log("account=alpha status=sealed bits=128 messages=1")
    sent = client_octets(capture, BETA[1])
    for secret in (world.marker, "joe@alpha.example", ANNA, PASSWORD):
        expect(secret.encode() not in sent, f"{secret} was in clear")


@case
def smtptest_tries_no_login_that_would_be_too_weak(world):
    world.receiving()
    client = space(world, "client", world.plugin())
    for options, reason in ((["-l", "56"], "too weak"), (["-l", "1"], "too weak"), (["-k", "129"], "no mechanism")):
        run = Smtptest(client, BETA, "alpha", PASSWORD, ["QUIT"], *options)
        expect_in(reason, run.output, f"{options}")
        expect("C: AUTH" not in run.output, f"{options}: a login was tried")
    client.write("smtpseal.toml", '[sasl]\nclient_layer = "require"\n')
    run = Smtptest(client, BETA, "alpha", PASSWORD, ["QUIT"], "-l", "0")
    expect_in("too weak", run.output, "client_layer = require without a layer")
    expect("C: AUTH" not in run.output, "client_layer = require: a login was tried")


@case
def smtptest_with_a_wrong_password_is_refused(world):
    world.receiving()
    client = space(world, "client", world.plugin())
    run = Smtptest(client, BETA, "alpha", "Wrong-Pw1", ["QUIT"])
    expect_in("S: 535", run.output, "the relay's reply")
    expect_in("Authentication failed", run.output, "what smtptest says")


# ---- Postfix


@case
def smtptest_logs_on_to_postfix_without_a_layer(world):
    host = gamma(world, world.plugin())
    client = space(world, "client", world.plugin())
    run = Smtptest(client, SMTPD, "anna", PASSWORD, message(world, "anna@gamma.example"), "-l", "0")
    expect_equal(run.ssf, 0, f"security strength factor: {run.output} {host.log()}")
    received = host.wait_for_delivery(world.marker)[0]["Received"]
    expect_in("Authenticated sender: anna", received, "the Received header")

    run = Smtptest(client, SMTPD, "anna", "Wrong-Pw1", ["QUIT"], "-l", "0")
    expect_in("S: 535", run.output, "a wrong password")
    run = Smtptest(client, SMTPD, "anna", PASSWORD, ["QUIT"])
    expect_in("S: 334", run.output, "with a layer demanded, smtpd's challenge")
    expect("S: 235" not in run.output, "smtptest is in although it demanded a layer")

    client.install(STOCK_NTLM)
    run = Smtptest(client, SMTPD, "anna", PASSWORD, ["QUIT"])
    expect_in("S: 535", run.output, "the stock plugin's NTLMv1")
    expect(PASSWORD not in host.log(), "the password was logged")


@case
def samba_logs_on_to_postfix_by_either_source_of_accounts(world):
    host = gamma(world, world.plugin())
    expect_logins(host, "anna", "joe")
    host.space.write("accounts", f"joe {hash_field(PASSWORD)}\n", 0o640, "postfix")
    configure_smtpd(host, "mech_list: NTLM\n")
    expect_logins(host, "joe", "anna")


@case
def postfix_in_its_chroot_has_the_accounts_it_started_with(world):
    host = gamma(world, world.plugin())
    configure_smtpd(host, "mech_list: NTLM\n")
    host.space.write("accounts", f"joe {hash_field(PASSWORD)}\n", 0o640, "smtpseal")
    for number in range(3):
        expect_equal(login("joe", JAILED), 235, f"login {number}: {host.log()}")
    host.space.write("accounts", f"ben {hash_field(PASSWORD)}\n", 0o640, "smtpseal")
    expect_equal(login("joe", JAILED), 235, f"login with the accounts of the process: {host.log()}")
    host.reload()
    within(10, lambda: login("ben", JAILED) == 235, f"a login with the new accounts: {host.log()}")
    expect_equal(login("joe", JAILED), 535, f"login with the old accounts: {host.log()}")


def login(account, server=SMTPD):
    with SmtpClient(server) as client:
        client.greet()
        return client.auth(ntlm.SambaClient(f"GAMMA\\{account}", PASSWORD, seal=False), seal=False)


def expect_logins(host, known, unknown):
    for account, password, code in ((known, PASSWORD, 235), (known, "Wrong-Pw1", 535), (unknown, PASSWORD, 535)):
        for initial in (True, False):
            with SmtpClient(SMTPD) as client:
                client.greet()
                got = client.auth(ntlm.SambaClient(f"GAMMA\\{account}", password, seal=False), initial, seal=False)
                expect_equal(got, code, f"login of {account}: {client.last!r} {host.log()}")
    with SmtpClient(SMTPD) as client:
        client.greet()
        expect_equal(client.auth(ntlm.Client(f"GAMMA\\{known}", PASSWORD), seal=False), 535, "NTLMv1")


@case
def postfix_logs_on_with_ntlmv2_where_the_stock_plugin_is_refused(world):
    world.receiving()
    host = gamma(world, world.plugin())
    for number, (plugins, status) in enumerate(
        (
            ([STOCK_NTLM], "deferred"),
            ([world.plugin()], "sent"),
            ([STOCK_NTLM, world.plugin()], "sent"),
        )
    ):
        host.space.install(*plugins)
        recipient = f"anna{number}@partner.example"
        host.sendmail("joe@alpha.example", [recipient], world.text())
        got, text = host.verdict(recipient)
        expect_equal(got, status, f"with {plugins}: {text} {host.log()}")
        if status == "sent":
            expect_in(" auth=NTLMv2 status=authenticated ", world.gate.log(), "the relay's log")
        else:
            expect_in("said: 534 5.7.9 ", text, "the verdict")
            expect("auth-ok" not in world.gate.log(), "the stock plugin got in")
    world.beta.wait_for_delivery(world.marker, 2)
