"""SMTP servers that are fakes and say so: one that does what it is told, and the Exchange ones made of it."""

import base64
import dataclasses
import socket
import ssl
import time

from harness import ntlm
from harness.accept_loop import AcceptLoop
from harness.records import Framing, Link

SILENCE = object()  # as a reply: none, and the connection stays open
CLOSE = object()  # as a reply: the connection ends

TLS_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
MODERN_KEYWORDS = ["SIZE 20000000", "8BITMIME", "DSN", "SMTPUTF8", "ENHANCEDSTATUSCODES", "AUTH NTLM"]
EXCHANGE_55_KEYWORDS = ["XEXCH50", "HELP", "ETRN", "DSN", "SIZE 0", "AUTH LOGIN", "AUTH=LOGIN"]


class Message:
    def __init__(self):
        self.sender = self.content = b""
        self.recipients = []  # addresses
        self.recipient_lines = []  # RCPT commands
        self.sealed = False
        self.in_tls = False
        self.accepted = False


@dataclasses.dataclass(frozen=True)
class Line:
    """A line as the client said it, and what it came in; `sealed` and `in_tls` may both be true."""

    text: bytes
    sealed: bool
    in_tls: bool


@dataclasses.dataclass(frozen=True)
class Login:
    """A login by PLAIN or LOGIN: what the client showed, and whether somebody on the wire could have read it."""

    mechanism: str
    user: str
    password: str
    in_tls: bool
    accepted: bool


class Session:
    """What one connection brought: every line as said, plain and unsealed alike, and how many records it came in."""

    def __init__(self, link):
        self._link = link
        self.lines = []  # of Line
        self.logins = []  # of Login
        self.ended = ""
        self.is_open = True
        self.ntlm = None  # the acceptor of the last NTLM login
        self.ntlm_tries = 0  # logins that got as far as the client's response
        self.tls_version = None  # such as TLSv1.3, once the handshake is over
        self.tls_cipher = None
        self.tls_server_name = None  # what the client asked for (SNI)
        self.tls_end_point_hash = None  # of the certificate it was shown (RFC 5929)
        self.tls_error = ""  # why there was no handshake

    @property
    def clear(self):
        """The octets that came neither in a seal nor in TLS, so far."""
        return self._link.clear_in

    @property
    def unsealed(self):
        """The octets that came outside a seal, in clear or as they were inside TLS, so far."""
        return self._link.unsealed_in

    @property
    def records(self):
        return self._link.sealed_in

    def commands(self):
        return [line.text for line in self.lines]

    def commands_in_clear(self):
        return [line.text for line in self.lines if not line.sealed and not line.in_tls]

    def commands_in_tls(self):
        """Those that had nothing but TLS around them."""
        return [line.text for line in self.lines if line.in_tls and not line.sealed]


class SmtpPeer:
    """A scripted SMTP server.

    account, password: who may log in; `keywords`: what EHLO offers; `replies`: stage or whole command -> reply, where a
    stage is greeting, EHLO, STARTTLS, handshake (instead of it), AUTH, AUTH2 (after the AUTHENTICATE message), MAIL, RCPT,
    DATA, DOT, QUIT, RSET and a reply is octets, SILENCE, CLOSE or a function of the line; `seals`: whether a seal starts
    after 235 when it was negotiated.

    `tls`: a Certificate or an ssl.SSLContext; EHLO then offers STARTTLS, and inside TLS `tls_keywords`. `acceptor` makes
    of a Session what ntlm.Server is: challenge(negotiate), authenticate(message), flags, seal_state(separate).
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
        tls=None,
        tls_keywords=None,  # None: the keywords without STARTTLS
        tls_versions=("1.0", "1.3"),  # least and most
        offers_starttls=True,
        needs_starttls=False,  # 530 to AUTH and MAIL before it
        behind_starttls=b"",  # octets in clear right behind the 220 to STARTTLS
        keeps_clear_input=False,  # what came behind STARTTLS counts as said inside TLS
        initial_response="take",  # of AUTH NTLM; or "ignore", or "refuse"
        unlisted=("NTLM",),  # mechanisms taken though EHLO does not list them
        checks_bindings=False,  # refuses NTLM logins that are not bound to our certificate
        acceptor=None,
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
        self.tls = tls
        self.tls_versions = [TLS_VERSIONS[name] for name in tls_versions]
        self.tls_keywords = tls_keywords
        self.needs_starttls = needs_starttls
        self.behind_starttls = behind_starttls
        self.keeps_clear_input = keeps_clear_input
        self.initial_response = initial_response
        self.unlisted = unlisted
        self.checks_bindings = checks_bindings
        self.acceptor = acceptor or self._ntlm_server
        if tls_keywords is None:
            self.tls_keywords = [each for each in self.keywords if each.upper() != "STARTTLS"]
            if tls and offers_starttls and self.tls_keywords == self.keywords:
                self.keywords = [*self.keywords, "STARTTLS"]
        elif tls and offers_starttls:
            self.keywords = [*self.keywords, "STARTTLS"]
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
        """All that ever came neither in a seal nor in TLS."""
        return b"".join(session.clear for session in self.sessions)

    def unsealed_octets(self):
        """All that ever came outside a seal, be it in TLS."""
        return b"".join(session.unsealed for session in self.sessions)

    def ntlm_tries(self):
        """How many NTLM logins got as far as the client's response, over all sessions."""
        return sum(session.ntlm_tries for session in self.sessions)

    def logins(self):
        """The logins by PLAIN and LOGIN of all sessions."""
        return [login for session in self.sessions for login in session.logins]

    def _ntlm_server(self, _session):
        return ntlm.Server(
            self.password,
            self.flags,
            challenge_flags=self.challenge_flags,
            with_target_info=self.with_target_info,
        )

    def _serve(self, connection):
        link = Link(connection, self.chunks)
        session = Session(link)
        self.sessions.append(session)
        self._connections.add(connection)
        link.alter = self.alter
        link.record_size = self.record_size
        try:
            _Talk(self, session, link).run()
            session.ended = session.ended or "orderly"
        except EOFError:
            session.ended = "closed by the client"
        except OSError as error:
            session.ended = str(error)
        except (ntlm.NtlmError, ValueError) as error:  # ValueError: not base64, not text
            session.ended = str(error)
            self.failures.append(str(error))
        finally:
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
        self.must_greet = False  # EHLO, since STARTTLS

    def run(self):
        self.reply("greeting", b"220 fake.example ESMTP")
        while True:
            line = self.read()
            verb = line.split(b" ")[0].upper()
            if verb == b"EHLO":
                self.ehlo()
            elif self.peer.needs_starttls and not self.link.tls and verb in (self.peer.verb, b"MAIL"):
                self.say(b"530 5.7.0 Must issue a STARTTLS command first")
            elif self.must_greet and verb in (self.peer.verb, b"MAIL"):
                self.say(b"503 5.5.1 EHLO first: this is a new session")
            elif verb == b"STARTTLS":
                self.starttls(line)
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
                if self.link.tls:
                    self.link.end_tls()
                return
            else:
                self.reply("unknown", b"500 5.5.1 command not recognized", line)

    def note(self, text):
        self.session.lines.append(Line(text, self.link.seal is not None, self.link.tls is not None))

    def read(self):
        line = self.link.read_line()
        self.note(line)
        return line

    def say(self, text):
        self.link.write(text + b"\r\n")

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
        self.say(text)
        return text

    def reply_if_scripted(self, stage, line):
        """What the script says at this stage, once it is said; nothing where it leaves the stage alone."""
        scripted = self.peer.replies.get(stage)
        if scripted is None or (callable(scripted) and scripted(line) is None):
            return b""
        return self.reply(stage, b"", line)

    def keywords(self):
        return self.peer.tls_keywords if self.link.tls else self.peer.keywords

    def ehlo(self):
        self.must_greet = False
        lines = ["fake.example Hello"] + self.keywords()
        text = "\r\n".join(f"250{'-' if n + 1 < len(lines) else ' '}{line}" for n, line in enumerate(lines))
        self.reply("EHLO", text.encode(), b"EHLO")

    # ---- TLS

    def starttls(self, line):
        if self.link.tls:
            self.say(b"503 5.5.1 TLS is there already")
        elif self.reply_if_scripted("STARTTLS", line):
            pass
        elif not self.peer.tls:
            offered = "STARTTLS" in (each.upper() for each in self.peer.keywords)
            self.say(b"454 4.7.0 TLS not available" if offered else b"500 5.5.1 command not recognized")
        else:
            self.link.send_raw(b"220 2.0.0 Ready to start TLS\r\n" + self.peer.behind_starttls)
            if "handshake" in self.peer.replies:
                self.link.read_some()  # the client's hello
                self.reply("handshake", b"", line)
            else:
                self.handshake()

    def handshake(self):
        tls = self.peer.tls
        context = tls
        if not isinstance(tls, ssl.SSLContext):
            context = tls.context(*self.peer.tls_versions)
            context.sni_callback = self.server_name
        try:
            self.link.start_tls(context, keeps_plain=self.peer.keeps_clear_input)
        except (EOFError, OSError) as error:
            self.session.tls_error = str(error) or "closed by the client"
            raise
        self.session.tls_version = self.link.tls.object.version()
        self.session.tls_cipher = self.link.tls.object.cipher()[0]
        if tls is not context:
            self.session.tls_end_point_hash = tls.end_point_hash()
        self.message = Message()
        self.must_greet = True

    def server_name(self, _tls, name, _context):
        self.session.tls_server_name = name

    # ---- logins

    def auth(self, line):
        """AUTH, after which a client is not asked whether it has logged in: what it may do is up to the case."""
        if self.reply_if_scripted("AUTH", line):
            return
        words = line.split(b" ")
        mechanism = words[1].upper().decode() if len(words) > 1 else ""
        initial = words[2] if len(words) > 2 else None
        ways = {"NTLM": self.auth_ntlm, "PLAIN": self.auth_plain, "LOGIN": self.auth_login}
        if mechanism not in ways or mechanism not in self.listed():
            self.say(b"504 5.7.4 Unrecognized authentication type")
        else:
            ways[mechanism](line, initial)

    def listed(self):
        """The mechanisms that EHLO lists here, be it in the way of before RFC 2554, and those taken though it does not."""
        found = set(self.peer.unlisted)
        for keyword in self.keywords():
            words = keyword.upper().replace("=", " ").split()
            if words[0] == self.peer.verb.decode():
                found |= set(words[1:])
        return found

    def auth_ntlm(self, line, initial):
        if initial is not None and self.peer.initial_response == "refuse":
            self.say(b"501 5.5.4 Unrecognized parameter")
            return
        server = self.peer.acceptor(self.session)
        self.session.ntlm = server
        if initial is None or self.peer.initial_response == "ignore":
            takes = self.peer.initial_response == "take"
            negotiate = self.ask_for(b"334 " if takes else b"334 ntlm supported")
        else:
            negotiate = base64.b64decode(initial)
        if negotiate is None:
            self.say(b"501 5.7.0 Authentication cancelled")
            return
        challenge = self.peer.challenge
        if challenge is None:
            challenge = base64.b64encode(server.challenge(negotiate))
        authenticate = self.ask_for(b"334 " + challenge)
        if authenticate is None:
            self.say(b"501 5.7.0 Authentication cancelled")
            return
        self.session.ntlm_tries += 1
        if self.reply_if_scripted("AUTH2", line):
            return
        if not (server.authenticate(authenticate) and self.is_bound(server)):
            self.say(b"535 5.7.3 Authentication unsuccessful")
            return
        self.say(self.peer.success)
        if self.peer.seals and server.flags & ntlm.SEAL:
            self.link.start_seal(server.seal_state(self.peer.separate_states), self.peer.framing)

    def is_bound(self, server):
        """Whether the login is for this TLS session, where that is asked for."""
        ours = ntlm.channel_bindings(self.session.tls_end_point_hash)
        return not self.peer.checks_bindings or server.channel_bindings == ours

    def auth_plain(self, line, initial):
        answer = self.ask_for(b"334 ") if initial is None else base64.b64decode(initial, validate=True)
        if answer is None:
            self.say(b"501 5.7.0 Authentication cancelled")
            return
        parts = answer.split(b"\0")
        if len(parts) != 3:
            raise ntlm.NtlmError(f"not a response of PLAIN: {answer!r}")
        self.finish_login("PLAIN", parts[1], parts[2], line)

    def auth_login(self, line, initial):
        user = self.ask_for(b"334 VXNlcm5hbWU6") if initial is None else base64.b64decode(initial)
        password = None if user is None else self.ask_for(b"334 UGFzc3dvcmQ6")
        if password is None:
            self.say(b"501 5.7.0 Authentication cancelled")
            return
        self.finish_login("LOGIN", user, password, line)

    def finish_login(self, mechanism, user, password, line):
        user, password = user.decode(), password.decode()
        right = password == self.peer.password
        self.session.logins.append(Login(mechanism, user, password, self.link.tls is not None, right))
        if not self.reply_if_scripted("AUTH2", line):
            self.say(self.peer.success if right else b"535 5.7.3 Authentication unsuccessful")

    def ask_for(self, prompt):
        """A base64 answer of the client; None where it cancels."""
        self.say(prompt)
        answer = self.read()
        return None if answer == b"*" else base64.b64decode(answer, validate=True)

    # ---- content

    def data(self):
        if self.reply("DATA", b"354 Start mail input", b"DATA")[:1] != b"3":
            return
        content = []
        while (line := self.link.read_line()) != b".":
            content.append(line[1:] if line.startswith(b".") else line)
        self.message.content = b"\r\n".join(content) + b"\r\n"
        self.message.sealed = self.link.seal is not None
        self.message.in_tls = self.link.tls is not None
        self.note(b".")
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
