"""The figures of one attack, and what may not be among them. Pure."""

from collections.abc import Sequence

from msgspec import Struct, field

LATER_S = 0.5
"""No victim's final may come later than without the attack by more than this."""
LOOP_P99_MS = 50.0
PEAK_MB = 320.0
"""By which the server and its helpers may grow: one decoder may take 256 MB, before it is ended. And so
much more for each attacker:"""
PEAK_EACH_MB = 16.0
LEFT_MB = 64.0
"""What of it may be left once the attackers have gone, and no session waits for them any more."""
WER_POINTS = 2.0
NEWCOMERS_REFUSED = 0.05

Delays = list[dict[int, float]]
"""Of each victim: by the end of an utterance in its audio, in ms, the seconds until its final."""


class Figures(Struct):
    """What one run gave."""

    name: str
    count: int
    delays_s: Delays
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    before_mb: float
    """Of the server and its helpers, without the recognition worker."""
    peak_mb: float
    after_mb: float
    after_s: float
    """When that is: as soon as so little is left, or when it should be."""
    worker_peak_mb: float
    wer_percent: float
    access: str = ""
    """What limits were in force."""
    newcomers: int = 0
    newcomers_refused: int = 0
    newcomers_told: dict[str, int] = field(default_factory=dict)
    sessions_most: int = 0
    max_sessions: int = 0
    attackers_share: float = 0.0
    """Of the machine's CPU time."""
    others_share: float = 0.0
    """The same of everything else on it: near 0, or the figures are disturbed."""
    told: dict[str, int] = field(default_factory=dict)
    """What attackers were told, and how often."""
    orphans: int = 0
    is_ready_after: bool = True
    problems: list[str] = field(default_factory=list)
    """What victims, viewers and the end of the server had to complain of."""
    later_s: float = 0.0
    """By how much the latest of the finals was later than without the attack."""
    misses: list[str] = field(default_factory=list)
    """The criteria that are broken."""

    @property
    def all_delays_s(self) -> list[float]:
        """Of all victims, the least first."""
        return sorted(delay for victim in self.delays_s for delay in victim.values())


def not_run(name: str, count: int, why: str) -> Figures:
    """A run that came to nothing."""
    return Figures(
        name=name,
        count=count,
        delays_s=[],
        lag_p50_ms=0.0,
        lag_p99_ms=0.0,
        lag_max_ms=0.0,
        before_mb=0.0,
        peak_mb=0.0,
        after_mb=0.0,
        after_s=0.0,
        worker_peak_mb=0.0,
        wer_percent=0.0,
        problems=[why],
    )


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest rank of sorted values; 0 of nothing."""
    return values[int(share * (len(values) - 1))] if values else 0.0


def later_s(attacked: Delays, quiet: Sequence[Delays]) -> float:
    """By how much a final came later than the same final in the quiet runs did at most.

    One that the quiet runs do not have is compared with the latest of theirs.
    """
    latest = max((d for run in quiet for victim in run for d in victim.values()), default=0.0)
    worst = 0.0
    for number, victim in enumerate(attacked):
        for end_ms, delay in victim.items():
            known = [run[number][end_ms] for run in quiet if end_ms in run[number]]
            worst = max(worst, delay - max(known, default=latest))
    return worst


def judge(figures: Figures, quiet: Sequence[Figures]) -> None:
    """Enter what is broken."""
    figures.later_s = later_s(figures.delays_s, [each.delays_s for each in quiet])
    wer = max((each.wer_percent for each in quiet), default=0.0)
    rise, left = figures.peak_mb - figures.before_mb, figures.after_mb - figures.before_mb
    rules = (
        ("late", figures.later_s > LATER_S),
        ("loop", figures.lag_p99_ms >= LOOP_P99_MS),
        ("memory", rise > PEAK_MB + PEAK_EACH_MB * figures.count),
        ("memory kept", left > LEFT_MB),
        ("words", figures.wer_percent > wer + WER_POINTS),
        ("newcomers", figures.newcomers_refused > NEWCOMERS_REFUSED * figures.newcomers),
        ("places", 0 < figures.max_sessions < figures.sessions_most),
        ("orphans", figures.orphans > 0),
        ("not ready", not figures.is_ready_after),
        ("account", bool(figures.problems)),
    )
    figures.misses = [name for name, is_broken in rules if is_broken]
