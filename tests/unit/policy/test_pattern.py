import time

import pytest

from trustkit.policy.pattern import Pattern


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("registry.example/app", "registry.example/app"),
        ("registry.example/*", "registry.example/app"),
        ("registry.example/**", "registry.example/team/deep/app"),
        ("registry.example/*/app", "registry.example/team/app"),
        ("registry.example/**/app", "registry.example/a/b/app"),
        ("**", "docker.io/library/busybox"),
        ("registry.example/a*c*e", "registry.example/abcde"),
        ("registry.example/ab*", "registry.example/ab"),
        ("oci:/srv/**", "oci:/srv/images/x"),
        ("registry.example:5000/*", "registry.example:5000/app"),
    ],
)
def test_a_pattern_matches_names_it_describes(pattern: str, name: str) -> None:
    assert Pattern.compile(pattern).matches(name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("registry.example/*", "registry.example/team/app"),
        ("registry.example/app", "registry.example/app2"),
        ("registry.example/app", "evil.example/registry.example/app"),
        ("registry.example/**", "registry.example.evil/app"),
        ("registry.example/**", "xregistry.example/app"),
        ("registry.example/*/app", "registry.example/app"),
        ("registry.example/*/app", "registry.example/a/b/app"),
        ("registry.example/a*c", "registry.example/ab/c"),
        ("registry.example/a?c", "registry.example/abc"),
        ("registry.example/[ab]", "registry.example/a"),
        ("registry.example/.*", "registry.example/app"),
        ("registry.example/App", "registry.example/app"),
        ("", "registry.example/app"),
    ],
)
def test_a_pattern_refuses_names_it_does_not_describe(pattern: str, name: str) -> None:
    assert not Pattern.compile(pattern).matches(name)


def test_matching_time_is_linear_for_the_worst_pattern() -> None:
    pattern = Pattern.compile("a*" * 200 + "b")
    before = time.process_time()
    assert not pattern.matches("a" * 1000)
    assert time.process_time() - before < 0.5
