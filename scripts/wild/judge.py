"""Whether what came of a file is right. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from load.words import matches, words
from wild.expectation import Hole, Piece, Reference, WildFile, Word

MAX_POINTS = 0.05
"""By which the error rate may be higher than that of the same words in the reference."""
FREE_ERRORS = 1
"""In so few words one more says nothing."""
MAX_SHIFT_S = 0.2
ROW = 5
"""Words in a row whose times are judged together by their median: each alone is only about right."""
EDGE_S = 0.25
"""Words so near a hole may be hurt by it."""
MISSING_SLACK_S = 0.5


@dataclass(frozen=True)
class Outcome:
    """What came of a file."""

    status: int | None
    """None where it did not end in time."""
    words: tuple[Word, ...]
    missing_s: float
    errors: str
    """Standard error."""
    peak_mb: Mapping[str, float] = field(default_factory=dict)
    """Largest memory of a process: of the command, of its decoder, of the server with its worker."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Limits:
    """Of memory, by the names of Outcome.peak_mb, in MB."""

    memory_mb: Mapping[str, float]


@dataclass(frozen=True)
class Verdict:
    """Of one file."""

    file: WildFile
    faults: tuple[str, ...]
    """What is wrong, in sentences; empty where all is right."""
    points: float
    """How much higher the error rate is than the reference's."""
    shift_s: float
    """How far the times are off at worst."""
    outcome: Outcome


@dataclass(frozen=True)
class _Said:
    """A word of the truth at its place in the file; not `counted` near a hole."""

    text: str
    start_s: float
    end_s: float
    counted: bool


def timed_truth(reference: Reference, heard: Sequence[Word]) -> list[Word]:
    """Each word that is said in a reference, at the time of the word heard for it, or between."""
    truth: list[Word] = []
    for utterance in reference.utterances:
        said = words(utterance.text)
        own = [w for w in heard if utterance.start_s - 0.5 < w.start_s < utterance.end_s + 0.5]
        right = matches(said, [word.text for word in own])
        step = (utterance.end_s - utterance.start_s) / max(len(said), 1)
        known = {i: (own[j].start_s, own[j].end_s) for i, j in right.items()}
        for index, text in enumerate(said):
            if index in known:
                truth.append(Word(text, *known[index]))
                continue
            before = max((i for i in known if i < index), default=None)
            after = min((i for i in known if i > index), default=None)
            low = utterance.start_s if before is None else known[before][1]
            high = utterance.end_s if after is None else known[after][0]
            low_index = -1 if before is None else before
            high_index = len(said) if after is None else after
            width = max(high - low, step * 0.1) / (high_index - low_index - 1)
            start = low + width * (index - low_index - 1)
            truth.append(Word(text, start, start + width))
    return truth


def judge(
    file: WildFile,
    outcome: Outcome,
    truths: Mapping[str, Sequence[Word]],
    heard: Mapping[str, Sequence[Word]],
    limits: Limits,
) -> Verdict:
    """`truths` and `heard` are what is said in the references, and what was heard in them."""
    faults: list[str] = []
    if outcome.status is None:
        faults.append("It did not end in time.")
    elif outcome.status not in file.statuses:
        wanted = " or ".join(map(str, file.statuses))
        faults.append(f"Exit status {outcome.status}, right is {wanted}: {_end(outcome.errors)}")
    if "Traceback" in outcome.errors:
        faults.append(f"A traceback: {_end(outcome.errors)}")
    faults += [
        f"The {name} took {outcome.peak_mb[name]:.0f} MB, more than {most_mb:.0f}."
        for name, most_mb in limits.memory_mb.items()
        if outcome.peak_mb.get(name, 0) > most_mb
    ]
    points, sentence = _text_fault(file, outcome, truths, heard)
    faults += sentence
    shift_s, sentence = _time_fault(file, outcome, heard)
    faults += sentence
    if file.missing_s is not None and outcome.status in file.statuses:
        low, high = file.missing_s
        if not low - MISSING_SLACK_S <= outcome.missing_s <= high + MISSING_SLACK_S:
            faults.append(
                f"It says that {outcome.missing_s:.1f} s are missing; "
                f"right is from {low:.1f} to {high:.1f} s."
            )
    return Verdict(file, tuple(faults), points, shift_s, outcome)


def _end(errors: str) -> str:
    return " ".join(errors.split())[-160:]


def _text_fault(
    file: WildFile,
    outcome: Outcome,
    truths: Mapping[str, Sequence[Word]],
    heard: Mapping[str, Sequence[Word]],
) -> tuple[float, list[str]]:
    said = [
        _Said(word.text, piece.place(word.start_s), piece.place(word.end_s), counted)
        for piece in file.pieces
        for word, counted in _within(piece, truths[piece.reference])
    ]
    said = [
        _Said(
            each.text, each.start_s, each.end_s, each.counted and not _is_in_hole(each, file.holes)
        )
        for each in said
    ]
    before = [
        Word(word.text, piece.place(word.start_s), piece.place(word.end_s))
        for piece in file.pieces
        for word, _ in _within(piece, heard[piece.reference])
    ]
    counted = sum(each.counted for each in said)
    usual = _errors(said, before, file.holes)
    errors = _errors(said, outcome.words, file.holes)
    if not counted:
        return 0.0, [f"{errors} words too many."] if errors > FREE_ERRORS else []
    points = (errors - usual) / counted
    if points <= MAX_POINTS or errors - usual <= FREE_ERRORS:
        return points, []
    text = " ".join(word.text for word in outcome.words)
    return points, [
        f"{errors} errors in {counted} words, in the reference {usual}: “{text[:400]}”."
    ]


def _within(piece: Piece, spoken: Iterable[Word]) -> Iterable[tuple[Word, bool]]:
    """The words of a piece, and whether they are whole in it."""
    for word in spoken:
        if word.end_s > piece.start_s and word.start_s < piece.end_s:
            near = word.start_s < piece.start_s - 0.05 or word.end_s > piece.end_s + 0.05
            yield word, not near


def _is_in_hole(word: _Said | Word, holes: Iterable[Hole]) -> bool:
    return any(
        word.end_s > hole.start_s - EDGE_S and word.start_s < hole.end_s + EDGE_S for hole in holes
    )


def _errors(said: Sequence[_Said], heard: Sequence[Word], holes: Sequence[Hole]) -> int:
    """Words wrong, missing or too many, without those that holes excuse (Levenshtein)."""
    missing = [int(word.counted) for word in said]
    extra = [int(not _is_in_hole(word, holes)) for word in heard]
    row = [0]
    for cost in extra:
        row.append(row[-1] + cost)
    for word, deletion in zip(said, missing, strict=True):
        last, row = row, [row[0] + deletion]
        for column, other in enumerate(heard):
            swap = int(word.text != other.text and word.counted)  # a hurt word may be any other
            row.append(
                min(last[column] + swap, last[column + 1] + deletion, row[-1] + extra[column])
            )
    return row[-1]


def _time_fault(
    file: WildFile, outcome: Outcome, heard: Mapping[str, Sequence[Word]]
) -> tuple[float, list[str]]:
    before = [
        Word(word.text, piece.place(word.start_s), piece.place(word.end_s))
        for piece in file.pieces
        for word, whole in _within(piece, heard[piece.reference])
        if whole
    ]
    right = matches([word.text for word in before], [word.text for word in outcome.words])
    shifts = [
        outcome.words[there].start_s - before[here].start_s
        for here, there in right.items()
        if not _is_in_hole(before[here], file.holes)
    ]
    if not shifts:
        return 0.0, []
    row = min(ROW, len(shifts))
    medians = [
        statistics.median(shifts[start : start + row]) for start in range(len(shifts) - row + 1)
    ]
    worst = max(medians, key=abs)
    if abs(worst) <= MAX_SHIFT_S:
        return abs(worst), []
    place = medians.index(worst)
    return abs(worst), [
        f"Words {place + 1} to {place + row} of those that are right are {worst:+.2f} s off."
    ]
