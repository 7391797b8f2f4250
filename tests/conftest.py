"""Fixtures for every test: the real peers and the property-test profile."""

from datetime import timedelta

from hypothesis import HealthCheck, settings

pytest_plugins = ["peers.fixtures"]

# Two shared cores: a slow example is no failure, and the same examples on every run make a red test repeatable.
settings.register_profile(
    "default",
    deadline=timedelta(seconds=5),
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")
