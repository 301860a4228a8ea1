"""The text of one utterance as it is read: hypotheses in, what to show out, and the final in the end.

Calm comes from rules with a file for each subject: what is shown of a hypothesis and what is not
touched any more (`stability`), how the text goes on across a cut in running speech (`cut_boundary`),
and how it begins after a full stop (`sentence`).
"""

from collections.abc import Sequence

from surtitle.captioning.cut_boundary import CutBoundary, boundary_after, stitch
from surtitle.captioning.sentence import begun
from surtitle.captioning.stability import Stabilizer, split_units
from surtitle.jobs import SAMPLE_RATE

Shown = tuple[str, str]
"""Stable and unstable text."""


class Caption:
    """Positions are absolute samples of the session's audio."""

    def __init__(self, start: int) -> None:
        self.heard_to = start
        """End of the newest hypothesis."""
        self.kept = True
        """Whether the final begins with what was stable."""
        self.after_sentence_in: str | None = None
        """Language of the text before this one, if that ends a sentence: then this one begins one."""
        self._stabilizer = Stabilizer()
        self._shown: Shown = ("", "")
        self._before: CutBoundary | None = None  # what the text follows without a pause
        self._after: CutBoundary | None = None  # what follows it without a pause

    def hear(self, hypothesis: str, end: int, confidences: Sequence[float] = ()) -> Shown | None:
        """Take a hypothesis of the utterance up to `end`; what to show, or None for nothing new.

        `confidences` are those of its last words, see Stabilizer.update.
        """
        if end <= self.heard_to or not hypothesis:
            return None
        spacing_s = (end - self.heard_to) / SAMPLE_RATE
        self.heard_to = end
        text = self._stitched(hypothesis)
        return self._show(*self._stabilizer.update(text, confidences, spacing_s))

    def show_all(self, end: int) -> Shown | None:
        """Show all of the hypothesis up to `end`, if that is the newest: the speaker pauses there."""
        return self._show(*self._stabilizer.show_all()) if end == self.heard_to else None

    def foresee(self, final: str) -> str:
        """The text to end with, should the utterance end now with this final."""
        return self._stabilizer.finalize(self._stitched(final))[0]

    def finish(self, final: str, *, cut: bool) -> str:
        """The text to end with. `cut`: speech was cut here and goes on in the next utterance."""
        text, self.kept = self._stabilizer.finalize(self._stitched(final), cut=cut)
        if cut:
            self._after = boundary_after(text, self._stabilizer.hypothesis)
            text = self._after.before
        return text

    def go_on(self, before: "Caption") -> Shown | None:
        """The utterance follows a cut, whose other side is answered now.

        Returns what stood on the screen beyond the cut and is this utterance's, where it has nothing
        to show yet.
        """
        self._before = before._after
        if self._before is None or self._shown != ("", ""):
            return None
        return self.hear("".join(self._before.after), before.heard_to, [0.0] * before._hidden)

    @property
    def _hidden(self) -> int:
        """How many words of the newest hypothesis are held back."""
        heard = len(split_units(self._stabilizer.hypothesis))
        return heard - len(split_units("".join(self._shown)))

    def _stitched(self, text: str) -> str:
        """The text as it follows what stands before it."""
        stitched = text if self._before is None else stitch(self._before, text)
        if self.after_sentence_in is None:
            return stitched
        return begun(stitched, self.after_sentence_in)

    def _show(self, stable: str, unstable: str) -> Shown | None:
        if (stable, unstable) == self._shown:
            return None
        self._shown = stable, unstable
        return self._shown
