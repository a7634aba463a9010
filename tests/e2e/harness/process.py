"""A program that runs beside the cases, with its output in a file, ended by its own process id."""

import signal
import socket
import subprocess
import time

from harness.runner import Failed, within


def can_connect(address):
    """Whether something accepts connections at a path or a (host, port)."""
    family = (
        socket.AF_UNIX
        if isinstance(address, str)
        else socket.AF_INET6
        if ":" in address[0]
        else socket.AF_INET
    )
    with socket.socket(family) as probe:
        probe.settimeout(1)
        try:
            probe.connect(address)
            return True
        except OSError:
            return False


class Process:
    def __init__(self, command, log):
        self.command = [str(part) for part in command]
        self.log_path = log
        self.child = None

    def start(self, *listens):
        """Starts it and waits until it accepts connections at every one of `listens`."""
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for address in listens:
            within(
                15,
                lambda address=address: can_connect(address) or self._died(),
                f"{self.command[0]} at {address}",
            )
        return self

    def _died(self):
        if self.child.poll() is not None:
            raise Failed(f"{self.command[0]} ended with {self.child.returncode}: {self.log()[-2000:]}")
        return False

    @property
    def pid(self):
        return self.child.pid

    def is_running(self):
        return self.child is not None and self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def kill(self):
        """As a crash would: without a chance to say anything."""
        if self.is_running():
            self.child.kill()
            self.child.wait()

    def stop(self, seconds=10):
        """Ends it in order; returns its exit code."""
        if not self.is_running():
            return None
        self.child.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def reload(self, line_when_done, seconds=10):
        """Sends SIGHUP and waits until a log line with `line_when_done` follows."""
        before = len(self.log())
        self.child.send_signal(signal.SIGHUP)
        within(seconds, lambda: line_when_done in self.log()[before:], f"{line_when_done!r} after SIGHUP")
        return self.log()[before:]

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as text:
            return text.read()

    def wait_for_log(self, text, seconds=10):
        within(
            seconds, lambda: text in self.log() or self._died(), f"{text!r} in the log of {self.command[0]}"
        )

    def resident_kib(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class Capture:
    """tcpdump on an interface, for the whole of a `with` block."""

    def __init__(self, path, interface="lo", expression="tcp"):
        self.path = path
        self.process = Process(
            [
                "tcpdump",
                "-i",
                interface,
                "-s",
                "0",
                "-B",
                "32768",
                "-U",
                "--immediate-mode",
                "-Z",
                "root",
                "-w",
                path,
            ]
            + expression.split(),
            path + ".log",
        )

    def __enter__(self):
        self.process.start()
        self.process.wait_for_log("listening on")
        return self

    def __exit__(self, *_):
        time.sleep(0.3)
        self.process.signal(signal.SIGINT)
        self.process.child.wait(10)
        if " 0 packets dropped by kernel" not in self.process.log().replace("\n", " "):
            raise Failed("tcpdump lost packets: " + self.process.log())

    def data(self):
        with open(self.path, "rb") as capture:
            return capture.read()
