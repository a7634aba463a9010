"""The demonstrations of conf-examples, as the README has users run them."""

import os
import re
import subprocess
import tempfile

from harness.runner import case, expect, expect_equal

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _run(example, binaries):
    environment = os.environ | {"SMTPSEAL_BINARIES": binaries}
    return subprocess.run(
        [f"{ROOT}/conf-examples/{example}/run"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def _expect_pass(done, claims, shown):
    expect(done.returncode == 0, done.stdout[-4000:] + done.stderr)
    expect("PASSED: all" in done.stdout, done.stdout[-2000:])
    expect_equal("FAIL  " in done.stdout, False, "a failed claim in a passed demonstration")
    expect_equal(done.stdout.count("PASS  "), claims, "claims")
    for said in shown:
        expect(re.search(said, done.stdout), f"{said} is not shown")


@case(seconds=160)
def two_hosts_demonstration_passes(world):
    done = _run("two-hosts", world.binaries)
    _expect_pass(
        done,
        34,
        (
            r"X-SmtpSeal-Status: sealed; mech=NTLM; auth=NTLMv2; cipher=RC4; bits=128;",
            r"S: 550 5\.7\.1 mail from alpha\.example must arrive in a sealed session",
            r"S: 451 .*mistyped\.example",
        ),
    )
    markers = re.findall(r"marker on the wire: (\d+)", done.stdout)
    expect_equal(len(markers), 6, "scenes")
    expect_equal(
        [int(count) > 0 for count in markers],
        [False, True, False, False, False, True],
        "scenes in which the marker can be read",
    )


@case(seconds=160)
def sendmail_host_demonstration_passes(world):
    done = _run("sendmail-host", world.binaries)
    _expect_pass(
        done,
        48,
        (
            r"AUTH=server, relay=alpha\.example \[192\.0\.2\.1\], authid=alpha, mech=NTLM, bits=128",
            r"AUTH=client, relay=gamma\.example\., mech=NTLM, bits=128",
            r"X-SmtpSeal-Status: sealed; mech=NTLM; cipher=RC4; bits=128; account=delta;",
            r"S: 550 5\.7\.1 .*mail from alpha\.example must arrive in a sealed session",
        ),
    )
    expect_equal(re.findall(r"marker on the wire: (\d+)", done.stdout), ["0"] * 7, "the marker in each scene")


@case(seconds=160)
def two_hosts_demonstration_notices_that_nothing_is_sealed(world):
    """A stand-in that lists no domain, so that mail leaves in clear, must make the claims fail."""
    with tempfile.TemporaryDirectory() as directory:  # not below /run, which each host has for itself
        with open(f"{directory}/smtpseal-policyd", "w", encoding="ascii") as program:
            program.write(STAND_IN)
        os.chmod(program.name, 0o755)
        for program in ("relay", "milter"):
            os.symlink(world.binary(program), f"{directory}/smtpseal-{program}")
        done = _run("two-hosts", directory)
    expect_equal(done.returncode, 1, "exit code")
    expect("FAILED:" in done.stdout, done.stdout[-3000:])
    expect("FAIL  the marker occurs 0 times on the wire" in done.stdout, done.stdout[-3000:])


STAND_IN = '''#!/usr/bin/python3
"""Says that no domain is listed, so that all mail leaves in clear."""
import os, socket, sys, threading
if "--check-config" in sys.argv:
    sys.exit(0)
def listen(name, answer):
    path = "/var/spool/postfix/smtpseal/" + name
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    os.chmod(path, 0o666)
    server.listen()
    while True:
        threading.Thread(target=serve, args=(server.accept()[0], answer), daemon=True).start()
def serve(client, answer):
    while client.recv(65536):
        client.sendall(answer)
threading.Thread(target=listen, args=("policy", b"action=DUNNO\\n\\n"), daemon=True).start()
listen("policyd", b"9:NOTFOUND ,")
'''
