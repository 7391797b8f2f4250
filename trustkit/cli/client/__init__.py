"""The thin client: our commands' way to the daemon. Its imports are part of every `trustkit run`."""
