"""Better texts of finals that were sent: the jobs that make them, and the messages. Pure.

What is decoded together, and until when anybody wants to know, is the business of `maturing`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from surtitle.captioning.audio import AudioBuffer
from surtitle.captioning.maturing import Better, Maturing, Said, join_audio
from surtitle.captioning.utterance import Utterance
from surtitle.jobs import SAMPLE_RATE, Job, Result, Windows, samples_to_ms
from surtitle.messages import Final, Revised, WordTiming


class Revising:
    """The finals of one session that may still get a better text. Positions are absolute samples."""

    def __init__(self, session_id: str, windows: Windows, *, words: bool) -> None:
        """`words`: the messages have times of words."""
        self.line = f"{session_id}/revisions"
        """The name under which jobs are submitted that nobody waits for."""
        self._windows = windows
        self._words = words
        self._maturing = Maturing()
        self._under_way: Job | None = None
        self._begun = 0
        self._parted_after = 0  # what follows this utterance does not belong to it

    @property
    def start(self) -> int | None:
        """The first sample that is still needed, if any is."""
        return self._maturing.start

    @property
    def is_settled(self) -> bool:
        """Whether no final will be revised any more."""
        return self._maturing.is_settled

    @property
    def is_behind(self) -> bool:
        """Whether answers get too far ahead of their better texts."""
        return self._maturing.is_behind

    @property
    def held_bytes(self) -> int:
        """Of the audio that is being decoded."""
        return 0 if self._under_way is None else self._under_way.audio.nbytes

    def is_job(self, job_id: str) -> bool:
        """Whether its result is awaited here."""
        return self._under_way is not None and self._under_way.id == job_id

    def add(self, utterance: Utterance, final: Final) -> None:
        """An utterance has got its final."""
        assert utterance.end is not None
        options = replace(
            utterance.decode_options, language=final.language, prior_language="", words=True
        )
        number, start, end = utterance.number, utterance.start, utterance.end
        self._maturing.add(Said(number, start, end, final.text, options, utterance.voice))

    def part_after(self, number: int) -> None:
        """What follows this utterance does not belong to it: the client has flushed it."""
        self._parted_after = number

    def listen(self, position: int, oldest: Utterance | None, *, patient: bool, over: bool) -> None:
        """Voice activity has come to `position`, and `oldest` is not answered yet.

        `patient`: what is late is wanted all the same. `over`: nothing follows.
        """
        heard_to = position
        if oldest is not None and oldest.end is not None:
            heard_to = oldest.end  # voice activity may be a minute ahead of the answers
        self._maturing.listen(heard_to, None if oldest is None else oldest.start)
        if not patient:
            self._maturing.drop_late(position)
        is_flushed = self._parted_after and (oldest is None or oldest.number > self._parted_after)
        if is_flushed or (over and oldest is None):
            self._maturing.part()
            self._parted_after = 0

    def leave_late(self, position: int) -> Job | None:
        """The job under way, to be cancelled, if nobody wants its result any more."""
        if not self._maturing.is_late(position):
            return None
        late, self._under_way = self._under_way, None
        self._maturing.leave()
        return late

    def begin(self, audio: AudioBuffer) -> Job | None:
        """The next job, if one is due and none is under way."""
        if (together := self._maturing.begin()) is None:
            return None
        self._begun += 1
        joined = join_audio(audio.slice(together.start, together.end), together)
        self._under_way = Job(
            id=f"{self.line}/{self._begun}",
            session=self.line,
            utterance=together.revised[-1].number,
            kind="final",
            audio=joined,
            decode_options=together.revised[0].decode_options,
            window_s=self._windows.fit(len(joined) / SAMPLE_RATE, "final"),
            voice=together.voice,
        )
        return self._under_way

    def end(self, result: Result, next_seq: Callable[[], int]) -> Iterator[Revised]:
        """The better texts that the result of the job under way makes."""
        self._under_way = None
        for better in self._maturing.end(result):
            yield self._message(better, result, next_seq())

    def _message(self, better: Better, result: Result, seq: int) -> Revised:
        said = better.said
        words = [
            WordTiming(
                text=word.text,
                start_ms=word.start_ms,
                end_ms=word.end_ms,
                confidence=round(word.confidence, 3),
            )
            for word in better.words
        ]
        return Revised(
            seq=seq,
            utterance=said.number,
            start_ms=samples_to_ms(said.start),
            end_ms=samples_to_ms(said.end),
            text=better.text,
            confidence=round(result.confidence, 3),
            words=words if self._words else None,
        )
