"""The protocols of other services, as pure translators: no socket, no clock.

What their clients say becomes calls of a session, and what the session says becomes their frames. Facts
about the protocols are in `docs/compatibility.md`.
"""
