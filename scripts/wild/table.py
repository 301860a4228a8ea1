"""What came of all files, as a table in Markdown."""

from collections import defaultdict
from collections.abc import Sequence

from quality.tables import table
from wild.judge import Verdict
from wild.samples import Compared

HEAD = (
    "",
    "files",
    "right",
    "WER, worst difference",
    "times, worst",
    "command",
    "its decoder",
    "server",
)

SAMPLES_HEAD = ("", "files", "right", "speech, s", "lost, s", "times, worst")


def markdown(verdicts: Sequence[Verdict]) -> str:
    """By kind, in the order in which they come, and all together."""
    kinds: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        kinds[verdict.file.kind].append(verdict)
    rows = [_row(kind, members) for kind, members in kinds.items()]
    return table(HEAD, [*rows, _row("all", verdicts)])


def _row(name: str, members: Sequence[Verdict]) -> tuple[str, ...]:
    peaks = [
        f"{max(each.outcome.peak_mb.get(process, 0.0) for each in members):.0f} MB"
        for process in ("command", "decoder", "server")
    ]
    return (
        name,
        str(len(members)),
        str(sum(not each.faults for each in members)),
        f"{100 * max(each.points for each in members):+.1f}",
        f"{max(each.shift_s for each in members):.2f} s",
        *peaks,
    )


def samples_markdown(compared: Sequence[Compared]) -> str:
    """The same of what was decoded, without a model."""
    kinds: dict[str, list[Compared]] = defaultdict(list)
    for each in compared:
        kinds[each.file.kind].append(each)
    rows = [_samples_row(kind, members) for kind, members in kinds.items()]
    return table(SAMPLES_HEAD, [*rows, _samples_row("all", compared)])


def _samples_row(name: str, members: Sequence[Compared]) -> tuple[str, ...]:
    return (
        name,
        str(len(members)),
        str(sum(not each.faults for each in members)),
        str(sum(each.seconds for each in members)),
        str(sum(each.lost for each in members)),
        f"{max(each.shift_s for each in members):.2f} s",
    )


def faults(verdicts: Sequence[Verdict | Compared]) -> str:
    """Each wrong file, and why."""
    return "\n".join(
        f"- `{each.file.path}` ({each.file.kind}): {' '.join(each.faults)}"
        for each in verdicts
        if each.faults
    )
