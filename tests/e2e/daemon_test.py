"""The daemons in production: sockets that are passed and kept, restarts under load, notifications, reloads, logs, sessions."""

import grp
import json
import os
import pwd
import re
import signal
import stat
import subprocess
import threading
import time

from harness import ntlm
from harness.process import Process, can_connect
from harness.runner import case, expect, expect_equal, expect_in, within
from harness.service_manager import ServiceManager, listening
from harness.smtp_client import SmtpClient
from harness.socketmap import SocketmapClient
from harness.world import BETA, CONTROL, MILTER, PASSWORD, POLICY, POLICYD, QUERY, SOCKETS, WITH_MILTER

JOE, ANNA = b"joe@alpha.example", b"anna@partner.example"
ACCOUNT = f"alpha {ntlm.hash_field(PASSWORD)}\n"
TO_BETA = f"partner.example seal account=BETA\\alpha nexthop=[{BETA[0]}]:25\n"
CREDENTIAL = f"BETA\\alpha {PASSWORD}\n"
PROGRAMS = ("policyd", "relay", "milter")


def manager(world, name):
    made = ServiceManager(world.dir, name)
    world.others.append(made)
    return made


def command(world, program, host, *before):
    return [*before, world.binary(program), "--config", f"{world.dir}/{host}/smtpseal.toml"]


def managed(world, program, host, sockets=(), before=(), **options):
    """A daemon that a service manager starts."""
    process = manager(world, f"{host}-{program}").start(
        command(world, program, host, *before), f"{world.dir}/{host}-{program}.log", sockets, **options
    )
    world.processes.append(process)
    return process


def restart(world, process, **options):
    following = process.restart(**options)
    world.processes[world.processes.index(process)] = following
    return following


def fails(world, program, host, *before, **options):
    """What a daemon says that does not start."""
    done = subprocess.run(
        command(world, program, host, *before), capture_output=True, text=True, check=False, timeout=20, **options
    )
    expect(done.returncode == 1, f"ended with {done.returncode}: {done.stderr}")
    return done.stderr


def owner(path):
    status = os.stat(path)
    return (
        pwd.getpwuid(status.st_uid).pw_name,
        grp.getgrgid(status.st_gid).gr_name,
        stat.S_IMODE(status.st_mode),
        status.st_ino,
    )


def as_daemon(*groups):
    """The command that goes on as user smtpseal, without any capability, in these groups too."""
    return (
        "setpriv", "--reuid=smtpseal", "--regid=smtpseal",
        *([f"--groups={','.join(groups)}"] if groups else ["--clear-groups"]),
        "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
    )  # fmt: skip


# ---- sockets


@case
def a_socket_that_systemd_passes_is_used_and_left_alone(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    path = POLICYD["alpha"]
    process = Process(
        ["systemd-socket-activate", "-l", path, *command(world, "policyd", "alpha")], f"{world.dir}/policyd.log"
    )
    world.processes.append(process)
    process.start(path)  # the connection makes it start
    within(10, lambda: can_connect(POLICY["alpha"]), "the sockets of its own")
    before = owner(path)
    expect_equal(before[:2], ("root", "root"), "owner and group, which are systemd's to set")
    answer = world.postmap("anna@partner.example")
    expect_equal(answer[0], f"smtpseal:unix:{SOCKETS}/relay", f"the answer ({answer[1]})")
    expect_equal(process.stop(), 0, "exit code")
    expect_equal(owner(path), before, "the socket that was passed")
    expect(not os.path.exists(POLICY["alpha"]), "the socket of its own is still there")
    os.unlink(path)


@case
def a_socket_that_no_parameter_names_stops_the_start(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    path = f"{SOCKETS}/other"
    with listening(path) as other:
        script = 'exec 3<&0 0</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=x; exec "$@"'
        for program in PROGRAMS:
            told = fails(world, program, "alpha", "sh", "-c", script, "sh", stdin=other)
            expect_in(f"systemd passes unix:{path}, which no parameter of smtpseal.toml names", told, program)
            expect_in(f"systemctl edit smtpseal-{program}.socket", told, program)
    os.unlink(path)


@case
def something_that_is_no_listening_socket_stops_the_start(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    script = 'exec 3</dev/null; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=x; exec "$@"'
    told = fails(world, "policyd", "alpha", "sh", "-c", script, "sh")
    expect_in('"x", which is no listening stream socket', told, "the message")


@case
def sockets_outlive_the_daemon_in_the_managers_store(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    process = managed(world, "policyd", "alpha")
    expect_equal(len(process.manager.store), 3, "descriptors in the store")
    before = {path: owner(path) for path in (POLICYD["alpha"], POLICY["alpha"], CONTROL["alpha"] + "-policyd")}
    expect_equal(before[POLICYD["alpha"]][:3], ("smtpseal", "postfix", 0o660), "owner")
    process.signal(signal.SIGTERM)
    process.child.wait(10)
    for path in before:
        expect(can_connect(path), f"{path} refuses connections between two processes")
    following = process.manager.start(process.command, process.log_path)
    world.processes.append(following)
    expect_equal({path: owner(path) for path in before}, before, "the sockets")
    expect_equal(len(process.manager.store), 3, "descriptors in the store afterwards")
    answer = world.postmap("anna@partner.example")
    expect_equal(answer[0], f"smtpseal:unix:{SOCKETS}/relay", f"the answer ({answer[1]})")


@case
def what_is_stored_and_named_no_more_is_dropped(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    process = managed(world, "policyd", "alpha")
    world.parameters("alpha", {"policyd.policy_listen": []})
    process = restart(world, process)
    within(5, lambda: len(process.manager.store) == 2, "two descriptors in the store")
    expect(not can_connect(POLICY["alpha"]), "somebody listens at the socket that is named no more")
    expect(can_connect(POLICYD["alpha"]), "the other socket is dead")
    os.unlink(POLICY["alpha"])


@case
def a_changed_mode_makes_a_new_socket_at_a_restart(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    process = managed(world, "policyd", "alpha")
    world.parameters("alpha", {"policyd.socket_mode": "0666"})
    process = restart(world, process)
    expect_equal(owner(POLICYD["alpha"])[2], 0o666, "the mode")
    within(5, lambda: len(process.manager.store) == 3, "three descriptors in the store")
    expect(can_connect(POLICYD["alpha"]), "the new socket is dead")


# ---- restarts under load


class Load:
    """Clients that do the same again and again until told to stop; everything that fails is kept."""

    def __init__(self, world, clients, work):
        self.world, self.work = world, work
        self.done, self.failures = [], []
        self.is_over = False
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        within(20, lambda: len(self.done) >= len(self.threads) or self.failures, "the first rounds")
        return self

    def __exit__(self, *_):
        self.is_over = True
        for thread in self.threads:
            thread.join(60)

    def more(self, count=5):
        """Waits for some more rounds that begin from now on."""
        goal = len(self.done) + count * len(self.threads)
        within(40, lambda: len(self.done) >= goal or self.failures, "more rounds")

    def _run(self, number):
        count = 0
        while not self.is_over and not self.failures:
            name = f"{self.world.marker}-{number}-{count}"
            count += 1
            try:
                self.work(name)
                self.done.append(name)
            except Exception as error:  # whatever it is, the case wants to tell it
                self.failures.append(f"{name}: {error!r}")

    def expect_flawless(self):
        expect_equal(self.failures, [], "what failed")


def expect_each_once(world, names):
    """Every message was delivered, and none twice."""
    within(30, lambda: len(world.beta.messages()) >= len(names), f"{len(names)} messages delivered")
    subjects = sorted(message["Subject"] for message in world.beta.messages())
    expect_equal(subjects, sorted(names), "what was delivered")


@case(seconds=120)
def restarts_of_policyd_refuse_no_question(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    process = managed(world, "policyd", "alpha")

    def ask(_):
        with SocketmapClient(POLICYD["alpha"]) as client:
            expect_in("OK smtpseal:", client.ask("transport anna@partner.example"), "the answer")

    with Load(world, 4, ask) as load:
        for _ in range(5):
            process = restart(world, process)
            load.more()
    load.expect_flawless()


@case(seconds=180)
def restarts_of_the_receiving_daemons_cut_no_session_and_lose_no_message(world):
    world.tables("beta", "alpha.example none inbound=require inbound_account=alpha\n", "", ACCOUNT)
    world.parameters("beta", {"process.drain_time": "20s", "inbound.relay_timeout": "20s"})
    relay = managed(world, "relay", "beta")
    milter = managed(world, "milter", "beta")
    world.beta.set(**WITH_MILTER)

    def send(name):
        with SmtpClient(BETA, seconds=40) as client:
            client.greet()
            expect_equal(client.auth(ntlm.SambaClient("BETA\\alpha", PASSWORD)), 235, "login")
            code = client.send(JOE, [ANNA], f"Subject: {name}\r\n\r\nbody\r\n".encode())
            expect_equal(code, 250, f"the end of data ({client.last!r})")
            client.expect(b"QUIT", 221)

    with Load(world, 3, send) as load:
        for _ in range(2):
            relay = restart(world, relay)
            load.more(2)
            milter = restart(world, milter)
            load.more(2)
    load.expect_flawless()
    expect_each_once(world, load.done)


@case(seconds=180)
def restarts_of_the_sending_daemons_lose_and_double_nothing(world):
    world.receiving(ACCOUNT)
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {"process.drain_time": "20s"})
    relay = managed(world, "relay", "alpha")
    policyd = managed(world, "policyd", "alpha")

    def send(name):
        world.send(ANNA.decode(), f"Subject: {name}\r\n\r\nbody\r\n")
        time.sleep(0.05)

    with Load(world, 2, send) as load:
        for _ in range(3):
            relay = restart(world, relay)
            load.more(3)
            policyd = restart(world, policyd)
            load.more(3)
    load.expect_flawless()
    within(40, lambda: world.alpha.flush() or not world.alpha.queue() or time.sleep(1), "an empty queue")
    expect_each_once(world, load.done)
    expect_equal(world.sink.messages, [], "what took the default route")
    expect("Connection refused" not in world.alpha.log(), "Postfix was refused a connection")


# ---- without root


@case
def all_daemons_work_as_their_user_without_any_capability(world):
    world.tables("beta", "alpha.example none inbound=require inbound_account=alpha\n", "", ACCOUNT)
    world.parameters("beta", {})
    state = f"{world.dir}/beta/state"
    os.mkdir(state, 0o700)
    os.chown(state, pwd.getpwnam("smtpseal").pw_uid, grp.getgrnam("smtpseal").gr_gid)
    with listening(BETA) as port:
        managed(world, "relay", "beta", [port], as_daemon("postfix"))
    for program in ("milter", "policyd"):
        managed(world, program, "beta", (), as_daemon("postfix"))
    for path in (MILTER, POLICYD["beta"], QUERY["beta"]):
        expect_equal(owner(path)[:3], ("smtpseal", "postfix", 0o660), path)
    for path in (CONTROL["beta"], CONTROL["beta"] + "-milter", CONTROL["beta"] + "-policyd"):
        expect_equal(owner(path)[:3], ("smtpseal", "smtpseal", 0o600), path)
    world.beta.set(**WITH_MILTER)
    with world.client() as client:
        client.greet()
        expect_equal(client.auth(ntlm.SambaClient("BETA\\alpha", PASSWORD)), 235, "login")
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, f"the end of data ({client.last!r})")
    message = world.beta.wait_for_delivery(world.marker)[0]
    expect_in("sealed", message["X-SmtpSeal-Status"], "the status")
    expect_equal(world.smtpseal("beta", "reload").count("NOT"), 0, "daemons that did not reload")


@case
def a_group_that_the_daemon_is_not_in_is_named_with_the_mend(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    told = fails(world, "policyd", "alpha", *as_daemon())
    for part in ('this process is not in group "postfix"', "SupplementaryGroups=postfix", "usermod -a -G postfix"):
        expect_in(part, told, "the message")


# ---- what the service manager hears


@case
def the_service_manager_hears_how_it_goes(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {})
    process = managed(world, "relay", "alpha")
    said = process.manager
    expect_equal(said.values("STATUS"), ["1 rule, 1 credential, 0 accounts"], "STATUS")
    process.reload("policy-loaded")
    within(5, lambda: len(said.values("READY")) == 2, "READY=1 after the reload")
    state = next(state for _, state in said.states if "RELOADING" in state)
    expect(0 <= time.monotonic() * 1e6 - int(state["MONOTONIC_USEC"]) < 30e6, f"MONOTONIC_USEC: {state}")
    world.tables("alpha", "partner.example seel\n", CREDENTIAL)
    process.reload("policy-not-loaded")
    within(5, lambda: len(said.values("STATUS")) == 3, "a third STATUS")
    expect_in("1 rule, 1 credential, 0 accounts, of before: ", said.values("STATUS")[-1], "STATUS")
    expect_in("domains:1", said.values("STATUS")[-1], "STATUS")
    process.stop()
    expect_equal(said.values("STOPPING"), ["1"], "STOPPING")
    expect(int(said.values("EXTEND_TIMEOUT_USEC")[0]) > 3e6, "EXTEND_TIMEOUT_USEC is below process.drain_time")


@case
def the_watchdog_is_fed_by_all_and_not_by_a_daemon_that_hangs(world):
    world.tables("beta", "", "", ACCOUNT)
    world.parameters("beta", {})
    processes = [managed(world, program, "beta", watchdog=1.0) for program in PROGRAMS]
    for process in processes:
        within(5, lambda process=process: len(process.manager.values("WATCHDOG")) >= 3, "three pings")
        times = [when for when, state in process.manager.states if "WATCHDOG" in state]
        expect(max(b - a for a, b in zip(times, times[1:])) < 1.0, f"{process.command[0]} pings too late: {times}")
    hanging = processes[0]
    hanging.signal(signal.SIGSTOP)
    before = len(hanging.manager.values("WATCHDOG"))
    time.sleep(1.2)
    expect(len(hanging.manager.values("WATCHDOG")) <= before + 1, "a daemon that hangs feeds the watchdog")
    hanging.signal(signal.SIGCONT)


# ---- reloads


def info(path):
    with SocketmapClient(path) as client:
        return client.ask("info *")


@case
def smtpseal_reload_makes_every_daemon_read_its_tables(world):
    world.judging("alpha.example none\n", by=("milter", "policyd"))
    sockets = {"relay": CONTROL["beta"], "policyd": CONTROL["beta"] + "-policyd", "milter": CONTROL["beta"] + "-milter"}
    for program, path in sockets.items():
        expect_in(f"program=smtpseal-{program} version=", info(path), "info")
    world.rules("alpha.example none\nbeta.example none\n")
    lines = world.smtpseal("beta", "reload").splitlines()
    expect_equal(
        lines,
        ["relay: 2 rules, 1 credential, 1 account", "policyd: 2 rules, 1 account", "milter: 2 rules, 1 account"],
        "what the daemons say",
    )
    world.rules("alpha.example nothing\n")
    done = world.smtpseal("beta", "reload", "--json", status=1)
    for each in json.loads(done)["daemons"]:
        expect_equal(each["result"], "refused", each["daemon"])
        expect_in("domains:1", each["text"], each["daemon"])
    for path in sockets.values():
        expect_in("content=2+20rules", info(path), "the tables in use")
        expect_in("domains:1", info(path), "what is wrong with the newer ones")
    world.milter.stop()
    expect_in("milter: does not run", world.smtpseal("beta", "reload", status=1), "what is said of the milter")


@case
def a_broken_smtpseal_toml_is_told_at_sighup_and_changes_nothing(world):
    world.sending("partner.example seal account=PARTNER\\alpha\n")
    config = world.parameters("alpha", {})
    with open(config, "a", encoding="ascii") as file:
        file.write("[relay]\nnonsense = 1\n")
    world.tables("alpha", "partner.example seal account=PARTNER\\alpha\nother.example none\n", CREDENTIAL)
    for process in (world.relay, world.policyd):
        line = process.reload("config-problem")
        expect_in("smtpseal.toml:", line, "the log line")
        expect("policy-loaded" not in line, "the tables were read")
    expect_equal(world.postmap("anna@other.example")[0], None, "the route of the new domain")


@case
def changed_parameters_are_named_in_one_line(world):
    world.sending("partner.example seal account=PARTNER\\alpha\n")
    world.parameters("alpha", {"relay.recipient_limit": 500, "log.level": "debug"})
    line = next(each for each in world.relay.reload("policy-loaded").splitlines() if "restart-needed" in each)
    expect_in("restart-needed parameter=log.level,relay.recipient_limit", line, "the log")


@case
def daemons_tell_their_version(world):
    for program in PROGRAMS:
        said = subprocess.run([world.binary(program), "--version"], capture_output=True, text=True, check=True).stdout
        expect(re.fullmatch(rf"smtpseal-{program} \d+\.\d+\.\d+\n", said), f"{program} says {said!r}")


# ---- logs


@case
def a_journal_that_is_not_there_stops_the_start(world):
    world.tables("alpha", TO_BETA, CREDENTIAL)
    world.parameters("alpha", {"log.target": "journal"})
    expect_in('log.target = "journal": nobody listens at', fails(world, "policyd", "alpha"), "the message")


def json_lines(process):
    return [json.loads(line) for line in process.log().splitlines()]


@case
def ids_join_the_lines_of_all_daemons_and_postfix(world):
    world.judging(
        "alpha.example none inbound=require inbound_account=alpha\nother.example none inbound=require inbound_account=somebody mode=report\n",
        f"alpha {ntlm.hash_field(PASSWORD)}\nsomebody {ntlm.hash_field(PASSWORD)}\n",
        by=("milter", "policyd"),
        log_format="json",
    )
    with world.client() as client:
        client.greet(b'quote"and\\backslash')
        expect_equal(client.auth(ntlm.SambaClient("BETA\\alpha", PASSWORD)), 235, "login")
        expect_equal(client.send(JOE, [ANNA], world.text().encode()), 250, f"the end of data ({client.last!r})")
        expect_equal(client.send(b"joe@other.example", [ANNA], world.text().encode()), 250, "the second message")
    queued = set(re.findall("behind/smtpd.*: ([0-9A-Za-z]+): client=", world.beta.log()))
    within(5, lambda: any(line["event"] == "session-close" for line in json_lines(world.gate)), "the session's end")
    events = {each: json_lines(each) for each in (world.gate, world.milter, world.beta_policyd)}
    relayed = [line for line in events[world.gate] if line["event"] == "message"]
    stamped = [line for line in events[world.milter] if line["event"] == "message"]
    reported = [line for line in events[world.beta_policyd] if line["event"] == "sender-would-be-refused"]
    expect_equal((len(relayed), len(stamped)), (2, 2), "messages in the logs")
    expect(reported, "policyd reports nothing")
    sessions = {line["id"] for line in relayed}
    expect_equal(len(sessions), 1, "sessions of the relay")
    expect_equal({line["session"] for line in stamped + reported}, sessions, "the sessions of milter and policyd")
    expect_equal({line["queue"] for line in relayed}, queued, "queue ids of the relay's lines")
    expect_equal({line["queue"] for line in stamped}, queued, "queue ids of the milter's lines")
    for process, lines in events.items():
        for line in lines:
            expect(isinstance(line["pid"], int) and line["pid"] == process.pid, f"pid in {line}")
            expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]), f"time in {line}")
            expect(PASSWORD not in json.dumps(line), "the password is in the log")


# ---- sessions


@case
def smtpseal_sessions_shows_what_both_sides_do(world):
    world.receiving(ACCOUNT)
    world.sending(TO_BETA, CREDENTIAL)
    expect_in("no session is open", world.smtpseal("beta", "sessions"), "without sessions")
    with world.client(source="192.0.2.15") as idle, world.client(source="192.0.2.16") as busy:
        idle.greet()
        busy.greet()
        busy.auth(ntlm.SambaClient("BETA\\alpha", PASSWORD))
        busy.expect(b"MAIL FROM:<" + JOE + b">", 250)
        busy.expect(b"RCPT TO:<" + ANNA + b">", 250)
        busy.expect(b"DATA", 354)
        found = json.loads(world.smtpseal("beta", "sessions", "--json"))
        expect_equal(found["total"], 2, "sessions")
        by_peer = {each["peer"]: each for each in found["sessions"]}
        expect_equal(by_peer["192.0.2.15"]["activity"], "idle", "what the idle client does")
        expect_equal(by_peer["192.0.2.15"]["status"], "none", "what protects it")
        sealed = by_peer["192.0.2.16"]
        expect_equal(
            (sealed["direction"], sealed["account"], sealed["status"], sealed["bits"], sealed["activity"]),
            ("in", "alpha", "sealed", 128, "data"),
            "the busy client",
        )
        expect(sealed["sealed"] > 0 and sealed["unsealed"] > 0, f"octets: {sealed}")
    world.expect_verdict(ANNA.decode(), "sent", queue_id=world.send(ANNA.decode()))
    found = json.loads(world.smtpseal("alpha", "sessions", "--json"))
    expect_equal(found["total"], 1, "sessions with next hops")
    kept = found["sessions"][0]
    expect_equal(
        (kept["direction"], kept["account"], kept["domain"], kept["status"], kept["messages"], kept["activity"]),
        ("out", "BETA\\alpha", "partner.example", "sealed", 1, "idle"),
        "the session that is kept",
    )
    expect_in(BETA[0], kept["peer"], "the next hop")
