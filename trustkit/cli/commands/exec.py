"""Run a command in a running container; the exit status is the command's."""

import argparse
import signal

from trustkit.cli.client import session, terminal
from trustkit.cli.client.daemon import Daemon, daemon, members
from trustkit.cli.client.wire import quote
from trustkit.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare docker's names."""
    parser.add_argument("-i", "--interactive", action="store_true", help="pass standard input on")
    parser.add_argument("-t", "--tty", action="store_true", help="give the command a terminal")
    parser.add_argument("-d", "--detach", action="store_true", help="do not wait for it")
    parser.add_argument("-e", "--env", action="append", default=[], metavar="NAME=VALUE", help="set a variable")
    parser.add_argument("-w", "--workdir", default="", metavar="DIR", help="working directory inside")
    parser.add_argument("-u", "--user", default="", metavar="USER[:GROUP]", help="run as this user")
    parser.add_argument("--privileged", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("container", metavar="CONTAINER")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")


def run(arguments: argparse.Namespace) -> int:
    """Prepare the exec, run it, and return its exit status."""
    if not arguments.command:
        raise UsageError("no command given", next_step="trustkit exec CONTAINER COMMAND")
    if arguments.tty and arguments.interactive and not arguments.detach:
        terminal.require_terminal()
    peer = daemon()
    request = {
        "AttachStdin": arguments.interactive,
        "AttachStdout": True,
        "AttachStderr": True,
        "Cmd": arguments.command,
        "Env": arguments.env,
        "Privileged": arguments.privileged,
        "Tty": arguments.tty,
        "User": arguments.user,
        "WorkingDir": arguments.workdir,
    }
    made = peer.call("POST", f"/containers/{quote(arguments.container)}/exec", request)
    name = str(members(made)["Id"])
    if arguments.detach:
        peer.call("POST", f"/exec/{name}/start", {"Detach": True, "Tty": arguments.tty})
        return 0
    return _joined(peer, name, arguments)


def _joined(peer: Daemon, name: str, arguments: argparse.Namespace) -> int:
    rows, columns = terminal.size()
    start: dict[str, object] = {"Detach": False, "Tty": arguments.tty}
    if arguments.tty and rows:
        start["ConsoleSize"] = [rows, columns]
    link = peer.open("POST", f"/exec/{name}/start", start, upgrade=True)
    talk = session.Session(link, tty=arguments.tty, stdin=arguments.interactive)
    if arguments.tty:
        with terminal.raw():
            talk.run((signal.SIGWINCH,), lambda _: _resize(peer, name))
    else:
        talk.run()
    answer = members(peer.call("GET", f"/exec/{name}/json"))
    code = answer.get("ExitCode")
    return code if isinstance(code, int) else 0


def _resize(peer: Daemon, name: str) -> None:
    rows, columns = terminal.size()
    peer.call("POST", f"/exec/{name}/resize", h=str(rows), w=str(columns))
