"""Who has to go where too many have come. Pure."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Places(Generic[T]):
    """So many places, for those who have settled and for those who have only come.

    Where they are all taken, a newcomer gets the place of the one who has waited longest without
    settling, among those of the owner who has most of such: many who do nothing keep nobody out.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._settled: set[T] = set()
        self._owners: dict[T, str] = {}
        """Of those who have only come."""
        self._waiting: dict[str, dict[T, None]] = {}
        """Those again by owner, the longest first."""

    def __len__(self) -> int:
        return len(self._settled) + len(self._owners)

    def enter(self, one: T, owner: str) -> T | None:
        """Somebody comes; returns who has to go for that, and has no place any more.

        It may be the newcomer, where all others have settled.
        """
        self._owners[one] = owner
        self._waiting.setdefault(owner, {})[one] = None
        if len(self) <= self._places:
            return None
        most = max(self._waiting.values(), key=len)
        gone = next(iter(most))
        self.leave(gone)
        return gone

    def has_room_for(self, owner: str) -> bool:
        """Whether a newcomer of this owner displaces none of the same owner, who would come again.

        So where all are taken, another owner has two more: one gives way, and cannot take that back.
        """
        if len(self) < self._places:
            return True
        most = max(map(len, self._waiting.values()), default=0)
        return most >= len(self._waiting.get(owner, ())) + 2

    def settle(self, one: T) -> None:
        """Somebody has done what was to be done here, and stays; not for one who has lost the place."""
        if one in self._owners:
            self.leave(one)
            self._settled.add(one)

    def leave(self, one: T) -> None:
        """Somebody goes, or has gone already."""
        self._settled.discard(one)
        owner = self._owners.pop(one, None)
        if owner is not None:
            del self._waiting[owner][one]
            if not self._waiting[owner]:
                del self._waiting[owner]
