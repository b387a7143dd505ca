"""What is promised of a release, in the files of colo_harness/qemu/contracts, is so: each entry of them."""

from pathlib import Path

import pytest

from colo_harness.colo.pair import ColoPair
from colo_harness.colo.questioning import question
from colo_harness.colo.told import record_procedures
from colo_harness.faults.loss import Kill
from colo_harness.faults.nemesis import Nemesis
from colo_harness.judge.promises import AsPromised
from colo_harness.qemu.inquiry import KINDS
from colo_harness.qemu.promises import Promises
from colo_harness.qemu.topology import Role
from fixtures.claims import control
from fixtures.pair import Check, on_each_accelerator
from fixtures.promises import Asking


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.claim("CON-1")
@control(sabotage="wrong-promise", checker="as_promised", on="commands")
def test_a_qemu_is_as_promised(asking: Asking, promises: Promises, check: Check, kind: str) -> None:
    """Asked without a guest it has, defaults to and answers what is promised of its release, and no entry is wrong."""
    asking.ask(kind)

    check(AsPromised(kind, promises.of(kind)))


@on_each_accelerator
@pytest.mark.topology(guest="tick", checkpoint_delay_ms=60_000)
@pytest.mark.claim("CON-1")
@pytest.mark.regression("0b5bf4ea76")
@pytest.mark.regression("crash with TCG")
@control(sabotage="wrong-promise", checker="as_promised")
def test_a_pair_in_colo_answers_as_promised(
    idle_pair: ColoPair, nemesis: Nemesis, promises: Promises, check: Check
) -> None:
    """Each side answers what it is asked in COLO in the words of its release; one that obeys may fail of it."""
    nemesis.allow("stderr", "migration-failed", "colo-exit-error")
    idle_pair.start()
    question(idle_pair, promises)

    check(AsPromised("in_colo", promises.of("in_colo")))


@on_each_accelerator
@pytest.mark.topology(guest="micro", checkpoint_delay_ms=60_000)
@pytest.mark.parametrize("survivor", list(Role), ids=str)
@pytest.mark.claim("CON-2")
@pytest.mark.regression("0b5bf4ea76")
@pytest.mark.regression("crash with TCG")
@control(sabotage="wrong-promise", checker="as_promised")
def test_a_pair_obeys_what_is_promised(
    idle_pair: ColoPair, nemesis: Nemesis, promises: Promises, artifacts: Path, check: Check, survivor: Role
) -> None:
    """The commands of each document, in its order, bring a pair into COLO, through a failover and into COLO again."""
    idle_pair.start()
    nemesis.inject(Kill(survivor.peer))
    idle_pair.failover_to(survivor)
    idle_pair.resume()
    record_procedures(idle_pair, artifacts)

    done = ("start-primary", "start-secondary", f"{survivor}-failover", f"{survivor}-resume")
    check(AsPromised("procedures", {name: promises.procedures[name] for name in done}))
