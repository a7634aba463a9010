"""A client of Postfix's policy delegation protocol (SMTPD_POLICY_README), polite or not."""

import socket
import time

from harness.runner import Failed

# What Postfix 3.7 sends at RCPT.
USUAL = {
    "request": "smtpd_access_policy",
    "protocol_state": "RCPT",
    "protocol_name": "ESMTP",
    "client_address": "192.0.2.15",
    "client_name": "unknown",
    "client_port": "40000",
    "reverse_client_name": "unknown",
    "server_address": "192.0.2.3",
    "server_port": "25",
    "helo_name": "client.example",
    "sender": "joe@elsewhere.example",
    "recipient": "anna@partner.example",
    "recipient_count": "0",
    "queue_id": "",
    "instance": "1.2.3",
    "size": "0",
    "etrn_domain": "",
    "stress": "",
    "sasl_method": "",
    "sasl_username": "",
    "sasl_sender": "",
    "ccert_subject": "",
    "ccert_issuer": "",
    "ccert_fingerprint": "",
    "ccert_pubkey_fingerprint": "",
    "encryption_protocol": "",
    "encryption_cipher": "",
    "encryption_keysize": "0",
    "policy_context": "",
    "compatibility_level": "3.6",
    "mail_version": "3.7.11",
}


def request(**attributes):
    """A request as octets; None leaves an attribute out."""
    lines = [f"{name}={value}\n" for name, value in (USUAL | attributes).items() if value is not None]
    return ("".join(lines) + "\n").encode()


class PolicyClient:
    def __init__(self, path, seconds=10):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(seconds)
        self.socket.connect(path)
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def write(self, octets):
        self.socket.sendall(octets)

    def answer(self):
        """The next action; None where the server closes instead."""
        while b"\n\n" not in self.pending:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                if self.pending:
                    raise Failed(f"half an answer: {self.pending!r}")
                return None
            self.pending += data
        line, _, self.pending = self.pending.partition(b"\n\n")
        if not line.startswith(b"action=") or b"\n" in line:
            raise Failed(f"not an answer: {line!r}")
        return line[len(b"action=") :].decode()

    def ask(self, **attributes):
        self.write(request(**attributes))
        return self.answer()

    def timed(self, **attributes):
        """How long an answer takes, in seconds."""
        begin = time.monotonic()
        self.ask(**attributes)
        return time.monotonic() - begin
