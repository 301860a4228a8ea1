"""What has come and nobody has taken yet."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from typing import TypeVar

from surtitle.messages import Ack, Partial

T = TypeVar("T")


def superseded_by(message: object) -> Hashable | None:
    """Messages with the same answer are of no use once a newer one has come; None is never missed.

    They are the partials of an utterance, and acknowledgements.
    """
    match message:
        case Partial():
            return message.utterance
        case Ack():
            return Ack
    return None


class Inbox(AsyncIterator[T]):
    """Items on their way to a loop, oldest first.

    A wait that is cancelled loses none. Two loops over one inbox share its items.
    """

    def __init__(self, superseded_by: Callable[[T], Hashable | None] = lambda item: None) -> None:
        """Of the items with the same answer, unless that is None, only the newest waits."""
        self._superseded_by = superseded_by
        self._items: OrderedDict[Hashable, T] = OrderedDict()
        self._news = asyncio.Event()
        self._is_over = False
        self._error: Exception | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Append an item. After the end nothing is taken."""
        if self._is_over:
            return
        key = self._superseded_by(item)
        key = object() if key is None else key
        self._items.pop(key, None)
        self._items[key] = item
        self._news.set()

    def drop_oldest(self) -> None:
        """Take one away that nobody gets."""
        self._items.popitem(last=False)

    def end(self, error: Exception | None = None) -> None:
        """Nothing comes after this; the loops end, or raise the error, once all is taken."""
        if not self._is_over:
            self._is_over, self._error = True, error
            self._news.set()

    async def __anext__(self) -> T:
        while not self._items:
            if self._is_over:
                raise self._error or StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._items.popitem(last=False)[1]
