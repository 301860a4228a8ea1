"""The figures for people: a table in Markdown."""

from collections.abc import Sequence

from attacks.catalogue import KINDS
from attacks.figures import Figures, quantile

MAX_TOLD = 3
COLUMNS = (
    "attack",
    "attackers",
    "limits",
    "finals later by, s",
    "final, s (p50 / p95 / max)",
    "loop late by, ms (p99 / max)",
    "memory, MB (before / peak / after so many s)",
    "newcomers refused",
    "errors %",
    "told",
    "their share of the machine, and of others",
    "broken",
)


def table(quiet: Sequence[Figures], runs: Sequence[Figures]) -> str:
    """The quiet times first, then each run."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [_row("nobody", each) for each in quiet]
    lines += [_row(KINDS[each.name].about, each) for each in runs]
    return "\n".join(lines) + "\n"


def _row(about: str, figures: Figures) -> str:
    delays = figures.all_delays_s
    p50, p95, most = (quantile(delays, share) for share in (0.5, 0.95, 1.0))
    after = f"{figures.after_mb:.0f} ({figures.after_s:.0f})"
    cells = (
        about,
        str(figures.count or "–"),
        figures.access,
        f"{figures.later_s:.2f}" if figures.count else "–",
        f"{p50:.2f} / {p95:.2f} / {most:.2f}",
        f"{figures.lag_p99_ms:.0f} / {figures.lag_max_ms:.0f}",
        f"{figures.before_mb:.0f} / {figures.peak_mb:.0f} / {after}",
        f"{figures.newcomers_refused} of {figures.newcomers}",
        f"{figures.wer_percent:.1f}",
        told(figures),
        f"{figures.attackers_share:.0%}, {figures.others_share:.0%}",
        ", ".join(figures.misses) or "–",
    )
    return f"| {' | '.join(cells)} |"


def told(figures: Figures) -> str:
    """What attackers were told most often."""
    most = sorted(figures.told.items(), key=lambda item: -item[1])[:MAX_TOLD]
    return ", ".join(f"{what} {times:,}" for what, times in most) or "–"


def line(figures: Figures) -> str:
    """One run in a line, while others go on."""
    delays = figures.all_delays_s
    text = (
        f"{figures.count} {figures.name} ({figures.access}): later {figures.later_s:+.2f} s, "
        f"max {quantile(delays, 1.0):.2f} s of {len(delays)}, "
        f"loop p99 {figures.lag_p99_ms:.0f} max {figures.lag_max_ms:.0f} ms, "
        f"{figures.before_mb:.0f}/{figures.peak_mb:.0f}/{figures.after_mb:.0f} MB "
        f"after {figures.after_s:.0f} s, "
        f"newcomers refused {figures.newcomers_refused} of {figures.newcomers}, "
        f"WER {figures.wer_percent:.1f} %, "
        f"attackers' share {figures.attackers_share:.0%}, of others {figures.others_share:.0%}; "
        f"{told(figures)}"
    )
    if figures.misses:
        text += f"; BROKEN: {', '.join(figures.misses)}"
    return text
