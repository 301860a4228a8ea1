"""All attacks by name, and what each of them needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from attacks import (
    dialects,
    floods,
    hostile_files,
    kept,
    killing,
    readers,
    requests,
    sessions,
    uploads,
)
from attacks.wire import Attack

WYOMING: dict[str, object] = {"wyoming": "tcp://127.0.0.1:0"}


@dataclass(frozen=True)
class Kind:
    """An attack."""

    subject: str
    """Of what it is: attacks of one subject are run one after the other."""
    about: str
    """What one attacker does, in a few words."""
    attack: Attack
    file: str | None = None
    """Which file it sends, of `files.MADE`."""
    settings: dict[str, object] = field(default_factory=dict)
    """What the server is told besides the defaults."""
    needs_seats: bool = False
    """The server has few places more than there are victims."""
    fills_seats: bool = False
    """Attackers may rightly have all that are free, so newcomers do not count."""
    prepare: Callable[[Path], dict[str, object]] | None = None
    """Makes in a folder what it needs; returns what else the server is told."""
    cuts_publisher: bool = False
    """The link of the victim that publishes is cut, for a second."""


def _dialects(about: str, attack: Attack, **settings: object) -> Kind:
    return Kind("dialects", about, attack, settings=settings)


def _file(about: str, name: str) -> Kind:
    return Kind("containers", about, hostile_files.sends(name), name)


KINDS: dict[str, Kind] = {
    "flac-comments-40k": _file("FLAC with 40,000 comments", "comments-40k"),
    "flac-comments-300k": _file("FLAC with 300,000 comments", "comments-300k"),
    "packed-silence": _file("WebM, 10 kB that hold 1,237 s of PCM packed with zlib", "packed"),
    "huge-picture": _file("Matroska with a picture of 16,000 by 16,000", "picture"),
    "attachments": _file("Matroska with 24 MB of attachments", "attached"),
    "tags": _file("Matroska with 40,000 tags", "tags"),
    "tracks": _file("Matroska with 900 tracks of AC-3", "tracks"),
    "transport-stream": _file("a transport stream with 900 tracks of AC-3", "transport"),
    "sample-tables": _file("MP4 that claims 50 million samples", "tables"),
    "years": _file("WebM whose times jump by ten years, 50 times", "years"),
    "endless-header": Kind(
        "containers", "containers that never come to a sample", hostile_files.endless_header
    ),
    "come-and-go": Kind(
        "containers",
        "containers that are begun and left, twice a second",
        hostile_files.come_and_go,
    ),
    "dying-decoders": Kind("containers", "WebM whose decoders are killed", killing.dying_decoders),
    **{
        f"viewer-{kind.replace(' ', '-')}": Kind(
            "floods", f"a viewer's {kind}, 2 MB/s", floods.viewers(kind)
        )
        for kind in floods.KINDS
    },
    **{
        f"speaker-{kind.replace(' ', '-')}": Kind(
            "floods", f"a speaker's {kind}, 2 MB/s", floods.speakers(kind)
        )
        for kind in floods.KINDS
    },
    **{
        f"http-{kind.replace(' ', '-')}": Kind(
            "requests", f"{kind} over HTTP, 2 MB/s", requests.flood(kind)
        )
        for kind in requests.KINDS
    },
    "updates": Kind(
        "sessions", "updates of 44 kB behind speech without an answer", sessions.updates
    ),
    "flushes": Kind("sessions", "speech with a flush every 250 ms", sessions.flushes),
    "large-frames": Kind(
        "sessions", "noise as µ-law in frames of a megabyte, and gone", sessions.large_frames
    ),
    "fast-files": Kind("sessions", "files sent as fast as they are taken", sessions.fast_files),
    "left-behind": Kind("sessions", "59 s of speech at once, and gone", sessions.left_behind),
    "silent": Kind(
        "places", "10 connections that never send start", sessions.silent, needs_seats=True
    ),
    "half-open": Kind(
        "places", "10 handshakes of a letter a second", sessions.half_open, needs_seats=True
    ),
    "past-the-limit": Kind(
        "places",
        "10 sessions at once, while one waits for its client",
        sessions.past_the_limit,
        needs_seats=True,
        fills_seats=True,
    ),
    "take-over": Kind(
        "channels",
        "claims a channel whose speaker's link breaks",
        sessions.take_over,
        cuts_publisher=True,
    ),
    "unread-files": Kind("readers", "14 files asked for and not read", readers.unread_files),
    "deaf-speakers": Kind("readers", "speaks and pings, and reads nothing", readers.deaf_speakers),
    "deaf-viewers": Kind("readers", "watches, and reads nothing", readers.deaf_viewers),
    "realtime-appends": _dialects(
        "OpenAI Realtime: a quarter of an hour of speech in each event", dialects.appends
    ),
    "realtime-unfinished": _dialects(
        "OpenAI Realtime: events of 20 MB whose last byte never comes", dialects.unfinished
    ),
    "realtime-commits": _dialects(
        "OpenAI Realtime: items of a single sample, behind speech", dialects.commits
    ),
    "dialect-flushes": _dialects(
        "Deepgram and Flux: `Finalize` and the like without a pause, behind speech",
        dialects.flushes,
    ),
    "vosk-resets": _dialects(
        "vosk: `reset` and empty frames without a pause, behind speech", dialects.resets
    ),
    "dialect-configures": _dialects(
        "Deepgram, Flux, vosk, OpenAI Realtime: configurations of up to a megabyte",
        dialects.configures,
    ),
    "key-terms": _dialects(
        "Deepgram and Flux: handshakes with 250 key terms without a pause", dialects.key_terms
    ),
    "nested": _dialects(
        "all dialects: objects in objects, of any depth", dialects.nested, **WYOMING
    ),
    "wyoming-events": _dialects(
        "Wyoming: small events without a pause", dialects.wyoming_events, **WYOMING
    ),
    "wyoming-heads": _dialects(
        "Wyoming: heads as large as may be, or of a byte a second",
        dialects.wyoming_heads,
        **WYOMING,
    ),
    "upload-forms": Kind("uploads", "forms that are long to read, 2 MB/s", uploads.forms),
    "upload-spool": Kind(
        "uploads",
        "files before their fields, which never come",
        uploads.spool,
        settings={"max_upload_mb": uploads.SPOOL_MB},
    ),
    "upload-broken": Kind("uploads", "files of a byte a second, or that break off", uploads.broken),
    "upload-silence": Kind(
        "uploads", "FLAC, 200 kB that hold an hour of silence", uploads.sends("silence"), "silence"
    ),
    "upload-unread": Kind("uploads", "answers with all words, not read", uploads.unread),
    "archive-reads": Kind(
        "kept",
        "a talk of three hours read as subtitles, without a pause",
        kept.archive_reads,
        prepare=kept.write_talk,
    ),
    "archive-lists": Kind(
        "kept",
        "lists of what is kept, without a pause",
        kept.archive_lists,
        prepare=kept.write_talk,
    ),
    "corrections": Kind(
        "kept", "corrections of captions that there are not, 2 MB/s", kept.corrections
    ),
    "rewritings": Kind(
        "kept",
        "corrections that take long to compare, 2 MB/s",
        kept.rewritings,
        prepare=kept.write_talk,
    ),
    "replacements": Kind(
        "sessions", "speech with 100 replacements of 100 characters", sessions.replacements
    ),
    "models": Kind("uploads", "which models there are, asked without a pause", uploads.models),
}
