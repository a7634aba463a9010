"""conf-examples/exchange-smarthost as shipped, with stock Postfix, and with a smarthost whose NTLM is gss-ntlmssp's.

An Exchange cannot be had: the server is a fake receive connector that offers AUTH NTLM after STARTTLS only, and whose
acceptor refuses logins that are not bound to its TLS session.
"""

import contextlib
import os
import shutil
import smtplib
import subprocess

from harness.acceptors import GssAcceptor
from harness.certificates import Authority
from harness.postfix import PostfixInstance
from harness.process import Process
from harness.runner import case, expect, expect_equal, expect_in
from harness.world import BASE

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLE = os.path.join(HERE, "..", "..", "conf-examples", "exchange-smarthost")
ETC = "/etc/smtpseal"  # of the namespace
SPOOL = "/var/spool/postfix"
STATE = "/var/lib/smtpseal"
BRANCH = ("192.0.2.15", 25)
CONNECTOR = ("192.0.2.10", 587)
ACCOUNT, PASSWORD = "CORP\\svc-branch", "violet-Barn-4711-quiet"
ANNA = "anna@customer.example"


def _shipped(name):
    with open(os.path.join(EXAMPLE, name), encoding="utf-8") as file:
        return file.read()


def _install_tables(authority):
    os.makedirs(ETC, exist_ok=True)
    for name in ("smtpseal.toml", "domains", "credentials"):
        shutil.copyfile(os.path.join(EXAMPLE, name), f"{ETC}/{name}")
        os.chmod(f"{ETC}/{name}", 0o640 if name == "credentials" else 0o644)
        shutil.chown(f"{ETC}/{name}", "root", "smtpseal")
    shutil.copyfile(authority, f"{ETC}/corp-ca.pem")


@contextlib.contextmanager
def _branch(world, authority):
    """The host of the example: its Postfix has the queue directory of a stock one, and smtpd somewhere to be tried."""
    _install_tables(authority)
    with open("/etc/resolv.conf", "w", encoding="ascii") as resolver:
        resolver.write("nameserver 192.0.2.53\n")
    # Where the harness looks for the log is the one thing that is not as shipped; its mailboxes are not asked for.
    main_cf = "virtual_mailbox_domains =\n" + "".join(line for line in _shipped("main.cf").splitlines(True) if not line.startswith("maillog_file"))
    services = f"{BRANCH[0]}:{BRANCH[1]} inet n - n - - smtpd\n" + _shipped("master.cf.add")
    branch = PostfixInstance(BASE, f"branch-{world.number}", main_cf, services)
    subprocess.run(["mount", "--bind", f"{branch.dir}/spool", SPOOL], check=True)
    os.makedirs(STATE, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", STATE], check=True)  # the machine's own stays as it is
    try:
        os.makedirs(f"{SPOOL}/smtpseal")
        shutil.chown(f"{SPOOL}/smtpseal", "smtpseal", "postfix")
        os.chmod(f"{SPOOL}/smtpseal", 0o750)
        relay = Process([world.binary("relay")], f"{world.dir}/branch-relay.log")
        world.processes.append(relay)
        relay.start(f"{SPOOL}/smtpseal/relay")
        branch.start()
        yield branch, relay
    finally:
        branch.stop()
        relay.stop(5)
        subprocess.run(["umount", SPOOL, STATE], check=True)
        shutil.rmtree(ETC)


def _connector(world, certificate, **options):
    acceptor = GssAcceptor(world.dir, account=ACCOUNT, password=PASSWORD)
    world.others.append(acceptor)
    return world.peer(
        address=CONNECTOR,
        tls=certificate,
        keywords=["SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "STARTTLS", "8BITMIME"],
        tls_keywords=["SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "AUTH NTLM", "8BITMIME"],
        acceptor=acceptor,
        **options,
    )


def _hand_in(world, recipient):
    with smtplib.SMTP(*BRANCH, local_hostname="user.branch.example", timeout=30) as smtp:
        smtp.sendmail("joe@branch.example", [recipient], world.text())


def _check(world, branch):
    return subprocess.run([world.binary(""), "check", "--postfix-config", branch.etc], capture_output=True, text=True, check=False)


@case(seconds=90)
def the_example_of_an_exchange_smarthost_works_as_shipped(world):
    authority = Authority(f"{world.dir}/ca")
    server = _connector(world, authority.issue("mail.corp.example"))
    world.dns(f"host-record=mail.corp.example,{CONNECTOR[0]}")
    with _branch(world, authority.certificate) as (branch, relay):
        checked = _check(world, branch)
        expect_equal(checked.returncode, 0, f"smtpseal check: {checked.stdout}{checked.stderr}")
        expect("warning" not in checked.stdout, f"smtpseal check warns of the example: {checked.stdout}")
        _hand_in(world, ANNA)
        status, text = branch.verdict(ANNA)
        expect_equal(status, "sent", text)
        _hand_in(world, "root@branch.example")
        branch.verdict("root@branch.example")  # whatever it is, the smarthost has no part in it: below
        expect_in("verified=chain", relay.log(), "the relay's log")
        expect(PASSWORD not in relay.log(), "the relay's log holds the password")
    message = server.messages[0]
    expect_equal([each.recipients for each in server.messages], [[ANNA]], "what went to the smarthost")
    expect_in(b"NTLM authenticated with NTLMv2, not sealed", message.content, "the Received line")
    expect_in(b"certificate verified", message.content, "the Received line")
    expect_equal(server.clear_octets().count(b"MAIL FROM"), 0, "MAIL commands in clear")


@case(seconds=90)
def the_example_sends_nothing_to_a_smarthost_with_another_certificate(world):
    authority = Authority(f"{world.dir}/ca")
    other = Authority(f"{world.dir}/other")
    server = _connector(world, other.issue("mail.corp.example"))
    world.dns(f"host-record=mail.corp.example,{CONNECTOR[0]}")
    with _branch(world, authority.certificate) as (branch, _):
        _hand_in(world, ANNA)
        status, text = branch.verdict(ANNA)
    expect_equal(status, "deferred", text)
    for part in ("customer.example", "/etc/smtpseal/domains:8", "the certificate is not trusted"):
        expect_in(part, text, "the verdict")
    expect_equal(server.messages, [], "messages at the smarthost")
    expect(not any(line.startswith(b"AUTH") for line in server.sessions[0].commands()), "the account was shown")
