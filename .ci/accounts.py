#!/usr/bin/env python3
"""Accounts and history with unmodified clients: WeeChat registers with NickServ; a second WeeChat (by
SCRAM-SHA-256) and irssi (by PLAIN) log in under the same nick, and each sees what the others send.
Then everyone and the daemon are killed with -9, the daemon is started again, and what was echoed is
all there, for a client and for sqlite3. `accounts.py DIR`: the programs.

A client that is not installed is left out, and that is said."""

import base64
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

programs = sys.argv[1]
home = tempfile.mkdtemp()
data = f"{home}/data"


def start():
    daemon = subprocess.Popen(
        [f"{programs}/stonechatd", "--data", data, "--listen", "irc://127.0.0.1:0"],
        stdout=subprocess.PIPE, bufsize=0)
    url = daemon.stdout.readline().split()[1].decode()
    assert daemon.stdout.readline() == b"ready\n"
    return daemon, int(url.rsplit(":", 1)[1])


def wait_for(what, condition):
    """Gives up only when a whole minute has brought nothing: a client that starts may be slow."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    sys.exit(f"waited in vain for {what}")


def contents(folder):
    text = ""
    for path, _, names in os.walk(folder):
        for name in names:
            with open(f"{path}/{name}", errors="replace") as file:
                text += file.read()
    return text


class Bare:
    """A bare socket, which sees what the server really says."""

    def __init__(self, port, *lines):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.lines = []
        self.say(*lines)
        threading.Thread(target=self.read, daemon=True).start()

    def say(self, *lines):
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def read(self):
        try:
            for line in self.socket.makefile("r", encoding="utf-8", newline="\r\n"):
                self.lines.append(line.rstrip("\r\n"))
                if line.startswith("PING"):
                    self.say(line.replace("PING", "PONG", 1).strip())
        except OSError:
            pass

    def hears(self, text, times=1):
        wait_for(f"the server to say {text!r} {times} times",
                 lambda: sum(text in line for line in list(self.lines)) >= times)


class WeeChat:
    def __init__(self, name, port, *options):
        self.home = f"{home}/{name}"
        commands = [
            "/set fifo.file.enabled on", "/set fifo.file.path ${weechat_config_dir}/fifo",
            "/set logger.file.flush_delay 0", f"/server add sc 127.0.0.1/{port} -notls",
            "/set irc.server.sc.nicks wee", "/set irc.server.sc.autojoin #lobby",
            "/set irc.server_default.capabilities *", *options, "/connect sc",
        ]
        options = [option for command in commands for option in ("-r", command)]
        # Each has an output of its own, as WeeChat locks it.
        with open(f"{self.home}.out", "w") as output:
            self.process = subprocess.Popen(
                ["weechat-headless", "--stdout", "-d", self.home, *options],
                stdin=subprocess.DEVNULL, stdout=output)

    def do(self, text, buffer="sc.#lobby"):
        wait_for("WeeChat's fifo", lambda: os.path.exists(f"{self.home}/fifo"))
        with open(f"{self.home}/fifo", "w") as fifo:
            fifo.write(f"irc.{buffer} *{text}\n")

    def hears(self, text):
        wait_for(f"WeeChat to hear {text!r}", lambda: text in contents(f"{self.home}/logs"))

    def kill(self):
        self.process.kill()
        self.process.wait()


class Irssi:
    def __init__(self, port):
        self.home = f"{home}/irssi"
        os.makedirs(self.home)
        with open(f"{self.home}/config", "w") as config:
            config.write("""
servers = ( { address = "127.0.0.1"; chatnet = "sc"; port = "%d"; autoconnect = "yes"; } );
chatnets = { sc = { type = "IRC"; nick = "wee"; sasl_mechanism = "PLAIN"; sasl_username = "wee";
  sasl_password = "secret"; }; };
channels = ( { name = "#lobby"; chatnet = "sc"; autojoin = "yes"; } );
settings = { core = { real_name = "Irssi"; user_name = "iri"; nick = "wee"; };
  "fe-common/core" = { autolog = "yes"; autolog_path = "%s/logs/$0.log"; }; };
""" % (port, self.home))
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp("irssi", ["irssi", f"--home={self.home}"])
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass

    def do(self, text):
        os.write(self.terminal, f"/msg #lobby {text}\r".encode())

    def hears(self, text):
        wait_for(f"irssi to hear {text!r}", lambda: text in contents(f"{self.home}/logs"))

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


daemon, port = start()
observer = Bare(port, "CAP REQ :echo-message account-tag", "NICK observer", "USER o 0 * :Observer",
                "CAP END", "JOIN #lobby")
observer.hears(" 366 ")
clients = []
if shutil.which("weechat-headless"):
    first = WeeChat("first", port)
    observer.hears(":wee!")
    first.do("/msg NickServ REGISTER secret", "server.sc")
    first.hears("The account wee is yours")
    second = WeeChat("second", port, "/set irc.server.sc.sasl_mechanism scram-sha-256",
                     "/set irc.server.sc.sasl_username wee", "/set irc.server.sc.sasl_password secret")
    clients += [first, second]
else:
    print("!!!! weechat-headless is not installed: it is left out")
    registering = Bare(port, "REGISTER wee * secret")
    registering.hears("REGISTER SUCCESS wee")
if shutil.which("irssi"):
    clients.append(Irssi(port))
else:
    print("!!!! irssi is not installed: it is left out")
observer.say("WHOIS wee")
observer.hears(" 330 observer wee wee :is logged in as")
for n, client in enumerate(clients):
    # Those who have logged in are in the channel once they have heard somebody there.
    def greeted():
        observer.say(f"PRIVMSG #lobby :hello, number {n}")
        time.sleep(0.3)
        return "hello, number" in contents(f"{client.home}/logs")
    wait_for(f"client {n} to be in the channel", greeted)
for n, client in enumerate(clients):
    client.do(f"straße, from place {n}")
    observer.hears(f"PRIVMSG #lobby :straße, from place {n}")
    for other in clients:
        other.hears(f"straße, from place {n}")
joins = [line for line in observer.lines if line.split(" ")[-2:] == ["JOIN", "#lobby"]]
assert sum(":wee!" in line for line in joins) <= 1, joins
assert any(line.startswith("@account=wee :wee!") for line in observer.lines), observer.lines
print(f"{len(clients)} unmodified clients speak for one nick")

observer.say(*(f"PRIVMSG #lobby :line {n}" for n in range(200)))
observer.hears("PRIVMSG #lobby :line 150")
for client in clients:
    client.kill()
daemon.kill()
daemon.wait()
time.sleep(0.2)
echoed = [line.split(" PRIVMSG #lobby :")[1] for line in observer.lines
          if ":observer!" in line and " PRIVMSG #lobby :line " in line]
assert len(echoed) >= 150

daemon, port = start()
plain = base64.b64encode(b"\0wee\0secret").decode()
back = Bare(port, "CAP LS 302", "CAP REQ :sasl batch draft/chathistory server-time message-tags",
            "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain}", "NICK wee", "USER w 0 * :w", "CAP END",
            "JOIN #lobby")
back.hears(" 366 ")
found, before = [], "*"
while True:
    back.lines.clear()
    command = f"CHATHISTORY LATEST #lobby * 50" if before == "*" else \
        f"CHATHISTORY BEFORE #lobby msgid={before} 50"
    back.say(command)
    wait_for("a page of history", lambda: any(" BATCH -" in line for line in list(back.lines)))
    page = [line for line in list(back.lines) if " PRIVMSG #lobby :" in line]
    if not page:
        break
    before = next(tag for tag in page[0].split(" ")[0][1:].split(";") if tag.startswith("msgid="))
    before = before.removeprefix("msgid=")
    found = [line.split(" PRIVMSG #lobby :")[1] for line in page] + found
lines = [text for text in found if text.startswith("line ")]
assert lines[:len(echoed)] == echoed and len(set(lines)) == len(lines), (len(echoed), len(lines))
assert all(f"straße, from place {n}" in found for n in range(len(clients)))
print(f"after kill -9 each of {len(echoed)} echoed lines is there, once and in order")

if shutil.which("sqlite3"):
    rows = subprocess.run(
        ["sqlite3", "-readonly", f"{data}/stonechat.db",
         "SELECT text FROM message JOIN target ON target.id = message.target "
         "WHERE target.name = '#lobby' AND kind = 0 ORDER BY time, message.id"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    assert rows == found, "sqlite3 reads something else than clients do"
    print("sqlite3 reads the same from the live file")
else:
    print("!!!! sqlite3 is not installed: it is left out")
daemon.terminate()
assert daemon.wait() == 0
assert subprocess.run([f"{programs}/stonechatd", "--data", data, "verify"]).returncode == 0
shutil.rmtree(home)
