"""What is written down as JSON comes back as the type that is asked for, or not at all."""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from colo_harness.typed import Mistyped, plain, typed


class Open(TypedDict):
    """One key is due."""

    n: int
    tag: NotRequired[str]


@dataclass(frozen=True)
class Closed:
    """One field is due, and one is for the reader's use."""

    name: str
    sizes: tuple[int, ...] = ()
    place: int = field(default=0, compare=False)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("x", str),
        (7, int),
        (7, float),
        (7.5, float),
        (True, bool),
        (None, str | None),
        ("x", str | None),
        ("b", Literal["a", "b"]),
        ((1, 2, 3), tuple[int, ...]),
        (("x", 2), tuple[str, int]),
        ([1, 2], list[int]),
        ({"x", "y"}, AbstractSet[str]),
        ({}, Mapping[int, str]),
        ({3: "c", 2: "b"}, Mapping[int, str]),
        ({("a", "b"): {"status": ("x", "y"), "left": 0}}, Mapping[tuple[str, str], object]),
        ({"host_b": ("secondary", {"error", "request"})}, Mapping[str, tuple[str, AbstractSet[str]]]),
        ({"n": 1, "other": [None]}, Open),
        ({"any": [1, {"thing": 2.5}]}, Any),
    ],
)
def test_a_value_comes_back_as_it_was(value: object, hint: Any) -> None:
    """By way of JSON's text."""
    assert typed(json.loads(json.dumps(plain(value))), hint) == value


def test_a_dataclass_is_read_without_what_does_not_count() -> None:
    """The reader's own field keeps its default."""
    assert typed({"name": "x", "sizes": [1]}, Closed) == Closed("x", (1,))


@pytest.mark.parametrize(
    ("value", "hint", "told"),
    [
        (1, str, "it: 1 is not a text"),
        ("1", int, "it: '1' is not a whole number"),
        (True, int, "it: True is not a whole number"),
        (1, bool, "it: 1 is not true or false"),
        (1.0, int, "it: 1.0 is not a whole number"),
        (True, float, "it: True is not a number"),
        (float("inf"), float, "it: inf is not finite"),
        (0, type(None), "it: 0 is not null"),
        (True, Literal[1], "it: True is none of 1"),
        ([], Literal["a"], "it: [] is none of 'a'"),
        ({}, int | None, "it: {} is not a whole number; {} is not null"),
        ("ab", list[str], "it: 'ab' is no array"),
        ([1, "b"], tuple[int, ...], "it[1]: 'b' is not a whole number"),
        ([1], tuple[int, int], "it: [1] is no array of 2"),
        ({"a": [1, None]}, dict[str, list[int]], "it.a[1]: None is not a whole number"),
        ([[1, 2]], dict[str, int], "it: [[1, 2]] is no object"),
        ({"3": "c"}, Mapping[int, str], "it: {'3': 'c'} is no array"),
        ({}, Open, "it: n is missing"),
        ({"n": 1, "tag": 2}, Open, "it.tag: 2 is not a text"),
        ([], Open, "it: [] is no object"),
        ({}, Closed, "it: name is missing"),
        ({"name": "x", "place": 1}, Closed, "it: place is not known here"),
        ({"name": "x", "sizes": ["s"]}, Closed, "it.sizes[0]: 's' is not a whole number"),
    ],
)
def test_what_is_not_of_the_type_is_refused(value: object, hint: Any, told: str) -> None:
    """The text says where in the value, and what is due."""
    with pytest.raises(Mistyped) as caught:
        typed(value, hint, "it")
    assert str(caught.value) == told


@pytest.mark.parametrize("value", [object(), float("nan"), {"a": {1, "b"}}])
def test_what_has_no_form_is_not_written(value: object) -> None:
    """Rather than in some form that nobody reads."""
    with pytest.raises(TypeError):
        plain(value)


def test_a_type_that_has_no_form_is_a_mistake_of_ours() -> None:
    """It is no fault of the value."""
    with pytest.raises(TypeError, match="has no form in JSON"):
        typed("a", bytes)
