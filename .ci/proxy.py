#!/usr/bin/env python3
"""HAProxy, as Debian has it, stands between clients and the daemon: the daemon's limits see the
clients' own addresses, so do bans, and its checks are no clients. `proxy.py DIR`: the programs."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

programs = sys.argv[1]
home = tempfile.mkdtemp()
os.mkdir(f"{home}/data")

verifier = subprocess.run([f"{programs}/stonechatd", "operator", "hash"], input="sesame\n",
                          capture_output=True, text=True, check=True).stdout.strip()

with open(f"{home}/config.toml", "w") as config:
    config.write(f"""
log = "debug"
listen = ["irc://127.0.0.1:0?proxy", "irc://unix:{home}/irc"]
[[chat.operators]]
name = "root"
class = "guard"
password = "{verifier}"
[operator_classes]
guard = {{ rights = ["ban"] }}
[limits]
connections_per_ip = 3
[abuse]
exempt = []
[proxy]
trusted = ["127.0.0.1"]
""")

daemon = subprocess.Popen(
    [f"{programs}/stonechatd", "--config", f"{home}/config.toml", "--data", f"{home}/data"],
    stdout=subprocess.PIPE, stderr=open(f"{home}/log", "w"), bufsize=0)


def said():
    return daemon.stdout.readline().decode()


port = int(said().rsplit(":", 1)[1])  # the first one's
while said() != "ready\n":
    pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def proxied(version):
    """The port of an HAProxy that speaks this version of the protocol, and checks every 50 ms."""
    front = free_port()
    with open(f"{home}/haproxy{version}.cfg", "w") as config:
        config.write(f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend irc
    bind 127.0.0.1:{front}
    bind [::1]:{front}
    default_backend stonechat
backend stonechat
    default-server inter 50ms check check-send-proxy
    server one 127.0.0.1:{port} {version}
""")
    haproxy = subprocess.Popen(["haproxy", "-db", "-f", f"{home}/haproxy{version}.cfg"])
    return front, haproxy


def connect(port, source):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), source_address=(source, 0))
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("HAProxy does not listen")


def register(connection, nick):
    connection.sendall(f"NICK {nick}\r\nUSER u 0 * :{nick}\r\n".encode())
    heard = b""
    while b" 376 " not in heard and b" 422 " not in heard and b"ERROR" not in heard:
        piece = connection.recv(4096)
        if not piece:
            break
        heard += piece
    return heard.decode()


def operate(command):
    """What the operator is told, who comes by a Unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{home}/irc")
        connection.sendall(f"NICK root\r\nUSER root 0 * :r\r\nOPER root sesame\r\n{command}\r\nVERSION\r\n".encode())
        heard = ""
        while " 351 " not in heard:
            piece = connection.recv(4096)
            assert piece, heard
            heard += piece.decode()
        return heard


def clients_so_far():
    """How many connections were opened, by the daemon's own count."""
    os.kill(daemon.pid, signal.SIGUSR1)
    count = None
    while not (line := said()).startswith("process_cpu_seconds_total"):
        if line.startswith("stonechat_connections_total{"):
            count = (count or 0) + float(line.split()[-1])
    assert count is not None
    return count


proxies = []
try:
    for version in ["send-proxy", "send-proxy-v2"]:
        front, haproxy = proxied(version)
        proxies.append(haproxy)
        # Three from each of two addresses, though all come from HAProxy's one.
        here = []
        for source in ["127.0.0.8", "127.0.0.9"]:
            for index in range(3):
                connection = connect(front, source)
                heard = register(connection, f"n{len(here)}")
                assert " 001 " in heard, heard
                here.append(connection)
        time.sleep(0.5)
        heard = register(connect(front, "127.0.0.9"), "fourth")
        assert "too many connections from your address" in heard, heard
        before = clients_so_far()
        assert before >= len(here)
        time.sleep(1)
        assert clients_so_far() == before, "a check was taken for a client"
        told = operate("UBAN ADD 1h 127.0.0.9 be gone")
        assert "connections closed: 3" in told, told
        heard = register(connect(front, "127.0.0.9"), "banned")
        assert "You are banned: be gone" in heard, heard
        here[0].sendall(b"PING still\r\n")
        while "still" not in here[0].recv(4096).decode():
            pass
        assert "is banned no more" in operate("UBAN DEL 127.0.0.9")
        print(f"{version}: {len(here)} clients from two addresses, bans see them, and the checks are nobody's")
        for connection in here:
            connection.close()
finally:
    for process in proxies + [daemon]:
        process.terminate()
        process.wait()
log = open(f"{home}/log").read()
assert "panicked" not in log, log
print("HAProxy: ok")
