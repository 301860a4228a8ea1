"""The sinks of a server, from its settings and from a file that may change while it runs."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import structlog

from surtitle.errors import ConfigurationError
from surtitle.runtime.filechange import FileChange
from surtitle.runtime.filerights import loose_rights
from surtitle.sinks.files import FileOutlet
from surtitle.sinks.forms import Form, WebHook, YouTube, Zoom
from surtitle.sinks.growing import Growing
from surtitle.sinks.hls import HlsOutlet
from surtitle.sinks.places import Kind, Place, name_place, parse_places, sinks_in
from surtitle.sinks.sink import LIVE_S, WEBHOOK_S, Outlet, Patience, Sink, Sinks
from surtitle.subtitles.cues import Layout

log = structlog.get_logger("surtitle.sinks")

LOOK_EVERY_S = 2.0
"""How often the file is looked at: somebody has just written the address of a meeting into it."""

PATIENCE = {
    Kind.ZOOM: Patience(LIVE_S),
    Kind.YOUTUBE: Patience(LIVE_S),
    Kind.WEBHOOK: Patience(WEBHOOK_S),
    Kind.FILE: Patience(),
    Kind.HLS: Patience(),
}
CORRECTS = (Kind.WEBHOOK, Kind.FILE, Kind.HLS)
"""Who can correct what was sent."""


class ListedSinks:
    """The sinks that are listed in the settings, and in a file if there is one."""

    def __init__(
        self, listed: Sequence[str], file: Path | None, secret: str, layout: Layout
    ) -> None:
        """`secret` signs what goes to webhooks. Raises ConfigurationError."""
        self._listed = listed
        self._file = file
        self._secret = secret
        self._layout = layout
        self._made: dict[Place, Sink] = {}
        self.sinks = Sinks()
        self._change = FileChange(*([] if file is None else [file]))
        self._read()
        self._warn()

    async def watch(self) -> None:
        """Take the file anew when it has changed, for ever."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.refresh()

    def refresh(self) -> None:
        """Read the file again if it has changed; one that cannot be used changes nothing."""
        if not self._change.is_new():
            return
        try:
            self._read()
        except ConfigurationError as error:
            log.error("the new file of sinks cannot be used", cause=str(error))
        else:
            log.info("new sinks", sinks=[sink.name for sink in self.sinks])
        self._warn()

    def _read(self) -> None:
        """Those that stay keep what waits for them, and their numbers."""
        places = read_places(self._listed, self._file)
        made: dict[Place, Sink] = {}
        for place in places:
            names = {sink.name for sink in [*self._made.values(), *made.values()]}
            made[place] = self._made.get(place) or self._make(place, name_place(place, names))
        self._made = made
        by_channel = defaultdict[str, list[Sink]](list)
        for place, sink in made.items():
            by_channel[place.channel].append(sink)
        self.sinks.change(by_channel)

    def _make(self, place: Place, name: str) -> Sink:
        match place.kind:
            case Kind.FILE:
                outlet = _file(place, self._layout)
            case Kind.HLS:
                outlet = _folder(place, self._layout)
            case _:
                outlet = _web(_form(place, self._secret))
        revisions = place.kind in CORRECTS
        return Sink(name, outlet, PATIENCE[place.kind], takes_revisions=revisions)

    def _warn(self) -> None:
        if self._file is not None and (rights := loose_rights(self._file)) is not None:
            log.warning("the file of sinks is accessible to other users", rights=rights)


def read_places(listed: Sequence[str], file: Path | None) -> tuple[Place, ...]:
    """Where captions are to go on to. Raises ConfigurationError."""
    try:
        texts = [] if file is None else sinks_in(file.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The sinks in {file} cannot be read: {error}.") from error
    try:
        return parse_places([*listed, *texts])
    except ValueError as error:
        raise ConfigurationError(f"The sinks cannot be used: {error}.") from error


def must_be_signed(secret: str) -> None:
    """Raises ConfigurationError where there is nothing to sign with."""
    if not secret:
        raise ConfigurationError(
            "What goes to a webhook is signed: name a file with a secret, by "
            "--webhook-secret-file. `openssl rand -hex 32` makes one."
        )


def folder_of(place: Place) -> Path:
    """Where files are written for it. Raises ConfigurationError where they cannot be."""
    path = Path(place.where)
    folder = path.parent if place.kind is Kind.FILE else path
    if not folder.is_dir():
        raise ConfigurationError(
            f"The captions of {place.channel} cannot be written: there is no folder {folder}."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"The captions of {place.channel} cannot be written: the folder {folder} is not writable."
        )
    return folder


def _form(place: Place, secret: str) -> Form:
    match place.kind:
        case Kind.ZOOM:
            return Zoom(place.target)
        case Kind.YOUTUBE:
            return YouTube(place.target)
        case _:
            must_be_signed(secret)
            return WebHook(place.target, secret)


def _web(form: Form) -> Outlet:
    from surtitle.sinks.web import WebOutlet  # whoever has no sink needs no client

    try:
        return WebOutlet(form)
    except (ImportError, OSError, ValueError) as error:  # of a proxy or a certificate authority
        raise ConfigurationError(
            "Nothing can be sent to sinks with the environment of this server (ALL_PROXY, HTTPS_PROXY, "
            f"SSL_CERT_FILE): {error}."
        ) from error


def _file(place: Place, layout: Layout) -> Outlet:
    folder_of(place)  # raises
    return FileOutlet(Path(place.where), Growing(place.extension, layout))


def _folder(place: Place, layout: Layout) -> Outlet:
    return HlsOutlet(folder_of(place), place.segmenting, layout)
