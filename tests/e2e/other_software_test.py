"""Login and TLS with programs whose NTLM and TLS are not ours: Exim as server and as client, curl, swaks, and
smtplib with gss-ntlmssp."""

import base64
import os
import re
import shutil
import smtplib
import ssl
import subprocess

import gssapi

from harness import wire
from harness.certificates import Authority
from harness.exim import EximClient, EximServer
from harness.headers import Stamp
from harness.ntlm import hash_field
from harness.runner import case, expect, expect_equal, expect_in
from harness.world import BETA, PASSWORD, PEER

JOE, ANNA, BOB = "joe@alpha.example", "anna@partner.example", "bob@partner.example"
PARTNER = "mail.partner.example"  # the name in Exim's certificate
GATE = "mx.beta.example"  # the name in the relay's
CLIENT = "192.0.2.15"
ACCOUNTS = f"alpha {hash_field(PASSWORD)}\nold {hash_field(PASSWORD)} profile=exchange-5.5\n"
TO_EXIM = "partner.example auth account=PARTNER\\alpha profile=exchange-5.5 nexthop=[192.0.2.10]"
WRONG = "Wrong-Pw1"


# ---- what the cases are made of


def authority(world, name="Test Root"):
    return Authority(f"{world.dir}/certificates", name)


def rules(*attributes):
    """Rules for p0.example and so on, all of them for Exim, with these attributes."""
    lines = [TO_EXIM.replace("partner", f"p{number}") for number in range(len(attributes))]
    return "".join(f"{line} {each}\n" for line, each in zip(lines, attributes))


def exim(world, passwords=None, **options):
    server = EximServer(f"{world.dir}/exim", PEER, passwords or {"alpha": PASSWORD}, **options)
    world.others.append(server)
    return server.start()


def exim_with_tls(world):
    """Exim, which offers AUTH inside TLS only; its certificate, and the file of its authority."""
    root = authority(world)
    shown = root.issue(PARTNER, PEER[0])
    return exim(world, tls=shown, login_needs_tls=True), shown, root.certificate


def gate_with_tls(world, **changes):
    """beta's relay with a certificate, and the milter; its certificate, and the file of its authority."""
    root = authority(world)
    shown = root.issue(GATE, BETA[0])
    shutil.chown(shown.key, "root", "smtpseal")
    os.chmod(shown.key, 0o640)
    changes |= {"relay_tls_cert_file": shown.certificate, "relay_tls_key_file": shown.key}
    world.judging(accounts=ACCOUNTS, **changes)
    return shown, root.certificate


class Run:
    """What a command said, and how it ended."""

    def __init__(self, *command, seconds=30):
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
        self.code = done.returncode
        self.output = done.stdout.decode(errors="replace")


def curl(world, account, *options, password=PASSWORD, name=GATE):
    """One message by curl."""
    mail = world.write("curl.eml", world.text())
    return Run(
        *f"curl -sv --max-time 20 --url smtp://{name}:25/client.example".split(),
        *f"--resolve {name}:25:{BETA[0]} --interface {CLIENT}".split(),
        *f"--mail-from {JOE} --mail-rcpt {ANNA} --login-options AUTH=NTLM".split(),
        *("--user", f"{account}:{password}", "--upload-file", mail, *options),
    )


def swaks(world, account, *options, password=PASSWORD):
    """One message by swaks. It logs in with Authen::NTLM, whose NTLMv2 no server can take."""
    domain, _, user = account.rpartition("\\")
    return Run(
        *f"swaks --server {BETA[0]} --local-interface {CLIENT} --ehlo client.example".split(),
        *f"--from {JOE} --to {ANNA} --auth NTLM --auth-extra DOMAIN={domain} --auth-user {user}".split(),
        *("--auth-password", password, "--timeout", "15s"),
        *("--data", world.text().replace("\r\n", "\\n"), *options),
    )


def exim_client(world, account, password=PASSWORD, **options):
    """An Exim that sends to beta."""
    number = len([name for name in os.listdir(world.dir) if name.startswith("client-")])
    return EximClient(f"{world.dir}/client-{number}", BETA, account, password, source=CLIENT, **options)


class Smtplib:
    """A session of smtplib's with the relay, in which gss-ntlmssp logs in."""

    def __init__(self, ca_file=None):
        self.smtp = smtplib.SMTP(*BETA, "client.example", timeout=15, source_address=(CLIENT, 0))
        self.smtp.ehlo()
        if ca_file:
            self.smtp.starttls(context=ssl.create_default_context(cafile=ca_file))
            self.smtp.ehlo()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.smtp.close()

    def log_in(self, account, password=PASSWORD, bindings=None):
        """Returns the last reply's code. `bindings`: a certificate's hash (tls-server-end-point)."""
        mechanism = gssapi.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")
        who = gssapi.Name(account, gssapi.NameType.user)
        secret = gssapi.raw.acquire_cred_with_password(who, password.encode(), None, [mechanism], "initiate")
        channel = None
        if bindings:
            channel = gssapi.raw.ChannelBindings(application_data=b"tls-server-end-point:" + bindings)
        login = gssapi.SecurityContext(
            name=gssapi.Name(f"smtp@{GATE}", gssapi.NameType.hostbased_service),
            mech=mechanism,
            flags=[],
            creds=gssapi.Credentials(base=secret.creds),
            channel_bindings=channel,
        )
        code, reply = self.smtp.docmd("AUTH", "NTLM " + base64.b64encode(login.step()).decode())
        expect_equal(code, 334, f"NEGOTIATE ({reply!r})")
        answer = login.step(base64.b64decode(reply))
        return self.smtp.docmd(base64.b64encode(answer).decode())[0]

    def send(self, world):
        self.smtp.sendmail(JOE, [ANNA], world.text())


def delivered(world):
    """The message as beta has it."""
    return world.beta.wait_for_delivery(world.marker)[0]


def expect_status(message, response, tls=None):
    """What the milter says: logged in by `response`, never sealed; TLS 1.2 or 1.3 if `tls`."""
    stamp = Stamp(message)
    stamp.expect("authenticated", "pass", mech="NTLM", auth=response, bits=None)
    if tls:
        expect_in(stamp.parameters.get("tls"), ("TLSv1.2", "TLSv1.3"), f"tls in {stamp}")
        expect(stamp.parameters.get("tls-cipher"), f"no tls-cipher in {stamp}")
    else:
        expect("tls" not in stamp.parameters, f"tls in {stamp}")


def expect_only_starttls(capture, server, *secrets):
    """All that the clients of a server said in clear is EHLO and STARTTLS."""
    talks = wire.conversations(capture.data())
    sessions = [each.streams["C"].data for each in talks if each.server == server]
    expect(sessions, f"no connection to {server} in the capture")
    for said in sessions:
        before, _, after = said.partition(b"STARTTLS\r\n")
        expect(before.startswith(b"EHLO ") and before.count(b"\n") == 1, f"before STARTTLS: {before[:200]!r}")
        expect_equal(after[:2], b"\x16\x03", "what follows STARTTLS, which is to be a TLS handshake,")
        for secret in (b"TlRMTVNTUA", b"AUTH NTLM", b"MAIL FROM", *secrets):
            expect(secret not in said, f"{secret} was in clear")


# ---- Exim itself


@case
def exim_logs_in_at_exim_inside_tls_only(world):
    server, _, ca_file = exim_with_tls(world)
    for number, (tls, ca, password, taken) in enumerate(
        ((True, ca_file, PASSWORD, True), (True, "", WRONG, False), (False, "", PASSWORD, False))
    ):
        client = EximClient(f"{world.dir}/client-{number}", PEER, "alpha", password, tls=tls, ca_file=ca)
        sent = client.send(JOE, ANNA, world.text())
        expect_equal(sent, taken, f"{number}: taken ({client.log()}{server.log()})")
    server.wait_for_delivery(world.marker)
    expect_equal(server.log().count("(set_id=alpha)"), 1, f"number of failed logins in {server.log()}")


# ---- to Exim


@case
def mail_leaves_by_a_login_at_exim(world):
    server = exim(world)
    world.sending(TO_EXIM + "\n")
    world.send(ANNA)
    world.expect_verdict(ANNA, "sent")
    message = server.wait_for_delivery(world.marker)[0]
    expect_in(" P=esmtpa ", server.log(), "the log of Exim")
    expect_in(" A=spa:alpha ", server.log(), "the log of Exim")
    received = " ".join(message.get_all("Received"))
    expect_in("NTLMv1", received, "the Received headers")


@case
def several_messages_share_a_session_with_exim(world):
    server = exim(world)
    world.sending(TO_EXIM + "\n")
    for number in range(3):
        world.send(f"anna{number}@partner.example")
        world.expect_verdict(f"anna{number}@partner.example", "sent")
    server.wait_for_delivery(world.marker, 3)
    expect_equal(world.relay.log().count(" hop-open "), 1, "sessions")


@case
def exim_gets_no_login_where_the_rule_asks_for_more_than_it_can(world):
    server = exim(world)
    world.sending(
        "partner.example auth account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
        "sealed.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
        "old.example seal account=PARTNER\\alpha profile=exchange-5.5 strength=40 nexthop=[192.0.2.10]\n"
    )
    for recipient in (ANNA, "anna@sealed.example", "anna@old.example"):
        world.send(recipient)
        world.expect_verdict(recipient, "deferred", "NTLM challenge")
    expect_equal(server.messages(), [], "messages at Exim")
    expect("set_id=" not in server.log(), f"a name and a response were sent: {server.log()}")
    world.expect_no_leak()


@case
def a_login_that_exim_refuses_is_not_tried_again(world):
    server = exim(world, {"alpha": WRONG})
    world.sending(TO_EXIM + "\n")
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "refused the login of account PARTNER\\alpha", "535")
    world.send(BOB)
    world.expect_verdict(BOB, "deferred", "on hold")
    failed = server.log().count("spa authenticator failed")
    expect_equal(failed, 1, f"number of failed logins in {server.log()}")
    expect_equal(server.messages(), [], "messages at Exim")


@case
def exim_gets_nothing_in_clear_where_the_login_needs_tls(world):
    server, _, _ = exim_with_tls(world)
    world.sending(TO_EXIM + "\n")
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred")
    expect_equal(server.messages(), [], "messages at Exim")


@case
def mail_leaves_by_a_login_inside_tls_with_exim(world):
    server, shown, ca_file = exim_with_tls(world)
    world.sending(
        rules(
            "tls=encrypt",
            f"tls=verify ca_file={ca_file} tls_name={PARTNER}",
            f"tls=verify ca_file={ca_file}",  # the certificate has the next hop's address too
            f"tls=verify fingerprint={shown.sha256}",
        )
    )
    with world.capture() as capture:
        for number in range(4):
            world.send(f"anna@p{number}.example")
            world.expect_verdict(f"anna@p{number}.example", "sent")
    expect_only_starttls(capture, PEER, world.marker.encode(), JOE.encode())
    server.wait_for_delivery(world.marker, 4)
    accepted = re.findall(r" <= .*", server.log())
    expect_equal(len(accepted), 4, "messages that Exim took")
    for line in accepted:
        for part in (" P=esmtpsa ", " X=TLS1.", " A=spa:alpha "):
            expect_in(part, line, "what Exim says of a message")
    opened = world.relay.log().count(" hop-open ")
    expect_equal(opened, 4, "sessions, of which rules with other demands share none")
    world.expect_no_leak()


@case
def exim_with_a_certificate_that_is_not_verified_gets_no_login(world):
    server, shown, ca_file = exim_with_tls(world)
    stranger = authority(world, "Stranger").certificate
    world.sending(
        rules(
            f"tls=verify ca_file={stranger} tls_name={PARTNER}",
            f"tls=verify ca_file={ca_file} tls_name=mail.other.example",
            f"tls=verify fingerprint={shown.sha256[:-2]}{'00' if shown.sha256[-2:] != '00' else '01'}",
            f"tls=verify tls_name={PARTNER}",  # the system's authorities
        )
    )
    for number in range(4):
        world.send(f"anna@p{number}.example")
        world.expect_verdict(f"anna@p{number}.example", "deferred", "certificate")
    expect_equal(server.messages(), [], "messages at Exim")
    expect("authenticator failed" not in server.log(), f"a login was tried: {server.log()}")
    world.expect_no_leak()


@case
def exim_without_tls_gets_no_login_where_the_rule_wants_tls(world):
    server = exim(world)
    world.sending(f"{TO_EXIM} tls=encrypt\n")
    world.send(ANNA)
    world.expect_verdict(ANNA, "deferred", "STARTTLS")
    expect_equal(server.messages(), [], "messages at Exim")
    world.expect_no_leak()


# ---- to the relay, in clear


@case
def curl_logs_in_with_ntlmv2(world):
    world.judging(accounts=ACCOUNTS)
    run = curl(world, "BETA\\alpha")
    expect_equal(run.code, 0, f"exit code of curl: {run.output}")
    expect_in("< 235 ", run.output, "what curl says")
    expect_status(delivered(world), "NTLMv2")

    run = curl(world, "BETA\\alpha", password=WRONG)
    expect_equal(run.code, 67, f"exit code of curl with a wrong password: {run.output}")
    expect_in("< 535 ", run.output, "what curl says")
    world.gate.wait_for_log("auth-failed")


@case
def swaks_logs_in_with_ntlmv1_where_the_account_admits_it(world):
    world.judging(accounts=ACCOUNTS)
    run = swaks(world, "BETA\\old")
    expect_equal(run.code, 0, f"exit code of swaks: {run.output}")
    expect_status(delivered(world), "NTLMv1")

    for account, password, code in (("BETA\\old", WRONG, "535"), ("BETA\\alpha", PASSWORD, "534")):
        run = swaks(world, account, password=password)
        expect_equal(run.code, 28, f"exit code of swaks as {account}: {run.output}")
        expect_in(f"<** {code} ", run.output, f"what swaks says as {account}")


@case
def exim_logs_in_where_the_account_admits_ntlmv1(world):
    world.judging(accounts=ACCOUNTS)
    client = exim_client(world, "old@BETA")
    expect(client.send(JOE, ANNA, world.text()), f"not delivered: {client.log()}")
    expect_in(" A=spa:old@BETA ", client.log(), "the log of Exim")
    expect_status(delivered(world), "NTLMv1")

    for account, password, code in (("old@BETA", WRONG, "535"), ("alpha@BETA", PASSWORD, "534")):
        client = exim_client(world, account, password)
        expect(not client.send(JOE, ANNA, world.text()), f"delivered as {account}: {client.log()}")
        expect_in(f" {code} 5.7.", client.log(), f"the log of Exim as {account}")


@case
def smtplib_logs_in_with_gss_ntlmssp(world):
    world.judging(accounts=ACCOUNTS)
    with Smtplib() as client:
        expect_equal(client.log_in("BETA\\alpha", WRONG), 535, "a wrong password")
        expect_equal(client.log_in("BETA\\alpha"), 235, "login")
        client.send(world)
    expect_status(delivered(world), "NTLMv2")


# ---- to the relay, inside TLS


@case
def curl_logs_in_inside_tls(world):
    _, ca_file = gate_with_tls(world)
    with world.capture() as capture:
        run = curl(world, "BETA\\alpha", "--ssl-reqd", "--cacert", ca_file)
        expect_equal(run.code, 0, f"exit code of curl: {run.output}")
        message = delivered(world)
    expect_in("AUTH NTLM", run.output, "what curl says")
    expect_status(message, "NTLMv2", tls=True)
    expect_only_starttls(capture, BETA, world.marker.encode(), JOE.encode())

    run = curl(world, "BETA\\alpha", "--ssl-reqd", "--cacert", ca_file, password=WRONG)
    expect_in("< 535 ", run.output, "what curl says with a wrong password")
    run = curl(world, "BETA\\alpha", "--ssl-reqd", "--cacert", ca_file, name="other.beta.example")
    expect_equal(run.code, 60, f"exit code of curl, which wants another host's certificate: {run.output}")


@case
def curl_gets_the_version_of_tls_that_it_wants(world):
    _, ca_file = gate_with_tls(world)
    for option, version in ((["--tls-max", "1.2"], "TLSv1.2"), (["--tlsv1.3"], "TLSv1.3")):
        world.beta.clear_mailbox()
        run = curl(world, "BETA\\alpha", "--ssl-reqd", "--cacert", ca_file, *option)
        expect_equal(run.code, 0, f"exit code of curl {option}: {run.output}")
        Stamp(delivered(world)).expect("authenticated", "pass", auth="NTLMv2", tls=version)
    old = ["--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0"]
    run = curl(world, "BETA\\alpha", "--ssl-reqd", "--cacert", ca_file, *old)
    expect_in("TLSv1.1 (OUT), TLS handshake, Client hello", run.output, "what curl says")
    expect_equal(run.code, 35, f"exit code of curl with TLS 1.1: {run.output}")


@case
def swaks_logs_in_inside_tls(world):
    _, ca_file = gate_with_tls(world)
    run = swaks(world, "BETA\\old", "--tls", "--tls-verify", "--tls-ca-path", ca_file)
    expect_equal(run.code, 0, f"exit code of swaks: {run.output}")
    expect_in("=== TLS started", run.output, "what swaks says")
    expect_status(delivered(world), "NTLMv1", tls=True)
    run = swaks(world, "BETA\\alpha", "--tls")
    expect_in("<~* 534 ", run.output, "what swaks says of NTLMv1 for a modern account")


@case
def exim_logs_in_inside_tls(world):
    _, ca_file = gate_with_tls(world)
    client = exim_client(world, "old@BETA", tls=True, ca_file=ca_file)
    expect(client.send(JOE, ANNA, world.text()), f"not delivered: {client.log()}")
    for part in (" X=TLS1.", " CV=yes ", " A=spa:old@BETA "):
        expect_in(part, client.log(), "the log of Exim")
    expect_status(delivered(world), "NTLMv1", tls=True)

    client = exim_client(world, "alpha@BETA", tls=True)
    expect(not client.send(JOE, ANNA, world.text()), f"a modern account by NTLMv1: {client.log()}")
    expect_in(" 534 5.7.", client.log(), "the log of Exim")


@case
def smtplib_logs_in_inside_tls_with_channel_bindings_that_are_right(world):
    shown, ca_file = gate_with_tls(world)
    with Smtplib(ca_file) as client:
        expect_equal(client.log_in("BETA\\alpha", bindings=b"x" * 32), 535, "login bound to another channel")
        right = shown.end_point_hash()
        expect_equal(client.log_in("BETA\\alpha", bindings=right), 235, "login bound to the channel")
        client.send(world)
    expect_status(delivered(world), "NTLMv2", tls=True)
    with Smtplib(ca_file) as client:
        expect_equal(client.log_in("BETA\\alpha"), 235, "login bound to no channel")


@case
def mail_without_a_login_passes_inside_tls(world):
    _, ca_file = gate_with_tls(world)
    with Smtplib(ca_file) as client:
        client.send(world)
    stamp = Stamp(delivered(world))
    stamp.expect("tls", "none", mech=None, account=None)


@case
def a_login_is_offered_inside_tls_only_where_the_relay_wants_tls(world):
    _, ca_file = gate_with_tls(world, relay_auth_only_with_tls=True)
    client = exim_client(world, "old@BETA")
    expect(not client.send(JOE, ANNA, world.text()), f"delivered: {client.log()}")
    expect_in("authentication required but", client.log(), "the log of Exim")
    run = curl(world, "BETA\\alpha", "--ssl-reqd", "--cacert", ca_file)
    expect_equal(run.code, 0, f"exit code of curl: {run.output}")
    expect_status(delivered(world), "NTLMv2", tls=True)
