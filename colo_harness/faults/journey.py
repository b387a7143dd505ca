"""A journey: a pair takes one turn of a schedule after the other, and is made whole again after each."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from colo_harness.colo import disks
from colo_harness.colo.pair import ColoPair
from colo_harness.errors import MachineError
from colo_harness.faults.load import Load, Opener
from colo_harness.faults.loss import PEER_LOST, Kill
from colo_harness.faults.moments import IDLE, IN_TRANSFER, Moment
from colo_harness.faults.nemesis import Nemesis
from colo_harness.faults.schedule import RESUMES, Schedule, Turn
from colo_harness.judge.availability import failover_completed
from colo_harness.judge.sessions import no_reset, nothing_lost
from colo_harness.judge.turns import TurnsTaken, disks_alike
from colo_harness.qemu.topology import Role
from colo_harness.traffic.client import Client
from colo_harness.traffic.crowd import Crowd
from colo_harness.traffic.session import Session

CHECKPOINTS = 2
"""So many follow each turn."""
ANSWERS = 3
"""So many each session gets before a fault, under it, and after it."""
UNHEALED_S = 1.0
"""For so long what heals stays as it is; nobody needs to be answered meanwhile."""
TRIES = 20
"""So often a session is opened until no checkpoint falls into that."""

_AT_ONCE = (TurnsTaken(1), no_reset, nothing_lost, failover_completed, disks_alike)
"""What is heard after each turn, of that turn; the whole is judged in the end."""


class Journey:
    """`crowd` are the sessions that live through all turns; `client` opens those of a load."""

    def __init__(self, pair: ColoPair, nemesis: Nemesis, client: Client, crowd: Crowd) -> None:
        self._pair = pair
        self._nemesis = nemesis
        self._client = client
        self._crowd = crowd
        self._history = pair.history

    def follow(self, schedule: Schedule) -> None:
        """Take turns until the schedule ends, or something is amiss, which ends the journey. Raises ProductFailure."""
        with self._crowd.resting():
            since = self._history.cursor()
        for number, turn in enumerate(schedule.turns(), start=1):
            self._history.record("phase", "pair", "turn", number=number, turn=str(turn))
            self._take(turn, since)
            if self._amiss(since):
                return
            with self._crowd.resting():
                disks.compare(self._pair, f"turn {number}")
                amiss, since = self._amiss(since), self._history.cursor()
            if amiss:
                return

    def _amiss(self, since: int) -> bool:
        """Tell whether something is wrong since a cursor of a moment at which nobody waited for an answer."""
        entries = self._history.entries[since:]
        return any(checker(entries).valid == "invalid" for checker in _AT_ONCE)

    def _take(self, turn: Turn, since: int) -> None:
        survivor = turn.trouble.survivor
        with ExitStack() as load:
            crowds = [self._crowd, *load.enter_context(self._under(turn.load))]
            _let_answer(crowds)
            self._undergo(turn, crowds)
            if survivor is Role.SECONDARY:
                load.close()  # docs/findings/0008-rewritten-sessions-die-later.md
                crowds = [self._crowd]
            if turn.moment in RESUMES:
                self._stumble(turn.moment, crowds)
            if self._amiss(since):
                return
            if survivor:
                self._pair.resume()
            _let_answer(crowds)
        for _ in range(CHECKPOINTS):
            self._pair.checkpoint()

    def _undergo(self, turn: Turn, crowds: Sequence[Crowd]) -> None:
        """Let the trouble happen at its moment, let the survivor carry on, and heal what can be healed."""
        trouble = turn.trouble
        if turn.moment == IN_TRANSFER:
            self._pair.checkpoint()  # it opens sessions: as in `_open`
        moment = IDLE if turn.moment in RESUMES else turn.moment
        with moment.reached(self._pair, self._client):
            self._nemesis.inject(trouble.fault)
            if trouble.survivor:
                self._nemesis.allow(*PEER_LOST)
                if trouble.unheard:
                    self._crowd.work(UNHEALED_S)
                    self._nemesis.inject(Kill(trouble.survivor.peer))
                self._pair.attempt_failover(trouble.survivor, fenced=trouble.fenced)
            else:
                self._crowd.work(UNHEALED_S)
                self._nemesis.heal()
        _let_answer(crowds)
        self._nemesis.heal()

    def _stumble(self, moment: Moment, crowds: Sequence[Crowd]) -> None:
        """Begin to resume, and lose the new secondary at that moment."""
        self._nemesis.allow("migration-failed", "block-job-error")
        with moment.reached(self._pair, self._client):
            self._nemesis.inject(Kill(Role.SECONDARY))
            self._pair.attempt_failover(Role.PRIMARY)
        self._nemesis.heal()
        _let_answer(crowds)

    @contextmanager
    def _under(self, load: Load) -> Iterator[Sequence[Crowd]]:
        """Let the load's sessions work inside the block; all that is opened in it is closed in the end."""
        with self._client.visit():
            self._pair.checkpoint()
            if sessions := [self._open(opener) for opener in load.openers(self._client)]:
                with Crowd(sessions, grace=sessions[0].timeout) as crowd:
                    yield [crowd]
            else:
                yield []

    def _open(self, opener: Opener) -> Session:
        """Open a session, with no checkpoint within its handshake: docs/findings/0016-offset-learnt-wrong.md.

        Raises MachineError.
        """
        for _ in range(TRIES):
            since = self._history.cursor()
            session = opener()
            for vm in self._pair.vms:
                vm.execute("query-status")  # a monitor tells first of what happened before
            if not any(entry.kind == "event" and entry.what == "STOP" for entry in self._history.entries[since:]):
                return session
            session.close()
        raise MachineError(
            f"in {TRIES} tries no session could be opened between two checkpoints", "try it on a machine less busy"
        )


def _let_answer(crowds: Sequence[Crowd]) -> None:
    for crowd in crowds:
        crowd.let_answer(ANSWERS)
