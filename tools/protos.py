"""Generate the Python of `trustkit/engine/protos/*.proto` next to them (not committed).

python tools/protos.py            only when a .proto file is newer than its Python
python tools/protos.py --force
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "trustkit" / "engine" / "protos"


def stale(proto: Path) -> bool:
    """Whether the generated module is missing or older than its source."""
    module = proto.with_name(f"{proto.stem}_pb2.py")
    return not module.is_file() or module.stat().st_mtime < proto.stat().st_mtime


def main() -> int:
    """Run protoc over every file at once, as they import each other."""
    protos = sorted(FOLDER.glob("*.proto"))
    if "--force" not in sys.argv and not any(stale(proto) for proto in protos):
        return 0
    from grpc_tools import _proto, protoc

    builtin = Path(_proto.__file__).parent if _proto.__file__ else Path(next(iter(_proto.__path__)))
    names = [str(proto.relative_to(ROOT)) for proto in protos]
    return int(
        protoc.main(["protoc", f"-I{ROOT}", f"-I{builtin}", f"--python_out={ROOT}", f"--pyi_out={ROOT}", *names])
    )


if __name__ == "__main__":
    sys.exit(main())
