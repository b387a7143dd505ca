"""Schedules are drawn again as they were, told on one line, and read from it."""

from collections import Counter
from itertools import islice

import pytest

from colo_harness.errors import UsageError
from colo_harness.faults.load import LOADS, UPLOADS
from colo_harness.faults.moments import AFTER_COMMIT, AT_READY, BEFORE_COMMIT, IDLE, IN_TRANSFER
from colo_harness.faults.schedule import EVERYTHING, Palette, Schedule, Turn, draw, why_not
from colo_harness.faults.trouble import TROUBLES
from suites.harness.innersuite import InnerSuite

TROUBLE = {str(trouble): trouble for trouble in TROUBLES}
LOAD = {str(load): load for load in LOADS}
INNER = """
from colo_harness.history import History

@pytest.fixture
def history():
    return History()

@claim("FT-1")
@control(sabotage="no-rewriter", checker="nothing_lost")
def test_it(schedule, history, sabotage):
    for number, turn in enumerate(schedule.turns()):
        history.record("phase", "pair", "turn", at=number, number=number, turn=str(turn))
        if number == 4:
            break
    raise Violation([Verdict("nothing_lost", "invalid", "record 7 is lost", at=2.5)])
"""


def test_a_seed_draws_the_same_turns_again() -> None:
    """And another seed draws others."""
    one, again, other = ([*islice(draw(seed), 20)] for seed in (7, 7, 8))
    assert one == again
    assert one != other


def test_everything_is_drawn() -> None:
    """Each trouble, moment and load, but no turn that has a reason not to be."""
    drawn = [*islice(draw(1), 2000)]
    assert {turn.trouble for turn in drawn} == set(TROUBLES)
    assert {turn.moment for turn in drawn} == set(EVERYTHING.moments)
    assert {turn.load for turn in drawn} == set(LOADS)
    assert [turn for turn in drawn if why_not(turn)] == []


def test_each_kind_of_fault_comes_as_often_as_any() -> None:
    """However many troubles it makes: there are ten times as many partitions as quits."""
    drawn = Counter(type(turn.trouble.fault) for turn in islice(draw(1), 2000))
    assert len(drawn) == len({type(trouble.fault) for trouble in TROUBLES})
    assert max(drawn.values()) < 2 * min(drawn.values())


def test_a_palette_may_be_another() -> None:
    """Whoever adds a fault can try schedules of it alone."""
    palette = Palette((TROUBLE["kill-primary"],), (IDLE,), (LOAD["nothing"],))
    assert [*map(str, islice(draw(1, palette), 2))] == ["kill-primary@idle+nothing"] * 2


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (Turn(TROUBLE["kill-primary"], IDLE, UPLOADS), "0006-acknowledged-upload-lost"),
        (Turn(TROUBLE["kill-secondary"], IDLE, UPLOADS), ""),
        (Turn(TROUBLE["kill-primary"], IDLE, LOAD["many"]), ""),
        (Turn(TROUBLE["cut-nbd:primary"], BEFORE_COMMIT, LOAD["nothing"]), "a guest that stands still"),
        (Turn(TROUBLE["cut-mirror"], IDLE, LOAD["nothing"]), "0021-half-a-frame-of-indev"),
        (Turn(TROUBLE["cut-compare"], IN_TRANSFER, LOAD["nothing"]), "0045-rest-of-a-frame"),
        (Turn(TROUBLE["cut-compare"], AFTER_COMMIT, LOAD["nothing"]), ""),
        (Turn(TROUBLE["cut-mirror"], BEFORE_COMMIT, LOAD["nothing"]), ""),
        (Turn(TROUBLE["quit-primary"], IDLE, LOAD["nothing"]), "0078-quit-hangs"),
        (Turn(TROUBLE["quit-primary"], AT_READY, LOAD["nothing"]), "0078-quit-hangs"),
        (Turn(TROUBLE["quit-primary"], BEFORE_COMMIT, LOAD["nothing"]), ""),
        (Turn(TROUBLE["quit-secondary"], IDLE, LOAD["nothing"]), ""),
        (Turn(TROUBLE["client-corrupt-3"], IDLE, LOAD["many"]), "a ping shows"),
        (Turn(TROUBLE["client-corrupt-3"], IDLE, LOAD["sessions"]), ""),
        (Turn(TROUBLE["client-loss-3"], IDLE, LOAD["datagrams"]), ""),
        (Turn(TROUBLE["nap-primary"], AT_READY, LOAD["nothing"]), "nobody resumes"),
        (Turn(TROUBLE["kill-primary"], AT_READY, LOAD["nothing"]), ""),
        (Turn(TROUBLE["cut-checkpoint:primary"], BEFORE_COMMIT, LOAD["nothing"]), ""),
    ],
    ids=str,
)
def test_what_is_known_is_left_out_and_no_more(turn: Turn, reason: str) -> None:
    """By the number of its finding, or the reason why there is no such turn."""
    assert why_not(turn).startswith(reason)
    assert bool(why_not(turn)) == bool(reason)


def test_only_the_primary_survives_a_broken_disk_stream() -> None:
    """What its guest wrote since then is on its disk alone."""
    assert {"cut-nbd:primary", "reject-nbd:primary", "drop-nbd:secondary"} <= TROUBLE.keys()
    assert {"cut-nbd:secondary", "reject-nbd:secondary"}.isdisjoint(TROUBLE)


def test_every_name_is_one_of_a_kind() -> None:
    """A line could not be read otherwise."""
    for kind in (EVERYTHING.troubles, EVERYTHING.moments, EVERYTHING.loads):
        names = [*map(str, kind)]
        assert len(names) == len(set(names))
        assert not any(set(name) & set("@+, '") for name in names)


@pytest.mark.parametrize(
    "line",
    ["seed=7:12", "kill-primary@idle+nothing", "cut-nbd:primary@idle+many,freeze-secondary@before-commit+uploads"],
)
def test_a_line_is_read_as_it_was_told(line: str) -> None:
    """A seed with a number of turns, or each turn by its name."""
    schedule = Schedule.read(line)
    assert schedule.told(schedule.least) == line
    assert len([*schedule.turns()]) == schedule.least


def test_a_prefix_is_told() -> None:
    """As far as the turns had come."""
    seeded, written = Schedule(7, 12), Schedule.read("kill-primary@idle+nothing,kill-secondary@idle+many")
    assert seeded.told(3) == "seed=7:3"
    assert written.told(1) == "kill-primary@idle+nothing"
    assert [*Schedule.read("seed=7:3").turns()] == [*islice(seeded.turns(), 3)]


def test_a_schedule_goes_on_for_as_long_as_it_is_told() -> None:
    """Beyond the least number of turns."""
    assert len([*Schedule(7, 2, seconds=0.05).turns()]) > 2


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("seed=7", "'seed=7' is no schedule"),
        ("seed=7:0", "'seed=7:0' is no schedule"),
        ("kill-primary", "'kill-primary' is no turn of a schedule"),
        ("kill-primry@idle+nothing", "no turn has 'kill-primry'; is it 'kill-primary'?"),
    ],
    ids=["no-number", "none", "no-moment", "misspelt"],
)
def test_what_is_no_schedule_is_refused(line: str, told: str) -> None:
    """With what was meant, where that can be guessed."""
    with pytest.raises(UsageError) as caught:
        Schedule.read(line)
    assert caught.value.problem == told


@pytest.fixture
def inner(pytester: pytest.Pytester) -> InnerSuite:
    """Return an inner suite with one claim and a test that takes a schedule, and fails in its third turn."""
    suite = InnerSuite(pytester)
    suite.tests(INNER)
    return suite


@pytest.mark.parametrize(
    ("options", "names", "line"),
    [
        ((), ["seed:1"], "--schedule='seed=1:2'"),
        (("--minutes=6.5",), ["seed:1", "seed:2", "seed:3"], "--schedule='seed=3:3'"),
        (("--schedule=seed=9:4",), ["written"], "--schedule='seed=9:3'"),
    ],
    ids=["by-default", "minutes", "again"],
)
def test_a_failure_tells_the_line_that_takes_it_again(
    inner: InnerSuite, options: tuple[str, ...], names: list[str], line: str
) -> None:
    """With the turns up to the one in which it failed; a pair lasts for three minutes at most."""
    ran = inner.run("-v", "-p", "fixtures.endurance", *options)
    sound = [name for name in ran.ids if "control" not in name]
    assert sound == [f"test_it[{name}]" for name in names]
    assert f"its turns again: pytest -m endurance {line}" in ran.text


def test_a_line_that_cannot_be_read_ends_the_run(inner: InnerSuite) -> None:
    """As a usage error."""
    ran = inner.run("-p", "fixtures.endurance", "--schedule=kill-primary")
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "'kill-primary' is no turn of a schedule" in ran.errors
