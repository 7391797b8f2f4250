"""Wait until something listens on a loopback port: `wait_for.py PORT`."""

import socket
import sys
import time

deadline = time.monotonic() + 10
while time.monotonic() < deadline:
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", int(sys.argv[1]))) == 0:
            sys.exit(0)
    time.sleep(0.02)
sys.exit(f"nothing listens on port {sys.argv[1]}")
