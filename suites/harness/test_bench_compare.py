"""A change between two QEMUs is called where there is one, and as seldom as promised where there is none."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from itertools import product
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from colo_harness.bench import figure, turns
from colo_harness.bench.chance import ask, bounds, judge
from colo_harness.bench.comparison import compare, repetitions
from colo_harness.bench.difference import Rule, differences, p_value, paired_p_value
from colo_harness.bench.figure import Measure, Sample
from colo_harness.bench.interval import paired_ratio, ratio
from colo_harness.cli import main
from colo_harness.errors import UsageError
from colo_harness.machine.progress import quiet
from colo_harness.settings import Settings

NOISE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "docs/performance/noise.json").read_text(encoding="utf-8")
)["comparisons"]
"""What `colo bench noise` measured for 100 comparisons: the seed of each, and the seconds of either side by measure."""
MEASURED: Mapping[str, Sequence[float]] = {
    name: [seconds for one in NOISE for side in "ab" for seconds in one[side][name]] for name in NOISE[0]["a"]
}
COMPARISONS = 100
EACH = 10
Saved = Callable[..., Path]


def drawn(seed: int, longer: float = 1.0) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return two samples of what was measured, without repeats; the second one `longer` by that factor."""
    dice = Random(seed)  # noqa: S311 - to be drawn again
    both = {name: dice.sample(list(times), 2 * EACH) for name, times in MEASURED.items()}
    return (
        {name: times[:EACH] for name, times in both.items()},
        {name: [longer * one for one in times[EACH:]] for name, times in both.items()},
    )


@pytest.mark.parametrize("test", [p_value, paired_p_value])
@pytest.mark.parametrize("measure", MEASURED)
def test_chance_is_called_as_often_as_the_level_says(measure: str, test: Callable[..., float]) -> None:
    """Of 100 comparisons of real times with such of the same QEMU, seeds 1 to 100, about 5 are; shifted, nearly all."""
    low, high = bounds(COMPARISONS, 0.05)
    counts = dict.fromkeys((1.0, 2.0), 0)
    for longer, seed in product(counts, range(1, COMPARISONS + 1)):
        before, after = drawn(seed, longer)
        counts[longer] += test(before[measure], after[measure], seed) <= 0.05
    assert low <= counts[1.0] <= high, counts
    assert counts[2.0] > 5 * high, counts


@pytest.mark.parametrize("measure", MEASURED)
def test_of_a_hundred_real_comparisons_chance_has_its_share(measure: str) -> None:
    """Each of pairs of its own, as they were measured: as many are called as chance allows."""
    calls = [paired_p_value(one["a"][measure], one["b"][measure], one["seed"]) <= 0.05 for one in NOISE]
    low, high = bounds(COMPARISONS, 0.05)
    assert len({one["seed"] for one in NOISE}) == COMPARISONS
    assert low <= sum(calls) <= high


def test_several_measures_share_the_level() -> None:
    """Of 100 comparisons of all measures at once, no more than chance allows one alone call any."""
    calls = [
        any(one.called in ("slower", "faster") for one in judge(*drawn(seed), level=0.05, seed=seed))
        for seed in range(1, COMPARISONS + 1)
    ]
    assert sum(calls) <= bounds(COMPARISONS, 0.05)[1]


@pytest.mark.parametrize(
    ("factor", "rule", "called"),
    [
        (1.0, Rule(), "not called"),
        (1.5, Rule(), "slower"),
        (0.6, Rule(), "faster"),
        (1.5, Rule(relative=0.6), "not called"),
        (1.5, Rule(absolute=0.3), "not called"),
    ],
    ids=["the same", "slower", "faster", "too small a part", "too few seconds"],
)
def test_a_difference_is_unlikely_and_large(factor: float, rule: Rule, called: str) -> None:
    """By chance, as a part and in seconds."""
    before = {"pause": [0.10, 0.11, 0.12, 0.13, 0.14, 0.15]}
    after = {"pause": [factor * 0.001 + factor * one for one in before["pause"]]}
    (found,) = differences(before, after, rule)
    assert found.called == called


def test_too_few_repetitions_decide_nothing() -> None:
    """Where no arrangement of them is unlikely enough."""
    (found,) = differences({"pause": [0.1, 0.2, 0.3]}, {"pause": [1.1, 1.2, 1.3]}, Rule())
    assert found.called == "undecided"


def test_an_interval_holds_what_it_is_of() -> None:
    """A ratio is that of geometric means; pairs that move together tell it more surely."""
    bases = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    values = [2.1, 3.9, 8.2, 15.8, 32.4, 63.6]
    paired, apart = paired_ratio(values, bases, seed=1), ratio(values, bases, seed=1)
    assert paired.ratio == pytest.approx(apart.ratio) == pytest.approx(2.0, rel=0.01)
    assert 1.9 < paired.low < 2.0 < paired.high < 2.1
    assert apart.low < 1
    assert apart.high > 4


def test_bounds_are_those_of_a_binomial() -> None:
    """As its tables have them."""
    assert bounds(100, 0.05) == (1, 11)
    assert bounds(1000, 0.05) == (35, 67)


def test_a_pair_counts_once() -> None:
    """What it did several times is no evidence of its own: its median is."""
    samples = [Sample(wall, {}, pair) for wall, pair in ((1.0, 1), (3.0, 1), (2.0, 1), (7.0, 2))]
    assert repetitions({"measures": [Measure("pause", "a pause", samples=samples).as_json()]}) == {"pause": [2.0, 7.0]}


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """Return a writer of figures: times of pauses, and what of the document is otherwise."""

    def save(name: str, times: Sequence[float], measure: str = "pause", **otherwise: Any) -> Path:
        samples = [Sample(wall, {}, pair) for pair, wall in enumerate(times)]
        head = {"processor": "z80", "processors": 2, "memory_gib": 1.0, "kernel": "6.1"}
        document = figure.document(head, "11.1.3", "tcg", [Measure(measure, measure, samples=samples)], None)
        path = tmp_path / name
        path.write_text(json.dumps({**document, **otherwise}), encoding="utf-8")
        return path

    return save


TIMES = [0.10, 0.11, 0.12, 0.13, 0.14, 0.15]


@pytest.mark.parametrize(
    ("other", "problem", "remedy"),
    [
        ({"accel": "kvm"}, "under tcg, .* under kvm", "--accel tcg"),
        ({"machine": {"processor": "6502"}}, "the machines differ: processor z80 in .*, 6502 in ", "--beside B"),
        ({"measure": "entry"}, "has measured entry, pause", "same options"),
        ({"bench": 1}, "version 1 of the figures", "time that QEMU anew"),
    ],
    ids=["accelerator", "machine", "measures", "version"],
)
def test_what_cannot_be_compared_is_refused(saved: Saved, other: dict[str, Any], problem: str, remedy: str) -> None:
    """With what to do."""
    with pytest.raises(UsageError, match=problem) as refused:
        compare(saved("a.json", TIMES), saved("b.json", TIMES, **other), Rule())
    assert remedy in refused.value.remedy


@pytest.mark.parametrize("content", ["", "[]", '{"no": "bench"}'])
def test_what_is_no_figures_is_refused(saved: Saved, tmp_path: Path, content: str) -> None:
    """Neither an empty file, nor other JSON."""
    (tmp_path / "b.json").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"b\.json:1: (Expecting value|\[\] is no object|bench is missing)"):
        compare(saved("a.json", TIMES), tmp_path / "b.json", Rule())


@pytest.mark.parametrize(
    ("times", "status", "word"),
    [(TIMES, 0, "not called"), ([2 * one for one in TIMES], 1, "slower"), (TIMES[:2], 3, "undecided")],
)
def test_the_status_says_whether_it_is_slower(
    saved: Saved,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    times: list[float],
    status: int,
    word: str,
) -> None:
    """0 if not, 1 if so, 3 if there are too few repetitions; the table and the file have the figures."""
    paths = [str(saved("a.json", TIMES[: len(times)])), str(saved("b.json", times))]
    monkeypatch.setattr(sys, "argv", ["colo", "bench", "compare", *paths, f"--json={tmp_path / 'c.json'}"])
    with pytest.raises(SystemExit) as ended:
        main()
    (told,) = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert (ended.value.code, told["called"]) == (status, word)
    assert word in capsys.readouterr().out


def test_rounds_that_were_busy_hide_nothing() -> None:
    """Where two QEMUs took turns, what is 20 % slower in each round is found, however much rounds differ."""
    before = {"pause": [0.1 * 1.7**number for number in range(8)]}
    after = {"pause": [1.2 * one for one in before["pause"]]}
    called = {paired: differences(before, after, Rule(), paired=paired)[0].called for paired in (True, False)}
    assert called == {True: "slower", False: "not called"}


@pytest.mark.parametrize(("run", "called"), [("one", "slower"), ("another", "not called")])
def test_files_of_one_run_are_judged_by_rounds(saved: Saved, run: str, called: str) -> None:
    """Those of two runs are not."""
    times = [0.1 * 1.7**number for number in range(8)]
    paths = saved("a.json", times, run="one"), saved("b.json", [1.2 * one for one in times], run=run)
    assert [one.called for one in compare(*paths, Rule())] == [called]


def test_either_qemu_has_its_turn_in_each_round(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One pair at a time, in an order that a seed draws; each sample knows its round."""
    driven: list[tuple[int, str]] = []

    def measure(lab: str, _: Path, number: int, losing: object) -> dict[str, list[Sample]]:
        driven.append((number, lab))
        return {"pause": [Sample(1.0, {}, number)]} if losing else {}

    monkeypatch.setattr("colo_harness.bench.turns.scenario.measure", measure)
    labs: Any = ["a", "b"]
    found = turns.in_turn(labs, tmp_path / "turns", 8, 1, quiet)
    assert sorted(driven) == [(number, lab) for number in range(1, 9) for lab in "ab"]
    assert len({lab for number, lab in driven[::2]}) == 2
    assert [sample.pair for sample in found[0]["pause"]] == list(range(1, 9))


@pytest.mark.parametrize(("longer", "called"), [(1.0, 0), (2.0, 3)], ids=["alike", "slower"])
def test_noise_counts_what_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, longer: float, called: int
) -> None:
    """Of comparisons with a seed each, which are in the file with their times."""

    def measured(*_: object, **__: object) -> list[dict[str, list[Sample]]]:
        once = drawn(1)[0]["pause"]
        return [{"pause": [Sample(factor * one, {}, n) for n, one in enumerate(once)]} for factor in (1.0, longer)]

    monkeypatch.setattr("colo_harness.bench.chance.in_turn", measured)
    monkeypatch.setattr("colo_harness.bench.chance.accelerator.for_linux", lambda _: "tcg")
    lab: Any = SimpleNamespace(settings=Settings(run_dir=tmp_path), contract=SimpleNamespace(version="11.1.3"))
    found = ask(lab, range(5, 8), EACH, 0.05, quiet, to=tmp_path / "noise.json")
    told = json.loads((tmp_path / "noise.json").read_text(encoding="utf-8"))
    assert found.called == told["called"] == {"pause": called, "any": called}
    assert list(told["noise"]) == ["5", "6", "7"]
    assert "3 comparisons at 0.05: called" in found.told


def test_two_qemus_leave_a_file_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one run, and of what pairs do alone."""
    lab = SimpleNamespace(settings=Settings(run_dir=tmp_path), contract=SimpleNamespace(version="11.1.3"))
    sides = [{"pause": [Sample(wall, {"checkpoint": wall}, n) for n in range(8)]} for wall in (0.1, 0.2)]
    monkeypatch.setattr("colo_harness.bench.room.open_lab", lambda *_: nullcontext(lab))
    monkeypatch.setattr("colo_harness.cli.bench.accelerator.for_linux", lambda _: "tcg")
    monkeypatch.setattr("colo_harness.cli.bench.turns.in_turn", lambda *_: sides)
    monkeypatch.setattr(sys, "argv", ["colo", "bench", "--beside=other", f"--results-dir={tmp_path / 'results'}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    found = compare(tmp_path / "results/bench.json", tmp_path / "results/beside.json", Rule())
    assert [(one.measure, one.called) for one in found] == [("pause", "slower")]
