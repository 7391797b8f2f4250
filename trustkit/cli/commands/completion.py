"""Print the completion script of a shell.

bash: trustkit completion bash > /etc/bash_completion.d/trustkit
zsh:  trustkit completion zsh  > "${fpath[1]}/_trustkit"
fish: trustkit completion fish > ~/.config/fish/completions/trustkit.fish
"""

import argparse
from importlib import import_module

from trustkit.cli.main import COMMANDS, module_of

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the shell's name."""
    parser.add_argument("shell", choices=SHELLS)


def run(arguments: argparse.Namespace) -> int:
    """Print the script, made from the parsers of all commands."""
    if arguments.shell == "fish":
        print(_fish())
    else:
        import shtab

        print(shtab.complete(whole_parser(), shell=arguments.shell))
    return 0


def whole_parser() -> argparse.ArgumentParser:
    """Return one parser with every command as a sub-parser."""
    parser = argparse.ArgumentParser(prog="trustkit")
    commands = parser.add_subparsers(dest="command")
    for group in COMMANDS.values():
        for name, line in group.items():
            import_module(module_of(name)).add_arguments(commands.add_parser(name, help=line))
    return parser


def _fish() -> str:
    lines = ["complete -c trustkit -f"]
    for group in COMMANDS.values():
        for name, line in group.items():
            lines.append(_fish_line("__fish_use_subcommand", f"-a {name} -d {_quoted(line)}"))
            command = argparse.ArgumentParser()
            import_module(module_of(name)).add_arguments(command)
            lines += _fish_options(f"__fish_seen_subcommand_from {name}", command)
    return "\n".join(lines)


def _fish_options(condition: str, parser: argparse.ArgumentParser) -> list[str]:
    lines = []
    for action in parser._actions:  # noqa: SLF001  (argparse has no public way to list its options)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            lines += [_fish_line(condition, f"-a {name}") for name in action.choices]
            for sub in action.choices.values():
                lines += _fish_options(condition, sub)
        for option in action.option_strings:
            flag = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            takes = " -r" if action.nargs != 0 else ""
            lines.append(_fish_line(condition, f"{flag}{takes} -d {_quoted(action.help or '')}"))
    return lines


def _fish_line(condition: str, rest: str) -> str:
    return f"complete -c trustkit -n {_quoted(condition)} {rest}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
