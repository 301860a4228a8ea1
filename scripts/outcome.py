"""What may not happen under faults, counted."""

from dataclasses import dataclass, field


@dataclass
class Outcome:
    """Of many sessions. All must be 0 in the end."""

    lost: int = 0
    """Utterances without an answer."""
    doubled: int = 0
    """Those with more than one."""
    unexpected: int = 0
    """Answers to what was not announced, or with another text than was said."""
    disorder: int = 0
    """Sessions whose answers came out of order."""
    unbalanced: int = 0
    """Sessions whose account of the audio does not add up."""
    orphans: int = 0
    """Processes that were left."""
    problems: list[str] = field(default_factory=list)
    """Everything else, in words."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong that may not."""
        wrong = self.lost + self.doubled + self.unexpected + self.disorder + self.unbalanced
        return not (wrong or self.orphans or self.problems)
