"""The register of checkers: every one of this room, by name, and how it is made anew of what was written down."""

import inspect
import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from colo_harness.errors import UsageError
from colo_harness.judge.verdict import Checker, Parametrised, Plain, called
from colo_harness.typed import Mistyped, plain, typed


@cache
def register() -> Mapping[str, Plain | type[Parametrised]]:
    """Return what each name stands for, in alphabetical order: whatever a module of this room defines."""
    found: dict[str, Plain | type[Parametrised]] = {}
    for module in iter_modules([str(Path(__file__).parent)]):
        for thing in vars(import_module(f"{__package__}.{module.name}")).values():
            if isinstance(thing, Plain):
                found[thing.name] = thing
            elif isinstance(thing, type) and issubclass(thing, Parametrised) and thing is not Parametrised:
                found[called(thing)] = thing
    return dict(sorted(found.items()))


def make(name: str, parameters: Mapping[str, Any]) -> Checker:
    """Return the checker of this name with these parameters, of JSON. Raises UsageError."""
    known = register().get(name)
    if known is None:
        like = "".join(f"; did you mean {one}?" for one in get_close_matches(name, register(), n=1))
        raise UsageError(f"there is no checker {name!r}{like}", "`colo judge --list` names those that there are")
    if isinstance(known, Plain):
        if parameters:
            raise UsageError(f"{name} has no parameters", f"say {name} alone")
        return known
    try:
        checker: Parametrised = typed(dict(parameters), known)
    except (Mistyped, RecursionError) as objection:
        raise UsageError(f"{name}: {objection}", f"its parameters are {signature(known)}") from objection
    return checker


def parse(text: str) -> Checker:
    """Return the checker that a user asks for: a name, and behind it the parameters as a JSON object, if it has any.

    Raises UsageError.
    """
    name, brace, rest = text.partition("{")
    try:
        parameters = json.loads(brace + rest or "{}")
    except (ValueError, RecursionError) as objection:
        remedy = """write them in JSON, such as 'stall_below {"margin_s": 2.5}'"""
        raise UsageError(f"the parameters of {name.strip()} are no JSON object ({objection})", remedy) from objection
    return make(name.strip(), parameters)


def form(checker: Checker) -> str:
    """Return what `parse` makes this checker of: its name, and the parameters that differ from their defaults."""
    known = inspect.signature(type(checker)).parameters if isinstance(checker, Parametrised) else {}
    told = {
        key: value
        for key, value in checker.parameters.items()
        if known[key].default is inspect.Parameter.empty or plain(known[key].default) != value
    }
    return f"{checker.name} {json.dumps(told)}" if told else checker.name


def signature(known: Plain | type[Parametrised]) -> str:
    """Return the parameters with their types, and their defaults in JSON."""
    return "" if isinstance(known, Plain) else ", ".join(map(_described, inspect.signature(known).parameters.values()))


def _described(parameter: inspect.Parameter) -> str:
    kind = inspect.formatannotation(parameter.annotation).replace("collections.abc.", "")
    default = parameter.default
    return f"{parameter.name}: {kind}" + ("" if default is parameter.empty else f" = {json.dumps(plain(default))}")
