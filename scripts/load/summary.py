"""The figures of one run: a target under so many sessions. Pure but for the clock of its inputs."""

import math
from collections.abc import Sequence

from msgspec import Struct

from load.meter import Cost
from load.metrics import SessionFigures, UtteranceFigures
from load.score import Score, score
from load.session import Heard


class ServiceLevel(Struct, frozen=True):
    """What a server must do to hold a number of sessions."""

    final_p95_s: float = 2.0
    word_shown_p50_s: float = 1.5
    wer_points: float = 1.0
    """By how much the error rate may pass that of the target's smallest run."""


class Spread(Struct, frozen=True):
    """Delays in seconds by nearest rank; null in JSON is infinity: never."""

    p50: float
    p90: float
    p95: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of any values; all infinite where there is none."""
        p50, p90, p95 = (quantile(values, q) for q in (0.5, 0.9, 0.95))
        return cls(p50, p90, p95, len(values))


class Costs(Struct, frozen=True):
    """What the server used."""

    cpu_per_audio_s: float
    """CPU seconds for each second of audio."""
    cores: float
    outside_share: float | None
    """Share of its CPU time outside the recognition worker's computing threads; None where the
    server has no such worker."""
    peak_rss_mb: float
    client_cores: float
    others_cores: float


class Summary(Struct, frozen=True):
    """One row."""

    label: str
    protocol: str
    sessions: int
    """Asked for."""
    refused: int
    utterances: int
    unanswered: int
    tail_lost: int
    first_partial: Spread
    settled: Spread
    final: Spread
    word_shown: Spread
    word_kept: Spread
    wer_percent: float
    erasure: float
    late_s: float
    """How far the sending fell behind at worst."""
    audio_s: float
    costs: Costs | None
    problems: list[str]
    details: list[UtteranceFigures]
    """By session, in the order spoken."""
    texts: list[str]
    """What each session showed last."""
    misses: list[str] = []
    """What keeps it from the service level; empty where it holds it."""


def quantile(values: Sequence[float], q: float) -> float:
    """The nearest-rank quantile, q in (0, 1]; infinite values are values; infinity of nothing."""
    if not values:
        return math.inf
    return sorted(values)[max(math.ceil(q * len(values)) - 1, 0)]


def summarize(
    label: str,
    protocol: str,
    heard: Sequence[Heard],
    figures: Sequence[SessionFigures],
    language: str,
    costs: Costs | None,
) -> Summary:
    """Sum up the sessions that were admitted; `figures` belong to them, in order."""
    admitted = [each for each in heard if not each.refused]
    all_of = [utterance for session in figures for utterance in session.utterances]
    errors = Score()
    for each, session in zip(admitted, figures, strict=True):
        said = " ".join(utterance.transcript for utterance in each.spoken)
        errors.add(score(said, session.text, language))
    return Summary(
        label=label,
        protocol=protocol,
        sessions=len(heard),
        refused=len(heard) - len(admitted),
        utterances=len(all_of),
        unanswered=sum(not utterance.answered for utterance in all_of),
        tail_lost=sum(utterance.tail_lost for utterance in all_of),
        first_partial=Spread.of([utterance.first_partial_s for utterance in all_of]),
        settled=Spread.of([utterance.settled_s for utterance in all_of]),
        final=Spread.of([utterance.final_s for utterance in all_of]),
        word_shown=Spread.of([s for utterance in all_of for s in utterance.word_shown_s]),
        word_kept=Spread.of([s for utterance in all_of for s in utterance.word_kept_s]),
        wer_percent=errors.percent,
        erasure=sum(session.erasure for session in figures) / max(len(figures), 1),
        late_s=max((each.late_s for each in admitted), default=0.0),
        audio_s=sum(each.audio_s for each in admitted),
        costs=costs,
        problems=[problem for each in admitted for problem in each.problems],
        details=all_of,
        texts=[session.text for session in figures],
    )


def costs_of(cost: Cost, audio_s: float, wall_s: float) -> Costs:
    """A cost for each second of audio and of time."""
    return Costs(
        cpu_per_audio_s=cost.cpu_s / max(audio_s, 0.1),
        cores=cost.cpu_s / wall_s,
        outside_share=1 - cost.decoding_s / cost.cpu_s if cost.decoding_s else None,
        peak_rss_mb=cost.peak_rss_mb,
        client_cores=cost.client_cpu_s / wall_s,
        others_cores=cost.others_cpu_s / wall_s,
    )


def misses(row: Summary, least: Summary, level: ServiceLevel) -> list[str]:
    """Why the row does not hold the service level; `least` is the target's smallest run."""
    found = []
    if row.refused:
        found.append("refused")
    if row.final.p95 > level.final_p95_s:
        found.append("final")
    if row.word_shown.count and row.word_shown.p50 > level.word_shown_p50_s:
        found.append("words")
    if row.unanswered or not row.utterances:
        found.append("unanswered")
    if row.wer_percent > least.wer_percent + level.wer_points:
        found.append("error rate")
    return found
