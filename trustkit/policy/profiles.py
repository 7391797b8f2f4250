"""Kubernetes' Pod Security Standards as limits on requests, for every engine.

Specification: kubernetes.io/docs/concepts/security/pod-security-standards. Each control is a field of `require.runtime`
and may be changed beside `profile`.
"""

from collections.abc import Mapping

BASELINE, RESTRICTED = "baseline", "restricted"
NAMES = (BASELINE, RESTRICTED)
_DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
_SYSCTLS = (
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
)
_VOLUMES = (
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
)  # fmt: skip
_SELINUX = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")

# control → what its rule allows; nothing for controls that allow nothing
_BASELINE: Mapping[str, tuple[str, ...]] = {
    "denyHostProcess": (),
    "denyHostNamespaces": (),
    "denyPrivileged": (),
    "capabilities.add": _DEFAULT_CAPABILITIES,
    "denyHostPath": (),
    "denyHostPorts": (),
    "apparmor": ("RuntimeDefault", "Localhost"),
    "selinuxTypes": _SELINUX,
    "procMount": ("Default",),
    # an unset profile is left to the engine, as the standard says
    "seccomp": ("RuntimeDefault", "Localhost", "Unset"),
    "sysctls": _SYSCTLS,
}
PROFILES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    BASELINE: _BASELINE,
    RESTRICTED: {
        **_BASELINE,
        "volumes": _VOLUMES,
        "denyNewPrivileges": (),
        "requireNonRoot": (),
        "seccomp": ("RuntimeDefault", "Localhost"),
        "capabilities.add": ("NET_BIND_SERVICE",),
        "capabilities.drop": ("ALL",),
    },
}
