"""Which jobs go to the worker next. Pure: a queue with rules, no clock.

1. A job that is retried after the worker died goes first, and alone: nothing else runs beside it, so
   if it kills the worker again, nobody else is harmed.
2. Finals before partials. Finals are never dropped.
3. A speculative final takes its turn among the partials until it is waited for. Half of them are taken
   back before that, and each costs as much as two partials.
4. Fair between owners: one job an owner, then the next owner; within an owner one job a session. One
   who has many sessions does not get more than one who has a single one, where both want something.
5. Who has piled up finals (`PILE` of a session, `MANY` of an owner) has them decoded among the
   partials of others, who would get none of theirs otherwise.
6. While somebody speaks, some give way: an owner of whom much waits to others, and what is patient
   (see Owner) to all. They go behind the partials of those who speak, and before them once they
   were passed over `PATIENCE` times. Their batches are half as large, and the worker's last free place
   may be kept from them; what is patient may be held back where all are free, too.
7. A waiting partial is replaced by a newer one of its session, and dropped when a final of its
   utterance comes.
8. A batch has jobs of one kind and one window: the effort of a decode and the length of its window
   hold for all of it.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import zip_longest
from typing import NamedTuple

from surtitle.jobs import Job

PILE = 4
"""Finals of one session that wait from which on they are a pile. Who speaks has one at a time, and more
of them only where the server is late."""
MANY = 8
"""Sessions of one owner whose finals wait, beyond which the same holds for the owner; and what waits of
one owner, see _Turns.crowding, beyond which that owner gives way to others."""


class Rank(Enum):
    """Who goes before whom, the first first."""

    SPEAKS = auto()
    MANY = auto()
    """An owner of whom much waits, beside others who speak."""
    PATIENT = auto()


PATIENCE = {Rank.SPEAKS: 0, Rank.MANY: 2, Rank.PATIENT: 16}
"""Batches that go before those who give way: they get on even where speakers want all there is."""


class Owner(NamedTuple):
    """Who takes turns with others."""

    name: str = ""
    patient: bool = False
    """Nobody waits for these sessions now: their clients have gone, or send faster than one speaks."""


NOBODY = Owner()
"""Whose a session is that was never placed."""


class Batch(NamedTuple):
    """Jobs to decode together."""

    jobs: list[Job]
    rank: Rank = Rank.SPEAKS


@dataclass(slots=True)
class _Turns:
    """What waits of one owner. The order of keys is the rotation of sessions."""

    finals: dict[str, deque[Job]] = field(default_factory=dict)
    open: dict[str, Job] = field(default_factory=dict)  # the newest partial or speculative final
    line: dict[str, None] = field(default_factory=dict)  # who has one of these, or a pile of finals

    def __len__(self) -> int:
        return sum(map(len, self.finals.values())) + len(self.open)

    def crowding(self) -> int:
        """How many finals wait, speculative ones too; of partials two count as one, since a newer one
        takes the place of one that waits."""
        waiting = len(self)
        if waiting <= MANY // 4:  # as it mostly is
            return waiting
        speculative = sum(job.speculative for job in self.open.values())
        return max(waiting - len(self.open) + speculative, waiting // 2)

    def urgent(self) -> list[Job]:
        """The next final of each session that has no pile of them."""
        return [queue[0] for queue in self.finals.values() if len(queue) < PILE]

    def rest(self) -> list[Job]:
        """What takes its turn among the partials, one job of each session that has none in `urgent`."""
        if not self.finals:  # as it mostly is
            return [self.open[session] for session in self.line]
        return [
            self.finals[session][0] if self._is_piled(session) else self.open[session]
            for session in self.line
            if session not in self.finals or self._is_piled(session)
        ]

    def add_final(self, job: Job) -> None:
        """A final waits."""
        self.finals.setdefault(job.session, deque()).append(job)
        self.keep_line(job.session)

    def take(self, job: Job) -> None:
        """A job goes to the worker: its session stands behind the others now."""
        session = job.session
        if self.open.get(session) is job:
            del self.open[session], self.line[session]
        else:
            if self._is_piled(session):
                del self.line[session]
            queue = self.finals.pop(session)
            queue.popleft()
            if queue:
                self.finals[session] = queue
        self.keep_line(session)

    def keep_line(self, session: str) -> None:
        """After any change: the session stands in line where it has something for it."""
        if session in self.open or self._is_piled(session):
            self.line.setdefault(session)
        else:
            self.line.pop(session, None)

    def _is_piled(self, session: str) -> bool:
        return len(self.finals.get(session, ())) >= PILE


class Scheduler:
    """The jobs that wait. Bounded by its users: a session has one of an open utterance, few finals."""

    def __init__(self) -> None:
        self.many = MANY
        """What takes the place of MANY for giving way: more than can be decoded in the next moments."""
        self._alone: deque[Job] = deque()
        self._owners: dict[Owner, _Turns] = {}  # of whom something waits; the order is the rotation
        self._placed: dict[str, Owner] = {}  # by session
        self._crowds: set[str] = set()  # the names of owners of whom much waits
        self._passed_over = Counter[Rank]()  # batches for others since these had their turn

    def __len__(self) -> int:
        return len(self._alone) + sum(map(len, self._owners.values()))

    @property
    def holds_all(self) -> bool:
        """Whether one that must be decoded alone waits, and everybody for it."""
        return bool(self._alone)

    def place(self, session: str, owner: Owner) -> None:
        """The session takes the turns of this owner from now on, with what waits of it."""
        before = self.owner_of(session)
        self._placed[session] = owner
        if owner == before or (turns := self._owners.get(before)) is None:
            return
        finals, waiting = turns.finals.pop(session, None), turns.open.pop(session, None)
        turns.line.pop(session, None)
        self._forget_where_empty(before)
        if finals is None and waiting is None:
            return
        turns = self._owners.setdefault(owner, _Turns())
        if finals is not None:
            turns.finals[session] = finals
        if waiting is not None:
            turns.open[session] = waiting
        turns.keep_line(session)

    def add(self, job: Job) -> list[Job]:
        """Queue a job; returns the waiting jobs that it makes superfluous (they leave the queue)."""
        turns = self._owners.setdefault(self.owner_of(job.session), _Turns())
        waiting = turns.open.get(job.session)
        replaced = (
            [waiting]
            if waiting is not None
            and waiting.kind == "partial"
            and waiting.utterance <= job.utterance
            else []
        )
        in_turn = job.kind == "partial" or job.speculative
        if in_turn and (waiting is None or replaced):
            turns.open[job.session] = job
            turns.keep_line(job.session)  # a replaced one's place in the order is kept
        elif job.kind == "final":
            if replaced:
                del turns.open[job.session]
            turns.add_final(job)
        else:
            return [job]  # what waits is of a newer utterance, or a final of this one
        return replaced

    def promote(self, job: Job) -> bool:
        """A speculative final is waited for now; False where it is not in the queue (any more).

        `job` takes its place: the same one, but no longer speculative.
        """
        turns = self._owners.get(self.owner_of(job.session))
        waiting = None if turns is None else turns.open.get(job.session)
        if turns is None or waiting is None or waiting.id != job.id:
            return False
        del turns.open[job.session]
        turns.keep_line(job.session)
        self.add(job)
        return True

    def add_alone(self, job: Job) -> None:
        """Queue a job that must be decoded by itself, before all others."""
        self._alone.append(job)

    def next_batch(
        self,
        limit: Callable[[Job], int],
        *,
        free: int = 1,
        idle: bool = True,
        speaking: Collection[str] = (),
        kept_from: Collection[Rank] = (),
        held: Collection[Rank] = (),
    ) -> Batch:
        """Take jobs to decode together; none where none may start now.

        `limit` says how many jobs like the given one a batch may hold. `free` is how many batches
        the worker can still take: what waits is spread over them. `idle` says whether the worker has
        nothing else under way; `speaking` are the names of owners who speak, `kept_from` who may not
        have the last place then, and `held` who begin only after being passed over often enough.
        """
        if not self._owners:
            self._crowds.clear()
        if self._alone:
            return Batch([self._alone.popleft()] if idle else [])
        rank, waiting = self._in_turn(speaking, kept_from if speaking and free == 1 else (), held)
        if not waiting:
            return Batch([])
        first = waiting[0]
        most = limit(first)
        if rank is not Rank.SPEAKS and speaking:
            free = max(free - 1, 1)  # the last one is not for them
            most = -(-most // 2)  # who speaks waits for the end of it
        alike = [job for job in waiting if (job.kind, job.window_s) == (first.kind, first.window_s)]
        batch = alike[: min(most, -(-len(alike) // free))]
        for job in batch:
            owner = self.owner_of(job.session)
            turns = self._owners.pop(owner)
            turns.take(job)
            if turns.finals or turns.open:
                self._owners[owner] = turns  # to the end of the rotation
        return Batch(batch, rank)

    def rank(self, owner: Owner, speaking: Collection[str]) -> Rank:
        """Where an owner stands at present, beside those who speak."""
        if owner.patient:
            return Rank.PATIENT
        if self._has_many(owner.name) and any(
            name != owner.name and not self._has_many(name) for name in speaking
        ):
            return Rank.MANY
        return Rank.SPEAKS

    def _has_many(self, name: str) -> bool:
        """Whether more waits of an owner than is much, or did, and it is not half as much yet."""
        most = self.many // 2 if name in self._crowds else self.many
        live, patient = self._owners.get(Owner(name)), self._owners.get(Owner(name, patient=True))
        crowding = live.crowding() if live is not None else 0
        if patient is not None:  # however many finals each of them has: that is what files do
            crowding += len(patient.finals.keys() | patient.open.keys())
        if crowding > most:
            self._crowds.add(name)
        else:
            self._crowds.discard(name)
        return name in self._crowds

    def _in_turn(
        self, speaking: Collection[str], kept_from: Collection[Rank], held: Collection[Rank]
    ) -> tuple[Rank, list[Job]]:
        """The jobs that are due, at most one of a session, in order; all of one rank."""
        ranks: dict[Rank, list[_Turns]] = {rank: [] for rank in Rank}
        for owner, turns in self._owners.items():
            ranks[self.rank(owner, speaking)].append(turns)
        waiting = [rank for rank in Rank if ranks[rank]]
        overdue = [rank for rank in waiting if self._passed_over[rank] >= PATIENCE[rank] > 0]
        due = [
            rank
            for rank in waiting
            if rank not in kept_from and (rank not in held or rank in overdue)
        ]
        if not due:
            return Rank.SPEAKS, []
        first = [
            urgent
            for turns in ranks[Rank.SPEAKS]
            if turns.finals and 0 < len(urgent := turns.urgent()) <= MANY
        ]
        chosen = due[0]
        # A place that is not kept from one kind of those who give way is not kept from the other.
        if not first and overdue and (overdue[-1] in due or chosen is not Rank.SPEAKS):
            chosen = overdue[-1]
        for rank in waiting:
            self._passed_over[rank] += 1
        self._passed_over[chosen] = 0
        jobs = first or [turns.urgent() + turns.rest() for turns in ranks[chosen]]
        return chosen, _one_each(jobs)

    def discard(self, job_id: str, session: str) -> bool:
        """Take a waiting final back; False where it does not wait (any more)."""
        owner = self.owner_of(session)
        turns = self._owners.get(owner, _Turns())
        if session in turns.open and turns.open[session].id == job_id:
            del turns.open[session]
        else:
            queue = turns.finals.get(session, deque())
            job = next((job for job in (*queue, *self._alone) if job.id == job_id), None)
            if job is None:
                return False
            if job in self._alone:
                self._alone.remove(job)
                return True
            queue.remove(job)
            if not queue:
                del turns.finals[session]
        turns.keep_line(session)
        self._forget_where_empty(owner)
        return True

    def discard_session(self, session: str) -> list[Job]:
        """Forget the jobs of a session that has gone, and whose it was; returns them."""
        gone = [job for job in self._alone if job.session == session]
        self._alone = deque(job for job in self._alone if job.session != session)
        owner = self.owner_of(session)
        if (turns := self._owners.get(owner)) is not None:
            gone += turns.finals.pop(session, ())
            if session in turns.open:
                gone.append(turns.open.pop(session))
            turns.line.pop(session, None)
            self._forget_where_empty(owner)
        self._placed.pop(session, None)
        return gone

    def owner_of(self, session: str) -> Owner:
        """Whose turns the session takes."""
        return self._placed.get(session, NOBODY)

    def _forget_where_empty(self, owner: Owner) -> None:
        turns = self._owners.get(owner)
        if turns is not None and not turns.finals and not turns.open:
            del self._owners[owner]


def _one_each(owners: list[list[Job]]) -> list[Job]:
    """The first job of each owner, then the second of each, and so on."""
    if len(owners) == 1:
        return owners[0]
    rounds: Iterator[tuple[Job | None, ...]] = zip_longest(*owners)
    return [job for each in rounds for job in each if job is not None]
