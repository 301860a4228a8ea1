"""All figures of a report, from what came of each recording. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from msgspec import Struct

from load.metrics import UtteranceFigures
from load.score import Score, Unit, score, unit_of
from load.summary import quantile
from quality.account import Account, account
from quality.calm import Calm, calm
from quality.delays import Delays, summarize
from quality.listen import Listened
from quality.lost import Lost, lost
from quality.revisions import Revisions, revised_text, revisions
from quality.word_times import WordTimes
from surtitle.messages import Final, Partial
from surtitle.subtitles.cues import ReadingSpeed, lay_out, reading_speed

FEWEST = 5
"""Recordings that may stand for others."""
RESAMPLES = 4000
ALL = "all"
"""Label of the sum over folders."""


class Result(Struct, frozen=True):
    """What came of one recording."""

    folder: str
    file: str
    language: str
    seconds: float
    has_speech: bool
    transcript: str
    streamed: str
    """The text of all finals."""
    offline: str
    streamed_score: Score | None
    """None without a transcript, as the next one."""
    offline_score: Score | None
    calm: Calm
    account: Account
    shown: str
    """The longest text shown of an utterance before its answer."""
    finals: list[Final]
    delays: UtteranceFigures | None
    """Where it was spoken alone."""
    late_s: float
    """How far sending fell behind at worst."""
    problems: list[str]
    revised: str | None = None
    """The text of all finals, revised; None where that was not asked for, as the next two."""
    revised_score: Score | None = None
    revisions: Revisions | None = None


class ErrorRow(Struct, frozen=True):
    """Error rates of one language in one folder, or in all."""

    label: str
    language: str
    recordings: int
    seconds: float
    unit: Unit
    units: int
    streamed_percent: float
    offline_percent: float
    points: float
    """By how much the stream is worse."""
    interval: tuple[float, float] | None
    """Where that lies with a confidence of 95 %; None for too few recordings to tell."""
    revised_percent: float | None = None
    """Of the stream with its better texts, where they were asked for."""


class LostRow(Struct, frozen=True):
    """What was lost of one language in one folder, or in all."""

    label: str
    language: str
    streamed: Lost
    offline: Lost


class CalmRow(Struct, frozen=True):
    """How calm one language was in one folder, or in all."""

    label: str
    language: str
    calm: Calm
    erasure: float


class ReadingRow(Struct, frozen=True):
    """How fast the captions of one language must be read in one folder, or in all."""

    label: str
    language: str
    speed: ReadingSpeed


class RevisionRow(Struct, frozen=True):
    """Better texts of one language in one folder, or in all; delays in seconds."""

    label: str
    language: str
    finals: int
    revised: int
    timed: int
    """Of these, came before the goodbye; the delays are theirs, and infinite (null) without any."""
    after_end_p50_s: float
    """End of the utterance -> its better text."""
    after_end_max_s: float
    after_final_p50_s: float
    after_final_max_s: float


class Invented(Struct, frozen=True):
    """Text where nobody speaks."""

    file: str
    final: str
    shown: str


class Silent(Struct, frozen=True):
    """Recordings in which nobody speaks."""

    recordings: int
    seconds: float
    invented: list[Invented]
    invented_offline: int
    """Recordings for which the offline decode has text."""
    account: Account


class Report(Struct, frozen=True):
    """Everything; in JSON as it is here."""

    model: str
    real_time: bool
    sessions: int
    """At once, while no delays were measured."""
    errors: list[ErrorRow]
    lost: list[LostRow]
    calm: list[CalmRow]
    """Empty unless at real-time pace, as is the next one."""
    alone: Calm
    """Of the recordings that were spoken one at a time."""
    delays: Delays | None
    """Of the same."""
    reading: list[ReadingRow]
    word_times: dict[str, WordTimes]
    """By folder."""
    account: Account
    """Of the recordings with speech."""
    silent: Silent
    late_s: float
    """How far sending fell behind at worst."""
    others_cores: float
    """Cores that other programs used meanwhile: near 0, or delays and erasure are disturbed."""
    problems: list[str]
    recordings: list[Result]
    revisions: list[RevisionRow] = []
    """Empty unless they were asked for."""


def result_of(
    listened: Listened,
    offline: str,
    delays: UtteranceFigures | None,
    *,
    with_revisions: bool = False,
) -> Result:
    """The figures of one recording."""
    recording = listened.recording
    messages = [each.message for each in listened.messages]
    finals = [message for message in messages if isinstance(message, Final)]
    partials = [m.stable + m.unstable for m in messages if isinstance(m, Partial)]
    streamed = " ".join(final.text for final in finals)
    revised = revised_text(listened.messages) if with_revisions else None
    refused = [f"refused: {listened.heard.refused}"] if listened.heard.refused else []

    def rated(heard: str) -> Score | None:
        said = recording.transcript
        return score(said, heard, recording.language) if said else None

    return Result(
        folder=recording.folder,
        file=recording.path.name,
        language=recording.language,
        seconds=recording.seconds,
        has_speech=recording.has_speech,
        transcript=recording.transcript,
        streamed=streamed,
        offline=offline,
        streamed_score=rated(streamed),
        offline_score=rated(offline),
        calm=calm(listened.messages),
        account=account(messages),
        shown=max(partials, key=len, default=""),
        finals=finals,
        delays=delays,
        late_s=listened.heard.late_s,
        problems=refused + listened.heard.problems,
        revised=revised,
        revised_score=None if revised is None else rated(revised),
        revisions=revisions(listened.heard, listened.messages) if with_revisions else None,
    )


def report(
    model: str,
    results: Sequence[Result],
    *,
    real_time: bool,
    sessions: int,
    word_times: dict[str, WordTimes],
    others_cores: float,
) -> Report:
    """Sum up, in the order of the folders."""
    results = sorted(results, key=lambda each: (each.folder, each.file))
    speech = [each for each in results if each.has_speech]
    rated = [each for each in speech if each.transcript]
    alone = [each for each in results if each.delays is not None]
    return Report(
        model=model,
        real_time=real_time,
        sessions=sessions,
        errors=[_errors(*group) for group in _groups(rated)],
        lost=[_lost(*group) for group in _groups(rated)],
        calm=[_calm(*group) for group in _groups(speech)] if real_time else [],
        alone=sum((each.calm for each in alone), Calm()),
        delays=summarize([each.delays for each in alone if each.delays]) if alone else None,
        reading=list(_reading(speech)),
        word_times=word_times,
        account=_account(speech),
        silent=_silent([each for each in results if not each.has_speech]),
        late_s=max(each.late_s for each in results),
        others_cores=others_cores,
        problems=[f"{each.file}: {problem}" for each in results for problem in each.problems],
        recordings=list(results),
        revisions=list(_revisions(speech)),
    )


def _groups(results: Sequence[Result]) -> Iterable[tuple[str, str, list[Result]]]:
    """(label, language, members): each language of each folder, then those of several folders."""
    by_folder: dict[tuple[str, str], list[Result]] = defaultdict(list)
    for each in results:
        by_folder[each.folder, each.language].append(each)
    for (folder, language), members in sorted(by_folder.items()):
        yield folder, language, members
    for language in sorted({language for _, language in by_folder}):
        if sum(own == language for _, own in by_folder) > 1:
            yield ALL, language, [each for each in results if each.language == language]


def _errors(label: str, language: str, members: Sequence[Result]) -> ErrorRow:
    streamed, revised, offline = Score(), Score(), Score()
    for each in members:
        streamed.add(each.streamed_score or Score())
        revised.add(each.revised_score or Score())
        offline.add(each.offline_score or Score())
    is_revised = any(each.revised_score is not None for each in members)
    return ErrorRow(
        label=label,
        language=language,
        recordings=len(members),
        seconds=sum(each.seconds for each in members),
        unit=unit_of(language),
        units=streamed.units,
        streamed_percent=streamed.percent,
        offline_percent=offline.percent,
        points=streamed.percent - offline.percent,
        interval=_interval(members),
        revised_percent=revised.percent if is_revised else None,
    )


def _interval(members: Sequence[Result]) -> tuple[float, float] | None:
    """Of the difference in points, by a paired bootstrap over the recordings (percentiles)."""
    if len(members) < FEWEST:
        return None
    scores = [(each.streamed_score or Score(), each.offline_score or Score()) for each in members]
    more = np.array([streamed.errors - offline.errors for streamed, offline in scores])
    units = np.array([streamed.units for streamed, _ in scores])
    drawn = np.random.default_rng(0).integers(len(scores), size=(RESAMPLES, len(scores)))
    points = 100 * more[drawn].sum(axis=1) / units[drawn].sum(axis=1)
    low, high = np.percentile(points, (2.5, 97.5))
    return float(low), float(high)


def _lost(label: str, language: str, members: Sequence[Result]) -> LostRow:
    streamed = sum((lost(each.transcript, each.streamed) for each in members), Lost())
    offline = sum((lost(each.transcript, each.offline) for each in members), Lost())
    return LostRow(label, language, streamed, offline)


def _calm(label: str, language: str, members: Sequence[Result]) -> CalmRow:
    total = sum((each.calm for each in members), Calm())
    return CalmRow(label, language, total, total.erasure)


def _reading(results: Sequence[Result]) -> Iterator[ReadingRow]:
    """Of the captions as they are laid out by default; each recording is a talk of its own."""
    for label, language, members in _groups(results):
        cues = [cue for each in members for cue in lay_out(each.finals)]
        if (speed := reading_speed(cues)) is not None:
            yield ReadingRow(label, language, speed)


def _revisions(results: Sequence[Result]) -> Iterator[RevisionRow]:
    asked = [each for each in results if each.revisions is not None]
    for label, language, members in _groups(asked):
        total = sum((each.revisions or Revisions() for each in members), Revisions())
        yield RevisionRow(
            label=label,
            language=language,
            finals=total.finals,
            revised=total.revised,
            timed=len(total.after_end_s),
            after_end_p50_s=quantile(total.after_end_s, 0.5),
            after_end_max_s=quantile(total.after_end_s, 1.0),
            after_final_p50_s=quantile(total.after_final_s, 0.5),
            after_final_max_s=quantile(total.after_final_s, 1.0),
        )


def _account(members: Sequence[Result]) -> Account:
    return sum((each.account for each in members), Account())


def _silent(members: Sequence[Result]) -> Silent:
    return Silent(
        recordings=len(members),
        seconds=sum(each.seconds for each in members),
        invented=[
            Invented(each.file, each.streamed, each.shown)
            for each in members
            if each.streamed or each.shown
        ],
        invented_offline=sum(bool(each.offline) for each in members),
        account=_account(members),
    )
