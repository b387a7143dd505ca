"""Known issues: what COLO did wrong on which releases, with a link; tests that see one name its ticket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from colo_harness.foreign import read_toml
from colo_harness.qemu.interval import Stretch, stretches
from colo_harness.qemu.promises import FOLDER, MEND


@dataclass(frozen=True)
class Issue:
    """A bug, or a limit by design where no release is named; `link` is where it is told of."""

    text: str
    link: str
    fails_on: str = ""
    """Releases on which a test of it fails, such as `>=10.0 <10.0.7, >=10.1 <10.2`."""
    may_fail_on: str = ""
    """Releases that have it, where it shows by luck, needs KVM, or was not tried."""
    accel: str = ""
    """The accelerator under which alone it shows, if it is one."""
    reads: str = ""
    """How a test fails of it that was not made for it: a regular expression, for what keeps pairs from replicating."""

    @property
    def known_on(self) -> tuple[Stretch, ...]:
        """The releases that have it."""
        return stretches(self.fails_on) + stretches(self.may_fail_on)

    def known_of(self, release: str, accel: str = "") -> Stretch | None:
        """Return the stretch in which the release lies, if any; none where it shows under another accelerator only."""
        if accel and self.accel not in ("", accel):
            return None
        return next((one for one in self.known_on if one.holds(release)), None)

    def must_fail_on(self, release: str) -> bool:
        """Tell whether a test that passes on the release cannot see it."""
        return any(one.holds(release) for one in stretches(self.fails_on))

    def explains(self, failure: str) -> bool:
        """Tell whether a failure reads as this does, whatever test it is of."""
        return bool(self.reads) and re.search(self.reads, failure) is not None


@cache
def issues() -> Mapping[str, Issue]:
    """Return all that are known, by ticket. Raises UsageError."""
    known: Mapping[str, Issue] = read_toml(FOLDER / "issues.toml", Mapping[str, Issue], MEND)
    return known
