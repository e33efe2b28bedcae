"""Programs that a script starts, and waits that end. What a program prints is kept in files: no pipe
can fill, and none of the caller's is held. All of them end with the script, however it ends; where
it fails, it tells what each has said."""

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

# So that a child ends even where the script is killed with -9.
GUARDED = ["setpriv", "--pdeathsig", "KILL", "--"]


def wait_for(what, condition, heard=lambda: "see below"):
    """Until the condition holds. Fails if it doesn't in time, and at once if a program has ended that
    nobody told to. `heard`: what there is instead, where none of `everyone` can tell."""
    until, pause = time.monotonic() + PATIENCE, 0.001
    while True:
        # Before the condition, so that the last look is one after the time is over.
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
    """What a program prints that ends by itself, with `said` as its input."""
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
    """Of these files, as much as is there yet."""
    text = ""
    for path in paths:
        try:
            with open(path, errors="replace") as file:
                text += file.read()
        except FileNotFoundError:
            pass
    return text


class Program:
    """A child that runs until it is told to end."""

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
        """For one that was given a pipe as its stdin."""
        self.process.stdin.write(text.encode())

    def kill(self):
        self.may_end = True
        self.process.kill()
        return self.ends()

    def ends(self):
        """Waits until it has ended, which it may from now on, and returns its status."""
        self.may_end = True
        wait_for(f"the end of {self.name}", lambda: self.process.poll() is not None)
        return self.process.returncode

    def look(self):
        """What is wrong with it, if something is."""
        if self.process.poll() is not None and not self.may_end:
            return f"{self.name} has ended unasked, with status {self.process.returncode}"

    def transcript(self):
        """How it is, and then what it has said."""
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
    # A script that is told to end fails, and ends what it has started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    # What is said, and what fails, in this order.
    sys.stdout.reconfigure(line_buffering=True)


begin()
