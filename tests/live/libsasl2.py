"""libsasl2 by ctypes, with one plugin and no other: a client or a server of the mechanism NTLM, a message at a time."""

import ctypes
import os
import shutil
import tempfile
from ctypes import POINTER, c_char_p, c_int, c_uint, c_uint32, c_ulong, c_void_p

OK, CONTINUE = 0, 1
CB_GETOPT, CB_LOG, CB_USER, CB_AUTHNAME, CB_PASS = 1, 2, 0x4001, 0x4002, 0x4004
SSF, SSF_EXTERNAL, SEC_PROPS = 1, 100, 101

library = ctypes.CDLL("libsasl2.so.2")
library.sasl_errdetail.restype = c_char_p
library.sasl_set_path.argtypes = [c_int, c_char_p]


class Callback(ctypes.Structure):
    _fields_ = [("id", c_ulong), ("function", c_void_p), ("context", c_void_p)]


class Secret(ctypes.Structure):
    _fields_ = [("size", c_ulong), ("data", ctypes.c_char * 256)]


class SecurityProperties(ctypes.Structure):
    _fields_ = [
        ("min_ssf", c_uint32),
        ("max_ssf", c_uint32),
        ("maxbufsize", c_uint),
        ("security_flags", c_uint32),
        ("names", c_void_p),
        ("values", c_void_p),
    ]


GET_OPTION = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, c_char_p, POINTER(c_char_p), POINTER(c_uint))
GET_TEXT = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, POINTER(c_char_p), POINTER(c_uint))
GET_SECRET = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, POINTER(c_void_p))
TAKE_LOG = ctypes.CFUNCTYPE(c_int, c_void_p, c_int, c_char_p)


def callbacks(*pairs):
    """A table for libsasl2; the functions must be kept alive by the caller."""
    table = (Callback * (len(pairs) + 1))()
    for entry, (number, function) in zip(table, pairs):
        entry.id = number
        entry.function = ctypes.cast(function, c_void_p)
    return table


class Library:
    """libsasl2 with `plugin` as it is between init and done; `settings` are of section [sasl] of smtpseal.toml."""

    def __init__(self, plugin, settings="", accounts=""):
        self.directory = tempfile.TemporaryDirectory(prefix="smtpseal-sasl-")
        os.mkdir(self.directory.name + "/plugins")
        shutil.copy(os.path.realpath(plugin), self.directory.name + "/plugins/" + os.path.basename(plugin))
        self._write("accounts", accounts)
        self._write("smtpseal.toml", f'[files]\naccounts = "{self.directory.name}/accounts"\n[sasl]\n{settings}')
        self.configuration = (self.directory.name + "/smtpseal.toml").encode()
        self.functions = [GET_OPTION(self._get_option), TAKE_LOG(self._take_log)]
        self.table = callbacks((CB_GETOPT, self.functions[0]), (CB_LOG, self.functions[1]))
        self.log = []

    def _write(self, name, text):
        path = f"{self.directory.name}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)

    def _get_option(self, _context, _plugin, option, value, length):
        if option != b"smtpseal_config":
            return -1
        value[0] = self.configuration
        if length:
            length[0] = len(self.configuration)
        return OK

    def _take_log(self, _context, _level, text):
        self.log.append(text.decode())
        return OK

    def __enter__(self):
        library.sasl_set_path(0, (self.directory.name + "/plugins").encode())
        for status in (library.sasl_client_init(self.table), library.sasl_server_init(self.table, b"test")):
            if status != OK:
                raise RuntimeError(f"libsasl2 does not start: {status}")
        return self

    def __exit__(self, *_):
        library.sasl_done()
        self.directory.cleanup()


class Side:
    """What client and server have in common. `status` is that of the last step."""

    def __init__(self):
        self.connection = c_void_p()
        self.status = CONTINUE
        self.begun = False

    def limit(self, max_ssf):
        properties = SecurityProperties(max_ssf=max_ssf, maxbufsize=8192)
        library.sasl_setprop(self.connection, SEC_PROPS, ctypes.byref(properties))

    def close(self):
        library.sasl_dispose(ctypes.byref(self.connection))

    def error(self):
        return library.sasl_errdetail(self.connection).decode()

    def ssf(self):
        value = POINTER(c_uint32)()
        library.sasl_getprop(self.connection, SSF, ctypes.byref(value))
        return value.contents.value

    def step(self, message=b""):
        """The answer to the other side's message."""
        answer, size = c_void_p(), c_uint()
        self.status = self._step(message, answer, size)
        self.begun = True
        return ctypes.string_at(answer, size.value) if answer.value else b""

    def wrap(self, text):
        """The record of `text`: signature, then data."""
        wire = self._through(library.sasl_encode, text)
        assert int.from_bytes(wire[:4], "big") == len(wire) - 4, "more than one record"
        return wire[4:]

    def unwrap(self, record):
        """None where the record is refused."""
        try:
            return self._through(library.sasl_decode, len(record).to_bytes(4, "big") + record)
        except RuntimeError:
            return None

    def _through(self, function, octets):
        made, size = c_void_p(), c_uint()
        if function(self.connection, octets, c_uint(len(octets)), ctypes.byref(made), ctypes.byref(size)) != OK:
            raise RuntimeError(self.error())
        return ctypes.string_at(made, size.value) if made.value else b""


class Client(Side):
    def __init__(self, account, password, max_ssf=0x7FFFFFFF):
        super().__init__()
        self.account = account.encode()
        self.secret = Secret(len(password), password.encode())
        self.functions = [GET_TEXT(self._get_name), GET_SECRET(self._get_password)]
        name, secret = self.functions
        self.table = callbacks((CB_AUTHNAME, name), (CB_USER, name), (CB_PASS, secret))
        library.sasl_client_new(
            b"smtp", b"mx.partner.example", None, None, self.table, 0, ctypes.byref(self.connection)
        )
        self.limit(max_ssf)

    def _get_name(self, _context, _id, text, length):
        text[0] = self.account
        if length:
            length[0] = len(self.account)
        return OK

    def _get_password(self, _connection, _context, _id, secret):
        secret[0] = ctypes.addressof(self.secret)
        return OK

    def _step(self, message, answer, size):
        out = ctypes.byref(answer), ctypes.byref(size)
        if not self.begun:
            return library.sasl_client_start(self.connection, b"NTLM", None, *out, ctypes.byref(c_char_p()))
        return library.sasl_client_step(self.connection, message, c_uint(len(message)), None, *out)


class Server(Side):
    def __init__(self, max_ssf=0x7FFFFFFF):
        super().__init__()
        library.sasl_server_new(
            b"smtp", b"mx.partner.example", None, None, None, None, 0, ctypes.byref(self.connection)
        )
        self.limit(max_ssf)

    def _step(self, message, answer, size):
        out = ctypes.byref(answer), ctypes.byref(size)
        if not self.begun:
            return library.sasl_server_start(self.connection, b"NTLM", message, c_uint(len(message)), *out)
        return library.sasl_server_step(self.connection, message, c_uint(len(message)), *out)
