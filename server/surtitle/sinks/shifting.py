"""A final of one session on the clock of several, without control characters. Pure."""

from msgspec import structs

from surtitle.messages import Final
from surtitle.runtime.printable import printable


def shifted(final: Final, by_ms: int) -> Final:
    """So much later, and at 0 at the earliest."""

    def moved(ms: int) -> int:
        return max(ms + by_ms, 0)

    words = final.words and [
        structs.replace(w, start_ms=moved(w.start_ms), end_ms=moved(w.end_ms)) for w in final.words
    ]
    return structs.replace(
        final,
        start_ms=moved(final.start_ms),
        end_ms=moved(final.end_ms),
        text=printable(final.text),
        words=words,
    )
