#!/usr/bin/env python3
"""nc, a Python socket and stonechat hold conversations side by side while thousands of other
sockets sit idle; each in turn is killed with -9, which changes nothing for the rest; SIGTERM
loses nothing of what is queued. `real_peers.py DIR [IDLE]`: the programs, how many idle sockets."""

import resource
import signal
import socket
import subprocess
import sys

programs, idle = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 15_000
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

daemon = subprocess.Popen(
    [f"{programs}/stonechatd", "--data", ":memory:", "--listen", "echo://127.0.0.1:0"],
    stdout=subprocess.PIPE, bufsize=0)
url = daemon.stdout.readline().split()[1].decode()
assert daemon.stdout.readline() == b"ready\n"
host, port = url.removeprefix("echo://").split(":")


def program(*command):
    """A client that is a program: what it is written to by, and what it is heard by."""
    process = subprocess.Popen(command, **pipes)
    return process, process.stdin, process.stdout


def python():
    """A client that is a child of ours, so that it can be killed too."""
    relay = ("import socket, sys, threading; s = socket.create_connection(sys.argv[1:]);"
             "f = s.makefile('rb'); w = lambda: [s.sendall(l) for l in sys.stdin.buffer];"
             "threading.Thread(target=w, daemon=True).start();"
             "[(sys.stdout.buffer.write(l), sys.stdout.flush()) for l in f]")
    return program(sys.executable, "-c", relay, host, port)


def converse(clients, rounds):
    """Each says a line in turn, and hears it in upper case."""
    for n in range(rounds):
        for name, (_, stdin, stdout) in clients.items():
            line = f"{name} says line {n}, straße\n"
            stdin.write(line.encode())
            heard = stdout.readline().decode()
            assert heard == line.upper(), f"{name} heard {heard!r}"


crowd = [socket.create_connection((host, port)) for _ in range(idle)]
clients = {
    "nc": program("nc", host, port),
    "python": python(),
    "stonechat": program(f"{programs}/stonechat", f"{host}:{port}"),
}
converse(clients, 100)
print(f"nc, Python and stonechat talk beside {idle} idle sockets")

for name in list(clients):
    process, *_ = clients.pop(name)
    process.kill()
    process.wait()
    converse(clients, 20)
print("each may be killed, and the rest never notice")

with socket.create_connection((host, port)) as late:
    late.sendall(b"to be read after the end\n" * 1000)
    while len(late.recv(1 << 16, socket.MSG_PEEK)) < 25_000:
        pass
    crowd[0].sendall(b"queued\n")
    assert crowd[0].recv(100, socket.MSG_PEEK) == b"QUEUED\n"
    daemon.send_signal(signal.SIGTERM)
    heard = b"".join(iter(lambda: late.recv(1 << 16), b""))
    assert heard == b"TO BE READ AFTER THE END\n" * 1000 + b"ERROR :server shutting down\r\n"
    assert crowd[0].recv(100) == b"QUEUED\nERROR :server shutting down\r\n"
for member in crowd:
    member.close()
assert daemon.wait() == 0
print("SIGTERM loses no queued byte, and tells everyone")
