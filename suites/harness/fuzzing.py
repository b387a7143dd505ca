"""Fuzz runs: examples that are made up, of which a parser takes each, leaves it out, or refuses it in words of ours."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import hypothesis
from hypothesis import strategies as st

from colo_harness.settings import Settings

EXAMPLES = 60
Fuzz = Callable[[Any, Callable[[Any], object]], None]


def fuzzing(settings: Settings) -> Fuzz:
    """Return what tries so many examples, and more of them for as long as `--thorough` says."""

    def run(strategy: st.SearchStrategy[Any], attempt: Callable[[Any], object]) -> None:
        deadline = time.monotonic() + settings.thorough
        for seed in count(settings.seed):

            def one(example: Any) -> None:
                attempt(example)

            quick = hypothesis.settings(
                max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=[*hypothesis.HealthCheck]
            )
            hypothesis.seed(seed)(quick(hypothesis.given(strategy)(one)))()
            if time.monotonic() >= deadline:
                return

    return run


def mutated(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Return bytes that were one of these once: changed, cut, repeated, with others between; or any bytes at all."""
    change = st.tuples(st.integers(0, 4096), st.integers(0, 64), st.binary(max_size=12))

    def spoilt(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for at, gone, put in changes:
            place = at % (len(seed) + 1)
            seed = seed[:place] + put + seed[place + gone % 9 :]
        return seed

    return st.builds(spoilt, st.sampled_from(seeds), st.lists(change, max_size=4)) | st.binary(max_size=200)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
