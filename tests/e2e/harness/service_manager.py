"""What systemd does for a service, as far as the daemons see it: sd_notify, the store of descriptors, sockets that are passed.

A daemon that it starts knows no difference: NOTIFY_SOCKET, LISTEN_FDS, LISTEN_FDNAMES, WATCHDOG_USEC.
"""

import array
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness.process import Process
from harness.runner import within

FIRST = 3  # SD_LISTEN_FDS_START
HIGH = 200  # above every descriptor that a start puts in place
STORE = "smtpseal-store"


def listening(address, mode=0o660, group="postfix"):
    """A socket as a .socket unit makes it."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    made = socket.socket(family)
    if family == socket.AF_UNIX:
        made.bind(address)
        shutil.chown(address, "smtpseal", group)
        os.chmod(address, mode)
    else:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    made.listen(128)
    return made


class ServiceManager:
    """Looks after one service."""

    def __init__(self, directory, name):
        self.path = f"{directory}/notify.{name}"
        self.states = []  # (time, {NAME: value}) as they came
        self.store = []  # descriptors
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(0.2)
        self.is_over = False
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def stop(self):
        self.is_over = True
        self.thread.join(5)
        self.socket.close()
        os.unlink(self.path)
        self.drop_store()

    def drop_store(self):
        """As `systemctl stop` does."""
        for descriptor in self.store:
            os.close(descriptor)
        self.store = []

    def _listen(self):
        while not self.is_over:
            try:
                text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(64 * 4))
            except TimeoutError:
                continue
            state = dict(line.split("=", 1) for line in text.decode().splitlines())
            descriptors = array.array("i")
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    descriptors.frombytes(data)
            self._take(state, list(descriptors))
            self.states.append((time.monotonic(), state))

    def _take(self, state, descriptors):
        if state.get("FDSTOREREMOVE") and state.get("FDNAME") == STORE:
            self.drop_store()
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            known = {os.fstat(each).st_ino for each in self.store}
            if state.get("FDSTORE") and state.get("FDNAME") == STORE and os.fstat(descriptor).st_ino not in known:
                self.store.append(descriptor)
            else:
                os.close(descriptor)

    def values(self, name):
        """Everything that was said under this name."""
        return [state[name] for _, state in self.states if name in state]

    def start(self, command, log, sockets=(), watchdog=None, unit="smtpseal.socket"):
        """Starts the service with `sockets`, which a unit passes, and what the store has; waits until it is ready."""
        before = len(self.values("READY"))
        process = Managed(command, log, self, [s.fileno() for s in sockets], watchdog, unit)
        process.start()
        within(15, lambda: len(self.values("READY")) > before or process._died(), f"READY=1 of {command[0]}")
        return process


class Managed(Process):
    def __init__(self, command, log, manager, sockets, watchdog, unit):
        super().__init__(command, log)
        self.manager = manager
        self.descriptors = [(each, unit) for each in sockets] + [(each, STORE) for each in manager.store]
        self.watchdog = watchdog

    def start(self, *_):
        environment = dict(os.environ, NOTIFY_SOCKET=self.manager.path)
        if self.descriptors:
            environment["LISTEN_FDS"] = str(len(self.descriptors))
            environment["LISTEN_FDNAMES"] = ":".join(name for _, name in self.descriptors)
        if self.watchdog:
            environment["WATCHDOG_USEC"] = str(int(self.watchdog * 1e6))
        # The process that is to get the descriptors is known by its id only once it is there.
        shell = ["sh", "-c", 'export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@"', "sh"]
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                shell + self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                close_fds=False,
                preexec_fn=self._place,
            )
        return self

    def _place(self):
        copies = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, HIGH) for number, _ in self.descriptors]
        for place, copy in enumerate(copies):
            os.dup2(copy, FIRST + place)

    def restart(self, sockets=(), unit="smtpseal.socket"):
        """As `systemctl restart` does: TERM, the end, the next start. Returns the next process."""
        self.signal(signal.SIGTERM)
        self.child.wait(40)
        return self.manager.start(self.command, self.log_path, sockets, self.watchdog, unit)
