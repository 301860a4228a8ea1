"""The `surtitle` command: argv -> Settings -> run; nothing else.

This module is imported by the worker process too (multiprocessing loads the main module again), so
whatever is heavy is imported where it is used.
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, NoReturn

import click
from click.shell_completion import CompletionItem

from surtitle.captioning.glossary import checked, pairs_in
from surtitle.config import (
    ENV_PREFIX,
    Settings,
    choices,
    expected,
    is_debugging,
    load_settings,
    read_names,
)
from surtitle.errors import ConfigurationError, SurtitleError
from surtitle.runtime.addresses import LOOPBACK
from surtitle.runtime.printable import printable
from surtitle.runtime.surroundings import make_good

if TYPE_CHECKING:
    from surtitle.cli.writing import Writing
    from surtitle.gateway.access import Scope
    from surtitle.subtitles.cues import Layout


MAX_PORT = 65_535


class GroupedCommand(click.Command):
    """A command whose help shows the settings in their groups."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line. An option without its value is told with what to write."""
        if ctx.resilient_parsing:  # the shell asks what fits
            return super().parse_args(ctx, args)
        options = {name: each for each in self.get_params(ctx) for name in each.opts}
        for word, following in zip_longest(args, args[1:]):
            option = options.get(word)
            takes_value = isinstance(option, click.Option) and not (
                option.is_flag or _is_switch(option.name)
            )
            if takes_value and (following is None or following in options):
                raise click.BadOptionUsage(word, _what_is_missing(word, option), ctx)
        return super().parse_args(ctx, args)

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


def _is_switch(name: str | None) -> bool:
    field = Settings.model_fields.get(name or "")
    return field is not None and field.annotation is bool


def _what_is_missing(word: str, option: click.Parameter | None) -> str:
    """Of an option that stands alone."""
    assert isinstance(option, click.Option)
    if (field := Settings.model_fields.get(option.name or "")) is None:
        return f"{word} needs a value. {option.help}"
    values = f": {meant}" if (meant := expected(option.name or "")) else ""
    return f"{word} needs a value{values}. {field.description}"


def _group(name: str | None) -> str:
    field = Settings.model_fields.get(name or "")
    extra = field.json_schema_extra if field else None
    return str(extra["group"]) if isinstance(extra, dict) else "Options"


def _complete(
    name: str, context: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    """What the shell proposes for a setting."""
    if (field := Settings.model_fields[name]).annotation in (Path, Path | None):
        return [CompletionItem(typed, type="file")]
    values = ("true", "false") if field.annotation is bool else choices(name)
    return [CompletionItem(value) for value in values if value.startswith(typed)]


def settings_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an option for each named setting (all of them without names)."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name, field in reversed(Settings.model_fields.items()):
            if names and name not in names:
                continue
            flag = "--" + name.replace("_", "-")
            text = f"{field.description}  [{field.default}; {ENV_PREFIX}{name.upper()}]"
            several = field.annotation == list[str]
            is_switch = field.annotation is bool  # which may stand alone
            alone: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if is_switch else {}
            function = click.option(
                flag,
                name,
                metavar="[true|false]" if is_switch else "|".join(choices(name)) or "VALUE",
                help=text,
                multiple=several,
                shell_complete=partial(_complete, name),
                **alone,
            )(function)
        config = click.option(
            "--config", type=click.Path(path_type=Path), help="TOML file with settings by name."
        )
        return config(function)

    return decorate


def _settings(options: dict[str, Any], **fixed: Any) -> Settings:
    """Settings from the options of a command; `fixed` ones win."""
    config = options.pop("config", None)
    given = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }
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


def _arguments() -> list[str]:
    """Those of this process, its program first, as somebody would type it."""
    program, *rest = sys.argv
    name = Path(program).name
    return [name if shutil.which(name) == program else program, *rest]


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
    from surtitle.cli.terminal import byte_progress, show_addresses
    from surtitle.gateway.whereabouts import command_for_network

    console = Console(stderr=True)

    def tell(started: app.App) -> None:
        if console.is_terminal and settings.log_format == "text":
            show_addresses(console, started.url, started.gateway.network_urls)

    command = command_for_network(
        _arguments(),
        has_keys=settings.keys_file is not None,
        has_archive=bool(settings.archive),
    )
    with byte_progress(console) as report:
        serving = app.serve(settings, report, command_for_network=command, on_ready=tell)
        sys.exit(run_on_loop(serving))


@cli.command(cls=GroupedCommand)
@click.option(
    "--listen",
    "address",
    default=f"{LOOPBACK}:8766",
    show_default=True,
    metavar="HOST:PORT",
    help="Where gateways find it.",
)
@settings_options(
    "model",
    "partial_model",
    "device",
    "devices",
    "compute_type",
    "replicas",
    "threads",
    "batch",
    "worker_nice",
    "overload_wait_ms",
    "engine_secret_file",
    "engine_ca",
    "server_name",
    "tls_cert",
    "tls_key",
    "lease_s",
    "startup_s",
    "drain_s",
    "log_level",
    "log_format",
)
def engine(address: str, **options: Any) -> None:
    """Run an engine for servers on other machines.

    They use it by `surtitle serve --engine ws://HOST:PORT`.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > MAX_PORT:
        raise click.UsageError("Write the address as HOST:PORT, such as 127.0.0.1:8766.")
    settings = _settings(options)
    from rich.console import Console

    from surtitle.cli.engine import serve_engine
    from surtitle.cli.terminal import byte_progress
    from surtitle.runtime.mainloop import run_on_loop

    with byte_progress(Console(stderr=True)) as report:
        sys.exit(run_on_loop(serve_engine(settings, host.strip("[]"), int(port), report)))


@cli.group()
def ray() -> None:
    """Engines on a Ray cluster."""


@ray.command(cls=GroupedCommand)
@click.option(
    "--address",
    default="auto",
    show_default=True,
    metavar="HOST:PORT",
    help="The cluster; auto means the one of this machine.",
)
@click.option("--local", is_flag=True, help="Start a cluster on this machine, until Ctrl+C.")
@click.option("--name", default="captions", show_default=True, help="Of the application.")
@click.option(
    "--route-prefix", metavar="PATH", help="Where gateways find the engines.  [/ and the name]"
)
@click.option(
    "--min-engines", type=click.IntRange(min=1), default=1, show_default=True, help="At the least."
)
@click.option(
    "--max-engines", type=click.IntRange(min=1), help="At the most.  [as many as at the least]"
)
@click.option(
    "--owed-jobs",
    type=click.FloatRange(min=0, min_open=True),
    default=8.0,
    show_default=True,
    help="Jobs that an engine has not answered yet: there are so many engines that each has so many.",
)
@click.option(
    "--scale-up-s",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Seconds for which more engines have to be wanted.",
)
@click.option(
    "--scale-down-s",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    help="Seconds for which fewer engines have to be wanted.",
)
@click.option(
    "--num-cpus",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Cores that Ray keeps for each engine.",
)
@click.option(
    "--num-gpus",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="GPUs, or the share of one, that Ray keeps for each engine. With 0, it runs on a CPU.",
)
@click.option("--http-host", default=LOOPBACK, show_default=True, help="Of Ray Serve's ingress.")
@click.option(
    "--http-port",
    type=click.IntRange(1, MAX_PORT),
    default=8000,
    show_default=True,
    help="Of Ray Serve's ingress.",
)
@settings_options(
    "model",
    "partial_model",
    "compute_type",
    "replicas",
    "threads",
    "batch",
    "worker_nice",
    "overload_wait_ms",
    "engine_secret_file",
    "lease_s",
    "startup_s",
    "drain_s",
    "log_level",
    "log_format",
)
def deploy(**options: Any) -> None:
    """Have a Ray cluster run engines, or replace those that it runs.

    Servers use them by `surtitle serve --engine lb+ws://HOST:PORT/PREFIX`. Once they are ready, the
    command ends.
    """
    asked = _take(
        options,
        *("address", "local", "name", "route_prefix", "min_engines", "max_engines", "owed_jobs"),
        *("scale_up_s", "scale_down_s", "num_cpus", "num_gpus", "http_host", "http_port"),
    )
    least, most = asked["min_engines"], asked["max_engines"] or asked["min_engines"]
    if most < least:
        raise click.UsageError("--max-engines must not be less than --min-engines.")
    settings = _settings(options)
    from surtitle.cli import cluster
    from surtitle.cluster.plan import Plan

    plan = Plan(
        name=asked["name"],
        prefix=asked["route_prefix"] or f"/{asked['name']}",
        least=least,
        most=most,
        owed_jobs=asked["owed_jobs"],
        scale_up_s=asked["scale_up_s"],
        scale_down_s=asked["scale_down_s"],
        num_cpus=asked["num_cpus"],
        num_gpus=asked["num_gpus"],
        drain_s=settings.drain_s,
    )
    address = cluster.LOCAL if asked["local"] else asked["address"]
    where = cluster.Where(address, asked["http_host"], asked["http_port"])
    sys.exit(cluster.deploy(settings, plan, where))


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


def _written(
    *kinds: str, folders: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that say what is written, and where."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if "srt" in kinds:
            function = click.option(
                "--style",
                type=click.Choice(["block", "roll-up"]),
                default="block",
                show_default=True,
                help="In SRT, WebVTT and ASS: cues that replace each other (block), or lines that "
                "scroll up (roll-up).",
            )(function)
        path = click.Path(dir_okay=folders)
        what = "file or into this folder" if folders else "file"
        function = click.option(
            "-o",
            "--output",
            type=path,
            help=f"Write to this {what}, not to standard output. A file is replaced only at the end.",
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
    from surtitle.cli.writing import Writing

    output = options["output"]
    kind = options["kind"] or _format_of(output, "text", "jsonl", "srt", "vtt", "ass")
    return Writing(kind, output, replace(layout, style=options["style"]))


def _revised(where: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option that says whether what was written is corrected; `where` that is not done."""
    return click.option(
        "--no-revisions",
        is_flag=True,
        help="Keep the first text of each utterance. Otherwise, sentences spoken with pauses are "
        f"decoded again as a whole, and the captions are corrected, except for {where}.",
    )


def _hotwords(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name names."""
    function = click.option(
        "--hotwords-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File with such names and terms, one per line.",
    )(function)
    function = click.option(
        "--replace",
        multiple=True,
        metavar="WRONG=RIGHT",
        help="Write RIGHT where WRONG is heard, such as choppy=Chopin; may be given several times.",
    )(function)
    return click.option(
        "--hotwords",
        multiple=True,
        metavar="NAMES",
        help="Names and terms that are likely to be said, separated by commas; may be given several "
        "times.",
    )(function)


def _take_replacements(options: dict[str, Any]) -> dict[str, str]:
    """Those of a command. Raises ConfigurationError."""
    return pairs_in("\n".join(options.pop("replace")), "--replace")


def _take_hotwords(options: dict[str, Any]) -> tuple[str, ...]:
    """The names from the options of a command. Raises ConfigurationError."""
    given = [name.strip() for text in options.pop("hotwords") for name in text.split(",")]
    file = options.pop("hotwords_file")
    names = [*filter(None, given), *(read_names(file) if file is not None else ())]
    return checked(names, "--hotwords")


_OWN_SERVER = {
    "host": LOOPBACK,
    "port": 0,
    "keys_file": None,
    "allowed_origins": [],
    "tls_cert": None,
    "tls_key": None,
    "metrics_port": None,
    "vosk_port": None,
    "wyoming": None,
    "wyoming_zeroconf": None,
    "trusted_proxies": [],
    "archive": "",
    "backplane": "",
    "sinks": [],
    "sinks_file": None,
    "webhook_secret_file": None,
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
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
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
@_written("text", "jsonl", "srt", "vtt", "ass", folders=True)
@_revised("text that is printed live; with --fast, they are right at once")
@click.option("--words", is_flag=True, help="Request the time of each word.")
@click.option("--translate", is_flag=True, help="Translate into English.")
@_hotwords
@_captioning_settings
def caption(**options: Any) -> None:
    """Caption each FILE: any audio or video, or - for standard input.

    The captions of several files go beside them, or into the folder named by -o, under their names.

    The exit status is 4 if part of a recording could not be read, and 1 if a file could not be
    captioned; the others still are.
    """
    from surtitle.cli.caption import CaptionRequest, Job, caption_files
    from surtitle.cli.outputs import is_folder, make_folder, outputs_of

    request = _take(options, "server", "key", "fast", "words", "translate", "track")
    request["revisions"] = not options.pop("no_revisions")
    request["hotwords"] = _take_hotwords(options)
    request["replacements"] = _take_replacements(options)
    files, output = options.pop("files"), options["output"]
    if len(files) > 1 or is_folder(output):
        options["output"] = None  # its name says nothing of the format
    _own_or_other(request["server"], options)
    written = _take(options, "kind", "output", "style")
    settings = _settings(options, **_OWN_SERVER)
    writing = _writing(written, settings.layout())
    targets = outputs_of(files, output, writing.kind)
    if output is not None and is_folder(output):
        make_folder(output)
    jobs = tuple(Job(file, replace(writing, output=target)) for file, target in targets)
    sys.exit(caption_files(CaptionRequest(**request, jobs=jobs), settings))


@cli.command(cls=GroupedCommand)
@click.option(
    "--input", "microphone", metavar="NAME", help="Microphone: a number or part of a name."
)
@click.option("--list", "listed", is_flag=True, help="List the microphones and exit.")
@click.option("--channel", metavar="NAME", help="Publish the captions in this channel.")
@_server(required=False)
@_written("text", "jsonl", "srt", "vtt", "ass")
@_revised("text that is printed")
@click.option("--translate", is_flag=True, help="Translate into English.")
@_hotwords
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
    request["hotwords"] = _take_hotwords(options)
    request["replacements"] = _take_replacements(options)
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
    from surtitle.cli.watch import watch_channel
    from surtitle.cli.writing import Writing

    output = written["output"]
    kind = written["kind"] or _format_of(output, "text", "jsonl")
    sys.exit(watch_channel(server, channel, key, Writing(kind, output)))


def _format_of(output: str | None, *kinds: str) -> str:
    """The format that the name of a file asks for. Raises ConfigurationError for other ones."""
    suffix = Path(output or "").suffix.lower()
    kind = suffix.lstrip(".")
    if suffix in ("", ".txt", ".text"):
        return "text"
    if kind not in kinds:
        raise ConfigurationError(
            f"{output} cannot be written: the formats are {', '.join(kinds)}. Let the name of the file "
            "end in .txt or in one of them, or choose one with --format."
        )
    return kind


@cli.command(cls=GroupedCommand)
@settings_options("model", "device", "compute_type", "language")
def demo(**options: Any) -> None:
    """Stream a spoken sample to a new server.

    The sample is streamed in real time, and the captions grow in the terminal.
    """
    from surtitle.cli.caption import run_demo

    sys.exit(run_demo(_settings(options, **_OWN_SERVER)))


@cli.command(cls=GroupedCommand)
@settings_options(
    "model",
    "partial_model",
    "device",
    "compute_type",
    "host",
    "port",
    "keys_file",
    "tls_cert",
    "tls_key",
    "archive",
    "backplane",
    "engine",
    "engine_secret_file",
    "engine_ca",
    "engine_cert",
    "engine_key",
    "sinks",
    "sinks_file",
    "webhook_secret_file",
)
def check(**options: Any) -> None:
    """Check this installation and explain how to fix any problems."""
    settings = _settings(options)
    from rich.console import Console

    from surtitle import diagnosis

    findings = diagnosis.render(diagnosis.examine(settings), Console())
    sys.exit(diagnosis.exit_status(findings))


@cli.group()
def models() -> None:
    """List, download and remove models."""


@models.command("list")
def list_models() -> None:
    """List the models, and which are on this machine."""
    from rich.console import Console

    from surtitle.cli import models as command

    command.list_models(Console())


def _complete_model(
    context: click.Context, parameter: click.Parameter, typed: str
) -> list[CompletionItem]:
    from surtitle.recognition.model_hub import REPOSITORIES

    return [CompletionItem(name) for name in REPOSITORIES if name.startswith(typed)]


_model_name = click.argument("name", metavar="MODEL", shell_complete=_complete_model)


@models.command()
@_model_name
def get(name: str) -> None:
    """Download MODEL and check it, so that no later start has to.

    MODEL is a name from the list, or ORG/REPO@REV on the hub.
    """
    from rich.console import Console

    from surtitle.cli import models as command

    command.get_model(name, Console(stderr=True))


@models.command()
@_model_name
def remove(name: str) -> None:
    """Delete MODEL, which was downloaded."""
    from rich.console import Console

    from surtitle.cli import models as command

    command.remove_model(name, Console(stderr=True))


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
    type=click.Choice(["speak", "watch", "archive", "edit"]),
    default=["speak", "watch"],
    help="What it permits; may be given several times.  [speak and watch]",
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
