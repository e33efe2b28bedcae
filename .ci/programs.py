"""Programs that a script starts, and waits with a limit. Their output goes to files: no pipe can
fill, and none of the caller's is held. All programs end with the script, however it ends; if it
fails, it prints their output."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 120  # seconds; many times what a slow machine needs, as it only ends a hang
TOLD_LINES = 40  # of each, after a failure

home = tempfile.mkdtemp(prefix="stonechat-")
everyone = []  # programs and connections: each has a name, a look at what is new, and a transcript
failed = False

# Ends a child even if the script is killed with -9.
GUARDED = ["setpriv", "--pdeathsig", "KILL", "--"]


def wait_for(what, condition, heard=lambda: "see below"):
    """Waits until the condition holds. Fails if it doesn't in time, and at once if a program has
    ended unexpectedly. `heard`: the output to print, if that of `everyone` does not show it."""
    until, pause = time.monotonic() + PATIENCE, 0.001
    while True:
        # Before the condition, so that the last check comes after the time is over.
        over = time.monotonic() > until
        for one in list(everyone):
            complaint = one.look()
            assert not complaint, f"{complaint}, while this was waited for: {what}"
        if condition():
            return
        assert not over, f"waited {PATIENCE} s in vain for {what}; heard instead: {heard()}"
        time.sleep(pause)
        pause = min(pause * 2, 0.1)


def run(*command, said="", may_fail=False, **options):
    """Runs a program to its end, with `said` as its input. Returns its output."""
    try:
        ended = subprocess.run(
            [*GUARDED, *command], input=said, text=True, errors="replace", timeout=PATIENCE,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options)
    except subprocess.TimeoutExpired as e:
        raise AssertionError(
            f"waited {PATIENCE} s in vain for {command} to end; heard instead: {e.output}, {e.stderr}") from None
    assert may_fail or ended.returncode == 0, \
        f"{command} has ended with status {ended.returncode}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def installed(program):
    found = shutil.which(program) is not None
    if not found:
        print(f"!!!! {program} is not installed: it is left out")
    return found


def contents(*paths):
    """The contents of these files so far."""
    text = ""
    for path in paths:
        try:
            with open(path, errors="replace") as file:
                text += file.read()
        except FileNotFoundError:
            pass
    return text


class Program:
    """A child that runs until it is stopped."""

    def __init__(self, name, *command, **options):
        self.name, self.may_end, self.partial = name, False, b""
        self.out, self.err = (f"{home}/{len(everyone)}.{name}.{kind}" for kind in ("out", "err"))
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [*GUARDED, *command], bufsize=0,
                **{"stdin": subprocess.DEVNULL, "stdout": out, "stderr": err} | options)
        self.reader = open(self.out, "rb")
        everyone.append(self)

    def next_line(self):
        """The next line that it prints."""
        def complete():
            self.partial += self.reader.readline()
            return self.partial.endswith(b"\n")
        wait_for(f"a line from {self.name}", complete, lambda: self.partial)
        line, self.partial = self.partial, b""
        return line.decode().rstrip("\n")

    def type(self, text):
        """Writes to its stdin, which must be a pipe."""
        self.process.stdin.write(text.encode())

    def kill(self):
        self.may_end = True
        self.process.kill()
        return self.ends()

    def ends(self):
        """Lets it end, waits for that, and returns its status."""
        self.may_end = True
        wait_for(f"the end of {self.name}", lambda: self.process.poll() is not None)
        return self.process.returncode

    def look(self):
        """Its error, if there is one."""
        if self.process.poll() is not None and not self.may_end:
            return f"{self.name} has ended unasked, with status {self.process.returncode}"

    def transcript(self):
        """Its state, and then its output."""
        status = self.process.poll()
        state = "runs" if status is None else f"has ended with status {status}"
        return f"{state}\n{contents(self.out, self.err)}"


def end_all():
    for one in everyone:
        if isinstance(one, Program):
            one.process.kill()
            one.process.wait()
    if failed:
        print(f"what is left of this is in {home}", file=sys.stderr)
    else:
        shutil.rmtree(home)


def tell_all(kind, error, trace):
    global failed
    failed = True
    sys.__excepthook__(kind, error, trace)
    for one in everyone:
        one.look()
        state, *lines = one.transcript().splitlines()
        print(f"---- {one.name} {state}", file=sys.stderr)
        for line in lines[-TOLD_LINES:]:
            print("".join(c for c in line if c.isprintable()), file=sys.stderr)


def begin():
    atexit.register(end_all)
    sys.excepthook = tell_all
    # A script that is told to end fails, and ends its programs.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    # Output and errors, in this order.
    sys.stdout.reconfigure(line_buffering=True)


begin()
