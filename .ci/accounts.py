#!/usr/bin/env python3
"""Accounts and history with unmodified clients: WeeChat registers with NickServ; a second WeeChat (by
SCRAM-SHA-256) and irssi (by PLAIN) log in under the same nick, and each sees the messages of the
others. Then all clients and the daemon are killed with -9, and the daemon is started again. All
echoed messages are there, for a client and for sqlite3. `accounts.py DIR`: the programs.

A client that is not installed is left out, with a message."""

import base64
import sys

from daemon import Daemon
from peers import Bare, Irssi, WeeChat, connect, greet
from programs import home, installed, run

programs, data = sys.argv[1], f"{home}/data"


def start():
    return Daemon(programs, "--data", data, "--listen", "irc://127.0.0.1:0")


def texts(lines):
    """The messages in #lobby, among the received lines."""
    return [line.split(" PRIVMSG #lobby :")[1] for line in lines if " PRIVMSG #lobby :" in line]


daemon = start()
observer = Bare("observer", connect(daemon.port), "CAP REQ :echo-message account-tag",
                "NICK observer", "USER o 0 * :Observer", "CAP END", "JOIN #lobby")
observer.hears(" 366 ")
clients = []
if installed(WeeChat.needs):
    first = WeeChat("first", "wee", daemon.port)
    observer.hears(":wee!")
    first.tell("NickServ", "REGISTER secret")
    first.hears("The account wee is yours")
    sasl = "/set irc.server.sc.sasl"
    second = WeeChat("second", "wee", daemon.port, f"{sasl}_mechanism scram-sha-256",
                     f"{sasl}_username wee", f"{sasl}_password secret")
    clients += [first, second]
else:
    Bare("registering", connect(daemon.port)).ask("REGISTER wee * secret", "REGISTER SUCCESS wee")
if installed(Irssi.needs):
    clients.append(Irssi("irssi", "wee", daemon.port, chatnet='sasl_mechanism = "PLAIN"; '
                         'sasl_username = "wee"; sasl_password = "secret";'))
observer.ask("WHOIS wee", " 330 observer wee wee :is logged in as")
for client in clients:
    greet(observer, client)
for n, client in enumerate(clients):
    client.say(f"straße, from place {n}")
    observer.hears(f"PRIVMSG #lobby :straße, from place {n}")
    for other in clients:
        other.hears(f"straße, from place {n}")
joins = [line for line in observer.lines if line.split(" ")[-2:] == ["JOIN", "#lobby"]]
assert sum(":wee!" in line for line in joins) <= 1, f"wee joins once, and not: {joins}"
assert any(line.startswith("@account=wee :wee!") for line in observer.lines), \
    f"nothing that wee said has the tag account=wee: {observer.lines}"
print(f"{len(clients)} unmodified clients speak for one nick")

observer.say(*(f"PRIVMSG #lobby :line {n}" for n in range(200)))
observer.hears("PRIVMSG #lobby :line 150")
for client in clients:
    client.kill()
daemon.kill()
observer.hears_the_end()
echoed = [text for text in texts(line for line in observer.lines if ":observer!" in line)
          if text.startswith("line ")]
assert len(echoed) >= 150, f"only {len(echoed)} lines were echoed: {echoed}"

daemon = start()
plain = base64.b64encode(b"\0wee\0secret").decode()
back = Bare("back", connect(daemon.port), "CAP LS 302",
            "CAP REQ :sasl batch draft/chathistory server-time message-tags",
            "AUTHENTICATE PLAIN", f"AUTHENTICATE {plain}", "NICK wee", "USER w 0 * :w", "CAP END",
            "JOIN #lobby")
back.hears(" 366 ")


def history():
    """The whole history, page by page."""
    found, command, asked = [], "CHATHISTORY LATEST #lobby * 50", set()
    while True:
        assert command not in asked, f"the pages of history repeat themselves: {found}"
        asked.add(command)
        page = [line for line in back.ask(command, " BATCH -") if " PRIVMSG #lobby :" in line]
        if not page:
            return found
        tags = page[0].split(" ")[0][1:].split(";")
        first = next(tag for tag in tags if tag.startswith("msgid="))
        command = f"CHATHISTORY BEFORE #lobby {first} 50"
        found = texts(page) + found


found = history()
lines = [text for text in found if text.startswith("line ")]
assert lines[:len(echoed)] == echoed, f"echoed: {echoed}; in the history: {lines}"
assert len(set(lines)) == len(lines), f"more than once in the history: {lines}"
missing = {f"straße, from place {n}" for n in range(len(clients))} - set(found)
assert not missing, f"not in the history: {missing}"
print(f"after kill -9 each of {len(echoed)} echoed lines is there, once and in order")

if installed("sqlite3"):
    rows = run("sqlite3", "-readonly", f"{data}/stonechat.db",
               "SELECT text FROM message JOIN target ON target.id = message.target "
               "WHERE target.name = '#lobby' AND kind = 0 ORDER BY time, message.id").splitlines()
    assert rows == found, f"sqlite3 reads {rows}, clients {found}"
    print("sqlite3 reads the same from the live file")
daemon.stop()
print(run(f"{programs}/stonechatd", "--data", data, "verify").strip())
