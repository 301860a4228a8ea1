"""Containers -> samples, in processes that may die.

What strangers send as WebM, MP4 or any other container is parsed by FFmpeg, which is native code:
it may crash, loop, or take memory without end. So it never runs in the server process. Each session
that sends a container has a small process of its own (`child`), forked from one that has the
library loaded (`forkserver`), with bounds on memory and processor time. `decoders` is the server's
end.
"""
