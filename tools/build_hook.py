"""Generate the Python of the engine's .proto files while a wheel or an editable install is built."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProtosHook(BuildHookInterface[Any]):
    """What hatch calls before it collects files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  (hatch's signature)
        """Run the generator, which does nothing when its output is fresh."""
        subprocess.run([sys.executable, str(Path(self.root) / "tools" / "protos.py")], check=True)
