"""trustkit: a security and trust toolkit for container images."""

__version__ = "0.1.0"
