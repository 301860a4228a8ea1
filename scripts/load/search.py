"""The largest number of sessions that holds: doubling, then bisection. Pure."""


class Search:
    """Ask `next`, try so many, tell `take`; `holds` is the answer when `next` is None."""

    def __init__(self, most: int) -> None:
        self.holds = 0
        """The largest number known to hold."""
        self._fails = most + 1
        self._most = most

    def next(self) -> int | None:
        """The number to try; None when the answer is known."""
        if self.holds + 1 >= self._fails:
            return None
        if self._fails > self._most:
            return min(max(2 * self.holds, 1), self._most)
        return (self.holds + self._fails) // 2

    def take(self, count: int, *, held: bool) -> None:
        """How it went."""
        if held:
            self.holds = count
        else:
            self._fails = count
