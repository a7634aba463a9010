"""What the daemons count: a real Prometheus server reads them, every query of the dashboard and every alert rule that is
shipped is put to it, and no client of the listener gets in the way of mail."""

import contextlib
import json
import math
import os
import re
import socket
import subprocess
import threading
import time
import tomllib

from harness import ntlm
from harness.certificates import Authority
from harness.partners import JOE, RULE, STRANGER, Session, expect_refused, sealed
from harness.process import Process
from harness.prometheus import EXAMPLES, ROOT, Prometheus, promtool, samples, scrape, value
from harness.runner import Failed, case, expect, expect_equal, expect_in, within
from harness.smtp_peer import MODERN_KEYWORDS
from harness.world import BETA, PASSWORD, PEERS

TO_ANNA = "anna@partner.example"
TO_BETA = "partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.2]\n"
RELAY, POLICYD = "127.0.0.1:9825", "127.0.0.1:9826"
GATE, BETA_POLICYD, MILTER = "127.0.0.1:9835", "127.0.0.1:9836", "127.0.0.1:9837"
TARGETS = [RELAY, POLICYD, GATE, BETA_POLICYD, MILTER]
ON_ALPHA = {"relay_metrics_listen": f"inet:{RELAY}", "policyd_metrics_listen": f"inet:{POLICYD}"}
ON_BETA = {
    "relay_metrics_listen": f"inet:{GATE}",
    "policyd_metrics_listen": f"inet:{BETA_POLICYD}",
    "milter_metrics_listen": f"inet:{MILTER}",
}

# Every label there is, with every value it can have.
PROTECTIONS = {"none", "tls", "authenticated", "sealed", "unknown"}
DIRECTIONS = {"inbound", "outbound"}
VERDICTS = {"pass", "report", "refuse", "defer"}
REASONS = {
    "dns", "connect", "greeting", "tls", "auth_not_offered", "login_refused", "login_unanswered", "too_weak", "held",
    "no_credential", "lost", "seal_broken", "out_of_step",
}  # fmt: skip
ANY = None  # a number or a version: not a word that could come from outside
COMMON = {
    "smtpseal_build_info": {"program": {"smtpseal-relay", "smtpseal-policyd", "smtpseal-milter"}, "version": ANY},
    "process_start_time_seconds": {},
    "smtpseal_policy_usable": {},
    "smtpseal_policy_last_load_successful": {},
    "smtpseal_policy_loaded_timestamp_seconds": {},
    "smtpseal_policy_rules": {},
    "exposer_transferred_bytes_total": {},
    "exposer_scrapes_total": {},
    "exposer_request_latencies": {"quantile": {"0.5", "0.9", "0.99"}},
    "exposer_request_latencies_count": {},
    "exposer_request_latencies_sum": {},
}
OF_RELAY = COMMON | {
    "smtpseal_sessions_total": {"direction": DIRECTIONS, "protection": PROTECTIONS},
    "smtpseal_sessions_open": {"direction": DIRECTIONS},
    "smtpseal_hop_failures_total": {"reason": REASONS},
    "smtpseal_logins_total": {"direction": DIRECTIONS, "outcome": {"succeeded", "refused", "unfinished"}},
    "smtpseal_messages_total": {
        "direction": DIRECTIONS,
        "protection": PROTECTIONS,
        "outcome": {"accepted", "deferred", "refused"},
    },
    "smtpseal_octets_total": {"direction": DIRECTIONS, "way": {"sealed", "unsealed"}},
    "smtpseal_senders_total": {"verdict": VERDICTS},
    "smtpseal_connections_refused_total": {
        "limit": {"relay.lmtp_client_limit", "relay.session_limit", "relay.session_limit_per_address"}
    },
    "smtpseal_holds": {},
    "smtpseal_hop_open_seconds_bucket": {"le": ANY},
    "smtpseal_hop_open_seconds_sum": {},
    "smtpseal_hop_open_seconds_count": {},
    "smtpseal_delivery_seconds_bucket": {"le": ANY},
    "smtpseal_delivery_seconds_sum": {},
    "smtpseal_delivery_seconds_count": {},
}
OF_POLICYD = COMMON | {
    "smtpseal_lookups_total": {
        "map": {"transport", "mailertable", "smtpseal", "query", "other"},
        "answer": {"ok", "notfound", "temp", "perm"},
    },
    "smtpseal_policy_requests_total": {"verdict": VERDICTS | {"no_relaying", "unanswered"}},
    "smtpseal_connections_open": {},
    "smtpseal_connections_refused_total": {"limit": {"policyd.client_limit"}},
}
OF_MILTER = COMMON | {
    "smtpseal_milter_messages_total": {"protection": PROTECTIONS, "verdict": VERDICTS},
    "smtpseal_forged_headers_removed_total": {},
    "smtpseal_milter_failures_total": {},
    "smtpseal_connections_open": {},
    "smtpseal_connections_refused_total": {"limit": {"milter.client_limit"}},
}


# ---- what the cases are made of


def certificate(world):
    """The parameters that give the gate a certificate."""
    shown = Authority(f"{world.dir}/certificates").issue("mx.beta.example", BETA[0])
    for source, name, mode in ((shown.certificate, "tls.pem", 0o644), (shown.key, "tls.key", 0o640)):
        with open(source, encoding="ascii") as file:
            world.write(f"beta/{name}", file.read(), mode, "smtpseal")
    return {"relay_tls_cert_file": f"{world.dir}/beta/tls.pem", "relay_tls_key_file": f"{world.dir}/beta/tls.key"}


def both_hosts(world, domains=TO_BETA, credentials=f"PARTNER\\alpha {PASSWORD}\n", **changes):
    world.judging(RULE, by=("milter", "policyd"), **ON_BETA, **certificate(world))
    world.sending(domains, credentials, **ON_ALPHA, **changes)


def dashboard():
    with open(f"{EXAMPLES}/smtpseal-dashboard.json", encoding="ascii") as file:
        return json.load(file)


def queries():
    """Every query of the dashboard as Grafana would send it, with the panel it is for."""
    values = {"$job": "smtpseal", "$instance": ".*", "$__rate_interval": "1m"}
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for variable, text in values.items():
                expression = expression.replace(variable, text)
            yield panel["title"], expression


def provoke_failures(world):
    """Next hops that fail in different ways, and a client that is up to no good."""
    world.peer(address=PEERS[0], password="another")
    world.peer(address=PEERS[1], keywords=[each for each in MODERN_KEYWORDS if "AUTH" not in each])
    for recipient in ("a@refuses.example", "a@plain-peer.example", "a@nobody.example"):
        world.expect_verdict(recipient, "deferred", queue_id=world.send(recipient))
    with Session(BETA) as client:
        client.auth(ntlm.SambaClient("BETA\\alpha", "wrong"))
    with Session(BETA) as client:
        expect_refused(client, JOE, 550)


FAILING = (
    TO_BETA
    + "refuses.example seal account=PARTNER\\other nexthop=[192.0.2.10]\n"
    + "plain-peer.example seal account=PARTNER\\alpha nexthop=[192.0.2.11]\n"
    + "nobody.example seal account=PARTNER\\alpha nexthop=[192.0.2.19]\n"
)
FAILING_CREDENTIALS = f"PARTNER\\alpha {PASSWORD}\nPARTNER\\other {PASSWORD}\n"


def mail_both_ways(world):
    world.expect_verdict(TO_ANNA, "sent", queue_id=world.send(TO_ANNA))
    with sealed() as client:
        client.deliver(world)
    with Session(BETA) as client:
        client.deliver(world, STRANGER, headers="X-SmtpSeal-Status: sealed; by=mx.beta.example\r\n")


# ---- Prometheus


@case(seconds=150)
def every_query_of_the_dashboard_has_data_from_a_real_prometheus(world):
    both_hosts(world, FAILING, FAILING_CREDENTIALS)
    server = Prometheus(f"{world.dir}/prometheus", TARGETS).start()
    world.others.append(server)
    within(30, lambda: len(server.query("up == 1")) == len(TARGETS), "all daemons to be read")
    mail_both_ways(world)
    provoke_failures(world)
    within(20, lambda: server.query("smtpseal_holds == 1"), "the hold to be seen")
    mail_both_ways(world)
    asked = list(queries())
    expect(len(asked) > 30, f"only {len(asked)} queries in the dashboard")

    def without_data():
        empty = []
        for title, expression in asked:
            found = server.query(expression)
            if not found or all(math.isnan(number) for _, number in found):
                empty.append(f"{title}: {expression}")
        return empty

    with contextlib.suppress(Failed):
        within(20, lambda: not without_data(), "data for every query")
    expect_equal(without_data(), [], "queries without data")

    def total(expression):
        return sum(number for _, number in server.query(expression))

    for expression, least in (
        ('smtpseal_messages_total{direction="outbound",protection="sealed",outcome="accepted"}', 2),
        ('smtpseal_messages_total{direction="inbound",protection="sealed",outcome="accepted"}', 4),
        ('smtpseal_messages_total{direction="inbound",protection="none",outcome="accepted"}', 2),
        ('smtpseal_messages_total{direction="outbound",protection="none",outcome="deferred"}', 3),
        ('smtpseal_octets_total{direction="outbound",way="sealed"}', 500),
        ('smtpseal_octets_total{direction="inbound",way="unsealed"}', 500),
        ('smtpseal_hop_failures_total{reason="login_refused"}', 1),
        ('smtpseal_hop_failures_total{reason="auth_not_offered"}', 1),
        ('smtpseal_hop_failures_total{reason="connect"}', 1),
        ('smtpseal_logins_total{direction="outbound",outcome="refused"}', 1),
        ('smtpseal_logins_total{direction="inbound",outcome="refused"}', 1),
        ('smtpseal_milter_messages_total{protection="sealed",verdict="pass"}', 4),
        ('smtpseal_milter_messages_total{protection="none",verdict="refuse"}', 1),
        ('smtpseal_policy_requests_total{verdict="pass"}', 1),
        ('smtpseal_lookups_total{map="transport",answer="ok"}', 2),
        ("smtpseal_forged_headers_removed_total", 2),
        ("smtpseal_certificate_not_after_timestamp_seconds > time()", 1),
    ):
        within(10, lambda: total(expression) >= least, f"{least} or more of {expression}")
    expect_equal(
        total('smtpseal_messages_total{direction="outbound",protection="none",outcome="accepted"}'), 0, "sent in clear"
    )


@case
def every_alert_rule_fires_for_what_it_is_about(world):
    del world
    with open(f"{EXAMPLES}/smtpseal-alerts.yml", encoding="ascii") as file:
        rules = set(re.findall(r"alert: (\w+)", file.read()))
    with open(f"{ROOT}/tests/e2e/alerts.yml", encoding="ascii") as file:
        expect_equal(rules, set(re.findall(r'alertname="(\w+)"', file.read())), "rules that are tested")
    for arguments in (
        ("check", "config", f"{EXAMPLES}/prometheus.yml"),
        ("check", "rules", f"{EXAMPLES}/smtpseal-alerts.yml"),
        ("test", "rules", f"{ROOT}/tests/e2e/alerts.yml"),
    ):
        done = promtool(*arguments)
        expect_equal(done.returncode, 0, f"promtool {arguments}: {done.stdout}{done.stderr}")


@case(seconds=120)
def a_hold_raises_the_alarm(world):
    world.peer(address=PEERS[0], password="another")
    world.sending("partner.example seal account=PARTNER\\alpha nexthop=[192.0.2.10]\n", **ON_ALPHA)
    server = Prometheus(f"{world.dir}/prometheus", [RELAY, POLICYD]).start()
    world.others.append(server)
    within(30, lambda: len(server.query("up == 1")) == 2, "both daemons to be read")
    time.sleep(2)
    expect_equal(server.alerts(), {}, "alerts while all is well")
    world.expect_verdict(TO_ANNA, "deferred", queue_id=world.send(TO_ANNA))
    within(30, lambda: server.alerts().get("SmtpsealAccountOnHold") == "firing", "the alert for the hold")
    world.smtpseal("alpha", "holds", "lift", "PARTNER\\alpha")
    within(30, lambda: "SmtpsealAccountOnHold" not in server.alerts(), "the end of the alert")
    world.tables("alpha", "partner.example seal accuont=x\n")
    world.policyd.reload("policy-not-loaded")
    within(30, lambda: server.alerts().get("SmtpsealTablesNotReloaded") == "pending", "the alert for the tables")
    world.policyd.kill()
    within(30, lambda: server.alerts().get("SmtpsealDown") == "pending", "the alert for the daemon")


@case
def the_dashboard_is_one_that_grafana_can_show(world):
    del world
    document = dashboard()
    panels = document["panels"]
    expect_equal(len({panel["id"] for panel in panels}), len(panels), "panels with ids of their own")
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        expect(place["x"] + place["w"] <= 24, f"{panel['title']} does not fit")
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        expect(not cells & taken, f"{panel['title']} lies on another panel")
        taken |= cells
        for target in panel.get("targets", []):
            expect_equal(target["datasource"]["uid"], "${datasource}", f"the data source of {panel['title']}")
    names = {variable["name"] for variable in document["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(panels)))
    expect_equal(used - names, {"__rate_interval"}, "variables that nobody declares")
    known = {name for table in (OF_RELAY, OF_POLICYD, OF_MILTER) for name in table}
    known |= {"smtpseal_certificate_not_after_timestamp_seconds", "up"}
    for _, expression in queries():
        for name in re.findall(r"\b(?:smtpseal_\w+|process_\w+)", expression):
            expect(name in known, f"no daemon has {name}")


@case
def the_examples_agree_on_the_addresses(world):
    del world
    with open(f"{EXAMPLES}/smtpseal.toml", "rb") as file:
        listens = {section: keys["metrics_listen"] for section, keys in tomllib.load(file).items()}
    with open(f"{EXAMPLES}/prometheus.yml", encoding="ascii") as file:
        targets = dict(re.findall(r"- (\S+) # (\w+)\.metrics_listen", file.read()))
    expect_equal({name: f"inet:{address}" for address, name in targets.items()}, listens, "targets and listeners")
    with open(f"{ROOT}/docs/howto-metrics.md", encoding="utf-8") as file:
        manual = file.read()
    for listen in listens.values():
        expect_in(f'metrics_listen = "{listen}"', manual, "docs/howto-metrics.md")


@case
def every_metric_is_in_the_manual(world):
    del world
    with open(f"{ROOT}/docs/howto-metrics.md", encoding="utf-8") as file:
        manual = file.read()
    for name in {name for table in (OF_RELAY, OF_POLICYD, OF_MILTER) for name in table}:
        if not name.startswith("exposer_"):
            expect_in(f"`{re.sub('_(bucket|sum|count)$', '', name)}`", manual, "docs/howto-metrics.md")
    for reason in REASONS:
        expect_in(f"| `{reason}` |", manual, "docs/howto-metrics.md")


# ---- what is shown


def expect_labels(text, table):
    found = samples(text)
    expect_equal({name for name, _, _ in found} - {"smtpseal_certificate_not_after_timestamp_seconds"}, set(table), "names")
    for name, labels, _ in found:
        allowed = table.get(name, {})
        expect_equal(set(labels), set(allowed), f"the labels of {name}")
        for label, word in labels.items():
            known = allowed[label]
            expect(word in known if known else re.fullmatch(r"[0-9.+e-]+|\+Inf", word), f"{name}: {label}={word!r}")


@case
def no_label_has_a_value_from_outside(world):
    both_hosts(world, FAILING, FAILING_CREDENTIALS)
    mail_both_ways(world)
    provoke_failures(world)
    world.postmap("x\" 1\\n", "no-such-map")
    with Session(BETA) as client:
        client.auth(ntlm.SambaClient('BETA\\evil"} 1', "x"))
    texts = {address: scrape(address) for address in TARGETS}
    for address, table in zip(TARGETS, (OF_RELAY, OF_POLICYD, OF_RELAY, OF_POLICYD, OF_MILTER), strict=True):
        expect_labels(texts[address], table)
    for word in ("partner.example", "alpha", "anna", "evil", "192.0.2", "no-such-map", PASSWORD):
        expect(word not in "".join(texts.values()), f"{word!r} is shown")
    for address, program in ((RELAY, "relay"), (BETA_POLICYD, "policyd"), (MILTER, "milter")):
        expect_equal(value(texts[address], "smtpseal_build_info", program=f"smtpseal-{program}"), 1, "the build info")


@case
def smtpseal_stats_shows_what_the_listeners_show(world):
    both_hosts(world)
    mail_both_ways(world)
    text = world.smtpseal("beta", "stats", "--raw")
    for address in (GATE, BETA_POLICYD, MILTER):
        shown = [each for each in samples(scrape(address)) if not each[0].startswith("exposer_")]
        program = next(labels["program"] for name, labels, _ in shown if name == "smtpseal_build_info")
        daemons = json.loads(world.smtpseal("beta", "stats", "--json"))["daemons"]
        figures = next(each["figures"] for each in daemons if f"smtpseal-{each['daemon']}" == program)
        told = {(each["name"], tuple(sorted(each["labels"].items()))): each["value"] for each in figures}
        expect_equal(set(told), {(name, tuple(sorted(labels.items()))) for name, labels, _ in shown}, program)
        for name, labels, number in shown:
            if name.endswith("_total"):
                expect_equal(told[name, tuple(sorted(labels.items()))], number, f"{program}: {name} {labels}")
    expect(value(text, "smtpseal_milter_messages_total", protection="sealed", verdict="pass") == 2, text)
    table = world.smtpseal("beta", "stats")
    for part in ("smtpseal-relay 0.", "smtpseal-policyd 0.", "smtpseal-milter 0."):
        expect_in(part, table, "the tables")
    expect(re.search(r"(?m)^forged headers removed +1$", table), table)
    expect(re.search(r"(?m)^messages +inbound, accepted, sealed +2$", table), table)
    expect_in("smtpseal-milter does not run", world.smtpseal("alpha", "stats"), "the tables of alpha")


@case
def without_a_listener_the_figures_are_there_all_the_same(world):
    world.receiving()
    with sealed() as client:
        client.deliver(world)
    text, _, complaints = world.smtpseal("beta", "stats", "--raw").partition("smtpseal: ")
    expect_in("smtpseal-policyd does not run", complaints, "standard error")
    expect_equal(value(text, "smtpseal_logins_total", direction="inbound", outcome="succeeded"), 1, "logins")
    expect_equal(value(text, "smtpseal_policy_rules"), 0, "rules")
    inodes = subprocess.run(["ss", "-tlnp"], capture_output=True, text=True, check=True).stdout
    ours = [line for line in inodes.splitlines() if f"pid={world.gate.pid}," in line]
    expect_equal(len(ours), 1, f"TCP sockets the gate listens at: {ours}")


# ---- the listener


@case
def an_address_that_cannot_be_had_is_an_error_of_the_start(world):
    world.tables("beta")
    with socket.create_server(("127.0.0.1", 9835)):
        for listen, reason in (
            (f"inet:{GATE}", "Address already in use"),
            ("inet:198.51.100.9:9835", "Cannot assign requested address"),
            ("unix:/run/metrics", "expected inet:ADDRESS:PORT"),
            ("inet:127.0.0.1:0", "the port must be a number"),
        ):
            for program in ("relay", "policyd", "milter"):
                world.parameters("beta", {f"{program}.metrics_listen": listen})
                process = Process(
                    [world.binary(program), "--config", f"{world.dir}/beta/smtpseal.toml"], f"{world.dir}/start.log"
                )
                process.start()
                expect_equal(process.child.wait(10), 1, f"exit status of {program} at {listen}")
                expect_in(f"fatal: {program}.metrics_listen: ", process.log(), f"what {program} says")
                expect_in(reason, process.log(), f"what {program} says")


def http(request, address=GATE):
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), 10) as link:
        link.sendall(request)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while part := link.recv(65536):
                answer += part
        return answer


@case
def nothing_but_the_figures_can_be_had(world):
    world.receiving(**{"relay_metrics_listen": f"inet:{GATE}"}).wait_for_log("started")
    for request in (
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /../../../../etc/passwd HTTP/1.0\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.0\r\n\r\n",
        b"GET //etc/passwd HTTP/1.0\r\n\r\n",
        b"PUT /metrics HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /metrics HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
        b"DELETE /metrics HTTP/1.0\r\n\r\n",
        b"PUT /x HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc",
        b"PROPFIND / HTTP/1.0\r\n\r\n",
        b"CONNECT 192.0.2.2:25 HTTP/1.0\r\n\r\n",
        b"GET http://192.0.2.2:25/ HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00" + b"\0" * 100,
        b"GET /" + b"x" * 100000 + b" HTTP/1.0\r\n\r\n",
        b"EHLO client.example\r\n\r\n",
    ):
        answer = http(request)
        expect(not answer or re.match(rb"HTTP/1\.[01] [45]\d\d ", answer), f"{request[:60]!r}: {answer[:200]!r}")
        expect(b"root:" not in answer, "it shows files")
    expect_in(b"smtpseal_build_info", http(b"GET /metrics HTTP/1.0\r\n\r\n"), "the figures")


@case(seconds=120)
def hostile_clients_of_the_listener_do_not_stall_mail(world):
    both_hosts(world)
    mail_both_ways(world)
    links, over = [], threading.Event()
    for number in range(300):
        link = socket.socket()
        link.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            link.connect(("127.0.0.1", int((RELAY, GATE, MILTER)[number % 3].rpartition(":")[2])))
        links.append(link)

    def trickle():
        """An octet of a request that never ends, again and again, on every connection."""
        while not over.wait(0.2):
            for link in links:
                with contextlib.suppress(OSError):
                    link.send(b"X")

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()
    try:
        began = time.monotonic()
        for _ in range(5):
            mail_both_ways(world)
        expect(time.monotonic() - began < 15, f"15 messages took {time.monotonic() - began:.1f} s")
        for daemon in (world.relay, world.gate, world.milter):
            files = len(os.listdir(f"/proc/{daemon.pid}/fd"))
            expect(files < 70, f"{daemon.command[0]} has {files} files open for 100 clients of its listener")
    finally:
        over.set()
        thread.join()
        for link in links:
            link.close()
    within(60, lambda: "smtpseal_build_info" in scrape(GATE), "the figures, once the clients have gone")
    expect_equal(value(scrape(GATE), "smtpseal_messages_total", direction="inbound", outcome="accepted"), 18, "messages")


@case
def a_daemon_with_a_listener_stops_as_fast_as_one_without(world):
    world.receiving(**{"relay_metrics_listen": f"inet:{GATE}"}).wait_for_log("started")
    with socket.create_connection(("127.0.0.1", 9835)):  # a client that says nothing
        began = time.monotonic()
        expect_equal(world.gate.stop(), 0, "exit status")
        expect(time.monotonic() - began < 2, "it waits for clients of its listener")
