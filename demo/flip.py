"""Change one byte in the middle of a file: `flip.py FILE`."""

import sys
from pathlib import Path

path = Path(sys.argv[1])
path.chmod(0o644)
with path.open("r+b") as file:
    middle = path.stat().st_size // 2
    file.seek(middle)
    byte = file.read(1)[0]
    file.seek(middle)
    file.write(bytes([byte ^ 1]))
print(f"byte {middle} of {path.name[:12]}… is now {byte ^ 1:#04x}, it was {byte:#04x}")
