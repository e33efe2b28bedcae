#!/usr/bin/env python3
"""Twenty users chat, half of them over TLS, and are then attacked for a minute: floods, half
handshakes, storms of connects, registrations and wrong passwords, from hundreds of addresses. No
message of the twenty may be lost; the delays are printed beside those before the attack.
`attack.py DIR [SECONDS]`: the programs.

The attackers are processes of low priority, as they attack the daemon and not the machine."""

import asyncio
import base64
import multiprocessing
import os
import random
import selectors
import socket
import sys
import time

from daemon import Daemon
from peers import any_certificate
from programs import PATIENCE, home

programs = sys.argv[1]
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
USERS = 20


async def wait_for(what, condition, heard):
    """As the function of programs.py, but the users go on meanwhile."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"waited {PATIENCE} s in vain for {what}; heard instead: {heard()}"
        await asyncio.sleep(0.1)


class User:
    """Sends a numbered line now and then, and notes when it receives those of the others."""

    def __init__(self, index):
        self.index = index
        self.heard = {}
        self.joined = False
        self.last = None

    async def come(self, ports):
        scheme, secure = ("irc", {}) if self.index % 2 == 0 else \
            ("ircs", {"ssl": any_certificate(), "ssl_handshake_timeout": PATIENCE})
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", ports[scheme], local_addr=(f"127.0.1.{self.index + 1}", 0), **secure)
        self.say(f"NICK user{self.index}\r\nUSER u 0 * :u\r\nJOIN #talk")
        self.task = asyncio.create_task(self.read())
        await wait_for(f"user{self.index} to join #talk", lambda: self.joined or self.task.done(),
                       lambda: self.last)
        self.must_be_connected()

    def say(self, line):
        self.writer.write(f"{line}\r\n".encode())

    async def read(self):
        while line := await self.reader.readline():
            now = time.monotonic()
            self.last = line.decode().rstrip("\r\n")
            words = self.last.split(" ", 3)
            if words[0] == "PING":
                self.say("PONG " + words[1])
            elif words[1] == "366":
                self.joined = True
            elif words[1] == "PRIVMSG":
                who, number = words[3][1:].split(" ")
                self.heard[who, number] = now

    def must_be_connected(self):
        if self.task.done():
            raise AssertionError(f"user{self.index}'s connection has ended; heard last: {self.last}") \
                from self.task.exception()


async def talk(daemon, users, phase, length):
    """One of the users sends a line each 20 ms. Returns the delay of each line to each of the
    others."""
    said = {}
    until = time.monotonic() + length
    number = 0
    while time.monotonic() < until:
        complaint = daemon.look()
        assert not complaint, f"{complaint}, after {number} lines of this phase: {phase}"
        speaker = users[number % len(users)]
        speaker.must_be_connected()
        speaker.say(f"PRIVMSG #talk :{speaker.index} {phase}{number}")
        said[str(speaker.index), f"{phase}{number}"] = time.monotonic()
        number += 1
        await asyncio.sleep(0.02)

    def missing():
        for user in users:
            user.must_be_connected()
        return [(user.index, line) for line in said for user in users
                if str(user.index) != line[0] and line not in user.heard]

    def lost():
        lines = missing()
        return f"{len(lines)} of {len(said) * (len(users) - 1)} lost: {lines[:5]}"
    await wait_for("everyone to hear everything", lambda: not missing(), lost)
    return sorted(user.heard[line] - when for line, when in said.items() for user in users
                  if str(user.index) != line[0])


def told(phase, took):
    pick = [took[int(len(took) * share)] * 1000 for share in (0.5, 0.99, 0.999)]
    print(f"{phase}: {len(took)} lines heard, p50 {pick[0]:.2f} ms, p99 {pick[1]:.2f}, p99.9 {pick[2]:.2f}",
          flush=True)
    return pick[1]


def attack(kind, ports, length):
    """One attacker, with hundreds of connections at once from as many addresses."""
    os.nice(10)
    random.seed(kind)
    poll, made, until = selectors.DefaultSelector(), 0, time.monotonic() + length
    here = {}
    # Ends with the script, whatever ends that.
    while time.monotonic() < until and multiprocessing.parent_process().is_alive():
        # New ones, at a bounded rate.
        for _ in range(10):
            if len(here) >= 300:
                break
            connection = socket.socket()
            connection.setblocking(False)
            connection.bind((f"127.0.{10 + kind}.{random.randrange(1, 255)}", 0))
            connection.connect_ex(("127.0.0.1", ports["ircs" if kind == 1 else "irc"]))
            here[connection] = words(kind, made)
            poll.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
            made += 1
        for key, events in poll.select(0.01):
            connection = key.fileobj
            try:
                if events & selectors.EVENT_READ and not connection.recv(65536):
                    raise ConnectionResetError
                if events & selectors.EVENT_WRITE and (text := next(here[connection])):
                    connection.send(text)
            except BlockingIOError:
                pass
            except (OSError, StopIteration):
                poll.unregister(connection)
                connection.close()
                del here[connection]
        time.sleep(0.005)


def words(kind, made):
    """The input of one connection of an attacker, piece by piece; it leaves in the end."""
    nick = f"NICK a{kind}x{made}\r\nUSER a 0 * :a\r\n".encode()
    if kind == 0:  # floods, in a channel and everywhere
        yield nick + b"JOIN #noise\r\n"
        while True:
            yield b"PRIVMSG #noise :buy this\r\nWHO #talk\r\nNAMES #talk\r\nNICK b%d\r\nLIST\r\n" % made * 20
    if kind == 1:  # half handshakes: a hello that never ends, and one that ends badly
        hello = bytes.fromhex("16030100c8010000c40303") + os.urandom(60)
        yield hello[:random.randrange(1, len(hello))]
        if made % 2:
            yield b"\x17\x03\x03\x00\x05hello"
        for _ in range(400):
            yield b""
    if kind == 2:  # accounts, and wrong passwords
        yield nick
        yield b"REGISTER bot%d * hunter2hunter2\r\n" % made
        yield b"CAP REQ sasl\r\nAUTHENTICATE PLAIN\r\n"
        yield b"AUTHENTICATE " + base64.b64encode(b"\0admin\0guess%d" % made) + b"\r\n"
        for _ in range(20):
            yield b""
    if kind == 3:  # storms: connect, say a word of nonsense, leave
        yield random.choice([b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"\0\0\0\n", b"PROXY TCP4 1.1.1.1\r\n"])
        yield b""


async def main():
    # No network is exempt: all of this comes from loopback.
    daemon = Daemon(programs, "--data", f"{home}/data", config="""
listen = ["irc://127.0.0.1:0", "ircs://127.0.0.1:0"]
log = "warn"
[abuse]
exempt = []
""")
    users = [User(index) for index in range(USERS)]
    for user in users:
        await user.come(daemon.ports)
    calm = told("calm", await talk(daemon, users, "c", 15))
    attackers = [multiprocessing.Process(target=attack, args=(kind, daemon.ports, seconds))
                 for kind in range(4)]
    try:
        for attacker in attackers:
            attacker.start()
        under = told("attacked", await talk(daemon, users, "a", seconds))
        await wait_for("the attackers to end",
                       lambda: not any(attacker.is_alive() for attacker in attackers),
                       lambda: attackers)
    finally:
        for attacker in attackers:
            attacker.kill()
    assert all(attacker.exitcode == 0 for attacker in attackers), f"an attacker has failed: {attackers}"
    told("after", await talk(daemon, users, "z", 5))
    print(f"p99 under attack is {under / calm:.1f} times that of calm")
    daemon.stop()


multiprocessing.set_start_method("fork")
asyncio.run(main())
