"""smtpseal check and smtpseal postfix-config against real Postfix configurations and running daemons."""

import glob
import json
import os
import shutil
import subprocess
import time

from harness.postfix import PostfixInstance
from harness.runner import case, expect, expect_equal, expect_in
from harness.world import BASE, BETA, BETA_SMTPD, MILTER, PASSWORD, PEER, POLICY, POLICYD

LISTED = f"partner.example seal account=PARTNER\\alpha nexthop=[{PEER[0]}]:25\n"
REQUIRED = "alpha.example none inbound=require\n"
TRANSPORT = f"socketmap:unix:{POLICYD['alpha']}:transport"


def check(world, host, etc, status=0):
    """The findings of Postfix."""
    output = world.smtpseal(host, "check", "--json", "--postfix-config", etc, "--sendmail-cf", "/nonexistent", status=status)
    return [each for each in json.loads(output)["findings"] if each["group"].startswith("Postfix")]


def expect_finding(found, severity, *parts):
    for each in found:
        if each["severity"] == severity and all(part in each["text"] + " -> " + each["mend"] for part in parts):
            return
    expect(False, f"no {severity} with {parts} in {found}")


def problems(found):
    return [each for each in found if each["severity"] == "problem"]


class Chrooted:
    """A Postfix that is not started: its programs are chrooted, and the daemons' sockets are below its queue directory."""

    def __init__(self, world, settings="", services=""):
        self.instance = PostfixInstance(BASE, f"chrooted-{world.number}", settings, services)
        with open(f"{self.instance.etc}/master.cf", encoding="utf-8") as file:
            self.instance.write("master.cf", file.read().replace("- - n -     - trivial-rewrite", "- - y - - trivial-rewrite"))
        self.etc = self.instance.etc
        self.sockets = f"{self.instance.dir}/spool/smtpseal"
        os.makedirs(self.sockets, exist_ok=True)
        shutil.chown(self.sockets, "smtpseal", "postfix")
        os.chmod(self.sockets, 0o750)

    def postconf(self, *arguments):
        return subprocess.run(["postconf", "-c", self.etc, *arguments], capture_output=True, text=True, check=True).stdout


LMTP = "smtpseal unix - - y - - lmtp -o lmtp_send_xforward_command=yes -o lmtp_rcpt_timeout=900s\n" \
       "  -o lmtp_data_init_timeout=600s -o lmtp_data_xfer_timeout=600s -o lmtp_data_done_timeout=1200s\n"


def sending_below(world, postfix, **changes):
    """alpha's daemons with their sockets in the queue directory of `postfix`."""
    places = {
        "policyd_listen": [f"unix:{postfix.sockets}/policyd"],
        "policyd_policy_listen": [f"unix:{postfix.sockets}/policy"],
        "relay_lmtp_listen": [f"unix:{postfix.sockets}/relay"],
        "relay_lmtp_listen_seven_bit": [f"unix:{postfix.sockets}/relay-7bit"],
        "policyd_transport": "smtpseal:unix:smtpseal/relay",
        "policyd_transport_seven_bit": "smtpseal:unix:smtpseal/relay-7bit",
    }
    world.tables("alpha", LISTED, f"PARTNER\\alpha {PASSWORD}\n")
    world.parameters("alpha", {name.replace("_", ".", 1): value for name, value in (places | changes).items()})
    world.policyd = world.daemon("policyd", "alpha", f"{postfix.sockets}/policyd")
    world.relay = world.daemon("relay", "alpha", f"{postfix.sockets}/relay")
    world.relay.wait_for_log("started")


@case
def a_host_that_is_set_up_has_no_problem(world):
    world.sending(LISTED)
    found = check(world, "alpha", world.alpha.etc)
    expect_equal(problems(found), [], "problems")
    expect_finding(found, "ok", "trivial-rewrite (user postfix) reaches smtpseal-policyd")
    expect_finding(found, "ok", "lmtp (user postfix) reaches smtpseal-relay")
    expect_finding(found, "warning", "lmtp_data_done_timeout", "can be sent again")


@case
def daemons_that_are_asked_and_do_not_run_are_problems(world):
    world.sending(LISTED)
    world.policyd.stop(5)
    expect_finding(check(world, "alpha", world.alpha.etc, 1), "problem", "smtpseal-policyd", "systemctl enable --now smtpseal-policyd")
    world.start_policyd()
    world.relay.stop(5)
    expect_finding(check(world, "alpha", world.alpha.etc, 1), "problem", "smtpseal-relay", "systemctl enable --now smtpseal-relay")


@case
def tables_of_the_daemon_that_are_older_than_the_file_are_noticed(world):
    world.sending("other.example seal account=PARTNER\\alpha\n")
    world.tables("alpha", LISTED, f"PARTNER\\alpha {PASSWORD}\n")
    expect_finding(check(world, "alpha", world.alpha.etc, 1), "problem", "it does not know postmaster@partner.example")


@case
def a_postfix_that_does_not_ask_is_a_problem(world):
    world.sending(LISTED)
    world.alpha.set(transport_maps="")
    expect_finding(check(world, "alpha", world.alpha.etc, 1), "problem", "leaves unprotected", "postfix-config")
    world.alpha.set(transport_maps="socketmap:unix:/run/elsewhere:transport")
    expect_finding(check(world, "alpha", world.alpha.etc, 1), "problem", "/run/elsewhere", "policyd.listen")


@case
def a_table_before_ours_counts_where_it_leads_a_listed_domain_away(world):
    world.sending(LISTED)
    world.alpha.set(transport_maps=f"inline:{{partner.example=smtp:[192.0.2.66]}}, {TRANSPORT}")
    expect_finding(check(world, "alpha", world.alpha.etc, 1), "problem", "leads a listed domain elsewhere")
    world.alpha.set(transport_maps=f"inline:{{else.example=smtp:[192.0.2.66]}}, {TRANSPORT}")
    found = check(world, "alpha", world.alpha.etc)
    expect_finding(found, "note", "what it lists goes its own way")


@case
def an_exported_table_is_as_good_as_the_map(world):
    world.sending(LISTED)
    world.smtpseal("alpha", "export", "postfix", "--output", f"{world.dir}/transport")
    world.alpha.set(transport_maps=f"texthash:{world.dir}/transport")
    expect_equal(problems(check(world, "alpha", world.alpha.etc)), [], "problems")


@case
def sockets_are_tried_from_within_the_chroot(world):
    postfix = Chrooted(world, services=LMTP)
    sending_below(world, postfix)
    postfix.postconf("-e", f"transport_maps=socketmap:unix:{postfix.sockets}/policyd:transport")
    found = check(world, "alpha", postfix.etc, 1)
    expect_finding(found, "problem", "chroot", "No such file or directory", "name the socket relative to")
    postfix.postconf("-e", "transport_maps=socketmap:unix:smtpseal/policyd:transport")
    found = check(world, "alpha", postfix.etc)
    expect_finding(found, "ok", f"trivial-rewrite (user postfix, chroot {postfix.instance.dir}/spool) reaches smtpseal-policyd")
    expect(not [each for each in found if each["severity"] == "warning"], f"warnings: {found}")


@case
def sockets_that_keep_postfix_out_are_noticed(world):
    postfix = Chrooted(world, "transport_maps = socketmap:unix:smtpseal/policyd:transport\n", LMTP)
    sending_below(world, postfix, policyd_socket_mode="0600")
    found = check(world, "alpha", postfix.etc, 1)
    expect_finding(found, "problem", "smtpseal-policyd", "Permission denied", "group postfix")
    expect_finding(found, "ok", "lmtp (user postfix, chroot")


@case
def what_master_cf_lacks_to_send_is_noticed(world):
    postfix = Chrooted(world, "transport_maps = socketmap:unix:smtpseal/policyd:transport\n")
    sending_below(world, postfix)
    expect_finding(check(world, "alpha", postfix.etc, 1), "problem", "master.cf has no service smtpseal unix")
    postfix.postconf("-M", "smtpseal/unix=smtpseal unix - - n - - smtp")
    expect_finding(check(world, "alpha", postfix.etc, 1), "problem", "runs smtp, not lmtp")


@case
def rules_for_incoming_mail_that_nobody_enforces_are_a_problem(world):
    world.judging(REQUIRED, by=("milter",))
    world.beta.set(smtpd_milters="", non_smtpd_milters="")
    expect_finding(check(world, "beta", world.beta.etc, 1), "problem", "nothing is required")
    world.beta.set(smtpd_milters=f"unix:{MILTER}", non_smtpd_milters="$smtpd_milters")
    found = check(world, "beta", world.beta.etc)
    expect_finding(found, "ok", "smtpd (user postfix) reaches smtpseal-milter")
    expect_finding(found, "ok", "cleanup (user postfix) reaches smtpseal-milter")


@case
def a_milter_that_is_passed_by_is_noticed(world):
    world.judging(REQUIRED, by=("milter",))
    world.beta.set(milter_default_action="accept", smtpd_milters=f"inet:127.0.0.1:9, unix:{MILTER}")
    found = check(world, "beta", world.beta.etc, 1)
    expect_finding(found, "problem", "milter_default_action is accept", "tempfail")
    expect_finding(found, "warning", "before smtpseal-milter")


@case
def an_account_that_could_relay_is_noticed(world):
    world.judging(REQUIRED, by=("policyd",), relay_xclient_login="all")
    expect(not [each for each in check(world, "beta", world.beta.etc) if "may relay" in each["text"]], "a finding")
    ask = f"check_policy_service unix:{POLICY['beta']}"
    world.beta.set(smtpd_recipient_restrictions=f"permit_sasl_authenticated, {ask}")
    expect_finding(check(world, "beta", world.beta.etc, 1), "problem", "permit_sasl_authenticated before check_policy_service")
    world.beta.set(smtpd_recipient_restrictions="permit_sasl_authenticated")
    expect_finding(check(world, "beta", world.beta.etc, 1), "problem", "every account may relay")


@case
def a_port_for_two_and_a_missing_xclient_are_noticed(world):
    world.receiving()
    postfix = Chrooted(world, "inet_interfaces = all\n", "smtp inet n - n - - smtpd\n")
    found = check(world, "beta", postfix.etc, 1)
    expect_finding(found, "problem", f"relay.smtp_listen has inet:{BETA[0]}:25, which smtpd at smtp", "loopback-only")
    expect_finding(found, "problem", "master.cf has no smtpd at relay.smtpd")
    postfix.postconf("-e", "inet_interfaces=loopback-only")
    postfix.postconf("-M", "10025/inet=10025 inet n - n - - smtpd")
    found = check(world, "beta", postfix.etc, 1)
    expect_finding(found, "problem", f"does not take XCLIENT from {BETA_SMTPD[0]}")
    postfix.postconf("-P", "10025/inet/smtpd_authorized_xclient_hosts=127.0.0.0/8")
    expect_equal(problems(check(world, "beta", postfix.etc)), [], "problems")


# ---- the daemons


def daemons(world, host, status=0):
    output = world.smtpseal(host, "check", "--json", "--postfix-config", world.alpha.etc, "--sendmail-cf", "/nonexistent", status=status)
    return [each for each in json.loads(output)["findings"] if each["group"] == "daemons"]


@case
def daemons_say_which_tables_they_use(world):
    world.sending(LISTED)
    found = daemons(world, "alpha")
    expect_finding(found, "ok", "smtpseal-relay uses", "1 rule")
    expect_finding(found, "ok", "smtpseal-policyd uses", "1 rule")
    later = time.time() + 5
    os.utime(f"{world.dir}/alpha/domains", (later, later))
    expect_finding(daemons(world, "alpha"), "warning", "smtpseal-relay uses tables that are older", "smtpseal reload")
    world.tables("alpha", LISTED + "bad\n", f"PARTNER\\alpha {PASSWORD}\n")
    world.smtpseal("alpha", "reload", status=1)
    expect_finding(daemons(world, "alpha", 1), "problem", "smtpseal-relay keeps its old tables", "domains:2")


# ---- Sendmail


@case
def a_sendmail_host_that_is_set_up_has_no_problem(world):
    host = world.sendmail("relay")
    host.configure("relay", domains=LISTED, credentials=f"PARTNER\\alpha {PASSWORD}\n")
    policyd = world.on_sendmail(host, "policyd", "/run/smtpseal/policyd")
    world.on_sendmail(host, "relay", "/run/smtpseal/relay", "/run/smtpseal/relay-7bit")

    def findings():
        found = json.loads(host.run(world.binary(""), "check", "--json", check=False))["findings"]
        return [each for each in found if each["group"].startswith("Sendmail")]

    expect_equal(len(findings()), 3, "findings")
    expect_equal({each["severity"] for each in findings()}, {"ok"}, "severities")
    expect_in("has what this needs", host.run(world.binary(""), "sendmail-config"), "sendmail-config")
    policyd.stop(5)
    expect_finding(findings(), "problem", "does not reach smtpseal-policyd", "systemctl enable --now smtpseal-policyd")


@case
def a_sendmail_that_seals_by_itself_needs_no_daemon(world):
    host = world.sendmail("native")
    host.configure("native")
    host.write("/etc/smtpseal/domains", LISTED)
    host.write("/etc/smtpseal/credentials", f"PARTNER\\alpha {PASSWORD}\n", 0o640)
    found = json.loads(host.run(world.binary(""), "check", "--json", check=False))["findings"]
    found = [each for each in found if each["group"].startswith("Sendmail")]
    expect_equal([each["severity"] for each in found], ["ok"], f"severities of {found}")


# ---- postfix-config


def configured(world, *arguments, status=0, host="alpha", etc):
    return world.smtpseal(host, "postfix-config", "--postfix-config", etc, *arguments, status=status)


def contents(etc):
    texts = []
    for name in ("main.cf", "master.cf"):
        with open(f"{etc}/{name}", encoding="utf-8") as file:
            texts.append(file.read())
    return texts


@case
def postfix_config_sets_what_a_sending_host_needs(world):
    postfix = Chrooted(world, "transport_maps = inline:{else.example=smtp:[192.0.2.66]}\n"
                              "smtpd_recipient_restrictions = permit_mynetworks, reject_rbl_client rbl.example\n")
    sending_below(world, postfix)
    shown = configured(world, etc=postfix.etc)
    for line in ("transport_maps = socketmap:unix:smtpseal/policyd:transport, inline:{else.example=smtp:[192.0.2.66]}",
                 "smtpd_recipient_restrictions = check_policy_service unix:smtpseal/policy, permit_mynetworks, reject_rbl_client rbl.example",
                 "smtpseal unix - - n - - lmtp", "  -o lmtp_data_done_timeout=1200s"):
        expect_in(line + "\n", shown, "what is shown")
    before = contents(postfix.etc)
    output = configured(world, "--apply", etc=postfix.etc)
    expect_in("postfix reload", output, "what comes next")
    found = check(world, "alpha", postfix.etc)
    expect_equal([each for each in found if each["severity"] in ("problem", "warning")], [], "findings")
    expect_in("nothing to do", configured(world, "--apply", etc=postfix.etc), "the second time")
    expect_equal(len(glob.glob(f"{postfix.etc}/main.cf.smtpseal-*[0-9]Z")), 1, "copies")
    configured(world, "--revert", etc=postfix.etc)
    expect_equal(contents(postfix.etc), before, "the files")
    expect_equal(glob.glob(f"{postfix.etc}/*.smtpseal-*"), [], "copies left")
    expect_in("there is no copy", configured(world, "--revert", status=1, etc=postfix.etc), "one more time")


@case
def postfix_config_sets_what_a_receiving_host_needs(world):
    postfix = Chrooted(world, "inet_interfaces = all\nsmtpd_milters = inet:127.0.0.1:9\n", "smtp inet n - n - - smtpd\n")
    world.receiving(milter_listen=f"unix:{postfix.sockets}/milter", policyd_policy_listen=[f"unix:{postfix.sockets}/policy"])
    configured(world, "--apply", "--inbound", host="beta", etc=postfix.etc)
    values = postfix.postconf("inet_interfaces", "proxy_interfaces", "smtpd_milters", "non_smtpd_milters").splitlines()
    expect_equal(values, ["inet_interfaces = loopback-only", f"proxy_interfaces = {BETA[0]}",
                          "smtpd_milters = unix:smtpseal/milter, inet:127.0.0.1:9", "non_smtpd_milters = $smtpd_milters"], "main.cf")
    service = f"{BETA_SMTPD[0]}:{BETA_SMTPD[1]}/inet"
    expect_in(f"{service}/smtpd_authorized_xclient_hosts = 127.0.0.1\n", postfix.postconf("-P"), "master.cf")
    found = problems(check(world, "beta", postfix.etc, 1))
    expect(all("smtpseal-milter" in each["text"] or "smtpseal-policyd" in each["text"] for each in found), f"problems: {found}")


@case
def postfix_config_does_not_take_back_what_others_changed(world):
    postfix = Chrooted(world)
    sending_below(world, postfix)
    before = contents(postfix.etc)
    configured(world, "--apply", etc=postfix.etc)
    postfix.postconf("-e", "mydestination=changed.example")
    expect_in("was changed after", configured(world, "--revert", status=1, etc=postfix.etc), "the refusal")
    expect_in("changed.example", contents(postfix.etc)[0], "main.cf")
    configured(world, "--revert", "--force", etc=postfix.etc)
    expect_equal(contents(postfix.etc), before, "the files")


@case
def postfix_config_keeps_owner_and_mode_and_makes_the_directory(world):
    postfix = Chrooted(world)
    sending_below(world, postfix)
    world.policyd.stop(5)
    world.relay.stop(5)
    shutil.rmtree(postfix.sockets)
    os.chmod(f"{postfix.etc}/main.cf", 0o640)
    configured(world, "--apply", etc=postfix.etc)
    status = os.stat(postfix.sockets)
    expect_equal(oct(status.st_mode & 0o7777), "0o2750", "mode of the directory")
    expect_equal(oct(os.stat(f"{postfix.etc}/main.cf").st_mode & 0o777), "0o640", "mode of main.cf")
    copy = glob.glob(f"{postfix.etc}/main.cf.smtpseal-*Z")[0]
    expect_equal(os.stat(copy).st_mode & 0o777, 0o640, "mode of the copy")


@case
def progress_on_a_terminal_leaves_the_report_whole(world):
    postfix = Chrooted(world)
    sending_below(world, postfix)
    shown = world.smtpseal_on_terminal("alpha", "postfix-config", "--apply", "--postfix-config", postfix.etc)
    expect_in("changing the configuration of Postfix ...\r\x1b[Kchanged main.cf and master.cf", shown, "what a terminal shows")


@case
def postfix_config_changes_nothing_where_postfix_does_not_like_it(world):
    postfix = Chrooted(world, "inet_interfaces = 192.0.2.1 $nonsense{\n")
    sending_below(world, postfix)
    before = contents(postfix.etc)
    done = subprocess.run(["postfix", "-c", postfix.etc, "check"], capture_output=True, check=False)
    expect(done.returncode != 0, "postfix check has nothing against it")
    expect_in("postconf failed: postconf: fatal: ", configured(world, "--apply", status=1, etc=postfix.etc), "the refusal")
    expect_equal(contents(postfix.etc), before, "the files")
    expect_equal(glob.glob(f"{postfix.etc}/*.smtpseal-*"), [], "copies left")


@case
def postfix_config_without_what_it_needs_says_so(world):
    world.sending(LISTED)
    expect_in("relay.smtp_listen", configured(world, "--inbound", status=1, etc=world.alpha.etc), "the refusal")
    expect_in("cannot be read", configured(world, status=1, etc="/nonexistent"), "the refusal")
