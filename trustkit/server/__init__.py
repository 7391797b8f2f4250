"""The Docker Engine API over the gate and the engine."""
