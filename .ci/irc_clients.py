#!/usr/bin/env python3
"""WeeChat, irssi and ii, as Debian has them, and the bot meet in a channel: each hears what each
says, in the channel and in private, and sees the others leave. `irc_clients.py DIR`: the programs.

A client that is not installed is left out, and that is said."""

import os
import pty
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

programs = sys.argv[1]
home = tempfile.mkdtemp()
daemon = subprocess.Popen(
    [f"{programs}/stonechatd", "--data", ":memory:", "--listen", "irc://127.0.0.1:0"],
    stdout=subprocess.PIPE, bufsize=0)
url = daemon.stdout.readline().split()[1].decode()
assert daemon.stdout.readline() == b"ready\n"
port = url.rsplit(":", 1)[1]


def wait_for(what, condition):
    """Gives up only when a whole minute has brought nothing: a client that starts may be slow."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    sys.exit(f"waited in vain for {what}")


def contents(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


class Observer:
    """A bare socket in the channel, which sees what the server really says."""

    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", int(port)))
        self.text = ""
        self.say("NICK observer\r\nUSER o 0 * :Observer\r\nJOIN #lobby")
        threading.Thread(target=self.read, daemon=True).start()

    def say(self, line):
        self.socket.sendall(f"{line}\r\n".encode())

    def read(self):
        for line in self.socket.makefile("r", encoding="utf-8", newline="\r\n"):
            self.text += line
            if line.startswith("PING"):
                self.say(line.replace("PING", "PONG", 1).strip())

    def sees(self, text):
        wait_for(f"the server to say {text!r}", lambda: text in self.text)


class WeeChat:
    nick = "wee"
    needs = "weechat-headless"

    def __init__(self):
        self.home = f"{home}/weechat"
        commands = [
            "/set fifo.file.enabled on", "/set fifo.file.path ${weechat_config_dir}/fifo",
            "/set logger.file.flush_delay 0",
            f"/server add sc 127.0.0.1/{port} -notls",
            f"/set irc.server.sc.nicks {self.nick}", "/set irc.server.sc.autojoin #lobby",
            "/set irc.server_default.msg_quit gone",
            # All that this server offers, as WeeChat asks for it by default.
            "/set irc.server_default.capabilities *", "/connect sc",
        ]
        options = [option for command in commands for option in ("-r", command)]
        self.process = subprocess.Popen(
            [self.needs, "--stdout", "-d", self.home, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def do(self, buffer, text):
        wait_for("WeeChat's fifo", lambda: os.path.exists(f"{self.home}/fifo"))
        with open(f"{self.home}/fifo", "w") as fifo:
            fifo.write(f"irc.{buffer} *{text}\n")

    def say(self, text):
        self.do("sc.#lobby", text)

    def tell(self, nick, text):
        self.do("server.sc", f"/msg {nick} {text}")

    def quit(self):
        self.do("server.sc", "/quit gone")

    def heard(self):
        logs = f"{self.home}/logs"
        names = os.listdir(logs) if os.path.isdir(logs) else []
        return "".join(contents(f"{logs}/{name}") for name in names)


class Irssi:
    nick = "iri"
    needs = "irssi"

    def __init__(self):
        self.home = f"{home}/irssi"
        os.makedirs(self.home)
        with open(f"{self.home}/config", "w") as config:
            config.write("""
settings = { core = { real_name = "Irssi"; user_name = "iri"; nick = "iri"; };
  "fe-common/core" = { autolog = "yes"; autolog_path = "%s/logs/$0.log"; };
  "irc/core" = { skip_motd = "no"; }; };
""" % self.home)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp("irssi", ["irssi", f"--home={self.home}", "-c", "127.0.0.1", "-p", port])
        threading.Thread(target=self.drain, daemon=True).start()
        time.sleep(2)
        self.type("/join #lobby")

    def drain(self):
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass

    def type(self, text):
        os.write(self.terminal, f"{text}\r".encode())

    def say(self, text):
        self.type(f"/msg #lobby {text}")

    def tell(self, nick, text):
        self.type(f"/msg {nick} {text}")

    def quit(self):
        self.type("/quit gone")
        os.waitpid(self.pid, 0)

    def heard(self):
        logs = f"{self.home}/logs"
        names = os.listdir(logs) if os.path.isdir(logs) else []
        return "".join(contents(f"{logs}/{name}") for name in names)


class Ii:
    nick = "nii"
    needs = "ii"

    def __init__(self):
        self.home = f"{home}/ii/127.0.0.1"
        self.process = subprocess.Popen(
            ["ii", "-s", "127.0.0.1", "-p", port, "-n", self.nick, "-f", "Ii", "-i", f"{home}/ii"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("ii to be welcome", lambda: "Welcome" in contents(f"{self.home}/out"))
        self.write("in", "/j #lobby")
        wait_for("ii's channel", lambda: os.path.exists(f"{self.home}/#lobby/in"))

    def write(self, name, text):
        with open(f"{self.home}/{name}", "w") as fifo:
            fifo.write(f"{text}\n")

    def say(self, text):
        self.write("#lobby/in", text)

    def tell(self, nick, text):
        self.write("in", f"/j {nick} {text}")

    def quit(self):
        self.write("in", "/q gone")

    def heard(self):
        found = []
        for folder, _, names in os.walk(self.home):
            found += [contents(f"{folder}/{name}") for name in names if name == "out"]
        return "".join(found)


observer = Observer()
bot = subprocess.Popen([f"{programs}/examples/bot", f"127.0.0.1:{port}", "#lobby"],
                       stdout=subprocess.DEVNULL)
observer.sees(":bot!bot@localhost JOIN #lobby")
clients = []
for kind in (WeeChat, Irssi, Ii):
    if shutil.which(kind.needs):
        clients.append(kind())
        observer.sees(f":{kind.nick}!")
    else:
        print(f"!!!! {kind.needs} is not installed: it is left out")

for client in clients:
    client.say(f"straße, says {client.nick}")
    observer.sees(f"PRIVMSG #lobby :straße, says {client.nick}")
for client in clients:
    for other in clients:
        if other is not client:
            wait_for(f"{other.nick} to hear {client.nick}",
                     lambda: f"straße, says {client.nick}" in other.heard())
            client.tell(other.nick, f"psst from {client.nick}")
            wait_for(f"{other.nick} to hear {client.nick} in private",
                     lambda: f"psst from {client.nick}" in other.heard())
    client.say("bot: echo an answer")
    observer.sees(f"NOTICE #lobby :{client.nick}: an answer")
    wait_for(f"{client.nick} to hear the bot",
             lambda: f"{client.nick}: an answer" in client.heard())
assert "psst" not in observer.text
for client in clients:
    client.quit()
    observer.sees(f":{client.nick}!")
    wait_for(f"{client.nick} to be gone", lambda: any(
        line.startswith(f":{client.nick}!") and " QUIT :" in line and "gone" in line
        for line in observer.text.splitlines()))
print(", ".join(client.needs for client in clients), "and the bot have talked to each other")
daemon.terminate()
assert daemon.wait() == 0
assert bot.wait() == 0
shutil.rmtree(home)
