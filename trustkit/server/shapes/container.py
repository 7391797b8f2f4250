"""Containers as Docker's JSON: the list, the inspection, and the filters of the list."""

import json
from datetime import datetime
from typing import NamedTuple

from trustkit.codec import strict_json
from trustkit.engine.values import ContainerView, ImageView, Status
from trustkit.errors import MalformedError
from trustkit.server.shapes import fields, moments, names
from trustkit.server.shapes.fields import Members

_KEPT_BYTES = 8 * 1024 * 1024


class Kept(NamedTuple):
    """The create request that was kept with the container."""

    config: Members
    host: Members


def kept_of(view: ContainerView) -> Kept:
    """Return the request kept with a container, empty when it was made by other means."""
    try:
        value = strict_json.parse(
            view.request.encode() or b"{}", what="kept request", limit_bytes=_KEPT_BYTES, fold_names=False
        )
        members = strict_json.as_object(value, "kept request")
    except MalformedError:
        return Kept({}, {})
    return Kept(fields.mapping(members, "Config"), fields.mapping(members, "HostConfig"))


def image_name(view: ContainerView) -> str:
    """Return the image as the container's maker named it, else its digest."""
    named = kept_of(view).config.get("Image")
    return named if isinstance(named, str) and named else names.familiar(view.reference) or str(view.image)


def summary(view: ContainerView, now: datetime) -> dict[str, object]:
    """Return a row of `GET /containers/json`."""
    return {
        "Id": view.id,
        "Names": [f"/{view.name}"],
        "Image": image_name(view),
        "ImageID": str(view.image_id),
        "Command": " ".join([view.path, *view.arguments]).strip(),
        "Created": int(view.created_at.timestamp()),
        "Ports": [],
        "Labels": dict(view.labels),
        "State": view.status.value,
        "Status": status_text(view, now),
        "HostConfig": {"NetworkMode": view.network.mode},
        "NetworkSettings": {"Networks": _networks(view)},
        "Mounts": _mounts(kept_of(view)),
    }


def status_text(view: ContainerView, now: datetime) -> str:
    """Return `Up 5 minutes` or `Exited (0) 2 hours ago`."""
    if view.status in {Status.RUNNING, Status.PAUSED} and view.started_at:
        paused = " (Paused)" if view.status is Status.PAUSED else ""
        return f"Up {moments.duration(view.started_at, now)}{paused}"
    if view.status is Status.EXITED and view.finished_at:
        return f"Exited ({view.exit_code or 0}) {moments.duration(view.finished_at, now)} ago"
    return "Removal In Progress" if view.status is Status.REMOVING else "Created"


def inspection(view: ContainerView, image: ImageView | None) -> dict[str, object]:
    """Return the answer of `GET /containers/{id}/json`."""
    kept = kept_of(view)
    return {
        "Id": view.id,
        "Created": moments.text_of(view.created_at),
        "Path": view.path,
        "Args": list(view.arguments),
        "State": _state(view),
        "Image": str(view.image_id),
        "Name": f"/{view.name}",
        "RestartCount": view.restart_count,
        "Driver": "overlayfs",
        "Platform": "linux",
        "LogPath": view.log_path,
        "ResolvConfPath": "",
        "HostnamePath": "",
        "HostsPath": "",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": None,
        "Mounts": _mounts(kept),
        "HostConfig": _host_config(view, kept),
        "Config": _config(view, kept, image),
        "NetworkSettings": _network_settings(view),
        # Ours: what makes this container a trusted one.
        "Trustkit": {"Admission": view.admission, "ImageDigest": str(view.image), "Reference": view.reference},
    }


def _state(view: ContainerView) -> dict[str, object]:
    return {
        "Status": view.status.value,
        "Running": view.status in {Status.RUNNING, Status.PAUSED},
        "Paused": view.status is Status.PAUSED,
        "Restarting": False,
        "OOMKilled": view.out_of_memory,
        "Dead": False,
        "Pid": view.pid,
        "ExitCode": view.exit_code or 0,
        "Error": view.error,
        "StartedAt": moments.text_of(view.started_at),
        "FinishedAt": moments.text_of(view.finished_at),
    }


def _host_config(view: ContainerView, kept: Kept) -> dict[str, object]:
    defaults: dict[str, object] = {
        "Binds": None,
        "CapAdd": None,
        "CapDrop": None,
        "LogConfig": {"Type": "json-file", "Config": {}},
        "Memory": 0,
        "NanoCpus": 0,
        "PortBindings": {},
        "Privileged": False,
        "ReadonlyRootfs": False,
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "Runtime": "",
    }
    in_force = {"AutoRemove": view.auto_remove, "NetworkMode": view.network.mode}
    return {**defaults, **kept.host, **in_force}


def _config(view: ContainerView, kept: Kept, image: ImageView | None) -> dict[str, object]:
    """The request's settings over the image's, as the process sees them."""
    base = fields.mapping(image.config, "config") if image else {}
    asked = {name: value for name, value in kept.config.items() if value not in (None, "", [])}
    merged: dict[str, object] = {
        "Hostname": view.id[:12],
        "User": base.get("User") or "",
        "Cmd": None if asked.get("Entrypoint") else base.get("Cmd"),
        "Entrypoint": base.get("Entrypoint"),
        "WorkingDir": base.get("WorkingDir") or "",
        "Volumes": base.get("Volumes"),
        **asked,
    }
    merged["Env"] = _environment(base, kept.config)
    return {
        **merged,
        "Image": image_name(view),
        "Labels": dict(view.labels),
        "Tty": view.tty,
        "OpenStdin": view.open_stdin,
    }


def _environment(base: Members, config: Members) -> list[str]:
    found: dict[str, str] = {}
    for entry in (*fields.texts(base, "Env"), *fields.texts(config, "Env")):
        found[entry.partition("=")[0]] = entry
    return list(found.values())


def _networks(view: ContainerView) -> dict[str, object]:
    network = view.network
    return {
        network.mode: {
            "IPAddress": network.address,
            "IPPrefixLen": network.prefix_length,
            "Gateway": network.gateway,
            "MacAddress": network.mac_address,
            "NetworkID": network.mode,
            "EndpointID": "",
            "Aliases": None,
        }
    }


def _network_settings(view: ContainerView) -> dict[str, object]:
    bridged = view.network.mode == "bridge"
    return {
        "IPAddress": view.network.address if bridged else "",
        "IPPrefixLen": view.network.prefix_length if bridged else 0,
        "Gateway": view.network.gateway if bridged else "",
        "MacAddress": view.network.mac_address if bridged else "",
        "Ports": {},
        "Networks": _networks(view),
    }


def _mounts(kept: Kept) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = []
    for bind in fields.texts(kept.host, "Binds"):
        source, _, rest = bind.partition(":")
        target, _, options = rest.partition(":")
        shown.append(_shown_mount(source, target, read_only="ro" in options.split(",")))
    for mount in fields.items(kept.host, "Mounts"):
        read_only = fields.flag(mount, "ReadOnly")
        shown.append(_shown_mount(fields.text(mount, "Source"), fields.text(mount, "Target"), read_only=read_only))
    return shown


def _shown_mount(source: str, target: str, *, read_only: bool) -> dict[str, object]:
    is_bind = source.startswith("/")
    named = {} if is_bind else {"Name": source, "Driver": "local"}
    return {
        "Type": "bind" if is_bind else "volume",
        **named,
        "Source": source if is_bind else "",
        "Destination": target,
        "Mode": "ro" if read_only else "",
        "RW": not read_only,
        "Propagation": "rprivate" if is_bind else "",
    }


def lines(rows: list[dict[str, object]]) -> bytes:
    """Return rows as a JSON array."""
    return json.dumps(rows).encode()
