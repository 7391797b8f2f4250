"""The configured rules bite: each planted violation is found."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLANTED = {
    "TID251": [
        "import hashlib\n",
        "import hmac\n",
        "import secrets\n",
        "import random\n",
        "import pickle\n",
        "import subprocess\n",
        "import json\nx = json.loads('1')\n",
        "import base64\nx = base64.b64decode('')\n",
        "import os\nx = os.environ\n",
        "import time\nx = time.time()\n",
        "from datetime import UTC, datetime\nx = datetime.now(UTC)\n",
        "import ssl\nx = ssl.create_default_context()\n",
        "from typing import TYPE_CHECKING\n",
    ],
    "TID252": ["from . import limits\n"],
    "BLE001": ["try:\n    print()\nexcept Exception:\n    pass\n"],
    "S101": ["assert True\n"],
    "C901": ["def f(x: int) -> None:\n" + "".join(f"    if x == {n}:\n        return\n" for n in range(11))],
    "PLR0913": ["def f(a: int, b: int, c: int, d: int, e: int, f: int, g: int) -> None: ...\n"],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in PLANTED.items() for text in texts])
@pytest.mark.parametrize("where", ["trustkit/policy/planted.py", "trustkit/signing/planted.py"])
def test_a_planted_violation_is_found(code: str, text: str, where: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--quiet", "--output-format", "concise", "--no-cache"]
    done = subprocess.run(
        [*command, "--stdin-filename", where, "-"], cwd=ROOT, input=text, text=True, capture_output=True, check=False
    )
    assert f" {code} " in done.stdout
