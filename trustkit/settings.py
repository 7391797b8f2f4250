"""Every setting: its name, its kind, its default, and what it is for."""

from trustkit.model.values import NamedTuple


class Setting(NamedTuple):
    """One setting: `section.name`, kind (`text`, `secret`, `path`, `number`, `list`, `map`, `flag`), default, help.

    `file_only`: no variable sets it.
    """

    key: str
    kind: str
    default: object
    help: str
    file_only: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "TRUSTKIT_" + self.key.upper().replace(".", "_")


SETTINGS = (
    Setting(
        "trust.policy",
        "path",
        "",
        "Policy file or folder, or oci://REGISTRY/REPOSITORY:TAG for a signed bundle. Without one, only images signed "
        "by a key of your own key ring run.",
    ),
    Setting(
        "trust.policy_keys",
        "list",
        (),
        "Who may sign the policy bundle: public keys, by their names in the key ring or as files.",
    ),
    Setting("trust.policy_identity", "text", "", "Or whom a certificate must name: exactly this e-mail, URI or name."),
    Setting("trust.policy_issuer", "text", "", "As issued for a login with exactly this provider."),
    Setting("trust.policy_threshold", "number", 1, "How many of them must have signed it."),
    Setting("trust.policy_refresh", "number", 300, "Seconds after which a daemon asks for a newer policy bundle."),
    Setting(
        "trust.policy_max_age",
        "number",
        168,
        "Hours for which a policy bundle counts that the registry no longer confirms.",
    ),
    Setting(
        "trust.sigstore_root",
        "path",
        "",
        "trusted_root.json for certificates (keyless). Without one, sigstore's public-good instance is trusted.",
    ),
    Setting(
        "trust.root",
        "path",
        "",
        "Folder that `trustkit trust root update` filled: its keys, identities and policies are trusted too, and "
        "keys it revokes are not.",
    ),
    Setting("trust.server", "text", "", "Trust server (Notary v1). Empty: the host of the image's registry."),
    Setting(
        "trust.folder",
        "path",
        "",
        "What is remembered of content trust, and its private keys; ~/.docker/trust shares docker's. "
        "Empty: content-trust in the state directory.",
    ),
    Setting("trust.root_grace", "number", 0, "Hours for which an expired trust root still counts."),
    Setting(
        "revocation.offline",
        "flag",
        False,
        "Never ask certificate authorities whether a certificate was revoked; only what was kept and given counts.",
    ),
    Setting(
        "crypto.provider",
        "text",
        "openssl",
        "Who does the maths: openssl (the system's), pyca (OpenSSL inside cryptography) or pycryptodome. "
        "Never falls back.",
    ),
    Setting(
        "fips.mode",
        "text",
        "off",
        "off, module (all maths in the installed FIPS module) or validated (and it must hold a certificate).",
    ),
    Setting(
        "fips.validated_list",
        "path",
        "",
        "List of validated modules. Empty: the one shipped with trustkit.",
        file_only=True,
    ),
    Setting(
        "fips.examine_every",
        "number",
        3600,
        "Seconds after which a daemon in FIPS mode tests its module and looks for other cryptography; a day at most.",
        file_only=True,
    ),
    Setting("keys.pkcs11_module", "path", "", "PKCS#11 library for pkcs11: keys whose URI names none."),
    Setting(
        "registry.insecure",
        "list",
        (),
        "Registries (host[:port]) that may be spoken to without TLS; loopback always may.",
    ),
    Setting(
        "registry.allow_private_networks",
        "flag",
        True,
        "Whether registries may lie in private networks or on this machine. Say false where others choose what is "
        "asked for, as in admission hooks. Link-local addresses are never asked.",
    ),
    Setting(
        "registry.private_hosts",
        "list",
        (),
        "Registries (host[:port]) that may lie there all the same; mirrors may always.",
    ),
    Setting(
        "registry.auth_hosts",
        "list",
        (),
        "Token services that may be told credentials of a registry of another domain.",
    ),
    Setting("registry.ca_file", "path", "", "PEM file with further certificate authorities for registries."),
    Setting("registry.mirrors", "map", {}, 'Where to ask first: { "docker.io" = "https://mirror.example" }.'),
    Setting("registry.timeout", "number", 30, "Seconds a registry may stay silent before it counts as unreachable."),
    Setting("registry.docker_config", "path", "~/.docker/config.json", "Credentials, as `docker login` writes them."),
    Setting("registry.auth_file", "path", "", "Further credentials, as `podman login` writes them (auth.json)."),
    Setting(
        "registry.registries_d",
        "path",
        "",
        "Folder that says where GPG signatures lie (containers-registries.d). Empty: "
        "~/.config/containers/registries.d, else /etc/containers/registries.d.",
    ),
    Setting(
        "cache.url",
        "secret",
        "",
        "Store that all nodes share, redis[s]:// or postgresql://. Empty: this machine keeps its own (docs/fleet.md).",
    ),
    Setting("cache.key_file", "path", "", "The fleet's key, the same on every node; `trustkit fleet init` makes one."),
    Setting("cache.ca_file", "path", "", "PEM file with the certificate authorities of the shared store."),
    Setting("cache.timeout", "number", 2, "Seconds the shared store may stay silent."),
    Setting(
        "cache.grace",
        "number",
        300,
        "Seconds for which revocations that were read once count when the shared store is silent; then all is denied.",
    ),
    Setting("engine.containerd", "path", "", "Socket of a containerd to use. Empty: trustkit runs its own."),
    Setting("engine.runtime", "text", "runc", "OCI runtime that starts containers."),
    Setting("engine.bridge", "text", "", "Name of the network bridge. Empty: chosen once for the state directory."),
    Setting(
        "engine.subnet", "text", "", "Addresses of containers on the bridge. Empty: chosen once, out of 10.0.0.0/8."
    ),
    Setting("daemon.socket", "path", "", "Where the daemon listens. Empty: run/trustkit.sock in the state directory."),
    Setting("daemon.autostart", "flag", True, "Whether commands start the daemon when none answers."),
    Setting("daemon.group", "text", "", "Group that may use the socket. Empty: only the owner."),
)
