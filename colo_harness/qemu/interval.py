"""Intervals of releases, such as `>=10.0 <10.0.7`: the one place where a version is looked at."""

import re
from dataclasses import dataclass

DEVELOPMENT = 50
"""From this third number on a QEMU is no release: nobody can tell by it what it has mended."""
_STRETCH = re.compile(r"(?:>=(?P<since>[\d.]+) )?<(?P<mended>[\d.]+)")

Number = tuple[int, int, int]


def number(release: str) -> Number:
    """Return the first three numbers of a release such as `10.0.2 Debian 1:10.0.2+ds`; what is missing is 0."""
    first, second, third, *_ = [*map(int, re.findall(r"\d+", release.partition(" ")[0])), 0, 0, 0]
    return first, second, third


def is_development(release: str) -> bool:
    """Tell whether this is a build between two releases."""
    return number(release)[2] >= DEVELOPMENT


@dataclass(frozen=True)
class Stretch:
    """The releases from `since` on, empty for since ever, and before `mended`."""

    since: str
    mended: str

    def __str__(self) -> str:
        return f"known since {self.since}, mended in {self.mended}" if self.since else f"mended in {self.mended}"

    def holds(self, release: str) -> bool:
        """Tell whether a release, such as `10.0.2`, is one of them; a development build never is."""
        return not is_development(release) and number(self.since) <= number(release) < number(self.mended)


def stretches(text: str) -> tuple[Stretch, ...]:
    """Read a list such as `>=10.0 <10.0.7, >=10.1 <10.2`, or nothing. Raises ValueError."""
    found = [_STRETCH.fullmatch(part) for part in text.split(", ") if part]
    if not all(found):
        raise ValueError(f"{text!r} is no list of releases, such as '>=10.0 <10.0.7, >=10.1 <10.2'")
    return tuple(Stretch(one["since"] or "", one["mended"]) for one in found if one)
