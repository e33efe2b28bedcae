#!/usr/bin/env python3
"""TLS as others see it: which versions and ciphers openssl gets, and that renegotiation is refused;
and WeeChat and irssi, unmodified, over TLS: they log in by PLAIN, SCRAM-SHA-256 and by certificate
(EXTERNAL), and hear each other. `tls.py DIR`: the programs.

A client that is not installed is left out, and that is said."""

import os
import pty
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

programs = sys.argv[1]
home = tempfile.mkdtemp()
clients = []

daemon = subprocess.Popen(
    [f"{programs}/stonechatd", "--data", f"{home}/data", "--listen", "ircs://127.0.0.1:0"],
    stdout=subprocess.PIPE, bufsize=0)
fingerprint = daemon.stdout.readline().split()[-1].decode()
port = int(daemon.stdout.readline().split()[1].decode().rsplit(":", 1)[1])
assert daemon.stdout.readline() == b"ready\n"


def wait_for(what, condition):
    """Gives up only when a whole minute has brought nothing: a client that starts may be slow."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    for client in clients:
        client.kill()
    daemon.kill()
    sys.exit(f"waited in vain for {what}")


def contents(folder):
    text = ""
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                with open(f"{path}/{name}", errors="replace") as file:
                    text += file.read()
            except OSError:
                pass
    return text


def openssl(*options, said=b""):
    """What openssl tells of a connection with these options."""
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
        input=said, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return result.stdout.decode(errors="replace")


# Versions. What is old is offered with everything that openssl still knows, so that it is the server
# that refuses.
anything = ["-cipher", "ALL:@SECLEVEL=0"]
for version in ["-tls1", "-tls1_1"]:
    said = openssl(version, *anything)
    assert "Cipher is (NONE)" in said and "alert" in said, said
for version, name in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")]:
    said = openssl(version)
    assert f"New, {name}, Cipher is" in said and "Cipher is (NONE)" not in said, said
print("TLS 1.0 and 1.1 are refused, 1.2 and 1.3 are spoken")

# Ciphers of 1.2: those with forward secrecy and authentication of what they encrypt, and no other.
listed = subprocess.run(["openssl", "ciphers", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],
                        capture_output=True, text=True, check=True).stdout.strip().split(":")
taken = set()
for cipher in listed:
    if cipher.startswith("TLS_"):
        continue # of 1.3
    if "Cipher is (NONE)" not in openssl("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0"):
        taken.add(cipher)
assert taken == {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                 "ECDHE-ECDSA-CHACHA20-POLY1305"}, taken
print(f"of {len(listed)} ciphers {len(taken)} of TLS 1.2 are taken, all of them ECDHE with AEAD")

# Renegotiation, as openssl asks for it with R on a line of its own. It is refused, and what is said
# afterwards is answered.
asking = subprocess.Popen(
    ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
time.sleep(1)
asking.stdin.write(b"R\n")
asking.stdin.flush()
time.sleep(1)
asking.stdin.close()
said = asking.stdout.read().decode(errors="replace")
asking.wait()
assert "RENEGOTIATING" in said and "no renegotiation" in said.lower(), said
print("renegotiation is refused")

# The fingerprint that was printed is the one that is shown.
pem = ssl.get_server_certificate(("127.0.0.1", port))
shown = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem,
                       capture_output=True, text=True, check=True).stdout
assert shown.strip().split("=")[1].replace(":", "").lower() == fingerprint, shown


def certificate(name):
    """A certificate and key of a client, in one file; and the fingerprint."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "30", "-subj", f"/CN={name}", "-keyout", f"{home}/{name}.key",
         "-out", f"{home}/{name}.crt"], check=True, capture_output=True)
    with open(f"{home}/{name}.pem", "w") as both:
        for part in ["key", "crt"]:
            with open(f"{home}/{name}.{part}") as file:
                both.write(file.read())
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", f"{home}/{name}.crt"],
        check=True, capture_output=True, text=True).stdout
    return f"{home}/{name}.pem", shown.strip().split("=")[1].replace(":", "").lower()


class Bare:
    """A bare socket with TLS, which sees what the server really says."""

    def __init__(self, *lines):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        self.lines = []
        self.say(*lines)
        threading.Thread(target=self.read, daemon=True).start()

    def say(self, *lines):
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def read(self):
        try:
            for line in self.socket.makefile("r", encoding="utf-8", newline="\r\n"):
                self.lines.append(line.rstrip("\r\n"))
                if line.startswith("PING"):
                    self.say(line.replace("PING", "PONG", 1).strip())
        except (OSError, ValueError):
            pass

    def hears(self, text):
        wait_for(f"the server to say {text!r}",
                 lambda: any(text in line for line in list(self.lines)))


def weechat_version():
    said = subprocess.run(["weechat-headless", "--version"], capture_output=True, text=True)
    return int(said.stdout.split(".")[0])


# What options are called changed with WeeChat 4.
TLS = "tls" if shutil.which("weechat-headless") and weechat_version() >= 4 else "ssl"


class WeeChat:
    def __init__(self, nick, *options):
        self.nick, self.home = nick, f"{home}/weechat-{nick}"
        commands = [
            "/set fifo.file.enabled on", "/set fifo.file.path ${weechat_config_dir}/fifo",
            "/set logger.file.flush_delay 0", f"/server add sc 127.0.0.1/{port} -{TLS}",
            f"/set irc.server.sc.{TLS}_fingerprint {fingerprint}",
            f"/set irc.server.sc.nicks {nick}", "/set irc.server.sc.autojoin #lobby",
            "/set irc.server_default.capabilities *", *options, "/connect sc",
        ]
        options = [option for command in commands for option in ("-r", command)]
        with open(f"{self.home}.out", "w") as output:
            self.process = subprocess.Popen(
                ["weechat-headless", "--stdout", "-d", self.home, *options],
                stdin=subprocess.DEVNULL, stdout=output)

    def do(self, text):
        wait_for("WeeChat's fifo", lambda: os.path.exists(f"{self.home}/fifo"))
        with open(f"{self.home}/fifo", "w") as fifo:
            fifo.write(f"irc.sc.#lobby *{text}\n")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Irssi:
    def __init__(self, nick, server, chatnet):
        self.nick, self.home = nick, f"{home}/irssi-{nick}"
        os.makedirs(self.home)
        with open(f"{self.home}/config", "w") as config:
            config.write("""
servers = ( { address = "127.0.0.1"; chatnet = "sc"; port = "%d"; autoconnect = "yes";
  use_tls = "yes"; tls_verify = "no"; %s } );
chatnets = { sc = { type = "IRC"; nick = "%s"; %s }; };
channels = ( { name = "#lobby"; chatnet = "sc"; autojoin = "yes"; } );
settings = { core = { real_name = "Irssi"; user_name = "iri"; nick = "%s"; };
  "fe-common/core" = { autolog = "yes"; autolog_path = "%s/logs/$0.log"; }; };
""" % (port, server, nick, chatnet, nick, self.home))
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp("irssi", ["irssi", f"--home={self.home}"])
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass

    def do(self, text):
        os.write(self.terminal, f"/msg #lobby {text}\r".encode())

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


observer = Bare("CAP REQ :account-tag", "NICK observer", "USER o 0 * :Observer", "CAP END",
                "JOIN #lobby")
observer.hears(" 366 ")
pems = {}
for account in ["plain", "scram", "cert", "iplain", "iscram", "icert"]:
    bare = Bare(f"NICK {account}", "USER u 0 * :u", f"REGISTER * * secret-{account}")
    bare.hears("REGISTER SUCCESS")
    if account in ("cert", "icert"):
        pems[account], print_of = certificate(account)
        bare.say(f"NS CERT ADD {print_of}")
        bare.hears("logs in to your account by EXTERNAL")
    bare.say("QUIT")
    bare.hears("ERROR")

if shutil.which("weechat-headless"):
    sasl = "irc.server.sc.sasl"
    for account, mechanism in [("plain", "plain"), ("scram", "scram-sha-256")]:
        clients.append(WeeChat(account, f"/set {sasl}_mechanism {mechanism}",
                               f"/set {sasl}_username {account}",
                               f"/set {sasl}_password secret-{account}"))
    clients.append(WeeChat("cert", f"/set {sasl}_mechanism external",
                           f"/set irc.server.sc.{TLS}_cert {pems['cert']}"))
else:
    print("!!!! weechat-headless is not installed: it is left out")
if shutil.which("irssi"):
    said = subprocess.run(["irssi", "--version"], capture_output=True, text=True).stdout
    mechanisms = [("iplain", "PLAIN"), ("iscram", "SCRAM-SHA-256")]
    if tuple(int(part) for part in said.split()[1].split("-")[0].split(".")[:2]) < (1, 5):
        mechanisms.pop()
        print("irssi knows SCRAM-SHA-256 from 1.5 on: that is left out")
    for account, mechanism in mechanisms:
        clients.append(Irssi(account, "", f'sasl_mechanism = "{mechanism}"; '
                             f'sasl_username = "{account}"; sasl_password = "secret-{account}";'))
    clients.append(Irssi("icert", f'tls_cert = "{pems["icert"]}";',
                         'sasl_mechanism = "EXTERNAL"; sasl_username = "icert"; sasl_password = "";'))
else:
    print("!!!! irssi is not installed: it is left out")

for client in clients:
    observer.hears(f":{client.nick}!")
    def greeted():
        observer.say(f"PRIVMSG #lobby :hello, {client.nick}")
        time.sleep(0.3)
        return f"hello, {client.nick}" in contents(f"{client.home}/logs")
    wait_for(f"{client.nick} to be in the channel", greeted)
for client in clients:
    client.do(f"straße, says {client.nick}")
    observer.hears(f"PRIVMSG #lobby :straße, says {client.nick}")
    said = next(line for line in observer.lines if f"straße, says {client.nick}" in line)
    assert f"account={client.nick}" in said.split(" ")[0], said
    observer.say(f"WHOIS {client.nick}")
    observer.hears(f" 671 observer {client.nick} :is using a secure connection [TLSv1.3")
print(f"{len(clients)} unmodified clients over TLS: PLAIN, SCRAM-SHA-256, EXTERNAL")

for client in clients:
    client.kill()
daemon.terminate()
assert daemon.wait() == 0
shutil.rmtree(home)
