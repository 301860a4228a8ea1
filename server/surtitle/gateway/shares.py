"""Room shared by all owners, none of whom can starve the others. Pure.

Nothing that somebody has is taken back: who has begun may end. So nobody may have more than what is
left then, and however much the others have taken, one who comes finds half of what they left.
"""

from collections import Counter


class Shares:
    """A fixed amount of room, in any unit."""

    def __init__(self, most: int) -> None:
        """One owner alone may have half of it."""
        self._left = most
        self._held: Counter[str] = Counter()

    def share(self, owner: str) -> "Share":
        """For something of an owner, which has nothing yet."""
        return Share(self, owner)

    def take(self, owner: str, amount: int) -> bool:
        """Take so much more for an owner; False where that is too much, and nothing is taken."""
        if self._held[owner] + amount > self._left - amount:
            return False
        self._held[owner] += amount
        self._left -= amount
        return True

    def give_back(self, owner: str, amount: int) -> None:
        """An owner has so much less."""
        self._left += amount
        self._held[owner] -= amount
        self._held += Counter()  # forget who has none


class Share:
    """What one thing of an owner takes of the room."""

    def __init__(self, shares: Shares, owner: str) -> None:
        self.held = 0
        self._shares = shares
        self._owner = owner

    def grow(self, amount: int) -> bool:
        """Take so much more; False where that is too much, and nothing is taken."""
        may_grow = self._shares.take(self._owner, amount)
        if may_grow:
            self.held += amount
        return may_grow

    def give_back(self) -> None:
        """It is gone."""
        self._shares.give_back(self._owner, self.held)
        self.held = 0
