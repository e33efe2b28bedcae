#!/usr/bin/env python3
"""nc, a Python socket and stonechat exchange lines side by side, while thousands of other sockets
are idle. Each in turn is killed with -9, without effect on the others. SIGTERM loses no queued
output. `real_peers.py DIR [IDLE]`: the programs, the number of idle sockets."""

import resource
import socket
import subprocess
import sys

from daemon import Daemon
from peers import connect
from programs import Program, wait_for

programs, idle = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15_000
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
daemon = Daemon(programs, "--data", ":memory:", "--listen", "echo://127.0.0.1:0")
host, port = "127.0.0.1", str(daemon.port)


def program(name, *command):
    """A client that sends its stdin, and prints the lines received."""
    return Program(name, *command, stdin=subprocess.PIPE)


def python():
    """A client that is a child of ours, so that it can be killed too."""
    relay = ("import socket, sys, threading; s = socket.create_connection(sys.argv[1:]);"
             "f = s.makefile('rb'); w = lambda: [s.sendall(l) for l in sys.stdin.buffer];"
             "threading.Thread(target=w, daemon=True).start();"
             "[(sys.stdout.buffer.write(l), sys.stdout.flush()) for l in f]")
    return program("python", sys.executable, "-c", relay, host, port)


def converse(clients, rounds):
    """Each sends a line in turn, and receives it in upper case."""
    for n in range(rounds):
        for client in clients:
            line = f"{client.name} says line {n}, straße"
            client.type(f"{line}\n")
            heard = client.next_line()
            assert heard == line.upper(), f"{client.name} heard {heard!r} and not {line.upper()!r}"


def peeked(connection):
    """The input that has arrived, left unread."""
    try:
        return connection.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""


def rest(connection):
    """All input up to the end."""
    heard = bytearray()

    def ended():
        try:
            piece = connection.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        heard.extend(piece)
        return not piece
    wait_for("the end of a connection", ended, lambda: bytes(heard))
    return bytes(heard)


crowd = [connect(daemon.port) for _ in range(idle)]
clients = [
    program("nc", "nc", host, port),
    python(),
    program("stonechat", f"{programs}/stonechat", f"{host}:{port}"),
]
converse(clients, 100)
print(f"nc, Python and stonechat talk beside {idle} idle sockets")

while clients:
    clients.pop(0).kill()
    converse(clients, 20)
print("each may be killed, and the rest never notice")

late, queued = connect(daemon.port), crowd[0]
late.sendall(b"to be read after the end\n" * 1000)
wait_for("25,000 bytes of echo", lambda: len(peeked(late)) == 25_000, lambda: peeked(late))
queued.sendall(b"queued\n")
wait_for("an echo to an idle one", lambda: peeked(queued) == b"QUEUED\n", lambda: peeked(queued))
daemon.terminate()
goodbye = b"ERROR :server shutting down\r\n"
for connection, echo in [(late, b"TO BE READ AFTER THE END\n" * 1000), (queued, b"QUEUED\n")]:
    heard = rest(connection)
    assert heard == echo + goodbye, f"heard to the end: {heard}, and not {echo + goodbye}"
for member in [late, *crowd]:
    member.close()
assert (status := daemon.ends()) == 0, f"told to end, it has ended with status {status}"
print("SIGTERM loses no queued byte, and tells everyone")
