#!/usr/bin/env python3
"""WeeChat, irssi and ii, as Debian has them, and the bot meet in a channel: each receives the
messages of all others, in the channel and in private, and sees them leave.
`irc_clients.py DIR`: the programs.

A client that is not installed is left out, with a message."""

import sys

from daemon import Daemon
from peers import Bare, Ii, Irssi, WeeChat, connect, greet
from programs import Program, installed, wait_for

programs = sys.argv[1]
daemon = Daemon(programs, "--data", ":memory:", "--listen", "irc://127.0.0.1:0")
observer = Bare("observer", connect(daemon.port),
                "NICK observer", "USER o 0 * :Observer", "JOIN #lobby")
bot = Program("bot", f"{programs}/examples/bot", f"127.0.0.1:{daemon.port}", "#lobby")
observer.hears(":bot!bot@localhost JOIN #lobby")

kinds = {"wee": WeeChat, "iri": Irssi, "nii": Ii}
clients = [kind(kind.needs, nick, daemon.port) for nick, kind in kinds.items() if installed(kind.needs)]
for client in clients:
    observer.hears(f":{client.nick}!")
    greet(observer, client)

for client in clients:
    client.say(f"straße, says {client.nick}")
    observer.hears(f"PRIVMSG #lobby :straße, says {client.nick}")
for client in clients:
    for other in clients:
        if other is not client:
            other.hears(f"straße, says {client.nick}")
            client.tell(other.nick, f"psst from {client.nick}")
            other.hears(f"psst from {client.nick}")
    client.say("bot: echo an answer")
    observer.hears(f"NOTICE #lobby :{client.nick}: an answer")
    client.hears(f"{client.nick}: an answer")
psst = [line for line in observer.lines if "psst" in line]
assert not psst, f"what was said in private was heard in the channel: {psst}"


def has_left(nick):
    return any(line.startswith(f":{nick}!") and " QUIT :" in line and "gone" in line
               for line in observer.lines)


for client in clients:
    client.quit()
    wait_for(f"the server to say that {client.nick} has left", lambda: has_left(client.nick))
    client.ends()
print(", ".join(client.name for client in clients), "and the bot have talked to each other")
daemon.stop()
assert (status := bot.ends()) == 0, f"the bot has ended with status {status}"
