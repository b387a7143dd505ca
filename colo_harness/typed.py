"""JSON as typed Python: what was written down is read back as the type that is asked for, or refused.

Types are those of histories and of checkers' parameters: scalars, literals, unions, tuples, lists, sets, mappings,
dataclasses, `TypedDict`, `Any`, and `object` for any JSON that is never changed (its arrays are tuples).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from reprlib import repr as brief
from sys import float_info
from types import NoneType, UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints, is_typeddict

Reader = Callable[[Any], Any]

_SCALARS: Mapping[Any, tuple[str, frozenset[type]]] = {
    str: ("a text", frozenset({str})),
    int: ("a whole number", frozenset({int})),
    float: ("a number", frozenset({int, float})),
    bool: ("true or false", frozenset({bool})),
    NoneType: ("null", frozenset({NoneType})),
}


class Mistyped(ValueError):
    """A value is not what it must be; the text says where in it, and what is due."""

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(f"{where.lstrip('.')}: {what}" if where else what)
        self.what = what
        self.where = where

    def within(self, place: str) -> Self:
        """Return the same of a value that has this one at `place`."""
        return type(self)(self.what, place + self.where)


def plain(value: object) -> Any:
    """Return what JSON has for `value`: an array for each tuple and set, and for a mapping whose keys are no texts.

    Raises TypeError where it has nothing.
    """
    if isinstance(value, str | bool | int | None) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping):
        pairs = [[plain(key), plain(item)] for key, item in value.items()]
        return dict(pairs) if all(isinstance(key, str) for key in value) else pairs
    if isinstance(value, AbstractSet):
        return sorted(map(plain, value))
    if isinstance(value, Sequence):
        return [*map(plain, value)]
    raise TypeError(f"{value!r} has no form in JSON")


def typed(value: Any, hint: Any, where: str = "") -> Any:
    """Return `value`, of JSON, as the type `hint`; `where` is what errors call it. Raises Mistyped.

    A `TypedDict` may have other keys besides its own; a dataclass may not, and is read without the fields that do not
    count when two are compared.
    """
    return _at(where, _reader(hint), value)


@cache
def _reader(hint: Any) -> Reader:
    kind, of = get_origin(hint) or hint, get_args(hint)
    if hint is Any:
        return lambda value: value
    if kind in _SCALARS:
        return _scalar(*_SCALARS[kind])
    if kind in _READERS:
        return _READERS[kind](*of)
    if is_typeddict(hint):
        return _open_record(hint)
    if is_dataclass(hint):
        return _closed_record(hint)
    raise TypeError(f"{hint} has no form in JSON")


def _scalar(due: str, kinds: frozenset[type]) -> Reader:
    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise Mistyped(f"{brief(value)} is not {due}")
        if float in kinds and not -float_info.max <= value <= float_info.max:
            raise Mistyped(f"{brief(value)} is not finite")
        return value

    return read


def _literal(*allowed: Any) -> Reader:
    kinds = {type(one) for one in allowed}

    def read(value: Any) -> Any:
        if type(value) not in kinds or value not in allowed:
            raise Mistyped(f"{brief(value)} is none of {', '.join(map(repr, allowed))}")
        return value

    return read


def _either(*hints: Any) -> Reader:
    readers = [_reader(hint) for hint in hints]

    def read(value: Any) -> Any:
        objections = []
        for one in readers:
            try:
                return one(value)
            except Mistyped as objection:
                objections.append(str(objection))
        raise Mistyped("; ".join(objections))

    return read


def _list(hint: Any) -> Callable[[Any], list[Any]]:
    one = _reader(hint)

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Mistyped(f"{brief(value)} is no array")
        return [_at(f"[{at}]", one, item) for at, item in enumerate(value)]

    return read


def _tuple(*hints: Any) -> Reader:
    if hints[1:] == (...,):
        read_all = _list(hints[0])
        return lambda value: tuple(read_all(value))
    readers = [_reader(hint) for hint in hints]

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) != len(readers):
            raise Mistyped(f"{brief(value)} is no array of {len(readers)}")
        pairs = zip(readers, value, strict=True)
        return tuple(_at(f"[{at}]", one, item) for at, (one, item) in enumerate(pairs))

    return read


def _set(hint: Any) -> Reader:
    read_all = _list(hint)
    return lambda value: frozenset(read_all(value))


def _mapping(key: Any, item: Any) -> Reader:
    """Read an object or, where its keys are no texts, an array of pairs; `plain` makes an object of none at all."""
    if key is str:
        one = _reader(item)
        return lambda value: {name: _at(f".{name}", one, each) for name, each in _object(value).items()}
    read_pairs = _list(tuple[key, item])
    return lambda value: dict(read_pairs([] if value == {} else value))


def _frozen() -> Reader:
    def read(value: Any) -> Any:
        if isinstance(value, list):
            return tuple(map(read, value))
        return {key: read(item) for key, item in value.items()} if isinstance(value, dict) else value

    return read


def _open_record(hint: Any) -> Reader:
    hints = get_type_hints(hint)
    readers = [(key, _reader(hints[key]), key in hint.__required_keys__) for key in hints]

    def read(value: Any) -> dict[str, Any]:
        told = _object(value)
        for key, one, required in readers:
            if key in told:
                _at(f".{key}", one, told[key])
            elif required:
                raise Mistyped(f"{key} is missing")
        return told

    return read


def _closed_record(hint: Any) -> Reader:
    hints = get_type_hints(hint)
    own = [field for field in fields(hint) if field.compare]
    readers = {field.name: _reader(hints[field.name]) for field in own}
    required = {field.name for field in own if field.default is field.default_factory is MISSING}

    def read(value: Any) -> Any:
        told = _object(value)
        _complain("is missing", required - told.keys())
        _complain("is not known here", told.keys() - readers.keys())
        return hint(**{key: _at(f".{key}", readers[key], item) for key, item in told.items()})

    return read


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Mistyped(f"{brief(value)} is no object")
    return value


def _complain(what: str, keys: Iterable[str]) -> None:
    for key in sorted(keys):
        raise Mistyped(f"{key} {what}")


def _at(place: str, read: Reader, value: Any) -> Any:
    try:
        return read(value)
    except Mistyped as objection:
        raise objection.within(place) from None


_READERS: Mapping[Any, Callable[..., Reader]] = {
    Literal: _literal,
    Union: _either,
    UnionType: _either,
    list: _list,
    tuple: _tuple,
    AbstractSet: _set,
    Mapping: _mapping,
    dict: _mapping,
    object: _frozen,
}
