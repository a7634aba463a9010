"""Credentials on hold: a login that failed is not tried again and again, whatever happens to the relay."""

import json
import os
import re
import stat
import subprocess
import time

from harness.runner import case, expect, expect_equal, expect_in, within
from harness.smtp_peer import CLOSE, SILENCE
from harness.world import CONTROL, PASSWORD, PEERS

ANNA = "anna@partner.example"
RULE = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n"
WRONG = "PARTNER\\alpha wrong-password\n"
RIGHT = f"PARTNER\\alpha {PASSWORD}\n"


def tried(*peers):
    """AUTHENTICATE messages: logins that got as far as to show the credential."""
    lines = [line for peer in peers for session in peer.sessions for line in session.commands()]
    return sum(line.startswith(b"TlRMTVNTUAADAAAA") for line in lines)


def holds(world):
    return json.loads(world.smtpseal("alpha", "holds", "--json"))["holds"]


def refuse_once(world, **changes):
    """A peer that knows another password, which has refused one login of alpha."""
    peer = world.peer()
    world.sending(RULE, WRONG, **changes)
    world.expect_verdict(ANNA, "deferred", "535", queue_id=world.send(ANNA))
    expect_equal(tried(peer), 1, "logins tried")
    return peer


def crash(world):
    world.relay.kill()
    world.start_relay()


@case
def a_hold_survives_crashes_of_the_relay(world):
    peer = refuse_once(world)
    expect_in("credential-held", world.relay.log(), "the log")
    for _ in range(3):
        crash(world)
        world.expect_verdict(ANNA, "deferred", "on hold", "535 5.7.3", queue_id=world.send(ANNA))
    expect_equal(tried(peer), 1, "logins tried with a credential known to be wrong")
    path = f"{world.dir}/alpha/state/holds"
    expect_equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "the mode of the state file")
    expect_equal(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700, "the mode of its directory")


@case
def a_restarted_relay_knows_a_changed_secret(world):
    peer = refuse_once(world)
    world.relay.kill()
    world.tables("alpha", RULE, RIGHT)
    world.start_relay()
    within(20, lambda: world.alpha.flush() or len(peer.messages) == 1, "the message with the new secret")
    expect_in("credential-released", world.relay.log(), "the log")


@case
def a_changed_secret_and_a_reload_lift_the_hold(world):
    peer = refuse_once(world)
    world.tables("alpha", RULE, RIGHT)
    world.relay.reload("credential-released")
    expect_equal(holds(world), [], "what is on hold")
    within(20, lambda: world.alpha.flush() or len(peer.messages) == 1, "the message with the new secret")


@case
def a_reload_with_the_same_secret_lifts_nothing(world):
    peer = refuse_once(world)
    world.relay.reload("policy-loaded")
    world.expect_verdict(ANNA, "deferred", "on hold", queue_id=world.send(ANNA))
    expect_equal(tried(peer), 1, "logins tried")


@case
def the_administrator_sees_and_lifts_a_hold(world):
    peer = refuse_once(world)
    (hold,) = holds(world)
    expect_equal(
        (hold["account"], hold["kind"], hold["until"] - hold["since"]), ("PARTNER\\alpha", "refused", 3600), "hold"
    )
    expect_in("[192.0.2.10]", hold["peer"], "the peer")
    expect_in("/alpha/domains:1", hold["rule"], "the rule")
    expect_in("535 5.7.3 Authentication unsuccessful", hold["reason"], "the reason")
    table = world.smtpseal("alpha", "holds")
    for part in ("PARTNER\\alpha", "[192.0.2.10]", "domains:1", "login refused: 535 5.7.3"):
        expect_in(part, table, "the table")
    expect_in("is not on hold", world.smtpseal("alpha", "holds", "lift", "PARTNER\\other", status=1), "the answer")
    peer.password = "wrong-password"
    expect_in("lifted", world.smtpseal("alpha", "holds", "lift", "partner\\ALPHA"), "the answer")
    expect_in("credential-lifted account=", world.relay.log(), "the log")
    expect_equal(holds(world), [], "what is on hold")
    crash(world)
    world.expect_verdict(ANNA, "sent", queue_id=world.send(ANNA))


@case
def only_root_and_the_daemons_user_reach_the_control_socket(world):
    world.peer()
    world.sending(RULE, RIGHT)
    status = os.stat(CONTROL["alpha"])
    expect_equal(stat.S_IMODE(status.st_mode), 0o600, "the mode of the control socket")
    told = world.smtpseal("alpha", "holds", status=1, user="forwarder")
    expect_in("permission denied", told.lower(), "the message for another user")


@case
def holds_are_shown_while_the_relay_does_not_run(world):
    refuse_once(world)
    world.relay.stop()
    table = world.smtpseal("alpha", "holds")
    for part in ("PARTNER\\alpha", "535 5.7.3", "does not run", "/alpha/state/holds"):
        expect_in(part, table, "the table")
    expect_in("does not run", world.smtpseal("alpha", "holds", "lift", "PARTNER\\alpha", status=1), "the answer")


def _backs_off(name, *say, **options):
    def run(world):
        peer = world.peer(**options)
        world.sending(RULE, RIGHT, relay_retry_time="60s", relay_command_timeout="2s")
        world.expect_verdict(ANNA, "deferred", *say, queue_id=world.send(ANNA))
        world.expect_verdict(ANNA, "deferred", "without a verdict", *say, queue_id=world.send(ANNA))
        crash(world)
        world.expect_verdict(ANNA, "deferred", "without a verdict", *say, queue_id=world.send(ANNA))
        expect_equal(tried(peer), 1, "logins tried")
        (hold,) = holds(world)
        expect_equal((hold["kind"], hold["failures"]), ("unanswered", 1), "the hold")
        peer.replies.clear()
        world.smtpseal("alpha", "holds", "lift", "PARTNER\\alpha")
        within(20, lambda: world.alpha.flush() or len(peer.messages) == 3, "the messages once it is lifted")

    run.__module__ = __name__
    run.__name__ = name
    return case(run)


_backs_off("a_454_backs_off", "454 4.7.0", replies={"AUTH2": b"454 4.7.0 Temporary authentication failure"})
_backs_off("a_421_backs_off", "421 4.3.2", replies={"AUTH2": b"421 4.3.2 Closing"})
_backs_off("a_connection_lost_after_the_credential_backs_off", replies={"AUTH2": CLOSE})
_backs_off("a_peer_that_does_not_answer_the_credential_backs_off", replies={"AUTH2": SILENCE})


@case
def a_temporary_failure_does_not_bounce_mail(world):
    world.peer(replies={"AUTH2": b"454 4.7.0 Later"})
    world.sending(RULE.replace("\n", " on_failure=bounce\n"), RIGHT, relay_retry_time="60s")
    for _ in range(2):
        world.expect_verdict(ANNA, "deferred", "454", queue_id=world.send(ANNA))


@case
def the_back_off_ends_and_a_success_forgets_it(world):
    peer = world.peer(replies={"AUTH2": b"454 4.7.0 Later"})
    world.sending(RULE, RIGHT, relay_retry_time="1s")
    world.expect_verdict(ANNA, "deferred", "454", queue_id=world.send(ANNA))
    peer.replies.clear()
    within(20, lambda: world.alpha.flush() or len(peer.messages) == 1, "the message")
    expect_equal(tried(peer), 2, "logins")
    expect(re.search(r"credential-held .*until=\S+", world.relay.log()), "the back-off is not in the log: " + world.relay.log())
    with open(f"{world.dir}/alpha/state/holds", encoding="ascii") as file:
        expect("account=" not in file.read(), "the state file still has what is over")


@case
def a_second_failed_login_is_not_followed_by_a_third(world):
    """Whatever the parameters say: an account is locked after some failed logins in a short time."""
    peer = world.peer(replies={"AUTH2": b"454 4.7.0 Later"})
    world.sending(RULE, RIGHT, relay_retry_time="1s", relay_hold_time="1s")
    world.expect_verdict(ANNA, "deferred", "454", queue_id=world.send(ANNA))
    within(20, lambda: world.alpha.flush() or tried(peer) == 2, "a second login")
    for _ in range(3):
        time.sleep(1)
        world.alpha.flush()
    expect_equal(tried(peer), 2, "logins")


@case
def several_domains_with_one_account_make_one_attempt(world):
    peers = [world.peer(address=address) for address in PEERS[:3]]
    world.sending(
        "".join(
            f"p{n}.example seal account=PARTNER\\alpha nexthop=[{host}]\n" for n, (host, _) in enumerate(PEERS[:3])
        ),
        WRONG,
    )
    recipients = [f"anna@p{n}.example" for n in range(3)]
    world.send(recipients)
    for recipient in recipients:
        world.send(recipient)
    for recipient in recipients:
        world.expect_verdict(recipient, "deferred")
    time.sleep(1)
    expect_equal(tried(*peers), 1, "logins tried with one wrong credential")


@case
def a_crash_loop_in_the_middle_of_a_login_tries_once(world):
    peer = world.peer(replies={"AUTH2": SILENCE})
    world.sending(RULE, RIGHT, relay_retry_time="60s")
    world.send(ANNA)
    within(15, lambda: tried(peer) == 1, "the credential")
    for _ in range(3):
        crash(world)
        world.alpha.flush()
        world.expect_verdict(ANNA, "deferred", "without a verdict", queue_id=world.send(ANNA))
    expect_equal(tried(peer), 1, "logins tried")
    expect_equal(holds(world)[0]["failures"], 1, "logins without a verdict")


@case
def a_damaged_state_file_is_told_and_stops_nothing(world):
    peer = refuse_once(world)
    world.relay.kill()
    path = f"{world.dir}/alpha/state/holds"
    with open(path, "r+b") as file:
        file.seek(30)
        file.write(b"\xff")
    world.start_relay()
    world.relay.wait_for_log("holds-not-read")
    peer.password = "wrong-password"
    within(20, lambda: world.alpha.flush() or len(peer.messages) == 1, "the message")


@case
def a_state_directory_that_cannot_be_written_to_is_told_and_stops_nothing(world):
    peer = world.peer()
    world.write("file", "")
    world.sending(RULE, WRONG, relay_state_directory=f"{world.dir}/file/state")
    world.relay.wait_for_log("holds-not-kept")
    for _ in range(2):
        world.expect_verdict(ANNA, "deferred", queue_id=world.send(ANNA))
    expect_equal(tried(peer), 1, "logins tried")


@case
def the_log_and_the_state_hold_no_secret(world):
    refuse_once(world)
    with open(f"{world.dir}/alpha/state/holds", encoding="ascii") as file:
        state = file.read()
    for text in (state, world.relay.log(), world.smtpseal("alpha", "holds")):
        expect("wrong-password" not in text, "the password is shown")
    expect(len(re.search(r"secret=(\S*)", state)[1]) == 36, "the mark of the secret is of another size")


@case
def the_control_socket_must_be_a_unix_socket(world):
    world.tables("alpha", RULE, RIGHT)
    world.parameters("alpha", {"relay.control_listen": ["inet:127.0.0.1:9999"]})
    done = subprocess.run(
        [world.binary("relay"), "--config", f"{world.dir}/alpha/smtpseal.toml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    expect_equal(done.returncode, 1, "the exit status")
    expect_in("relay.control_listen", done.stderr, "the message")
