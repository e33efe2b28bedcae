"""Clients of the daemon: a bare connection, which sees the exact lines of the server; and WeeChat,
irssi and ii, unmodified, which are read by their logs."""

import os
import pty
import socket
import ssl
import time

from programs import PATIENCE, Program, contents, everyone, home, run, wait_for


def connect(port, source=None):
    return socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0) if source else None)


def connect_tls(port):
    return any_certificate().wrap_socket(connect(port))


def any_certificate():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Bare:
    """A client of ours on a connection. `lines`: the lines received."""

    def __init__(self, name, connection, *lines):
        self.name, self.connection = name, connection
        self.lines, self.partial, self.ended = [], b"", False
        self.said_and_heard = []
        everyone.append(self)
        self.say(*lines)

    def say(self, *lines):
        self.said_and_heard += [f"{self.name}> {line}" for line in lines]
        self.connection.settimeout(PATIENCE)
        try:
            self.connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
        except ConnectionError:
            pass  # the server has closed it; what it said before that is still to be heard

    def ask(self, command, last):
        """Sends a line. Returns the lines received up to one that contains `last`."""
        begin = len(self.lines)
        self.say(command)
        self.hears(last, begin=begin)
        return self.lines[begin:]

    def hears(self, text, times=1, begin=0):
        def enough():
            return sum(text in line for line in self.lines[begin:]) >= times
        what = f"{self.name} to hear {text!r}" + (f" {times} times" if times > 1 else "")
        wait_for(what, lambda: enough() or self.ended)
        assert enough(), f"the connection has ended, while this was waited for: {what}"

    def hears_the_end(self):
        """All lines of the server up to the end of the connection."""
        wait_for(f"the end of {self.name}'s connection", lambda: self.ended)

    def close(self):
        self.ended = True
        self.connection.close()

    def look(self):
        while not self.ended:
            self.connection.settimeout(0)
            try:
                piece = self.connection.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except OSError:
                piece = b""
            if not piece:
                return self.close()
            *whole, self.partial = (self.partial + piece).split(b"\n")
            for line in whole:
                self.take(line.decode(errors="backslashreplace").rstrip("\r"))

    def take(self, line):
        self.lines.append(line)
        self.said_and_heard.append(f"{self.name}< {line}")
        if line.startswith("PING"):
            self.say(line.replace("PING", "PONG", 1))

    def transcript(self):
        return "\n".join(["has ended" if self.ended else "is connected", *self.said_and_heard])


class Client(Program):
    """An unmodified client in #lobby, driven by the script, with its logs in `home`."""

    def __init__(self, name, nick, *command, **options):
        self.nick, self.fifos = nick, {}
        super().__init__(name, *command, **options)

    def hears(self, text):
        wait_for(f"{self.name} to hear {text!r}", lambda: text in self.heard())

    def heard(self, where=""):
        """The logs whose names contain this."""
        logs = os.walk(f"{self.home}/logs")
        return contents(*(f"{path}/{name}" for path, _, names in logs for name in names
                          if where in name))

    def write(self, fifo, line):
        """Writes into a FIFO, which stays open: its reader may lose a line when its writers change."""
        def opened():
            try:
                self.fifos[fifo] = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # it is not there, or not yet read
                pass
            return fifo in self.fifos
        if fifo not in self.fifos:
            wait_for(f"{self.name} to read {fifo}", opened)
        os.write(self.fifos[fifo], f"{line}\n".encode())

    def transcript(self):
        return f"{super().transcript()}\n{self.heard()}"


class WeeChat(Client):
    """`commands` are further settings before it connects; over TLS, where there is a
    fingerprint for it to expect. Without a port it knows no server but those of an earlier run
    with the same name."""

    needs = "weechat-headless"

    def __init__(self, name, nick, port=None, *commands, fingerprint=None):
        self.home = f"{home}/{name}"
        tls = weechat_tls()
        if fingerprint:
            commands = (f"/set irc.server.sc.{tls}_fingerprint {fingerprint}", *commands)
        commands = [
            "/set fifo.file.enabled on", "/set fifo.file.path ${weechat_config_dir}/fifo",
            "/set logger.file.flush_delay 0",
        ] + (port is not None) * [
            f"/server add sc 127.0.0.1/{port} -{'' if fingerprint else 'no'}{tls}",
            f"/set irc.server.sc.nicks {nick}", "/set irc.server.sc.autojoin #lobby",
            # WeeChat requests all capabilities of this server, as by default.
            "/set irc.server_default.capabilities *", *commands, "/connect sc",
        ]
        options = [option for command in commands for option in ("-r", command)]
        super().__init__(name, nick, self.needs, "--stdout", "-d", self.home, *options)

    def type(self, text):
        """Types into the current buffer."""
        self.write(f"{self.home}/fifo", f"*{text}")

    def do(self, buffer, text):
        self.write(f"{self.home}/fifo", f"irc.{buffer} *{text}")

    def say(self, text):
        self.do("sc.#lobby", text)

    def tell(self, nick, text):
        self.do("server.sc", f"/msg {nick} {text}")

    def quit(self):
        self.may_end = True
        self.do("server.sc", "/quit gone")


def weechat_tls():
    """The name of TLS in WeeChat's options, which changed with version 4."""
    return "tls" if int(run(WeeChat.needs, "--version").split(".")[0]) >= 4 else "ssl"


class Irssi(Client):
    """`server`, `chatnet`: further lines of its config for them. Without a port it knows no server but
    those of an earlier run with the same name."""

    needs = "irssi"

    def __init__(self, name, nick, port=None, server="", chatnet=""):
        self.home = f"{home}/{name}"
        os.makedirs(self.home, exist_ok=True)
        known = f"""
servers = ( {{ address = "127.0.0.1"; chatnet = "sc"; port = "{port}"; autoconnect = "yes"; {server} }} );
chatnets = {{ sc = {{ type = "IRC"; nick = "{nick}"; {chatnet} }}; }};
channels = ( {{ name = "#lobby"; chatnet = "sc"; autojoin = "yes"; }} );
""" if port is not None else ""
        if not os.path.exists(f"{self.home}/config"):
            with open(f"{self.home}/config", "w") as config:
                config.write(f"""{known}
settings = {{ core = {{ real_name = "Irssi"; user_name = "iri"; nick = "{nick}"; }};
  "fe-common/core" = {{ autolog = "yes"; autolog_path = "{self.home}/logs/$0.log"; }};
  "fe-text" = {{ paste_detect_time = "0msecs"; }};
  "irc/core" = {{ skip_motd = "no"; }}; }};
""")
        self.terminal, theirs = pty.openpty()
        os.set_blocking(self.terminal, False)
        super().__init__(name, nick, self.needs, f"--home={self.home}",
                         stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                         env={**os.environ, "TERM": "xterm"})
        os.close(theirs)

    def look(self):
        try:
            while os.read(self.terminal, 65536):  # or its screen would fill, and it would wait
                pass
        except OSError:
            pass
        return super().look()

    def type(self, text):
        os.write(self.terminal, f"{text}\r".encode())

    def say(self, text):
        self.type(f"/msg #lobby {text}")

    def tell(self, nick, text):
        self.type(f"/msg {nick} {text}")

    def quit(self):
        self.may_end = True
        self.type("/quit gone")


class Ii(Client):
    needs = "ii"

    def __init__(self, name, nick, port):
        self.home = f"{home}/{name}/127.0.0.1"
        super().__init__(name, nick, self.needs, "-s", "127.0.0.1", "-p", str(port), "-n", nick,
                         "-f", "Ii", "-i", f"{home}/{name}")
        self.hears("Welcome")
        self.write(f"{self.home}/in", "/j #lobby")

    def heard(self):
        return contents(*(f"{path}/out" for path, _, names in os.walk(self.home) if "out" in names))

    def say(self, text):
        self.write(f"{self.home}/#lobby/in", text)

    def tell(self, nick, text):
        self.write(f"{self.home}/in", f"/j {nick} {text}")

    def quit(self):
        self.may_end = True
        self.write(f"{self.home}/in", "/q gone")


def greet(observer, client):
    """Sends a greeting until the client has received it: then it is in the channel."""
    def heard():
        observer.say(f"PRIVMSG #lobby :hello, {client.name}")
        time.sleep(0.3)
        return f"hello, {client.name}" in client.heard()
    wait_for(f"{client.name} to hear a greeting in #lobby", heard)
