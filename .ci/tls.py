#!/usr/bin/env python3
"""TLS from outside: openssl checks versions, ciphers and the refusal of renegotiation. WeeChat and
irssi, unmodified, log in over TLS by PLAIN, SCRAM-SHA-256 and certificate (EXTERNAL), and receive
each other's messages. `tls.py DIR`: the programs.

A client that is not installed is left out, with a message."""

import ssl
import subprocess
import sys

from daemon import Daemon
from peers import Bare, Irssi, WeeChat, connect_tls, greet, weechat_tls
from programs import Program, contents, home, installed, run, wait_for

daemon = Daemon(sys.argv[1], "--data", f"{home}/data", "--listen", "ircs://127.0.0.1:0")
CONNECT = ["openssl", "s_client", "-connect", f"127.0.0.1:{daemon.port}"]


def openssl(*options):
    """The output of openssl about a connection with these options."""
    return run(*CONNECT, *options, may_fail=True, stderr=subprocess.STDOUT)


def fingerprint(pem):
    shown = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", said=pem)
    return shown.strip().split("=")[1].replace(":", "").lower()


# Versions. Old ones are offered with all that openssl still supports, so that the server must refuse.
anything = ["-cipher", "ALL:@SECLEVEL=0"]
for version in ["-tls1", "-tls1_1"]:
    said = openssl(version, *anything)
    assert "Cipher is (NONE)" in said and "alert" in said, f"{version} is not refused: {said}"
for version, name in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")]:
    said = openssl(version)
    assert f"New, {name}, Cipher is" in said and "Cipher is (NONE)" not in said, \
        f"{name} is not spoken: {said}"
print("TLS 1.0 and 1.1 are refused, 1.2 and 1.3 are spoken")

# Ciphers of 1.2: only those with forward secrecy and authenticated encryption.
listed = run("openssl", "ciphers", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").strip().split(":")
taken = set()
for cipher in listed:
    if cipher.startswith("TLS_"):
        continue  # of 1.3
    if "Cipher is (NONE)" not in openssl("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0"):
        taken.add(cipher)
expected = {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305"}
assert taken == expected, f"ciphers taken: {taken}, and not {expected}"
print(f"of {len(listed)} ciphers {len(taken)} of TLS 1.2 are taken, all of them ECDHE with AEAD")

# Renegotiation, as openssl asks for it with R on a line of its own.
asking = Program("openssl", *CONNECT, "-tls1_2", stdin=subprocess.PIPE, stderr=subprocess.STDOUT)
wait_for("openssl to be connected", lambda: "New, TLSv1.2" in contents(asking.out))
asking.may_end = True
asking.type("R\n")
wait_for("renegotiation to be refused", lambda: "no renegotiation" in contents(asking.out).lower())
asking.process.stdin.close()
asking.ends()
assert "RENEGOTIATING" in contents(asking.out), f"openssl asked for nothing: {contents(asking.out)}"
print("renegotiation is refused")

shown = fingerprint(ssl.get_server_certificate(("127.0.0.1", daemon.port), timeout=60))
assert shown == daemon.fingerprint, f"{daemon.fingerprint} was printed, but {shown} is shown"


def certificate(name):
    """A certificate and key of a client, in one file; and the fingerprint."""
    key, crt, pem = (f"{home}/{name}.{kind}" for kind in ("key", "crt", "pem"))
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "30", "-subj", f"/CN={name}", "-keyout", key, "-out", crt)
    with open(pem, "w") as both:
        both.write(contents(key, crt))
    return pem, fingerprint(contents(crt))


observer = Bare("observer", connect_tls(daemon.port), "CAP REQ :account-tag", "NICK observer",
                "USER o 0 * :Observer", "CAP END", "JOIN #lobby")
observer.hears(" 366 ")
pems = {}
for account in ["plain", "scram", "cert", "iplain", "iscram", "icert"]:
    bare = Bare(account, connect_tls(daemon.port), f"NICK {account}", "USER u 0 * :u",
                f"REGISTER * * secret-{account}")
    bare.hears("REGISTER SUCCESS")
    if account in ("cert", "icert"):
        pems[account], print_of = certificate(account)
        bare.ask(f"NS CERT ADD {print_of}", "logs in to your account by EXTERNAL")
    bare.ask("QUIT", "ERROR")

clients = []
if installed(WeeChat.needs):
    def weechat(account, mechanism, *commands):
        commands = [f"/set irc.server.sc.{command}" for command in
                    (f"sasl_mechanism {mechanism}", *commands)]
        clients.append(WeeChat(f"weechat-{mechanism}", account, daemon.port, *commands,
                               fingerprint=daemon.fingerprint))
    for account, mechanism in [("plain", "plain"), ("scram", "scram-sha-256")]:
        weechat(account, mechanism, f"sasl_username {account}", f"sasl_password secret-{account}")
    weechat("cert", "external", f"{weechat_tls()}_cert {pems['cert']}")
if installed(Irssi.needs):
    def irssi(account, mechanism, password, more=""):
        server = f'use_tls = "yes"; tls_verify = "no"; {more}'
        sasl = (f'sasl_mechanism = "{mechanism}"; sasl_username = "{account}"; '
                f'sasl_password = "{password}";')
        clients.append(Irssi(f"irssi-{mechanism}", account, daemon.port, server, sasl))
    version = run(Irssi.needs, "--version").split()[1].split("-")[0]
    irssi("iplain", "PLAIN", "secret-iplain")
    if tuple(int(part) for part in version.split(".")[:2]) >= (1, 5):
        irssi("iscram", "SCRAM-SHA-256", "secret-iscram")
    else:
        print("irssi knows SCRAM-SHA-256 from 1.5 on: that is left out")
    irssi("icert", "EXTERNAL", "", f'tls_cert = "{pems["icert"]}";')

for client in clients:
    observer.hears(f":{client.nick}!")
    greet(observer, client)
for client in clients:
    client.say(f"straße, says {client.nick}")
    observer.hears(f"PRIVMSG #lobby :straße, says {client.nick}")
    said = next(line for line in observer.lines if f"straße, says {client.nick}" in line)
    assert f"account={client.nick}" in said.split(" ")[0], f"{client.name} has not logged in: {said}"
    observer.ask(f"WHOIS {client.nick}",
                 f" 671 observer {client.nick} :is using a secure connection [TLSv1.3")
print(f"{len(clients)} unmodified clients over TLS: PLAIN, SCRAM-SHA-256, EXTERNAL")

for client in clients:
    client.kill()
daemon.stop()
