#!/usr/bin/env python3
"""Runs the commands of docs/howto-quick-start.md as they stand there, in order, against a partner of its own, and looks at the
message that arrives. For a root of tests/packages with systemd: it takes the installed package away first.

usage: tests/docs/quick_start.py DIRECTORY_OF_THE_PACKAGE
"""

import contextlib
import os
import pathlib
import pty
import re
import secrets
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDE = ROOT / 'docs/howto-quick-start.md'
PROMPT = re.compile(r'(Password of .*|Once more): $')
PASSWORD = secrets.token_urlsafe(24)


def fail(text):
    sys.exit(f'FAILED: {text}')


def blocks():
    return re.findall(r'^```sh\n(.*?)^```', GUIDE.read_text(encoding='utf-8'), re.MULTILINE | re.DOTALL)


def until(seconds, condition):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            return result
        time.sleep(0.2)
    return result


class Partner:
    """partner.example, in namespaces that end with this process, and the wire to it."""

    def __init__(self):
        namespaces = ['--mount', '--uts', '--net', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc']
        self.holder = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', 'unshare', *namespaces, 'sleep', 'infinity'])
        self.pid = until(10, self._first_process) or fail('the partner has no namespaces')
        link = ['ip', 'link', 'add', 'name', 'partner', 'type', 'veth', 'peer', 'name', 'wire', 'netns', self.pid]
        for command in (link, ['ip', 'address', 'add', '192.0.2.1/24', 'dev', 'partner'], ['ip', 'link', 'set', 'partner', 'up']):
            subprocess.run(command, check=True)
        made = self.run([str(ROOT / 'tests/docs/partner'), 'wire', 'ourname'], input=PASSWORD + '\n')
        if made.returncode != 0:
            fail(f'partner.example does not start:\n{made.stdout}{made.stderr}')

    def _first_process(self):
        with contextlib.suppress(OSError):
            children = pathlib.Path(f'/proc/{self.holder.pid}/task/{self.holder.pid}/children').read_text(encoding='ascii').split()
            if children and pathlib.Path(f'/proc/{children[0]}/comm').read_text(encoding='ascii') == 'sleep\n':
                return children[0]
        return None

    def run(self, command, **options):
        return subprocess.run(['nsenter', '-t', self.pid, '-m', '-u', '-i', '-n', '-p', '-r', '-w', '--', *command], capture_output=True,
                              text=True, check=False, **options)

    def inbox(self):
        return self.run(['cat', '/var/mail/inbox']).stdout

    def end(self):
        self.holder.send_signal(signal.SIGKILL)
        self.holder.wait()


def in_terminal(block):
    """Runs a block as a reader would who pastes it, and types the password where he is asked. What is shown, and the exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvp('bash', ['bash', '-e', '-c', block])
    shown, answered = '', 0  # up to where prompts have been answered
    with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
        while octets := os.read(terminal, 4096):
            shown += octets.decode('utf-8', 'replace')
            if PROMPT.search(shown, answered):
                answered = len(shown)
                os.write(terminal, PASSWORD.encode() + b'\n')
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    return shown.replace('\r\n', '\n'), status


def follow_the_guide():
    everything = ''
    for block in blocks():
        print(''.join(f'# {line}\n' for line in block.splitlines()), end='', flush=True)
        shown, status = in_terminal(block)
        print(shown, flush=True)
        if status != 0:
            fail(f'exit status {status}')
        if PASSWORD in shown:
            fail('the password is on the screen')
        everything += shown
    return everything


def main():
    os.chdir(sys.argv[1])
    partner = Partner()
    try:
        subprocess.run(['apt-get', '-y', '-qq', 'purge', 'smtpseal'], check=True)  # the partner runs; what is installed here is the reader's
        pathlib.Path('/etc/resolv.conf').write_text('nameserver 192.0.2.53\n', encoding='ascii')
        shown = follow_the_guide()
        if not re.search(r'delivery .*domain=partner\.example .*status=sealed bits=128', shown):
            fail('the log does not say that the message was sealed')
        if not until(20, lambda: 'Is this sealed?' in partner.inbox()):
            fail('the message has not arrived')
        explained = partner.run(['smtpseal', 'headers', '/var/mail/inbox'])
        print('# smtpseal headers, at partner.example\n' + explained.stdout)
        if explained.returncode != 0 or not re.search(r'seal.*128', explained.stdout, re.DOTALL):
            fail(f'smtpseal headers does not call it sealed: {explained.stderr}')
        print('PASSED: the quick start works as it is written.')
    finally:
        partner.end()


if __name__ == '__main__':
    main()
