"""An SMTP client for the receiving side: plain or NTLM and sealed, by implementations not smtpseal's."""

import base64
import socket
import ssl

from harness.records import Framing, Link
from harness.runner import expect
from harness.smtp_peer import TLS_VERSIONS


def unverified(least="1.2", most="1.3"):
    """A context for clients that take any certificate, and any strength."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version, context.maximum_version = TLS_VERSIONS[least], TLS_VERSIONS[most]
    return context


class SmtpClient:
    """`source` is the address to come from, `port` the port; one port can be used to several servers at once."""

    def __init__(self, address, source=None, port=0, chunks=None, seconds=15):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.socket.settimeout(seconds)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if source:
            self.socket.bind((source, port))
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.link = Link(self.socket, chunks)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def abort(self):
        """Ends the connection by a reset, so that its port is free at once."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def reply(self):
        """The lines of the next reply."""
        lines = []
        while True:
            lines.append(self.link.read_line())
            if lines[-1][3:4] != b"-":
                return lines

    def say(self, line):
        """Sends a command; returns the code of its reply. The text is in `last`."""
        self.link.write(line + b"\r\n")
        return self.take()

    def take(self):
        lines = self.reply()
        self.last = b"\n".join(lines)
        return int(lines[-1][:3])

    def expect(self, line, code):
        got = self.say(line)
        expect(got == code, f"{line[:60]!r} was answered {self.last!r}, want {code}")

    def greet(self, name=b"client.example"):
        expect(self.take() == 220, f"greeting {self.last!r}")
        self.expect(b"EHLO " + name, 250)
        return self.last

    def starttls(self, context=None, greet=True):
        """Starts TLS, without a look at the certificate unless the context takes one, and greets again;
        returns (cipher, version, bits)."""
        self.expect(b"STARTTLS", 220)
        self.socket = self.link.connection = (context or unverified()).wrap_socket(self.socket)
        if greet:
            self.expect(b"EHLO client.example", 250)
        return self.socket.cipher()

    def port(self):
        return self.socket.getsockname()[1]

    def begin_auth(self, client, initial=True, verb=b"AUTH"):
        """Up to the CHALLENGE, which is returned."""
        token = base64.b64encode(client.negotiate())
        if initial:
            code = self.say(verb + b" NTLM " + token)
        else:
            expect(self.say(verb + b" NTLM") == 334, f"AUTH NTLM was answered {self.last!r}")
            code = self.say(token)
        expect(code == 334, f"NEGOTIATE was answered {self.last!r}")
        return base64.b64decode(self.last[4:])

    def auth(self, client, initial=True, verb=b"AUTH", framing="be-leading", seal=True):
        """A whole login; returns the code. After 235 the session is sealed, unless told otherwise."""
        challenge = self.begin_auth(client, initial, verb)
        code = self.say(base64.b64encode(client.authenticate(challenge)))
        if code == 235 and seal:
            self.link.start_seal(client.seal_state(), Framing(framing))
        return code

    def mail(self, sender):
        """MAIL; returns the code of its reply."""
        return self.say(b"MAIL FROM:<" + sender + b">")

    def send(self, sender, recipients, content):
        """One message; returns the reply code after the final dot."""
        self.expect(b"MAIL FROM:<" + sender + b">", 250)
        for recipient in recipients:
            self.expect(b"RCPT TO:<" + recipient + b">", 250)
        self.expect(b"DATA", 354)
        self.link.write(content + b"\r\n.\r\n")
        return self.take()

    def is_closed(self, seconds=5):
        """Whether the server ends the connection; what it still says is dropped."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
