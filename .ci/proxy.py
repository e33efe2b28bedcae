#!/usr/bin/env python3
"""HAProxy, as Debian has it, stands between clients and the daemon: the daemon's limits see the
clients' own addresses, so do bans, and its checks are no clients. `proxy.py DIR`: the programs."""

import socket
import sys
import time

from daemon import Daemon
from peers import Bare, connect
from programs import PATIENCE, Program, home, run, wait_for

programs = sys.argv[1]
verifier = run(f"{programs}/stonechatd", "operator", "hash", said="sesame\n").strip()
daemon = Daemon(programs, "--data", f"{home}/data", config=f"""
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


def haproxy(version):
    """Starts a HAProxy that uses this version of the protocol. Returns it and its port. Its socket
    is made here, so that the port is reserved, and listens from now on. It takes the daemon for
    twenty servers, and checks each every 10 ms: most of the checks that look like clients are gone
    before they are served."""
    front = socket.create_server(("127.0.0.1", 0))
    with open(f"{home}/haproxy.cfg", "w") as config:
        config.write(f"""
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend irc
    bind fd@{front.fileno()}
    default_backend stonechat
backend stonechat
    default-server inter 10ms check check-send-proxy
    server-template one 20 127.0.0.1:{daemon.port} {version}
""")
    with front:
        return Program("haproxy", "haproxy", "-db", "-f", config.name, pass_fds=[front.fileno()]), \
            front.getsockname()[1]


def come(source, nick):
    """A client from this address, through HAProxy."""
    return Bare(nick, connect(port, source), f"NICK {nick}", f"USER u 0 * :{nick}")


def operate(command, answer):
    """Runs commands of the operator, who uses a Unix socket, and expects a reply."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(f"{home}/irc")
    root = Bare("root", connection, "NICK root", "USER root 0 * :r", "OPER root sesame", command, "VERSION")
    root.hears(" 351 ")
    assert any(answer in line for line in root.lines), f"no {answer!r} in {root.lines}"
    root.close()


def count(metric):
    """A metric of the daemon, summed over both listeners."""
    samples = [line for line in daemon.metrics() if line.startswith(f"{metric}{{")]
    assert samples, f"{metric} is not among the metrics"
    return sum(float(line.split()[-1]) for line in samples)


for version in ["send-proxy", "send-proxy-v2"]:
    begun = count("stonechat_connections_total")
    proxy, port = haproxy(version)
    # Three from each of two addresses, though all come from HAProxy's one.
    here = []
    for source in ["127.0.0.8", "127.0.0.9"]:
        for _ in range(3):
            here.append(come(source, f"n{len(here)}"))
            here[-1].hears(" 001 ")
    come("127.0.0.9", "fourth").hears("too many connections from your address")
    before = count("stonechat_connections_total")
    assert before - begun >= len(here), f"only {before - begun} connections are counted"
    time.sleep(1)  # and two thousand checks
    after = count("stonechat_connections_total")
    assert after == before, f"a check was taken for a client: {before} connections, then {after}"
    operate("UBAN ADD 1h 127.0.0.9 be gone", "connections closed: 3")
    come("127.0.0.9", "banned").hears("You are banned: be gone")
    here[0].ask("PING still", "still")
    operate("UBAN DEL 127.0.0.9", "is banned no more")
    print(f"{version}: {len(here)} clients from two addresses, bans see them, and the checks are nobody's")
    for client in here:
        client.close()
    proxy.kill()
    wait_for("the connections to be gone", lambda: count("stonechat_connections") == 0)
daemon.stop()
print("HAProxy: ok")
