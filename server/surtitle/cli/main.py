"""The `surtitle` command: argv -> Settings -> run; nothing else.

This module is imported by the worker process too (multiprocessing loads the main module again), so
whatever is heavy is imported where it is used.
"""

import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, NoReturn

import click

from surtitle.config import ENV_PREFIX, Settings, is_debugging, load_settings
from surtitle.errors import ConfigurationError, SurtitleError
from surtitle.runtime.addresses import LOOPBACK
from surtitle.runtime.printable import printable
from surtitle.runtime.surroundings import make_good

if TYPE_CHECKING:
    from surtitle.cli.terminal import Writing
    from surtitle.gateway.access import Scope
    from surtitle.subtitles.cues import Layout


class GroupedCommand(click.Command):
    """A command whose help shows the settings in their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group of settings, and one for the command's own options."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(_group(parameter.name), []).append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def _group(name: str | None) -> str:
    field = Settings.model_fields.get(name or "")
    extra = field.json_schema_extra if field else None
    return str(extra["group"]) if isinstance(extra, dict) else "Options"


def settings_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an option for each named setting (all of them without names)."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name, field in reversed(Settings.model_fields.items()):
            if names and name not in names:
                continue
            flag = "--" + name.replace("_", "-")
            text = f"{field.description}  [{field.default}; {ENV_PREFIX}{name.upper()}]"
            function = click.option(flag, name, metavar="VALUE", help=text)(function)
        config = click.option(
            "--config", type=click.Path(path_type=Path), help="TOML file with settings by name."
        )
        return config(function)

    return decorate


def _settings(options: dict[str, Any], **fixed: Any) -> Settings:
    """Settings from the options of a command; `fixed` ones win."""
    config = options.pop("config", None)
    given = {name: value for name, value in options.items() if value is not None}
    return load_settings(given | fixed, config)


_PACKAGE = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the commands cannot see any more of how the process was started."""

    had_input: bool = True
    """Standard input was open."""


@click.group()
@click.version_option(package_name="surtitle")
def cli() -> None:
    """Live captions over WebSocket: audio in, words out, while people speak."""


@cli.command(cls=GroupedCommand)
@settings_options()
@click.pass_obj
def serve(surroundings: Surroundings | None, /, **options: Any) -> None:
    """Run the server.

    Captions, the demo page and health checks share one port.
    """
    settings = _settings(options)
    if settings.stop_with_stdin and surroundings is not None and not surroundings.had_input:
        raise ConfigurationError(
            "--stop-with-stdin needs standard input, but it is closed. Connect a pipe, or leave "
            "out the setting."
        )
    from surtitle.runtime.mainloop import run_on_loop, stop_with_stdin

    if settings.stop_with_stdin:  # before what takes long
        stop_with_stdin()
    from rich.console import Console

    from surtitle import app
    from surtitle.cli.terminal import byte_progress

    with byte_progress(Console(stderr=True)) as report:
        sys.exit(run_on_loop(app.serve(settings, report)))


def _server(*, required: bool) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that name a server."""
    text = "Server to use, such as ws://HOST:PORT" + (
        "." if required else "; by default, the command starts its own."
    )
    default = f"ws://{LOOPBACK}:8765" if required else None

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function = click.option(
            "--key",
            envvar=ENV_PREFIX + "KEY",
            help=f"Key for that server; prefer {ENV_PREFIX}KEY, which other users cannot see.",
        )(function)
        return click.option(
            "--server", metavar="URL", default=default, show_default=required, help=text
        )(function)

    return decorate


def _written(*kinds: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that say what is written, and where."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if "srt" in kinds:
            function = click.option(
                "--style",
                type=click.Choice(["block", "roll-up"]),
                default="block",
                show_default=True,
                help="In SRT and WebVTT: cues that replace each other (block), or lines that "
                "scroll up (roll-up).",
            )(function)
        path = click.Path(dir_okay=False)
        function = click.option(
            "-o", "--output", type=path, help="Write to this file instead of standard output."
        )(function)
        return click.option(
            "--format",
            "kind",
            type=click.Choice(kinds),
            show_default="from the output file's name, or text",
            help="Output format.",
        )(function)

    return decorate


def _writing(options: dict[str, Any], layout: "Layout") -> "Writing":
    """What is to be written, from the options of a command."""
    from surtitle.cli.terminal import Writing

    output = options["output"]
    kind = options["kind"] or _format_of(output)
    return Writing(kind, output, replace(layout, style=options["style"]))


def _revised(where: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option that says whether what was written is corrected; `where` that is not done."""
    return click.option(
        "--no-revisions",
        is_flag=True,
        help="Keep the first text of each utterance. Otherwise, sentences spoken with pauses are "
        f"decoded again as a whole, and the captions are corrected, except for {where}.",
    )


_OWN_SERVER = {
    "host": LOOPBACK,
    "port": 0,
    "keys_file": None,
    "allowed_origins": [],
    "tls_cert": None,
    "tls_key": None,
    "metrics_port": None,
    "trusted_proxies": [],
    "log_level": "warning",
}
"""Settings of the server that a command starts for itself: it is there for nobody else."""

_captioning_settings = settings_options(
    "model",
    "device",
    "compute_type",
    "language",
    "endpoint_silence_ms",
    "max_utterance_ms",
    "caption_width",
    "caption_lines",
)


def _take(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """These options, which are not settings."""
    return {name: options.pop(name) for name in names}


def _own_or_other(server: str | None, options: dict[str, Any]) -> None:
    """Refuse settings of a server of our own beside the name of another."""
    for name in ("model", "device", "compute_type"):
        if server is not None and options[name] is not None:
            flag = "--" + name.replace("_", "-")
            raise ConfigurationError(
                f"{flag} cannot be set for the server at {server}; leave out {flag} or --server."
            )


@cli.command(cls=GroupedCommand)
@click.argument("file")
@_server(required=False)
@click.option(
    "--fast",
    is_flag=True,
    help="Send as fast as the server accepts it, and decode long passages at once: the best text.",
)
@click.option(
    "--track",
    type=click.IntRange(min=1),
    help="Number of the audio track; by default, the one that players choose.",
)
@_written("text", "jsonl", "srt", "vtt")
@_revised("text that is printed live; with --fast, they are right at once")
@click.option("--words", is_flag=True, help="Request the time of each word.")
@click.option("--translate", is_flag=True, help="Translate into English.")
@_captioning_settings
def caption(**options: Any) -> None:
    """Caption FILE: any audio or video, or - for standard input.

    The exit status is 4 if part of the recording could not be read.
    """
    from surtitle.cli.caption import CaptionRequest, caption_file

    request = _take(options, "file", "server", "key", "fast", "words", "translate", "track")
    request["revisions"] = not options.pop("no_revisions")
    _own_or_other(request["server"], options)
    written = _take(options, "kind", "output", "style")
    settings = _settings(options, **_OWN_SERVER)
    writing = _writing(written, settings.layout())
    sys.exit(caption_file(CaptionRequest(**request, writing=writing), settings))


@cli.command(cls=GroupedCommand)
@click.option(
    "--input", "microphone", metavar="NAME", help="Microphone: a number or part of a name."
)
@click.option("--list", "listed", is_flag=True, help="List the microphones and exit.")
@click.option("--channel", metavar="NAME", help="Publish the captions in this channel.")
@_server(required=False)
@_written("text", "jsonl", "srt", "vtt")
@_revised("text that is printed")
@click.option("--translate", is_flag=True, help="Translate into English.")
@_captioning_settings
def mic(**options: Any) -> None:
    """Caption a microphone until Ctrl+C."""
    if options.pop("listed"):
        from surtitle.client.microphone import input_names

        for number, name in input_names().items():
            click.echo(f"{number:3}  {printable(name)}")
        sys.exit(0)
    from surtitle.cli.mic import MicRequest, caption_microphone

    request = _take(options, "channel", "server", "key", "translate")
    _own_or_other(request["server"], options)
    request["revisions"] = not options.pop("no_revisions")
    request["device"] = options.pop("microphone")
    written = _take(options, "kind", "output", "style")
    settings = _settings(options, **_OWN_SERVER)
    writing = _writing(written, settings.layout())
    sys.exit(caption_microphone(MicRequest(**request, writing=writing), settings))


@cli.command()
@click.argument("channel")
@_server(required=True)
@_written("text", "jsonl")
def watch(channel: str, server: str, key: str | None, **written: Any) -> None:
    """Show the captions of CHANNEL until Ctrl+C."""
    from surtitle.cli.terminal import Writing
    from surtitle.cli.watch import watch_channel

    output = written["output"]
    kind = written["kind"] or ("jsonl" if _format_of(output) == "jsonl" else "text")
    sys.exit(watch_channel(server, channel, key, Writing(kind, output)))


def _format_of(output: str | None) -> str:
    """The format that the name of a file asks for."""
    suffix = Path(output or "").suffix.lower().lstrip(".")
    return suffix if suffix in ("srt", "vtt", "jsonl") else "text"


@cli.command(cls=GroupedCommand)
@settings_options("model", "device", "compute_type", "language")
def demo(**options: Any) -> None:
    """Stream a spoken sample to a new server.

    The sample is streamed in real time, and the captions grow in the terminal.
    """
    from surtitle.cli.caption import run_demo

    sys.exit(run_demo(_settings(options, **_OWN_SERVER)))


@cli.command(cls=GroupedCommand)
@settings_options("model", "device", "compute_type", "host", "port")
def check(**options: Any) -> None:
    """Check this installation and explain how to fix any problems."""
    settings = _settings(options)
    from rich.console import Console

    from surtitle import diagnosis

    findings = diagnosis.render(diagnosis.examine(settings), Console())
    sys.exit(diagnosis.exit_status(findings))


def _in_utf_8(context: click.Context, parameter: click.Parameter, text: str) -> str:
    """What was typed: a locale without UTF-8 has made other letters of it."""
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        return text


def _keys_file(command: Callable[..., Any]) -> Callable[..., Any]:
    text = f"The server's key file.  [{ENV_PREFIX}KEYS_FILE]"
    path = click.Path(path_type=Path, dir_okay=False)
    option = click.option(
        "--keys-file", type=path, envvar=ENV_PREFIX + "KEYS_FILE", required=True, help=text
    )
    return option(command)


_scopes = click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["speak", "watch"]),
    default=["speak", "watch"],
    help="What it permits; may be given twice.  [both]",
)


@cli.command()
@click.argument("name", callback=_in_utf_8)
@_keys_file
@_scopes
def key(name: str, keys_file: Path, scopes: "tuple[Scope, ...]") -> None:
    """Make a key for NAME and print it.

    It is printed only this once: the file stores just its hash.
    """
    from surtitle.gateway.access import add_key
    from surtitle.runtime.filerights import loose_rights

    click.echo(add_key(keys_file, name, scopes))
    if (rights := loose_rights(keys_file)) is not None:
        click.echo(f"surtitle: {rights}", err=True)


@cli.command()
@click.argument("name", default="browser", callback=_in_utf_8)
@_keys_file
@_scopes
@click.option("--channel", metavar="NAME", help="Permit only watching this channel.")
@click.option("--speak", metavar="NAME", help="Permit only speaking in this channel.")
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 1440),
    default=10.0,
    show_default=True,
    help="Minutes until the token expires.",
)
def token(
    name: str,
    keys_file: Path,
    scopes: "tuple[Scope, ...]",
    channel: str | None,
    speak: str | None,
    minutes: float,
) -> None:
    """Make a short-lived token for a browser, and print it."""
    from surtitle.gateway.access import read_keys
    from surtitle.messages import CHANNEL_NAME

    for option, bound, scope in (("--channel", channel, "watch"), ("--speak", speak, "speak")):
        if bound is not None and not re.fullmatch(CHANNEL_NAME, bound):
            raise click.UsageError("A channel name consists of 1 to 64 letters, digits, - and _.")
        if bound is not None and scope not in scopes:
            raise click.UsageError(
                f"{option} already determines what the token permits; leave out --scope."
            )
    until = time.time() + 60 * minutes
    ring = read_keys(keys_file)
    click.echo(ring.make_token(name, scopes, until, channel=channel, speak=speak))


def main() -> NoReturn:
    """Run the command; an error is a sentence, not a traceback."""
    had_input = make_good()
    try:
        cli(obj=Surroundings(had_input))
    except SurtitleError as error:
        click.echo(f"surtitle: {printable(str(error))}", err=True)
    except Exception as error:
        if is_debugging():
            raise
        click.echo(f"surtitle: {printable(_unexpected(error))}", err=True)
    else:
        sys.exit(0)
    sys.exit(1)


def _unexpected(error: Exception) -> str:
    """A sentence about what nobody has thought of: limits of the machine, or a mistake of ours."""
    said = next(iter(str(error).splitlines()), "").rstrip(".")
    own = [
        frame for frame in extract_tb(error.__traceback__) if frame.filename.startswith(_PACKAGE)
    ]
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return (
        f"Unexpected error: {type(error).__name__}{': ' if said else ''}{said}{where}. Check "
        "whether this machine is short of memory, file descriptors, processes or permissions; "
        f"{ENV_PREFIX}LOG_LEVEL=debug shows more."
    )
