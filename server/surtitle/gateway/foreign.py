"""What the log says of pages that may not use the server: each origin and each name once, with the
setting that would let it in.
"""

from collections.abc import Sequence

import structlog

log = structlog.get_logger("surtitle.gateway")

MAX_TOLD = 100
"""How many origins and names are logged, so that nobody can fill the log."""
MAX_CHARACTERS = 200
"""Of one: both are what anybody sends."""


class ForeignPages:
    """Remembers what was told."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        """`allowed` are the origins that the server was started with."""
        self._allowed = tuple(allowed)
        self._told: set[str] = set()

    def on_origin(self, origin: str) -> None:
        """A page of this origin was refused."""
        if not self._is_new(origin):
            return
        if "://" in origin:
            log.warning(
                "a page from another origin was refused", origin=origin, fix=self._option(origin)
            )
        else:  # "null" is the origin of every page that has none
            log.warning("a page without an origin of its own was refused", origin=origin)

    def on_name(self, host: str) -> None:
        """Somebody has asked under this name, which is none of ours."""
        if self._is_new(host):
            fix = self._option(f"http://{host}")
            log.warning("a request under another name was refused", host=host, fix=fix)

    def _option(self, origin: str) -> str:
        return f"--allowed-origins {','.join((*self._allowed, origin))}"

    def _is_new(self, what: str) -> bool:
        """Whether this is to be told."""
        what = what[:MAX_CHARACTERS]
        if what in self._told or len(self._told) >= MAX_TOLD:
            return False
        self._told.add(what)
        if len(self._told) == MAX_TOLD:
            log.warning("no more origins and names are told", told=MAX_TOLD)
        return True
