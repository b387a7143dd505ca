"""What a recorded history proves."""

from colo_harness.judge.acknowledged import acknowledged_explained, counter_monotonic
from colo_harness.judge.availability import (
    StallBelow,
    failover_completed,
    new_sessions_open,
    sessions_go_on,
    survivors_run,
)
from colo_harness.judge.checkpoints import FellAt, messages, moment_of, pauses, side_of_commit
from colo_harness.judge.claims import AREAS, Area, Claim, load_claims
from colo_harness.judge.committed import NotHeld, output_committed
from colo_harness.judge.judgement import Violation, check, judge
from colo_harness.judge.lifecycle import ColoExit, LossTold, StatesSeen
from colo_harness.judge.lockstep import DivergenceForces, QuietAfterDivergence, SilenceBounded
from colo_harness.judge.openings import Opened
from colo_harness.judge.pacing import DelayHonoured, NoForcedCheckpoint
from colo_harness.judge.sessions import CaughtInFlight, exercised, no_reset, nothing_lost
from colo_harness.judge.splitbrain import never_both_answer
from colo_harness.judge.symptoms import SYMPTOMS, consoles_clean, symptoms_declared
from colo_harness.judge.verdict import Checker, Parametrised, Plain, Verdict, worst

__all__ = [
    "AREAS",
    "SYMPTOMS",
    "Area",
    "CaughtInFlight",
    "Checker",
    "Claim",
    "ColoExit",
    "DelayHonoured",
    "DivergenceForces",
    "FellAt",
    "LossTold",
    "NoForcedCheckpoint",
    "NotHeld",
    "Opened",
    "Parametrised",
    "Plain",
    "QuietAfterDivergence",
    "SilenceBounded",
    "StallBelow",
    "StatesSeen",
    "Verdict",
    "Violation",
    "acknowledged_explained",
    "check",
    "consoles_clean",
    "counter_monotonic",
    "exercised",
    "failover_completed",
    "judge",
    "load_claims",
    "messages",
    "moment_of",
    "never_both_answer",
    "new_sessions_open",
    "no_reset",
    "nothing_lost",
    "output_committed",
    "pauses",
    "sessions_go_on",
    "side_of_commit",
    "survivors_run",
    "symptoms_declared",
    "worst",
]
