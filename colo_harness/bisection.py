"""Bisection: of builds in order, the first one on which a claim fails that held before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from colo_harness.errors import UsageError
from colo_harness.history import Valid


@dataclass(frozen=True)
class Bisection:
    """The newest build that is known to hold, and those among which the first bad one is, the last of them certain."""

    good: str
    suspects: tuple[str, ...]

    @property
    def culprit(self) -> str | None:
        """The first bad build, None where verdicts that are unknown leave several."""
        return self.suspects[0] if len(self.suspects) == 1 else None


def bisect(builds: Sequence[str], ask: Callable[[str], Valid]) -> Bisection:
    """Ask as few of `builds`, oldest first, as needed; one whose verdict is unknown says nothing, its neighbours do.

    Raises UsageError unless the first one is valid and the last one is not.
    """
    if len(builds) < 2:  # noqa: PLR2004 - a good one and a bad one
        raise UsageError("there is nothing between the good and the bad build", "name two that are not the same")
    for build, wanted in ((builds[0], "valid"), (builds[-1], "invalid")):
        if (verdict := ask(build)) != wanted:
            raise UsageError(
                f"{build} is {verdict}, not {wanted}", "name a build that holds first, one that fails last"
            )
    good, bad, unknown = 0, len(builds) - 1, set[int]()
    while open_ones := [at for at in range(good + 1, bad) if at not in unknown]:
        at = min(open_ones, key=lambda at: abs(2 * at - good - bad))
        verdict = ask(builds[at])
        if verdict == "valid":
            good = at
        elif verdict == "invalid":
            bad = at
        else:
            unknown.add(at)
    return Bisection(builds[good], tuple(builds[good + 1 : bad + 1]))
