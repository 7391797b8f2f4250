"""The Docker Engine API over a unix socket: requests to calls on the gate and the engine."""
