"""Blind reports: ten sabotages, each in a report that does not name it, for somebody to find: `make blind`."""

import json
import random
import shutil
import sys
from pathlib import Path

from colo_harness.cli.subrun import judge
from colo_harness.colo.sabotage import sabotage
from colo_harness.machine.estate import Estate
from colo_harness.report.making import make
from colo_harness.settings import Settings

TESTS = {
    "no-rewriter": "suites/failover/test_sessions.py::test_sessions_opened_since_the_checkpoint_live_on",
    "no-promotion": "suites/failover/test_sessions.py::test_sessions_older_than_the_checkpoint_live_on[silent-since]",
    "no-replication-child": "suites/replication/test_disk.py::test_own_writes_since_the_last_checkpoint_stay[idle]",
    "discarded-buffers": (
        "suites/replication/test_disk.py::test_the_dead_primarys_writes_since_the_last_checkpoint_are_gone"
    ),
    "stale-block": "suites/replication/test_disk.py::test_old_content_is_there_after_promotion",
    "fence-does-nothing": "suites/failover/test_split_brain.py::test_who_was_taken_for_lost_is_silent[primary]",
    "no-checkpoints": "suites/lifecycle/test_start.py::test_checkpoints_go_on[tcg]",
    "mirror-off": "suites/proxy/test_lockstep.py::test_equal_answers_force_nothing[dialogues]",
    "no-compare": "suites/proxy/test_lockstep.py::test_a_difference_forces_a_checkpoint[tcp-512]",
    "leaky-secondary": "suites/proxy/test_unpromoted.py::test_the_secondary_is_silent_until_promoted",
}
"""A test that notices each."""
ANSWERS = "answers.json"


def main(out: Path, seed: int) -> None:
    """Fill `out` with the pages, in an order drawn from `seed`, and with the answers."""
    out.mkdir(parents=True, exist_ok=True)
    names = list(TESTS)
    random.Random(seed).shuffle(names)  # noqa: S311 - an order that can be had again
    answers = {}
    for number, name in enumerate(names, start=1):
        place = out / f"run-{number}"
        verdicts = judge([f"--sabotage={name}", "--blind", TESTS[name]], place)
        noticed = [claim["id"] for claim in verdicts.get("claims", []) if claim["verdict"] == "invalid"]
        answers[str(number)] = {"sabotage": name, "breaks": sabotage(name).breaks, "noticed by": noticed}
        shutil.copy(make([place], place, Settings()), out / f"{number}.html")
        shutil.rmtree(place)
        print(f"{number}.html: {'a claim is invalid' if noticed else 'NOTHING was noticed'}", flush=True)  # noqa: T201
    (out / ANSWERS).write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with Estate():
        main(Path(sys.argv[1]), int(sys.argv[2]))
