"""SMTP servers that are fakes and say so: one that does what it is told, and the Exchange ones made of it."""

import base64
import socket
import time

from harness import ntlm
from harness.accept_loop import AcceptLoop
from harness.records import Framing, Link

SILENCE = object()  # as a reply: none, and the connection stays open
CLOSE = object()  # as a reply: the connection ends

MODERN_KEYWORDS = ["SIZE 20000000", "8BITMIME", "DSN", "SMTPUTF8", "ENHANCEDSTATUSCODES", "AUTH NTLM"]
EXCHANGE_55_KEYWORDS = ["XEXCH50", "HELP", "ETRN", "DSN", "SIZE 0", "AUTH LOGIN", "AUTH=LOGIN"]


class Message:
    def __init__(self):
        self.sender = self.content = b""
        self.recipients = []  # addresses
        self.recipient_lines = []  # RCPT commands
        self.sealed = False
        self.accepted = False


class Session:
    """What one connection brought: every line as said, plain and unsealed alike, and how many records it came in."""

    def __init__(self):
        self.lines = []  # (sealed, line)
        self.clear = b""
        self.records = 0
        self.ended = ""
        self.is_open = True
        self.ntlm = None

    def commands(self):
        return [line for _, line in self.lines]


class SmtpPeer:
    """A scripted SMTP server.

    account, password: who may log in; `keywords`: what EHLO offers; `replies`: stage or whole command -> reply, where a
    stage is greeting, EHLO, AUTH, AUTH2 (after the AUTHENTICATE message), MAIL, RCPT, DATA, DOT, QUIT, RSET and a reply is
    octets, SILENCE, CLOSE or a function of the line; `seals`: whether a seal starts after 235 when it was negotiated.
    """

    def __init__(
        self,
        address,
        password="Secret-Pw1",
        keywords=None,
        flags=ntlm.MODERN,
        verb=b"AUTH",
        framing="be-leading",
        success=b"235 2.7.0 Authentication successful",
        replies=None,
        seals=True,
        chunks=None,
        alter=None,
        challenge_flags=None,
        with_target_info=True,
        challenge=None,
        record_size=0,
        separate_states=False,
    ):
        self.address = address
        self.password = password
        self.keywords = MODERN_KEYWORDS if keywords is None else keywords
        self.flags = flags
        self.verb = verb
        self.framing = Framing(framing)
        self.success = success
        self.replies = replies or {}
        self.seals = seals
        self.chunks = chunks
        self.alter = alter
        self.challenge_flags = challenge_flags
        self.with_target_info = with_target_info
        self.challenge = challenge  # replaces the CHALLENGE: octets after "334 "
        self.record_size = record_size  # octets in one record of its replies; 0: a reply is a record
        self.separate_states = separate_states
        self.sessions = []
        self.messages = []
        self.failures = []
        self._connections = set()
        listener = socket.create_server(
            address,
            family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET,
            reuse_port=True,
            backlog=64,
        )
        self._loop = AcceptLoop(listener, self._serve)

    def stop(self):
        self._loop.close()
        self.drop_connections()

    def drop_connections(self):
        """Ends all sessions, between commands or not."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def clear_octets(self):
        """All that ever came outside a seal."""
        return b"".join(session.clear for session in self.sessions)

    def _serve(self, connection):
        session = Session()
        self.sessions.append(session)
        self._connections.add(connection)
        link = Link(connection, self.chunks)
        link.alter = self.alter
        link.record_size = self.record_size
        try:
            _Talk(self, session, link).run()
            session.ended = session.ended or "orderly"
        except EOFError:
            session.ended = "closed by the client"
        except OSError as error:
            session.ended = str(error)
        except ntlm.NtlmError as error:
            session.ended = str(error)
            self.failures.append(str(error))
        finally:
            session.clear = link.clear_in
            session.records = link.sealed_in
            self._connections.discard(connection)
            connection.close()
            session.is_open = False


class _Talk:
    """One conversation of an SmtpPeer."""

    def __init__(self, peer, session, link):
        self.peer = peer
        self.session = session
        self.link = link
        self.message = Message()

    def run(self):
        self.reply("greeting", b"220 fake.example ESMTP")
        while True:
            line = self.read()
            verb = line.split(b" ")[0].upper()
            if verb == b"EHLO":
                self.ehlo()
            elif verb == self.peer.verb:
                self.auth(line)
            elif verb == b"MAIL":
                self.message = Message()
                self.message.sender = line
                self.reply("MAIL", b"250 2.1.0 Sender ok", line)
            elif verb == b"RCPT":
                if self.reply("RCPT", b"250 2.1.5 Recipient ok", line)[:1] == b"2":
                    self.message.recipients.append(line.partition(b"<")[2].rpartition(b">")[0].decode())
                    self.message.recipient_lines.append(line)
            elif verb == b"DATA":
                self.data()
            elif verb == b"RSET":
                self.message = Message()
                self.reply("RSET", b"250 2.0.0 Ok", line)
            elif verb == b"NOOP":
                self.reply("NOOP", b"250 2.0.0 Ok", line)
            elif verb == b"QUIT":
                self.reply("QUIT", b"221 2.0.0 Bye", line)
                return
            else:
                self.reply("unknown", b"500 5.5.1 command not recognized", line)

    def read(self):
        line = self.link.read_line()
        self.session.lines.append((self.link.seal is not None, line))
        return line

    def reply(self, stage, usual, line=b""):
        """Says what the script wants at this stage, or the usual; returns it."""
        text = self.peer.replies.get(line, self.peer.replies.get(stage, usual))
        if callable(text):
            text = text(line)
            text = usual if text is None else text
        if text is CLOSE:
            raise EOFError
        if text is SILENCE:
            while True:
                self.link.read_some()
        if isinstance(text, tuple):  # a pause before the reply
            time.sleep(text[0])
            text = text[1]
        self.link.write(text + b"\r\n")
        return text

    def ehlo(self):
        lines = ["fake.example Hello"] + self.peer.keywords
        text = "\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{line}" for n, line in enumerate(lines))
        self.reply("EHLO", text.encode(), b"EHLO")

    def auth(self, line):
        said = self.reply_if_scripted("AUTH", line)
        if said:
            return
        parts = line.split(b" ")
        server = ntlm.Server(
            self.peer.password,
            self.peer.flags,
            challenge_flags=self.peer.challenge_flags,
            with_target_info=self.peer.with_target_info,
        )
        self.session.ntlm = server
        negotiate = base64.b64decode(parts[2]) if len(parts) > 2 else self.ask_for(b"334 ")
        challenge = self.peer.challenge
        if challenge is None:
            challenge = base64.b64encode(server.challenge(negotiate))
        authenticate = self.ask_for(b"334 " + challenge)
        if authenticate is None:
            self.link.write(b"501 5.7.0 Authentication cancelled\r\n")
            return
        if self.reply_if_scripted("AUTH2", line):
            return
        if not server.authenticate(authenticate):
            self.link.write(b"535 5.7.3 Authentication unsuccessful\r\n")
            return
        self.link.write(self.peer.success + b"\r\n")
        if self.peer.seals and server.flags & ntlm.SEAL:
            self.link.start_seal(server.seal_state(self.peer.separate_states), self.peer.framing)

    def ask_for(self, prompt):
        """A base64 answer of the client; None where it cancels."""
        self.link.write(prompt + b"\r\n")
        answer = self.read()
        return None if answer == b"*" else base64.b64decode(answer, validate=True)

    def reply_if_scripted(self, stage, line):
        if stage not in self.peer.replies:
            return b""
        return self.reply(stage, b"", line)

    def data(self):
        if self.reply("DATA", b"354 Start mail input", b"DATA")[:1] != b"3":
            return
        content = []
        while (line := self.link.read_line()) != b".":
            content.append(line[1:] if line.startswith(b".") else line)
        self.message.content = b"\r\n".join(content) + b"\r\n"
        self.message.sealed = self.link.seal is not None
        self.session.lines.append((self.message.sealed, b"."))
        self.message.accepted = self.reply("DOT", b"250 2.6.0 Queued by a fake", b".")[:1] == b"2"
        self.peer.messages.append(self.message)
        self.message = Message()


def fake_exchange_55(address, password="Secret-Pw1", **changes):
    """An Exchange 5.5 Internet Mail Service, as the Q262945 transcript shows it: NTLM not listed, LM_KEY, NTLMv1, 40 bit,
    235 in lower case, half-duplex. What follows 235 is inferred (big-endian length, leading signature)."""
    options = {
        "keywords": EXCHANGE_55_KEYWORDS,
        "flags": ntlm.EXCHANGE_55,
        "with_target_info": False,
        "success": b"235 ntlm authentication successful",
    }
    return SmtpPeer(address, password, **(options | changes))


def fake_exchange_50(address, password="Secret-Pw1", **changes):
    """An Exchange 5.0 Internet Mail Service: XAUTH instead of AUTH, the rest as 5.5. Its grammar is inferred (Q195201)."""
    return fake_exchange_55(
        address, password, **({"verb": b"XAUTH", "keywords": ["HELP", "SIZE", "XAUTH NTLM"]} | changes)
    )
