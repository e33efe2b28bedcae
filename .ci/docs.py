#!/usr/bin/env python3
"""Runs the blocks of the documentation as they stand, in WeeChat, irssi, nc or sh, as each is
marked. Only ports, paths and secrets are replaced by those of the daemon under test. A block marked
`seen` is the expected output, with … for any text.
The user guide is followed twice, with WeeChat and with irssi: register, log in by SASL, stay, leave,
and return to the missed messages. A block that is neither run nor in NOT_RUN fails.
`docs.py DIR`: the programs."""

import os
import pty
import re
import socket
import subprocess
import sys

from daemon import Daemon
from peers import Bare, Irssi, WeeChat, connect, weechat_tls
from programs import Program, contents, home, installed, run, wait_for

programs = os.path.abspath(sys.argv[1])
top = f"{os.path.dirname(os.path.abspath(__file__))}/.."

# `chat`: for WeeChat and irssi alike; `console`: a command after $, and what the terminal then shows.
KINDS = ["weechat", "irssi", "chat", "nc", "sh", "console", "seen", "toml", "haproxy", "sql", "text"]

# Blocks that are not run, by their first lines, and why.
NOT_RUN = {
    "cargo run --release": "the step 'release build' builds it, and every script here runs the program",
    "cargo test": "the step \"the README's test command\" runs it",
    "rustc --edition 2024 examples/bot.rs && ./bot": "tests/daemon/start.rs builds it, irc_clients.py runs it",
    "cargo build --release      # makes stonechatd and stonechat in target/release":
        "the step 'release build' runs it",
    "cat > /etc/letsencrypt/renewal-hooks/deploy/stonechatd <<'END'":
        "it needs certbot, systemd and a public name; tests/daemon/start.rs checks its text",
}
# Clients that the guide leads through menus: HexChat has a window, Goguma is on a phone.

os.environ["HOME"] = f"{home}/user"
os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
for name in [name for name in os.environ if name.startswith(("STONECHAT_", "XDG_"))]:
    del os.environ[name]
os.environ["TMPDIR"] = home
os.mkdir(os.environ["HOME"])


class Block:
    def __init__(self, file, number, kind):
        self.where, self.kind, self.lines, self.done = f"{file}:{number}", kind, [], False

    @property
    def text(self):
        return "\n".join(self.lines)


def blocks(file):
    """All fenced blocks of a file, in order, without their indentation."""
    found, block = [], None
    for number, line in enumerate(contents(f"{top}/{file}").splitlines(), 1):
        fence = re.fullmatch(r"( *)```(.*)", line)
        if not fence:
            if block:
                block.lines.append(line.removeprefix(indent))
        elif block:
            found.append(block)
            block = None
        else:
            indent, kind = fence.groups()
            block = Block(file, number, kind)
    assert not block, f"{block.where} has no end"
    return found


GUIDE, README, OPERATING, SCHEMA = (blocks(file) for file in (
    "docs/user-guide.md", "README.md", "docs/operating.md", "docs/schema.md"))
EVERY = GUIDE + README + OPERATING + SCHEMA


def first(found, begin):
    """The block that begins with this line; it is marked as run."""
    block = next((block for block in found if block.lines[0].startswith(begin)), None)
    assert block, f"no block begins with {begin!r}"
    block.done = True
    return block


def placed(text, ports):
    """The text with the default ports replaced by those of the daemon under test."""
    default = {"6667": "irc", "6697": "ircs", "7007": "echo"}
    return re.sub(r"(127\.0\.0\.1[ :/]|127\.0\.0\.1 -p )(6667|6697|7007)\b",
                  lambda found: f"{found[1]}{ports[default[found[2]]]}", text)


def times(pattern, text):
    """The number of matches of a line of a `seen` block in a text."""
    return len(re.findall(".*".join(re.escape(part) for part in pattern.split("…")), text))


class Terminal(Program):
    """A program on a terminal of its own. `shown`: the content of that."""

    def __init__(self, name, line):
        self.master, theirs = pty.openpty()
        os.set_blocking(self.master, False)
        self.bytes = b""
        super().__init__(name, "sh", "-c", f"exec {line}", stdin=theirs, stdout=theirs, stderr=theirs,
                         start_new_session=True, env={**os.environ, "TERM": "xterm"})
        os.close(theirs)
        self.may_end = True

    @property
    def shown(self):
        return self.bytes.decode(errors="replace").replace("\r\n", "\n")

    def look(self):
        try:
            while piece := os.read(self.master, 65536):
                self.bytes += piece
        except OSError:
            pass

    def type(self, text):
        os.write(self.master, f"{text}\r".encode())

    def shows(self, text):
        wait_for(f"{self.name} to show {text!r}", lambda: times(text, self.shown), lambda: self.shown)


class Guide:
    """The user guide, followed from its first block to its last with one client."""

    def __init__(self, kind, client):
        self.kind, self.start = kind, lambda: client(kind, "ann")
        self.daemon = Daemon(programs, "--data", f"{home}/data-{kind}", "--listen",
                             "irc://127.0.0.1:0", "--listen", "ircs://127.0.0.1:0")
        self.bob = self.comes("bob", "METADATA * SET status :here", "JOIN #lobby")
        self.bob.hears(" 366 ")
        self.client, self.nc = self.start(), None
        ran = False
        for block in GUIDE:
            if block.kind != "seen":
                ran = self.run(block)
            elif ran:
                self.meanwhile(block)
                self.sees(block)
            block.done = block.done or ran
        self.daemon.stop()

    def comes(self, nick, *lines):
        return Bare(nick, connect(self.daemon.ports["irc"]), f"NICK {nick}", f"USER {nick} 0 * :{nick}",
                    *lines)

    def run(self, block):
        """Runs a block and returns True, if it is for this client. From then on `heard` is the
        output of its program, and `before` the output until then."""
        text = placed(block.text, self.daemon.ports)
        text = text.replace("THE-PRINTED-FINGERPRINT", self.daemon.fingerprint)
        if block.kind == "sh":
            said = run("sh", "-euc", text)
            self.heard, self.before = (lambda: said), ""
        elif block.kind in (self.kind, "chat"):
            if self.kind == "weechat":  # as the guide says
                text = re.sub(r"(stone\.|-no)ssl", rf"\1{weechat_tls()}", text)
            self.heard, self.before = (lambda: self.client.heard()), self.client.heard()
            self.client.may_end = "/quit" in block.lines
            for line in text.splitlines():
                self.client.type(line)
            if self.client.may_end:
                self.returns()
        elif block.kind == "nc":
            if not self.nc:
                self.client.may_end = True
                self.client.type("/quit")
                self.client.ends()
                port = self.daemon.ports["irc"]
                self.nc = Program("nc", "nc", "127.0.0.1", str(port), stdin=subprocess.PIPE)
            self.heard, self.before = (lambda: contents(self.nc.out)), contents(self.nc.out)
            self.nc.may_end = block.lines[-1].startswith("QUIT")
            self.nc.type(f"{text}\n")
        else:
            return False
        return True

    def sees(self, block):
        for pattern in placed(block.text, self.daemon.ports).splitlines():
            known = times(pattern, self.before)
            wait_for(f"{block.where}: {pattern!r}",
                     lambda: times(pattern, self.heard()) > known, self.heard)

    def returns(self):
        """bob sends messages while ann is gone; then the client is started again."""
        self.client.ends()
        missed = ["PRIVMSG #lobby :are you there?", "PRIVMSG ann :the keys are with carl"]
        self.bob.say(*missed)
        self.bob.ask("PING :said", "said")
        assert not any(" 401 " in line for line in self.bob.lines), "ann has not stayed"
        for text in ("are you there?", "the keys are with carl"):
            assert text not in self.client.heard()
        self.client = self.start()
        for where, text in (("#lobby", "are you there?"), ("bob", "the keys are with carl")):
            wait_for(f"{self.kind} to be sent {text!r} in {where}", lambda: text in self.client.heard(where))
        print(f"{self.kind}, led by the guide: ann has returned, and was sent what she missed")

    def meanwhile(self, block):
        """The acts of others that the guide mentions before this block."""
        if block.lines[0].startswith(":bob!"):
            self.bob.hears(" PRIVMSG bob :hello, bob")
            self.bob.say("PRIVMSG ann :hello, ann")
        elif "carl!" in block.lines[0]:
            self.comes("carl")


for kind, client in (("weechat", WeeChat), ("irssi", Irssi)):
    if installed(client.needs):
        Guide(kind, client)

# The start of the daemon as in docs/operating.md, with the default data directory.
shown = first(OPERATING, "$ stonechatd").lines[1:]
try:
    socket.create_server(("::1", 0), family=socket.AF_INET6).close()
except OSError:
    print("!!!! this machine has no IPv6: those listeners are left out")
    shown = [line for line in shown if "[::1]" not in line]
urls = [line.split()[1].rsplit(":", 1)[0] for line in shown if line.startswith("listening")]
daemon = Daemon(programs, *(part for url in urls for part in ("--listen", f"{url}:0")))
printed = contents(daemon.out).splitlines()
masked = [re.sub(r":\d+$", "", line) for line in printed]
for line, expected in zip(masked, shown, strict=True):
    expected = re.sub(r":\d+$|\b[0-9a-f]+(?=…)", "", expected).replace("/home/ann", os.environ["HOME"])
    assert times(expected, line), f"docs/operating.md shows {expected!r}, stonechatd prints {line!r}"
ports = dict(re.findall(r"listening (\w+)://127\.0\.0\.1:(\d+)", "\n".join(printed)))

block = first(OPERATING, "$ stonechatd operator hash")
hashing = Terminal("operator hash", block.lines[0].removeprefix("$ "))
for prompt, answer in ((line, "correct-horse") for line in block.lines[1:-1]):
    hashing.shows(prompt)
    hashing.type(answer)
hashing.shows(block.lines[-1])
hashing.ends()
hashing.look()
verifier = hashing.shown.split()[-1]
assert "correct-horse" not in hashing.shown, "a password is shown"

# Configs, which `stonechatd check` must accept, with addresses and files of this machine.
for number, block in enumerate(block for block in EVERY if block.kind == "toml"):
    text = re.sub(r"SCRAM-SHA-256\$[^\"]*", lambda _: verifier, block.text)
    text = re.sub(r"irc://[\d.]+:\d+", "irc://127.0.0.1:0", text)
    data = f"{os.environ['HOME']}/.local/state/stonechat"
    for name, ours in (("fullchain", "certificate"), ("privkey", "key")):
        text = re.sub(rf"/(etc|var/lib)/stonechat/(tls/)?{name}\.pem", f"{data}/{ours}.pem", text)
    with open(f"{home}/{number}.toml", "w") as file:
        file.write(text)
    run(f"{programs}/stonechatd", "check", "--config", file.name)
    block.done = True

if installed("haproxy"):
    block = first(OPERATING, "backend stonechat")
    with open(f"{home}/haproxy.cfg", "w") as file:
        file.write("defaults\n timeout connect 5s\n timeout client 1h\n timeout server 1h\nfrontend irc\n"
                   f" mode tcp\n bind 127.0.0.1:6667\n default_backend stonechat\n{block.text}\n")
    run("haproxy", "-c", "-f", file.name)

for line in first(OPERATING, "stonechatd account add ann").lines:
    said = run("sh", "-c", line, said="correct-horse\n")
    assert "account list" not in line or "ann" in said, said

for command in ("backup", "verify"):
    for line in first(OPERATING, f"stonechatd {command}").lines:
        run("sh", "-c", line)

# README: the clients on terminals, the echo, and our own client.
observer = Bare("observer", connect(ports["irc"]), "NICK observer", "USER o 0 * :o", "JOIN #lobby")
for line in first(README, "weechat -t").lines:
    program = line.split()[0].replace("weechat", WeeChat.needs)
    if not installed(program):
        continue
    one = Terminal(program, placed(line, ports).replace("weechat", WeeChat.needs, 1))
    if program == "openssl":
        one.shows("BEGIN CERTIFICATE")
    else:
        nick = re.search(r"//(\w+)@|-n (\w+)", line)
        nick = nick[1] or nick[2]
        if told := re.search(r"# and in it: (.*)", line):
            wait_for(f"{nick} to come", lambda: any(" 311 " in heard for heard in
                     observer.ask(f"WHOIS {nick}", " 318 ")))
            one.type(told[1])
        observer.hears(f":{nick}!")
    one.kill()

block = first(README, "$ nc 127.0.0.1 7007")
echo = Terminal("nc", placed(block.lines[0], ports).removeprefix("$ "))
for typed, answer in zip(block.lines[1::2], block.lines[2::2], strict=True):
    begin = len(echo.shown)
    echo.type(typed)
    wait_for(f"the echo to say {answer!r}", lambda: echo.shown[begin:].endswith(f"{typed}\n{answer}\n"))

for line in first(README, "target/release/stonechat").lines:
    line = re.sub(r"host[AB]:", "127.0.0.1:", line.replace("target/release/", f"{programs}/"))
    line = re.sub(r"(stonechat 127\.0\.0\.1)(?=\s)", r"\1:7007", line)
    said = run("sh", "-c", placed(line, ports), said="hi\n")
    assert "HI" in said.splitlines(), f"{line!r} prints {said!r}"

# docs/schema.md: each query finds something in the live file.
ann = Bare("ann", connect(ports["irc"]), "NICK ann", "USER a 0 * :a", "REGISTER * * correct-horse")
ann.hears("REGISTER SUCCESS")
ann.ask("NS SET always-on on", "You stay")
ann.say("JOIN #garden", "PRIVMSG #garden :thing 12", "PRIVMSG observer :hello")
observer.hears("PRIVMSG observer :hello")
shell = first(SCHEMA, "sqlite3 -readonly").text
for block in SCHEMA:
    if block.kind == "sql" and installed("sqlite3"):
        wait_for(f"{block.where} to find something", lambda: run("sh", "-c", shell, said=block.text))
        block.done = True
daemon.stop()

needs = {"weechat": WeeChat.needs, "irssi": Irssi.needs, "haproxy": "haproxy", "sql": "sqlite3"}
for block in EVERY:
    assert block.kind in KINDS, f"{block.where} is marked {block.kind!r}, and not as one of {KINDS}"
    if block.lines[0] in NOT_RUN:
        assert not block.done, f"{block.where} is run, and is in NOT_RUN"
    else:
        assert block.done or not installed(needs.get(block.kind, "sh")), \
            f"{block.where}, marked {block.kind!r}, is neither run nor in NOT_RUN: {block.lines[0]}"
unknown = set(NOT_RUN) - {block.lines[0] for block in EVERY}
assert not unknown, f"in NOT_RUN and in no file: {unknown}"
print(f"{sum(block.done for block in EVERY)} blocks are run, {len(NOT_RUN)} are not, for the reasons given")
