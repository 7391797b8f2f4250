"""File and environment to Config: every setting, where it may come from, and where it came from.

A value comes from, strongest first: a `TRUSTKIT_...` variable, the TOML file, the default. The file
is `$TRUSTKIT_CONFIG`, else `$TRUSTKIT_HOME/config.toml`, else `$XDG_CONFIG_HOME/trustkit/config.toml`
(`~/.config`). State lies in `$TRUSTKIT_HOME`, else `$XDG_STATE_HOME/trustkit` (`~/.local/state`).
"""

from collections.abc import Mapping
from pathlib import Path

from trustkit.durable import make_folder, require_private, write_file
from trustkit.errors import ConfigError, StorageError
from trustkit.model.values import NamedTuple
from trustkit.settings import SETTINGS, Setting

# A unix socket's path ends at 107 bytes (unix(7)); leave room for a suffix.
_SOCKET_PATH_BYTES = 100
# A policy that is no path of this machine.
_BUNDLE = "oci://"


class Config(NamedTuple):
    """The settings in force, and the origin of each (`default`, `file`, or the variable's name)."""

    home: Path
    file: Path
    values: Mapping[str, object]
    origins: Mapping[str, str]

    def text(self, key: str) -> str:
        """A text setting."""
        return str(self.values[key])

    def path(self, key: str) -> Path | None:
        """A path setting, or None when it is empty."""
        value = self.text(key)
        return Path(value) if value else None

    def number(self, key: str) -> float:
        """A number setting."""
        value = self.values[key]
        return float(value) if isinstance(value, (int, float)) else 0.0

    def items(self, key: str) -> tuple[str, ...]:
        """A list setting."""
        value = self.values[key]
        return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()

    def mapping(self, key: str) -> dict[str, str]:
        """A map setting."""
        value = self.values[key]
        return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}

    def flag(self, key: str) -> bool:
        """A yes-or-no setting."""
        return bool(self.values[key])

    @property
    def keys(self) -> Path:
        """The key ring's folder."""
        return self.home / "keys"

    @property
    def audit(self) -> Path:
        """The decision log's folder."""
        return self.home / "audit"

    @property
    def engine(self) -> Path:
        """The engine's folder: containerd's store, container state, volumes."""
        return self.home / "engine"

    @property
    def content_trust(self) -> Path:
        """The folder of content trust: `tuf` and `private`, as docker and notary keep them."""
        return self.path("trust.folder") or self.home / "content-trust"

    @property
    def policy(self) -> Path | None:
        """The policy file or folder, or None for a bundle, or for the built-in policy."""
        return None if self.policy_bundle else self.path("trust.policy")

    @property
    def policy_bundle(self) -> str:
        """The reference of the policy bundle (`oci://...`), empty if the policy is none."""
        given = self.text("trust.policy")
        return given if given.startswith(_BUNDLE) else ""

    @property
    def run(self) -> Path:
        """Where sockets and FIFOs lie; its path is short enough for them."""
        return _socket_of(self.home).parent

    @property
    def socket(self) -> Path:
        """Where the daemon listens."""
        return self.path("daemon.socket") or _socket_of(self.home)


def _socket_of(home: Path) -> Path:
    path = home / "run" / "trustkit.sock"
    if len(bytes(path)) <= _SOCKET_PATH_BYTES:
        return path
    # A state directory too deep for a socket: name one in /tmp after the directory's inode. Others can guess the
    # name and be there first, so it is looked at before anything in it is believed.
    make_folder(home)
    status = home.stat()
    folder = Path(f"/tmp/trustkit-{status.st_uid}-{status.st_dev:x}-{status.st_ino:x}")  # noqa: S108
    return require_private(folder) / "trustkit.sock"


def load(environment: Mapping[str, str]) -> Config:
    """Read the configuration. Raises ConfigError."""
    user = Path(environment.get("HOME") or "/")
    given_home = environment.get("TRUSTKIT_HOME")
    state = environment.get("XDG_STATE_HOME") or str(user / ".local" / "state")
    home = Path(given_home) if given_home else Path(state) / "trustkit"
    if not home.is_absolute():
        home = Path.cwd() / home
    configs = Path(environment.get("XDG_CONFIG_HOME") or user / ".config") / "trustkit"
    file = Path(environment.get("TRUSTKIT_CONFIG") or (home if given_home else configs) / "config.toml")
    written = read_file(file, required="TRUSTKIT_CONFIG" in environment)
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for setting in SETTINGS:
        if setting.variable in environment:
            if setting.file_only:
                message = f"{setting.variable} is set, and {setting.key} counts in a file only"
                raise ConfigError(message, next_step=f"write it into {file}, and unset the variable")
            value = _from_variable(setting, environment[setting.variable])
            origin = setting.variable
        elif setting.key in written:
            value, origin = written[setting.key], str(file)
        else:
            value, origin = setting.default, "default"
        if setting.kind == "path":
            value = _expanded(str(value), user, file.parent if origin == str(file) else Path.cwd())
        values[setting.key], origins[setting.key] = value, origin
    return Config(home, file, values, origins)


def _expanded(value: str, user: Path, base: Path) -> str:
    if not value or value.startswith(_BUNDLE):
        return value
    if value == "~" or value.startswith("~/"):
        return str(user / value[2:])
    return str(base / value)


def _from_variable(setting: Setting, text: str) -> object:
    if setting.kind == "list":
        return tuple(part for part in text.split(",") if part)
    if setting.kind == "flag":
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        return _checked(setting, words.get(text.lower(), text), setting.variable)
    if setting.kind == "number":
        return _checked(setting, _number(text), setting.variable)
    if setting.kind == "map":
        pairs = [part.partition("=") for part in text.split(",") if part]
        return {name: value for name, _, value in pairs}
    return text


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _checked(setting: Setting, value: object, where: str) -> object:
    fits = {
        "text": isinstance(value, str),
        "secret": isinstance(value, str),
        "path": isinstance(value, str),
        "flag": isinstance(value, bool),
        "number": isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0,
        "list": isinstance(value, list) and all(isinstance(item, str) for item in value),
        "map": isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
    }[setting.kind]
    if not fits:
        message = f"{where}: {setting.key} must be a {setting.kind}, not {value!r}"
        raise ConfigError(message, next_step="`trustkit config show` lists every setting")
    return value


def read_file(file: Path, *, required: bool) -> dict[str, object]:
    """Return `section.name` → value of the TOML file, each of its setting's kind. Raises ConfigError."""
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        if required:
            message = f"{file}: no such file, though TRUSTKIT_CONFIG names it"
            raise ConfigError(message, next_step="`trustkit config init` writes one") from error
        return {}
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or '').lower()}") from error
    import tomllib

    try:
        document = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error
    known = {setting.key: setting for setting in SETTINGS}
    found: dict[str, object] = {}
    for section, members in document.items():
        for name, value in members.items() if isinstance(members, dict) else (("", members),):
            key = f"{section}.{name}" if name else section
            if key not in known:
                message = f"{file}: unknown setting {key!r}"
                raise ConfigError(message, next_step="`trustkit config show` lists every setting")
            found[key] = _checked(known[key], value, str(file))
    return found


def template() -> str:
    """Return the commented TOML file with every setting at its default."""
    lines = ["# trustkit's configuration. Every line that is commented out shows the default.", ""]
    section = ""
    for setting in SETTINGS:
        head, _, name = setting.key.partition(".")
        if head != section:
            section = head
            lines += [f"[{head}]"]
        lines += [
            f"# {setting.help}",
            "# No variable overrides it." if setting.file_only else f"# {setting.variable} overrides it.",
            f"# {name} = {_toml(setting.default)}",
            "",
        ]
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f'"{k}" = {_toml(v)}' for k, v in value.items()) + " }"
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_template(file: Path) -> None:
    """Write the commented file; never over an existing one. Raises ConfigError, StorageError."""
    if file.exists():
        raise ConfigError(f"{file}: already there", next_step="edit it, or move it away first")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{file.parent}: {(error.strerror or '').lower()}") from error
    write_file(file, template().encode(), mode=0o644)
