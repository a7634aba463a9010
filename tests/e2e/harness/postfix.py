"""A private stock Postfix instance below a directory of its own, and what its log says."""

import mailbox
import os
import re
import shutil
import subprocess

from harness.runner import Failed, within

SERVICES = """
pickup     unix       n - n 60    1 pickup
cleanup    unix       n - n -     0 cleanup -o max_use=1
qmgr       unix       n - n 300   1 qmgr
tlsmgr     unix       - - n 1000? 1 tlsmgr
rewrite    unix       - - n -     - trivial-rewrite
bounce     unix       - - n -     0 bounce
defer      unix       - - n -     0 bounce
trace      unix       - - n -     0 bounce
verify     unix       - - n -     1 verify
flush      unix       n - n 1000? 0 flush
proxymap   unix       - - n -     - proxymap
proxywrite unix       - - n -     1 proxymap
smtp       unix       - - n -     - smtp
relay      unix       - - n -     - smtp
lmtp       unix       - - n -     - lmtp
showq      unix       n - n -     - showq
error      unix       - - n -     - error
retry      unix       - - n -     - error
discard    unix       - - n -     - discard
local      unix       - n n -     - local
virtual    unix       - n n -     - virtual
anvil      unix       - - n -     1 anvil
scache     unix       - - n -     1 scache
postlog    unix-dgram n - n -     1 postlogd
"""

SETTINGS = """
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {dir}/log/maillog
maillog_file_prefixes = {dir}
multi_instance_name = postfix-{name}
syslog_name = {name}
alias_database =
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = static:inbox
virtual_minimum_uid = 8
virtual_uid_maps = static:8
virtual_gid_maps = static:8
"""


class PostfixInstance:
    def __init__(self, base, name, settings, services):
        self.name = name
        self.dir = os.path.join(base, name)
        self.etc = os.path.join(self.dir, "etc")
        self.maillog = os.path.join(self.dir, "log", "maillog")
        self.inbox = os.path.join(self.dir, "mail", "inbox")
        for part in ("etc", "spool", "data", "log", "mail"):
            os.makedirs(os.path.join(self.dir, part), exist_ok=True)
        shutil.chown(os.path.join(self.dir, "data"), "postfix", "postfix")
        shutil.chown(os.path.join(self.dir, "mail"), "mail", "mail")
        self.main_cf = SETTINGS.format(dir=self.dir, name=name) + settings
        self.is_changed = False
        # Programs that end after one client read main.cf for every client.
        self.needs_reload = "max_use=1" not in services
        self.write("main.cf", self.main_cf)
        self.write("master.cf", SERVICES + services)
        self.log_start = 0

    def write(self, name, text):
        with open(os.path.join(self.etc, name), "w", encoding="utf-8") as file:
            file.write(text)
        self._age(name)

    def _age(self, name):
        """Every program of Postfix waits for two seconds where its configuration was changed just now."""
        os.utime(os.path.join(self.etc, name), (0, 0))

    def start(self):
        done = subprocess.run(
            ["script", "-qec", f"postfix -c {self.etc} start", "/dev/null"],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"postfix {self.name} did not start: {done.stdout}{done.stderr}{self.log()}")
        return self

    def stop(self):
        subprocess.run(["postfix", "-c", self.etc, "stop"], capture_output=True, check=False)

    def reload(self):
        subprocess.run(["postfix", "-c", self.etc, "reload"], capture_output=True, check=True)

    def set(self, **parameters):
        """Changes parameters of main.cf until the case ends."""
        lines = [f"{name} = {value}" for name, value in parameters.items()]
        subprocess.run(["postconf", "-c", self.etc, "-e", *lines], check=True)
        self._age("main.cf")
        self.is_changed = True
        if self.needs_reload:
            self.reload()

    def flush(self):
        """Tries everything in the queue now."""
        subprocess.run(["postqueue", "-c", self.etc, "-f"], capture_output=True, check=True)

    def queue(self):
        """What postqueue -p says; empty where the queue is."""
        text = subprocess.run(
            ["postqueue", "-c", self.etc, "-p"], capture_output=True, text=True, check=True
        ).stdout
        return "" if "Mail queue is empty" in text else text

    def clear(self):
        """Forgets queue, mailbox, the log so far, and what set() changed."""
        if self.is_changed:
            self.write("main.cf", self.main_cf)
            self.is_changed = False
        subprocess.run(["postsuper", "-c", self.etc, "-d", "ALL"], capture_output=True, check=True)
        if self.needs_reload:
            self.reload()  # qmgr and others remember the last route they asked for
        self.clear_mailbox()
        self.log_start = os.path.getsize(self.maillog) if os.path.exists(self.maillog) else 0

    def clear_mailbox(self):
        for path in (self.inbox, self.inbox + ".lock"):
            if os.path.exists(path):
                os.unlink(path)

    def log(self):
        if not os.path.exists(self.maillog):
            return ""
        with open(self.maillog, "rb") as text:
            text.seek(self.log_start)
            return text.read().decode(errors="replace")

    def sendmail(self, sender, recipients, message, *options):
        """Hands a message in with sendmail(1)."""
        subprocess.run(
            ["sendmail", "-C", self.etc, "-i", "-f", sender, *options, *recipients],
            input=message.encode() if isinstance(message, str) else message,
            check=True,
            capture_output=True,
        )

    def verdicts(self, recipient, queue_id=""):
        """(status, text) of every delivery attempt for a recipient so far. The text has dsn= and the reply."""
        wanted = re.compile(rf"{queue_id or '[0-9A-Za-z]+'}: to=<{re.escape(recipient)}>.*? (dsn=.*)$", re.M)
        found = wanted.findall(self.log())
        return [(re.search(r"status=([a-z]+)", text).group(1), text) for text in found]

    def verdict(self, recipient, queue_id="", seconds=30, after=0):
        """The last verdict on a recipient, once there are more than `after`."""
        return within(
            seconds,
            lambda: self.verdicts(recipient, queue_id)[after:],
            f"a verdict of {self.name} on {recipient}",
        )[-1]

    def messages(self):
        """The messages in the mailbox."""
        if not os.path.exists(self.inbox):
            return []
        return list(mailbox.mbox(self.inbox))

    def inbox_bytes(self):
        if not os.path.exists(self.inbox):
            return b""
        with open(self.inbox, "rb") as text:
            return text.read()

    def wait_for_delivery(self, text, count=1, seconds=20):
        """Waits until `text` has been delivered `count` times; returns those messages."""
        wanted = text.encode() if isinstance(text, str) else text
        return within(
            seconds,
            lambda: (lambda found: found if len(found) >= count else None)(
                [each for each in self.messages() if wanted in each.as_bytes()]
            ),
            f"{count} message(s) with {text!r} in the mailbox of {self.name}",
        )
