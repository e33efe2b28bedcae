"""The daemon under test: its addresses and metrics, and a check that it ends in good order and
never panics."""

import signal

from programs import Program, contents, everyone, home


class Daemon(Program):
    """A stonechatd that is ready; `config`: the text of its config file."""

    def __init__(self, programs, *arguments, config=""):
        with open(f"{home}/config.toml", "w") as file:
            file.write(config)
        super().__init__("stonechatd", f"{programs}/stonechatd", "--config", file.name, *arguments)
        self.ports, self.fingerprint = {}, None
        while (line := self.next_line()) != "ready":
            if line.startswith("certificate "):
                self.fingerprint = line.split()[-1]
                continue
            word, url = line.split()
            assert word == "listening", line
            scheme, address = url.split("://")
            if not address.startswith("unix:"):
                self.ports[scheme] = int(address.rsplit(":", 1)[1])

    @property
    def port(self):
        """The port of its only listener."""
        (port,) = self.ports.values()
        return port

    def metrics(self):
        """The lines that it prints on SIGUSR1."""
        self.process.send_signal(signal.SIGUSR1)
        lines = [self.next_line()]
        while not lines[-1].startswith("process_cpu_seconds_total"):
            lines.append(self.next_line())
        return lines

    def terminate(self):
        """Stops it; its clients may then end too."""
        for one in everyone:
            one.may_end = True
        self.process.terminate()

    def stop(self):
        self.terminate()
        status = self.ends()
        assert status == 0, f"told to end, stonechatd has ended with status {status}"

    def ends(self):
        status = super().ends()
        assert "panicked" not in contents(self.err), "stonechatd has panicked"
        return status
