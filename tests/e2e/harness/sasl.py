"""Programs that use libsasl2, in a mount namespace where the plugin directory and /etc/smtpseal are the case's own; and cyrus
smtptest, an SMTP client with a SASL layer that knows nothing of smtpseal."""

import os
import re
import shutil
import subprocess
import sysconfig

from harness.postfix import PostfixInstance
from harness.runner import Failed, Skipped

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
CYRUS = ROOT + "/build/cyrus"  # tests/unpack-packages
TRIPLET = sysconfig.get_config_var("MULTIARCH")
SASL2 = f"/usr/lib/{TRIPLET}/sasl2"
STOCK_NTLM = SASL2 + "/libntlm.so"
SASLDB = SASL2 + "/libsasldb.so"

HOLD = """
mount --bind {dir}/sasl2 {sasl2}
mkdir -p /etc/smtpseal
mount --bind {dir}/smtpseal /etc/smtpseal
echo ready
exec sleep infinity
"""


class SaslSpace:
    """`plugins` are the files that libsasl2 finds there."""

    def __init__(self, directory, *plugins):
        self.dir = directory
        for part in ("sasl2", "smtpseal"):
            os.makedirs(f"{directory}/{part}")
        self.install(*plugins)
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-ec"]
            + [HOLD.format(dir=directory, sasl2=SASL2)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self.holder.stdout.readline() != "ready\n":
            raise Failed("no mount namespace: " + self.holder.stderr.read())

    def stop(self):
        self.holder.kill()
        self.holder.wait()

    def install(self, *plugins):
        """Replaces the plugins."""
        for name in os.listdir(self.dir + "/sasl2"):
            os.unlink(f"{self.dir}/sasl2/{name}")
        for plugin in plugins:
            shutil.copy(os.path.realpath(plugin), f"{self.dir}/sasl2/{os.path.basename(plugin)}")

    def write(self, name, text, mode=0o644, group="root"):
        """A file of /etc/smtpseal."""
        path = f"{self.dir}/smtpseal/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        shutil.chown(path, "root", group)
        os.chmod(path, mode)

    def inside(self, *command):
        return ["nsenter", "-t", str(self.holder.pid), "-m", "--", *command]


class PostfixWithSasl(PostfixInstance):
    """A Postfix whose programs live in a SaslSpace."""

    def __init__(self, space, *arguments):
        super().__init__(*arguments)
        self.space = space

    def start(self):
        done = subprocess.run(
            self.space.inside("script", "-qec", f"postfix -c {self.etc} start", "/dev/null"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"postfix {self.name} did not start: {done.stdout}{done.stderr}{self.log()}")
        return self

    def add_sasldb_user(self, user, password):
        """Into the database that smtpd.conf names."""
        subprocess.run(
            [f"{CYRUS}/usr/sbin/saslpasswd2", "-p", "-c", "-f", f"{self.dir}/sasldb2", "-u", "gamma.example", user],
            input=password,
            text=True,
            check=True,
        )
        shutil.chown(f"{self.dir}/sasldb2", "root", "postfix")
        os.chmod(f"{self.dir}/sasldb2", 0o640)


class Smtptest:
    """What one run of smtptest brought."""

    def __init__(self, space, server, user, password, lines, *options, seconds=20):
        command = ["env", f"LD_LIBRARY_PATH={CYRUS}/usr/lib/{TRIPLET}", CYRUS + "/usr/lib/cyrus/bin/smtptest"]
        command += ["-v", "-m", "NTLM", "-a", user, "-u", user, "-w", password, "-p", str(server[1]), *options, server[0]]
        done = subprocess.run(
            space.inside(*command),
            input="".join(line + "\n" for line in lines),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        self.output = done.stdout
        if "error while loading shared libraries" in self.output:
            raise Skipped(self.output.strip())
        self.code = done.returncode
        found = re.search(r"Security strength factor: (\d+)", self.output)
        self.ssf = int(found[1]) if found else None
