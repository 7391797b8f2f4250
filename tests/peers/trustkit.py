"""The installed `trustkit` command, run as a user runs it, with a state directory of its own."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from peers.processes import PeerError, Process
from peers.tools import Ran, clean_environment, run

COMMAND = Path(sys.executable).with_name("trustkit")


class Trustkit:
    """The command with one TRUSTKIT_HOME; `env` may be changed before a run."""

    def __init__(self, home: Path, *, netns: str | None = None) -> None:
        """Keep state in `home`; with `netns`, run inside that network namespace."""
        self.home = home
        self.netns = netns
        user = home.parent / "user"
        user.mkdir(exist_ok=True)
        self.user_home = user
        self.env = clean_environment(HOME=str(user), TRUSTKIT_HOME=str(home))

    def command(self, *args: str | Path) -> list[str]:
        """Return the whole command line. Raises PeerError when trustkit is not installed."""
        if not COMMAND.exists():
            raise PeerError(f"{COMMAND} is missing: run make setup")
        # nsenter and not `ip netns exec`, which hides the control groups by mounting its own /sys.
        inside = ["nsenter", f"--net=/run/netns/{self.netns}", "--"] if self.netns else []
        return [*inside, str(COMMAND), *map(str, args)]

    def run(
        self,
        *args: str | Path,
        env: Mapping[str, str] | None = None,
        stdin: str | bytes = b"",
        cwd: Path | None = None,
        timeout: float = 60,
    ) -> Ran:
        """Run a command and return its exit status, outputs and duration."""
        whole = {**self.env, **(env or {})}
        return run(self.command(*args), env=whole, stdin=stdin, cwd=cwd or self.user_home, timeout=timeout)

    def must(self, *args: str | Path, env: Mapping[str, str] | None = None, stdin: str | bytes = b"") -> Ran:
        """Run a command that has to succeed. Raises PeerError with its words otherwise."""
        done = self.run(*args, env=env, stdin=stdin)
        if done.status != 0:
            raise PeerError(done.said)
        return done

    def json(self, *args: str | Path, env: Mapping[str, str] | None = None) -> object:
        """Run a command with `--output json` and return what it printed, whatever its exit status."""
        done = self.run(*args, "--output", "json", env=env)
        try:
            return json.loads(done.stdout)
        except ValueError as error:
            raise PeerError(done.said) from error

    def start(self, *args: str | Path, env: Mapping[str, str] | None = None) -> Process:
        """Start a command in the background, for tests that kill it half way; its output is in `.log`."""
        log = self.user_home / f"background-{len(list(self.user_home.glob('background-*')))}.log"
        return Process(self.command(*args), log=log, env={**self.env, **(env or {})}, cwd=self.user_home)
