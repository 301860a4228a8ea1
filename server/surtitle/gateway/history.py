"""What was said last in a channel, for latecomers."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from websockets.frames import TEXT, Frame

from surtitle.messages import Channel, Failed, Final, Published, Revised, format_message, revise

KEEP_S = 900.0
"""How long what was said is there when its session says no more."""
HISTORY_BYTES = 64 * 1024
"""Of the newest answers, for latecomers: a quarter of an hour, less where words have
their times. Each viewer gets a copy."""
MAX_SESSIONS = 100
"""Of which it is remembered how far they were answered."""


def frame_of(message: Published | Channel) -> bytes:
    """A message as a server sends it: a text frame without a mask (RFC 6455, 5.1)."""
    return Frame(TEXT, format_message(message).encode()).serialize(mask=False)


@dataclass(slots=True)
class _Answer:
    session: str
    message: Final | Failed
    frame: bytes
    at_s: float


class History:
    """The newest answers of a channel's sessions, at most HISTORY_BYTES of them as they are sent."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._answers: deque[_Answer] = deque()
        self._bytes = 0
        self._answered: dict[str, int] = {}
        """By session: the newest utterance that was answered. The newest sessions alone."""

    def __len__(self) -> int:
        return len(self._answers)

    def has(self, session: str, message: Final | Failed) -> bool:
        """Whether this answer, or a newer one of its session, was added before."""
        return message.utterance <= self._answered.get(session, 0)

    def find(self, session: str, utterance: int) -> Final | None:
        """What a session has said, if it is known, and not only that it failed."""
        answer = self._find(session, utterance)
        return answer.message if answer is not None and isinstance(answer.message, Final) else None

    def of(self, session: str) -> list[Final | Failed]:
        """All that is kept of a session."""
        return [answer.message for answer in self._answers if answer.session == session]

    def frames(self) -> Iterator[tuple[str, Sequence[bytes]]]:
        """The sessions one after the other, each with its answers as they are sent."""
        for session, answers in groupby(self._answers, key=lambda answer: answer.session):
            yield session, [answer.frame for answer in answers]

    def add(self, session: str, message: Final | Failed, frame: bytes) -> None:
        """The next answer, which is sent as `frame`."""
        self._answered[session] = message.utterance
        if len(self._answered) > MAX_SESSIONS:
            del self._answered[next(iter(self._answered))]
        self._answers.append(_Answer(session, message, frame, self._clock_s()))
        self._bytes += len(frame)
        self._make_room()

    def revise(self, session: str, revised: Revised) -> bool:
        """Latecomers get the better text alone. False where a person has written a better one."""
        answer = self._find(session, revised.utterance)
        if answer is not None and isinstance(answer.message, Final):
            if answer.message.by is not None and revised.by is None:
                return False
            self._bytes -= len(answer.frame)
            answer.message = revise(answer.message, revised)
            answer.frame = frame_of(answer.message)
            self._bytes += len(answer.frame)
            self._make_room()
        return True

    def unknown(self, said: Iterable[tuple[str, Final]]) -> list[tuple[str, Final]]:
        """Those of sessions of which there is nothing here."""
        return [each for each in said if each[0] not in self._answered]

    def precede(self, earlier: Sequence[tuple[str, Final]]) -> None:
        """Sessions that are not known here have said this before, oldest first."""
        answered = {session: final.utterance for session, final in earlier}
        self._answered = answered | self._answered  # the newest last
        for session, final in reversed(earlier):
            answer = _Answer(session, final, frame_of(final), self._clock_s())
            if self._bytes + len(answer.frame) > HISTORY_BYTES:
                return
            self._answers.appendleft(answer)
            self._bytes += len(answer.frame)

    def forget(self, session: str | None = None) -> None:
        """Latecomers no longer get what this session has said; with None, what any has said."""
        self._keep(each for each in self._answers if session not in (None, each.session))

    def age(self, live: str | None) -> None:
        """What was said in sessions goes that have said nothing for KEEP_S, but for that of one that
        is `live`."""
        said_s = {answer.session: answer.at_s for answer in self._answers}  # last
        since_s = self._clock_s() - KEEP_S
        old = {session for session, at_s in said_s.items() if at_s < since_s} - {live}
        if old:
            self._keep(each for each in self._answers if each.session not in old)

    def _keep(self, answers: Iterable[_Answer]) -> None:
        self._answers = deque(answers)
        self._bytes = sum(len(answer.frame) for answer in self._answers)

    def _make_room(self) -> None:
        while self._bytes > HISTORY_BYTES:
            self._bytes -= len(self._answers.popleft().frame)

    def _find(self, session: str, utterance: int) -> _Answer | None:
        for answer in reversed(self._answers):
            if answer.session == session and answer.message.utterance <= utterance:
                return answer if answer.message.utterance == utterance else None
        return None
