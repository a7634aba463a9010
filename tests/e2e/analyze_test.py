"""smtpseal analyze: captures of sealed sessions between real programs, opened with the password and nothing else."""

import json
import os
import subprocess

from harness import ntlm, pcap
from harness.runner import case, expect, expect_equal, expect_in
from harness.smtp_peer import fake_exchange_50, fake_exchange_55
from harness.world import BETA, PASSWORD

ANNA = "anna@partner.example"
TO_PEER = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]"
TO_BETA = "partner.example seal account=BETA\\alpha nexthop=[192.0.2.2]"
CREDENTIALS = f"BETA\\alpha {PASSWORD}\n"


def run(world, path, *arguments, password=PASSWORD, account="alpha", status=0):
    """smtpseal analyze with the password on standard input."""
    named = ["--account", account] if account else []
    return world.smtpseal("alpha", "analyze", path, *named, *arguments, status=status, input=password + "\n")


def read(world, path, *arguments, **options):
    return json.loads(run(world, path, "--json", *arguments, **options))


def only_session(report):
    expect_equal(len(report["sessions"]), 1, "sessions found")
    return report["sessions"][0]


def texts(session, side):
    return [line["text"] for line in session["unsealed"] if line["side"] == side]


def expect_opened(world, path, framing="be-leading", state="each way", bits=128, key="as agreed", **options):
    session = only_session(read(world, path, **options))
    best = session["variants"][0]
    expect_equal((best["framing"], best["rc4_state"], best["key"]), (framing, state, key), "the variant that opens it")
    expect_equal([each["all"] for each in session["variants"]].count(True), 1, "variants that open all of it")
    login = session["logins"][-1]
    expect_equal((login["password_right"], login["bits"]), (True, bits), "the login")
    expect_in(world.marker, "\n".join(texts(session, "C")), "what the client said")
    expect(any(line.startswith("250 ") for line in texts(session, "S")), "no reply of the server was opened")
    expect_in("QUIT", texts(session, "C"), "what the client said")
    clear = "\n".join(line["text"] for line in session["clear"])
    expect("TlRMTVNTUAAD" not in clear, "the response is shown, from which a password can be guessed")
    return session


def captured(world):
    """A message from alpha, and the capture of its way."""
    with world.capture() as capture:
        world.send(ANNA)
        world.expect_verdict(ANNA, "sent")
        world.relay.stop()  # its idle session ends with QUIT
    return capture.path


def between_relays(world, rule, account):
    world.receiving(account)
    world.sending(rule + "\n", CREDENTIALS)
    return captured(world)


def with_peer(world, rule=TO_PEER, make=None, **options):
    world.peer(*([make] if make else []), **options)
    world.sending(rule + "\n", f"PARTNER\\alpha {PASSWORD}\n")
    return captured(world)


@case
def a_session_of_two_relays_is_opened(world):
    path = between_relays(world, TO_BETA, f"alpha {ntlm.hash_field(PASSWORD)} domains=alpha.example\n")
    session = expect_opened(world, path, account="BETA\\alpha")
    login = session["logins"][0]
    expect_equal(login["authenticate"]["response"], "NTLMv2", "the response")
    expect_equal(login["authenticate"]["MIC verdict"], "right", "the MIC")
    expect_equal(login["account"], "BETA\\alpha", "the account")
    text = run(world, path)
    for part in ("C: MAIL FROM:<joe@alpha.example>", "S: 250 ", "sealed from here on: be-leading", "Verdict: opened to the end"):
        expect_in(part, text, "the report")


def _without_ess(bits):
    def run_case(world):
        path = between_relays(
            world,
            f"{TO_BETA} profile=exchange-5.5 strength={bits}",
            f"alpha {PASSWORD} domains=alpha.example profile=exchange-5.5 strength=40\n",
        )
        session = expect_opened(world, path, state="shared", bits=bits)
        expect_equal(session["logins"][0]["authenticate"]["response"], "NTLMv1", "the response")

    run_case.__name__ = f"a_session_of_two_relays_without_ess_of_{bits}_bit_is_opened"
    case(run_case)


_without_ess(40)
_without_ess(56)


@case
def a_session_of_two_relays_without_lm_key_is_opened(world):
    path = between_relays(
        world,
        f"{TO_BETA} profile=exchange-5.5 strength=128",
        f"alpha {PASSWORD} domains=alpha.example profile=exchange-5.5 strength=128\n",
    )
    expect_opened(world, path, state="shared")


def _strength(bits, flags):
    def run_case(world):
        path = with_peer(world, TO_PEER + f" strength={bits}", flags=flags)
        expect_opened(world, path, bits=bits)

    run_case.__name__ = f"a_seal_of_{bits}_bit_with_ess_is_opened"
    case(run_case)


_strength(56, ntlm.MODERN & ~0x20000000)
_strength(40, ntlm.MODERN & ~0xA0000000)


def _framing(name):
    def run_case(world):
        path = with_peer(world, f"{TO_PEER} framing={name}", framing=name)
        expect_opened(world, path, framing=name)

    run_case.__name__ = f"framing_{name.replace('-', '_')}_is_recognised"
    case(run_case)


for each in ("be-trailing", "le-leading", "le-trailing"):
    _framing(each)


@case
def separate_rc4_states_are_recognised(world):
    path = with_peer(
        world,
        f"{TO_PEER} profile=exchange-5.5 strength=40 rc4_state=separate",
        fake_exchange_55,
        separate_states=True,
    )
    session = expect_opened(world, path, state="separate", bits=40)
    expect_in("initial response", session["logins"][0]["opening"], "how the login began")


@case
def exchange_5_0_and_its_xauth_are_read(world):
    path = with_peer(world, f"{TO_PEER} profile=exchange-5.0 strength=40", fake_exchange_50)
    session = expect_opened(world, path, state="shared", bits=40)
    expect_equal(session["logins"][0]["verb"], "XAUTH", "the verb")


@case
def an_initial_response_that_was_refused_is_said(world):
    path = with_peer(world, initial_response="refuse")
    session = expect_opened(world, path)
    expect_in("501", session["logins"][0]["opening"], "how the login began")


@case
def a_wrong_password_and_another_account_are_told(world):
    path = with_peer(world)
    session = only_session(read(world, path, password="another", status=1))
    expect_equal(session["logins"][0]["password_right"], False, "the password")
    expect_equal(session["variants"], [], "variants tried without a key")
    expect_in("the password is wrong", session["verdict"], "the verdict")
    expect_in("password", run(world, path, password="another", status=1), "the report")
    session = only_session(read(world, path, account="PARTNER\\somebody"))
    expect(session["logins"][0]["other_account"], "the other account is not told")
    expect_in("blank", run(world, path, password="", status=1), "the message about a blank password")


@case
def the_secret_comes_from_the_tables_or_a_file(world):
    path = with_peer(world)
    run(world, path, "--credentials", account="PARTNER\\alpha")
    expect_in("neither in", run(world, path, "--credentials", account="nobody", status=1), "the message")
    secret = world.write("secret", ntlm.hash_field(PASSWORD) + "\n", 0o600)
    run(world, path, "--password-file", secret)
    os.chmod(secret, 0o644)
    expect_in("secret", run(world, path, "--password-file", secret, status=1), "the message about the mode")


@case
def what_follows_starttls_is_not_guessed_at(world):
    world.beta.set(**world.certificate())
    with world.capture("tcp port 25") as capture:
        subprocess.run(
            ["openssl", "s_client", "-starttls", "smtp", "-connect", "192.0.2.3:25", "-quiet"],
            input=b"QUIT\r\n",
            capture_output=True,
            check=False,
            timeout=20,
        )
    world.parameters("alpha", {})
    world.tables("alpha")
    session = only_session(read(world, capture.path, status=1))
    expect_in("TLS", " ".join(session["notes"]), "the notes")
    expect_equal(session["logins"], [], "logins")


def rewritten(world, data, name="changed.pcap"):
    path = f"{world.dir}/{name}"
    with open(path, "wb") as file:
        file.write(data)
    return path


@case
def captures_of_any_kind_and_order_are_read(world):
    path = with_peer(world)
    with open(path, "rb") as file:
        frames = pcap.frames(file.read())
    kinds = {
        "pcapng": pcap.pcapng(frames),
        "VLAN": pcap.pcap([pcap.with_vlan_tag(each) for each in frames]),
        "padded": pcap.pcap([each + b"\0" * 6 for each in frames]),
        "twice": pcap.pcap([each for frame in frames for each in (frame, frame)]),
    }
    for link in (pcap.RAW_IP, pcap.NULL, pcap.LINUX_SLL, pcap.LINUX_SLL2):
        kinds[f"link type {link}"] = pcap.pcap([pcap.as_link(each, link) for each in frames], link)
    for name, data in kinds.items():
        print(f"      {name}")
        expect_opened(world, rewritten(world, data))


def data_frames(frames, port):
    """Indices of the frames with octets for this port, that of the server, or from it."""
    return [n for n, frame in enumerate(frames) if pcap.payload_of(frame) and frame[14 + 20 : 14 + 24].find(port) == 2]


@case
def what_a_capture_lacks_is_said(world):
    path = with_peer(world)
    with open(path, "rb") as file:
        frames = pcap.frames(file.read())
    to_server = data_frames(frames, b"\0\x19")
    sealed = [n for n in to_server if pcap.payload_of(frames[n])[4:8] == b"\1\0\0\0"]
    lost = sealed[3]
    session = only_session(read(world, rewritten(world, pcap.pcap(frames[:lost] + frames[lost + 1 :])), status=1))
    client, server = session["variants"][0]["client"], session["variants"][0]["server"]
    size = len(pcap.payload_of(frames[lost]))
    expect_equal((client["records"], client["problem"]), (3, f"{size} octets are missing in the capture"), "the client")
    expect("problem" not in server, "the server's records need nothing of the client's")
    expect_equal(
        client["wire_octets"], sum(len(pcap.payload_of(frames[n])) for n in sealed[:3]), "where the client's end"
    )
    cut = [(frame[:120], len(frame)) for frame in frames]
    report = read(world, rewritten(world, pcap.pcap(cut)), status=1)
    expect_in("too small a snaplen", " ".join(report["notes"]), "the notes")
    fragment = frames[:lost] + [pcap.as_fragment(frames[lost])] + frames[lost + 1 :]
    report = read(world, rewritten(world, pcap.pcap(fragment)), status=1)
    expect_in("1 IP fragment", " ".join(report["notes"]), "the notes")
    whole = pcap.pcap(frames)
    report = read(world, rewritten(world, whole[:-5]))
    expect_in("damaged", " ".join(report["notes"]), "the notes")


@case
def altered_records_are_not_taken_for_right(world):
    path = with_peer(world)
    with open(path, "rb") as file:
        frames = pcap.frames(file.read())
    sealed = [n for n in data_frames(frames, b"\0\x19") if pcap.payload_of(frames[n])[4:8] == b"\1\0\0\0"]
    frames[sealed[2]] = frames[sealed[2]][:-1] + bytes([frames[sealed[2]][-1] ^ 1])
    session = only_session(read(world, rewritten(world, pcap.pcap(frames)), status=1))
    client = session["variants"][0]["client"]
    expect_equal(client["records"], 2, "records of the client")
    expect_in("signature is wrong", client["problem"], "the problem")


@case
def what_is_no_capture_is_refused(world):
    world.parameters("alpha", {})
    world.tables("alpha")
    expect_in("nothing.pcap", run(world, f"{world.dir}/nothing.pcap", status=1), "the message")
    expect_in("text", run(world, rewritten(world, b"not a capture at all, whatever it says", "text"), status=1), "it")
    report = run(world, rewritten(world, pcap.pcap([b"\0" * 60])), status=1)
    expect_in("No session with AUTH NTLM", report, "the message")


@case
def a_second_port_is_read_where_it_is_asked_for(world):
    world.receiving(relay_smtp_listen=[f"inet:{BETA[0]}:{BETA[1]}", f"inet:{BETA[0]}:2525"])
    world.sending(TO_BETA.replace("[192.0.2.2]", "[192.0.2.2]:2525") + "\n", CREDENTIALS)
    with world.capture("tcp port 2525") as capture:
        world.send(ANNA)
        world.expect_verdict(ANNA, "sent")
        world.relay.stop()
    run(world, capture.path, status=1)
    run(world, capture.path, "--port", "25", "--port", "2525")
