"""Settings: the only reader of the environment and of configuration files.

A value comes from, in this order: the command line, the environment (`SURTITLE_` and the name in
capitals), a TOML file (`--config` or `SURTITLE_CONFIG`, with the names as keys), the default here.
"""

import os
import re
import socket
from collections.abc import Collection
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.captioning.glossary import Glossary, checked, glossary_in, names_in, pairs_in
from surtitle.captioning.language_names import code_meant, is_code
from surtitle.captioning.pacing import MIN_INTERVAL_MS
from surtitle.engine.policy import WatchdogOptions
from surtitle.errors import ConfigurationError
from surtitle.runtime.addresses import LOOPBACK, has_clear_password, is_loopback
from surtitle.sinks.places import parse_places, split_places

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
from surtitle.runtime.telemetry import LogFormat, LogLevel, LogOptions
from surtitle.subtitles.cues import Layout

ENV_PREFIX = "SURTITLE_"
_ENDPOINTING = EndpointingOptions()
_LAYOUT = Layout()
_WATCHDOG = WatchdogOptions()
MAX_S = 86_400
MAX_LABEL_BYTES = 63
"""Of a name in the DNS, between its dots (RFC 1035, 2.3.4)."""
Seconds = Annotated[float, Field(gt=0, le=MAX_S)]


def _split(value: Any) -> Any:
    return (
        [item.strip() for item in value.split(",") if item.strip()]
        if isinstance(value, str)
        else value
    )


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]
"""A list; in the environment and on the command line separated by commas."""


def _split_sinks(value: Any) -> Any:
    return split_places(value) if isinstance(value, str) else value


SinkNames = Annotated[list[str], NoDecode, BeforeValidator(_split_sinks)]
"""The same of sinks, whose addresses may have commas themselves."""

_WITH_SECRETS = ("archive", "backplane", "sinks")
"""What is written for these is not repeated where it is wrong."""
_UNCLEAR_PASSWORD = "write the signs @ / ? # of a password as %40 %2F %3F %23"


def _setting(default: Any, group: str, help_text: str, **limits: Any) -> Any:
    """A field with its group in `--help`."""
    return Field(default, description=help_text, json_schema_extra={"group": group}, **limits)


class _Environment(EnvSettingsSource):
    """The environment, without the variables that Kubernetes adds."""

    def __call__(self) -> dict[str, Any]:
        """The settings in the environment.

        If there is a service called `surtitle`, Kubernetes gives each container its address in
        variables such as SURTITLE_PORT=tcp://10.0.0.1:8765 ("service links").
        """
        return {
            name: value
            for name, value in super().__call__().items()
            if name == "wyoming" or not _is_service_link(value)
        }


def _is_service_link(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(tcp|udp|sctp)://.+:\d+", value) is not None


_ENGINE_URL = r"(dns\+)?wss?://[^/\s]+:\d{1,5}/?|lb\+wss?://[^/\s]+:\d{1,5}(/[^\s?#]*)?"

_SITE = r"\*|https?://(\*\.)?[A-Za-z0-9.-]+(:(\d{1,5}|\*))?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?"


class Settings(BaseSettings):
    """All settings, in the groups in which `surtitle serve --help` shows them."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True
    )

    # Network
    host: str = _setting(LOOPBACK, "Network", "Address to listen on.", min_length=1)
    open_to_network: bool = _setting(
        False,
        "Network",
        "Listen beyond loopback, where anybody who reaches the port can use the server.",
    )
    keys_file: Path | None = _setting(
        None,
        "Network",
        "Key file, made by `surtitle key`: only holders of a key may use the server. Without it, no "
        "key is required.",
    )
    keys_in_pages: bool = _setting(
        False,
        "Network",
        "Let pages in browsers use keys, as clients of other services do, and not only tokens.",
    )
    allowed_origins: Names = _setting(
        [],
        "Network",
        "Origins whose pages may use the server besides its own, such as https://example.org, "
        "separated by commas; * allows all. Without keys, the server answers only at these "
        "hosts, at IP addresses and at localhost.",
    )
    public_url: str = _setting(
        "auto",
        "Network",
        "Address at which others find the server, such as https://captions.example, for the links of a "
        "page on this machine; auto means its addresses in the network, none that there is none.",
    )
    embedding_sites: Names = _setting(
        [],
        "Network",
        "Sites whose pages may show the pages for an audience and the overlay in a frame, such as "
        "https://example.org, separated by commas; * allows all.",
    )
    tls_cert: Path | None = _setting(
        None, "Network", "Certificate chain (PEM) for TLS; reloaded when it changes."
    )
    tls_key: Path | None = _setting(None, "Network", "Private key of the certificate (PEM).")
    port: int = _setting(8765, "Network", "Port to listen on; 0 picks a free one.", ge=0, le=65535)
    vosk_port: int | None = _setting(
        None,
        "Network",
        "Another port for clients of vosk-server, which know no path and no keys; others find it at "
        "/vosk.",
        ge=0,
        le=65535,
    )
    wyoming: str | None = _setting(
        None,
        "Network",
        "Address for Wyoming, the protocol of Home Assistant, such as tcp://127.0.0.1:10300; it knows "
        "no keys. Needs the extra `wyoming`.",
        pattern=r"^tcp://.+:\d{1,5}$",
    )
    wyoming_ends_at_pause: bool = _setting(
        False,
        "Network",
        "End a command of a Wyoming client at its first pause, not where the client says so.",
    )
    wyoming_zeroconf: str | None = _setting(
        None,
        "Network",
        "Name under which the address for Wyoming is announced in the local network, so that Home "
        "Assistant finds it by itself. Needs the extra `zeroconf`.",
        min_length=1,
    )
    metrics_host: str = _setting(
        LOOPBACK,
        "Network",
        "Address to listen on for `/metrics`, if it has its own port.",
        min_length=1,
    )
    metrics_port: int | None = _setting(
        None,
        "Network",
        "Separate port for `/metrics`, without keys; the main port then no longer serves it.",
        ge=0,
        le=65535,
    )
    trusted_proxies: Names = _setting(
        [],
        "Network",
        "Reverse proxies whose forwarding headers are trusted: addresses and networks, such as "
        "127.0.0.1 or 10.0.0.0/8, separated by commas.",
    )
    max_sockets: int = _setting(
        8192,
        "Network",
        "Maximum number of open connections of any kind; beyond it, the oldest one that is neither a "
        "session nor a viewer is closed.",
        ge=16,
    )
    max_sessions: int = _setting(
        256,
        "Network",
        "Maximum number of sessions at once; further ones are refused with 503.",
        ge=1,
    )
    max_viewers: int = _setting(
        5000,
        "Network",
        "Maximum number of viewers at once. Beyond it, the oldest viewer of an address with many "
        "makes room for another address; other viewers are refused with 503.",
        ge=0,
    )
    max_sessions_per_address: int = _setting(
        32,
        "Network",
        "Maximum number of sessions per address; further ones are refused with 429. This machine "
        "itself is exempt.",
        ge=1,
    )
    max_sessions_per_key: int = _setting(
        64,
        "Network",
        "Maximum number of sessions per key, or per name in tokens; further ones are refused "
        "with 429.",
        ge=1,
    )
    handshakes_per_s: Seconds = _setting(
        5.0,
        "Network",
        "Maximum number of connections per second from one address, with bursts of ten times as "
        "many; further ones are refused with 429. This machine itself is exempt.",
    )
    max_memory_mb: int = _setting(
        0,
        "Network",
        "Memory limit of the server and its decoders, in MB: near it, new sessions are refused, then "
        "the largest are ended. 0 means half of the control group's or the machine's memory.",
        ge=0,
    )
    max_frame_bytes: int = _setting(1 << 20, "Network", "Maximum frame size, in bytes.", ge=1024)
    max_upload_mb: int = _setting(
        2048,
        "Network",
        "Maximum size of a file sent over HTTP, in MB. Files that wait on disk for the fields sent "
        "after them have at most twice as much together, and those of one client at most what is left "
        "then.",
        ge=1,
    )
    start_timeout_s: Seconds = _setting(
        10.0,
        "Network",
        "Seconds that a client has to send `start` before its connection is closed (4408).",
    )
    idle_timeout_s: Seconds = _setting(
        60.0, "Network", "Seconds without a frame after which a connection is closed (4408)."
    )
    resume_window_s: Annotated[float, Field(ge=0, le=3600)] = _setting(
        60.0, "Network", "Seconds that a session waits for its client to reconnect."
    )
    send_timeout_s: Seconds = _setting(
        5.0,
        "Network",
        "Seconds that a client may take to accept a message before it is disconnected.",
    )
    drain_s: Annotated[float, Field(ge=0, le=MAX_S)] = _setting(
        4.0,
        "Network",
        "Seconds that open utterances have to finish when the server stops; in the second half, those "
        "that still go on are cut.",
    )
    stop_with_stdin: bool = _setting(
        False,
        "Network",
        "Stop when standard input ends or contains the line `stop`; for programs that start the "
        "server and keep the other end open.",
    )
    max_backlog_s: float = _setting(
        60.0,
        "Network",
        "Seconds of unanswered audio per session beyond which the server stops reading from it; "
        "must be longer than the longest utterance and the silence after it.",
        ge=35,
        le=MAX_S,
    )

    archive: str = _setting(
        "",
        "Archive",
        "Where what is captioned is kept: a folder, or postgresql://USER:PASSWORD@HOST/DATABASE. "
        "Nothing is kept without it. Needs the extra `archive`.",
    )
    archive_days: int = _setting(
        30,
        "Archive",
        "Days after which a talk is deleted from the archive; 0 keeps it until somebody deletes it.",
        ge=0,
        le=36_500,
    )

    sinks: SinkNames = _setting(
        [],
        "Sinks",
        "Where the finals of a channel go on to, as CHANNEL=KIND:PLACE, once for each: "
        "hall=zoom:URL, hall=youtube:URL, hall=webhook:URL, hall=hls:FOLDER or hall=file:PATH, which "
        "ends in .vtt, .srt or .txt.",
    )
    sinks_file: Path | None = _setting(
        None,
        "Sinks",
        "File with more of them, one in a line; a change counts at once, such as the address of the "
        "next meeting.",
    )
    webhook_secret_file: Path | None = _setting(
        None, "Sinks", "File with the secret by which what goes to webhooks is signed."
    )

    # Model
    model: str = _setting(
        "base",
        "Model",
        "A faster-whisper name (base, tiny.en, small, large-v3, …), ORG/REPO@REV on the hub, or a "
        "folder.",
    )
    partial_model: str | None = _setting(
        None,
        "Model",
        "Another, smaller model for partial captions: words show sooner, finals are as good.",
    )
    device: Literal["auto", "cpu", "cuda"] = _setting(
        "auto", "Model", "Where the model runs; auto uses a GPU if there is one."
    )
    devices: Names = _setting(
        [],
        "Model",
        "Several devices with a worker on each, such as cuda:0,cuda:1; all means every GPU.",
    )
    compute_type: str = _setting(
        "default",
        "Model",
        "CTranslate2 compute type; default means int8 on CPU and float16 on GPU.",
    )
    replicas: int = _setting(
        0,
        "Model",
        "Number of decodes in parallel; 0 means one per core (at most 8), or 1 on GPU.",
        ge=0,
    )
    threads: int = _setting(
        0, "Model", "CPU threads per replica; 0 divides the cores among them.", ge=0
    )
    batch: int = _setting(
        0, "Model", "Maximum batch size; 0 means 2 on CPU and 16 on GPU.", ge=0, le=64
    )
    worker_nice: int = _setting(
        0,
        "Model",
        "Nice level of the model's process, added to the server's own: the higher, the more it "
        "yields to other programs when the cores are busy.",
        ge=0,
        le=19,
    )
    overload_wait_ms: int = _setting(
        800,
        "Model",
        "Mean queueing time for the model, in ms, beyond which new sessions are refused (503).",
        ge=50,
    )
    language: str = _setting(
        "auto", "Model", "Language for clients that name none, such as en, or auto to detect it."
    )

    glossary: Path | None = _setting(
        None,
        "Model",
        "File with names and terms, one per line, for clients that bring no `hotwords` of their own; "
        "behind a line [NAME], for all who publish in that channel.",
    )

    replacements: Path | None = _setting(
        None,
        "Model",
        "File with what is written wrong again and again, and what to write instead: WRONG = RIGHT, "
        "one per line.",
    )

    # Engines
    engine: Names = _setting(
        [],
        "Engines",
        "Engine on another machine, run by `surtitle engine`, in place of workers here: "
        "ws://HOST:PORT or wss://HOST:PORT, once for each, dns+ws://NAME:PORT for all addresses of a "
        "name, or lb+ws://HOST:PORT/PREFIX for all engines behind a load balancer.",
    )
    engine_secret_file: Path | None = _setting(
        None, "Engines", "File with a secret that gateways and engines share."
    )
    engine_ca: Path | None = _setting(
        None,
        "Engines",
        "Certificate authority (PEM) of the other side: a gateway trusts the engines that it has "
        "certified, and an engine serves such gateways only.",
    )
    engine_cert: Path | None = _setting(
        None, "Engines", "Certificate (PEM) that a gateway shows to engines."
    )
    engine_key: Path | None = _setting(None, "Engines", "Its private key (PEM).")
    server_name: str = _setting(
        "",
        "Engines",
        "Name of this server among several: sessions begin with it, for balancers, and engines have "
        "it in their logs; by default the name of the machine, for logs alone.",
    )

    # Several servers
    backplane: str = _setting(
        "",
        "Network",
        "Redis by which several servers share their channels, as redis://HOST:PORT or "
        "rediss://USER:PASSWORD@HOST:PORT. Needs the extra `redis`.",
    )

    # Utterances
    endpoint_silence_ms: int = _setting(
        _ENDPOINTING.endpoint_silence_ms,
        "Utterances",
        "Silence that ends an utterance, in ms; the text so far can shorten or lengthen it.",
        ge=100,
        le=5000,
    )
    finished_ratio: float = _setting(
        _ENDPOINTING.finished_ratio,
        "Utterances",
        "Fraction of that silence that is enough after a finished sentence.",
        ge=0.2,
        le=1,
    )
    unfinished_ratio: float = _setting(
        _ENDPOINTING.unfinished_ratio,
        "Utterances",
        "Multiple of that silence that is needed in the middle of a sentence.",
        ge=1,
        le=5,
    )
    halting_ratio: float = _setting(
        _ENDPOINTING.halting_ratio,
        "Utterances",
        "Maximum of this multiple for a speaker who often pauses that long inside sentences; if it "
        "is not greater, nothing is learned.",
        ge=1,
        le=5,
    )
    max_utterance_ms: int = _setting(
        _ENDPOINTING.max_utterance_ms,
        "Utterances",
        "Maximum length of an utterance, in ms; a longer one is cut.",
        ge=2000,
        le=28_000,
    )
    silent_after_ms: int = _setting(
        1000,
        "Utterances",
        "Time without any audio in the middle of an utterance after which it ends, in ms, because the "
        "speaker was muted; 0 waits for ever.",
        ge=0,
        le=60_000,
    )
    partial_interval_ms: int = _setting(
        MIN_INTERVAL_MS,
        "Utterances",
        "Minimum of new speech between two partial captions, in ms. The busier the engine is, the "
        "longer the interval, up to 608.",
        ge=100,
    )
    partial_window_ms: int = _setting(
        8000,
        "Utterances",
        "Audio that is decoded for a partial caption, in ms; text from before the last pause stays.",
        ge=2000,
        le=28_000,
    )
    speech_threshold: float = _setting(
        _ENDPOINTING.onset_probability,
        "Utterances",
        "Probability from which a window counts as speech.",
        gt=0.15,
        lt=1,
    )
    min_speech_ms: int = _setting(
        _ENDPOINTING.min_speech_ms,
        "Utterances",
        "Speech needed to open an utterance, in ms.",
        ge=32,
        le=1000,
    )
    pre_roll_ms: int = _setting(
        _ENDPOINTING.pre_roll_ms,
        "Utterances",
        "Audio kept before the first speech, in ms.",
        ge=0,
        le=2000,
    )
    hangover_ms: int = _setting(
        _ENDPOINTING.hangover_ms,
        "Utterances",
        "Audio kept after the last speech, in ms.",
        ge=0,
        le=2000,
    )

    # Layout
    caption_width: int = _setting(
        _LAYOUT.width,
        "Layout",
        "Maximum columns per line in SRT and WebVTT; full-width characters take two.",
        ge=10,
        le=200,
    )
    caption_lines: int = _setting(
        _LAYOUT.lines, "Layout", "Maximum lines per cue in SRT and WebVTT.", ge=1, le=4
    )

    # Supervision
    lease_s: Seconds = _setting(
        _WATCHDOG.lease_s,
        "Supervision",
        "Seconds that a batch may take before the worker is replaced.",
    )
    startup_s: Seconds = _setting(
        _WATCHDOG.startup_s, "Supervision", "Seconds that a worker may take to load its model."
    )

    # Logs
    log_level: LogLevel = _setting("info", "Logs", "Minimum log level.")
    log_format: LogFormat = _setting("text", "Logs", "Log lines as text or as JSON.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line, environment, file; no `.env` and no secrets folder."""
        file = init_settings.init_kwargs.pop("config", None)  # type: ignore[attr-defined]
        return (
            init_settings,
            _Environment(settings_cls),
            TomlConfigSettingsSource(settings_cls, file),
        )

    @field_validator("language")
    @classmethod
    def _is_language(cls, tag: str) -> str:
        if not is_code(tag):
            meant = code_meant(tag)
            raise ValueError(
                f"write {meant} for {tag}"
                if meant
                else "write the code of a language, such as en or de, or auto"
            )
        return tag

    @field_validator("public_url")
    @classmethod
    def _is_public_url(cls, url: str) -> str:
        if url not in ("auto", "none") and not re.fullmatch(r"https?://[^\s?#]+", url):
            raise ValueError("write https://HOST, auto or none")
        return url

    @field_validator("embedding_sites")
    @classmethod
    def _are_sites(cls, sites: list[str]) -> list[str]:
        for site in sites:
            if not re.fullmatch(_SITE, site):
                raise ValueError(f"{site} is no site; write https://HOST or https://*.DOMAIN, or *")
        return sites

    @field_validator("devices")
    @classmethod
    def _are_devices(cls, names: list[str]) -> list[str]:
        for name in names:
            if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", name) and names != ["all"]:
                raise ValueError(f"{name} is no device; name cpu, cuda or cuda:N, or all alone")
        return names

    @field_validator("engine")
    @classmethod
    def _are_engines(cls, urls: list[str]) -> list[str]:
        for url in urls:
            if not re.fullmatch(_ENGINE_URL, url):
                raise ValueError(
                    f"{url} is no engine; write ws://HOST:PORT, dns+ws://NAME:PORT or "
                    "lb+ws://HOST:PORT/PREFIX"
                )
        return urls

    @field_validator("backplane")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if url and not re.fullmatch(r"rediss?://\S+", url):
            raise ValueError("the backplane is a Redis: write redis://HOST:PORT")
        if not has_clear_password(url):
            raise ValueError(_UNCLEAR_PASSWORD)
        return url

    @field_validator("archive")
    @classmethod
    def _is_a_database(cls, place: str) -> str:
        is_folder = re.match(r"[A-Za-z0-9+.-]{2,}:", place) is None  # C:\\talks is one
        if not is_folder and not re.match(r"(sqlite|postgresql)://", place):
            raise ValueError("write a folder, sqlite:////PATH or postgresql://HOST/DATABASE")
        if place.startswith("postgresql:") and not has_clear_password(place):
            raise ValueError(_UNCLEAR_PASSWORD)
        return place

    @field_validator("sinks")
    @classmethod
    def _are_places(cls, sinks: list[str]) -> list[str]:
        parse_places(sinks)  # raises ValueError, which says what is wrong
        return sinks

    @field_validator("server_name")
    @classmethod
    def _is_part_of_a_path(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]{0,63}", name):
            raise ValueError("it may have 63 letters (A to Z), digits and hyphens at most")
        return name

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, names: list[str]) -> list[str]:
        for name in names:
            ip_network(name, strict=False)  # raises ValueError, which says what is wrong
        return names

    @field_validator("wyoming_zeroconf")
    @classmethod
    def _is_a_label(cls, name: str | None) -> str | None:
        if name is not None and ("." in name or not name.isprintable()):
            raise ValueError("a name with dots or control characters cannot be announced")
        if name is not None and len(name.encode()) > MAX_LABEL_BYTES:
            raise ValueError(f"a name of more than {MAX_LABEL_BYTES} bytes cannot be announced")
        return name

    @property
    def wyoming_address(self) -> tuple[str, int] | None:
        """Host and port for Wyoming, if it is wanted."""
        if self.wyoming is None:
            return None
        host, _, port = self.wyoming.removeprefix("tcp://").rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def is_local(self) -> bool:
        """Whether the server listens on loopback only."""
        return is_loopback(self.host)

    @property
    def metrics_is_local(self) -> bool:
        """Whether the port for `/metrics` listens on loopback only."""
        return is_loopback(self.metrics_host)

    @property
    def models(self) -> list[str]:
        """The names of all models that the server loads."""
        return [self.model, *filter(None, [self.partial_model])]

    def endpointing(self) -> EndpointingOptions:
        """The group for the endpointer."""
        return EndpointingOptions(
            onset_probability=self.speech_threshold,
            offset_probability=self.speech_threshold - 0.15,
            min_speech_ms=self.min_speech_ms,
            pre_roll_ms=self.pre_roll_ms,
            hangover_ms=self.hangover_ms,
            endpoint_silence_ms=self.endpoint_silence_ms,
            finished_ratio=self.finished_ratio,
            unfinished_ratio=self.unfinished_ratio,
            halting_ratio=self.halting_ratio,
            max_utterance_ms=self.max_utterance_ms,
        )

    def layout(self) -> Layout:
        """The group for the layout of captions."""
        return Layout(width=self.caption_width, lines=self.caption_lines)

    @property
    def name_among_servers(self) -> str:
        """What this server is called by others."""
        return self.server_name or socket.gethostname()

    def engine_secret(self) -> str:
        """What gateways and engines share, or nothing. Raises ConfigurationError."""
        return "" if self.engine_secret_file is None else _read_secret(self.engine_secret_file)

    def webhook_secret(self) -> str:
        """By which what goes to webhooks is signed, or nothing. Raises ConfigurationError."""
        return "" if self.webhook_secret_file is None else _read_secret(self.webhook_secret_file)

    def names(self) -> Glossary:
        """The names and terms in the glossary. Raises ConfigurationError."""
        if self.glossary is None:
            return Glossary()
        return glossary_in(_read_lines(self.glossary), str(self.glossary))

    def replaced_words(self) -> dict[str, str]:
        """What is written instead of what. Raises ConfigurationError."""
        if self.replacements is None:
            return {}
        return pairs_in(_read_lines(self.replacements), str(self.replacements))

    def watchdog(self) -> WatchdogOptions:
        """The group for the watchdog."""
        return WatchdogOptions(lease_s=self.lease_s, startup_s=self.startup_s)

    def log(self) -> LogOptions:
        """The group for logging, here and in the worker."""
        return LogOptions(self.log_level, self.log_format)


_VARIABLES = {ENV_PREFIX + name.upper() for name in (*Settings.model_fields, "config", "key")}


def load_settings(overrides: dict[str, Any], config: Path | None = None) -> Settings:
    """Read all sources. Raises ConfigurationError that names each bad setting and what is wrong."""
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and name not in _VARIABLES:
            # Only near misses count: Kubernetes names the ports of services with the same prefix.
            for meant in get_close_matches(name, _VARIABLES, 1, cutoff=0.9):
                raise ConfigurationError(f"There is no setting {name}; did you mean {meant}?")
    if config is None and (name := os.environ.get(ENV_PREFIX + "CONFIG", "")):
        config = Path(name)
    if config is not None:
        _must_be_there(config)
    try:
        settings = Settings(**{**overrides, "config": config})
    except ValidationError as error:
        problems = [_sentence(problem, config, overrides) for problem in error.errors()]
        raise ConfigurationError("; ".join(problems)) from error
    except (OSError, ValueError) as error:  # a TOML file that cannot be read, or does not parse
        raise ConfigurationError(f"{config}: {error}") from error
    if not is_loopback(settings.host) and not settings.keys_file and not settings.open_to_network:
        raise ConfigurationError(
            f"{settings.host} can be reached from other machines, and no key is required: anyone "
            "there could use the server. Set up keys (--keys-file; see `surtitle key --help`), "
            "or, if this is intended, use --open-to-network."
        )
    if settings.devices and settings.device != "auto":
        raise ConfigurationError("Set either `device` or `devices`.")
    if settings.engine and settings.devices:
        raise ConfigurationError(
            "Set either `engine` or `devices`: engines have their own devices."
        )
    if settings.archive and not is_loopback(settings.host) and not settings.keys_file:
        raise ConfigurationError(
            f"{settings.host} can be reached from other machines, and no key is required: anyone "
            "there could read and delete what is kept in the archive. Set up keys (--keys-file; see "
            "`surtitle key --help`)."
        )
    vosk = None if settings.vosk_port is None else (settings.host, settings.vosk_port)
    for protocol, address in (("Wyoming", settings.wyoming_address), ("vosk-server", vosk)):
        if address is not None and not is_loopback(address[0]) and not settings.open_to_network:
            raise ConfigurationError(
                f"{address[0]} can be reached from other machines, and clients of {protocol} have no "
                "keys: anyone there could use the server. If this is intended, use "
                "--open-to-network."
            )
    if settings.wyoming_zeroconf is not None:
        if settings.wyoming_address is None:
            raise ConfigurationError(
                "--wyoming-zeroconf announces the address for Wyoming, but there is none: set it with "
                "--wyoming."
            )
        if is_loopback(host := settings.wyoming_address[0]):
            raise ConfigurationError(
                f"--wyoming-zeroconf announces Wyoming to other machines, but {host} can be reached "
                "from this one only. Listen at an address of the network, such as --wyoming "
                "tcp://0.0.0.0:10300, with --open-to-network."
            )
    return settings


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The secret in {path} cannot be read: {error}.") from error
    if not re.fullmatch(r"[!-~]{16,}", secret):
        raise ConfigurationError(
            f"The secret in {path} must be one line of at least 16 letters, digits and signs, such as "
            "the output of `openssl rand -hex 32`."
        )
    return secret


def _must_be_there(config: Path) -> None:
    try:
        is_there = config.is_file()
    except OSError as error:  # its folder may not be looked into, say
        raise ConfigurationError(f"{config} cannot be read: {error.strerror}.") from error
    if not is_there:
        raise ConfigurationError(f"There is no configuration file {config}.")


def read_names(path: Path) -> tuple[str, ...]:
    """The names and terms in a file. Raises ConfigurationError."""
    return checked(names_in(_read_lines(path)), str(path))


def _read_lines(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows may begin it with a mark
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The words in {path} cannot be read: {error}.") from error


def is_debugging() -> bool:
    """Whether the environment asks for what helps to find a mistake; known without other settings."""
    return os.environ.get(ENV_PREFIX + "LOG_LEVEL") == "debug"


def _sentence(problem: "ErrorDetails", config: Path | None, overrides: Collection[str]) -> str:
    """What is wrong with one setting, and where it is set; `overrides`: by the command line."""
    if (
        problem["type"] == "extra_forbidden" and config is not None
    ):  # nothing else may have one more
        name = str(problem["loc"][0])
        near = get_close_matches(name, Settings.model_fields, 1)
        return f"{config}: there is no setting {name}" + (
            f"; did you mean {near[0]}?" if near else "."
        )
    name, given = str(next(iter(problem["loc"]), "settings")), problem["input"]
    variable = ENV_PREFIX + name.upper()
    if config is not None and name not in overrides and variable not in os.environ:
        said = f"{config}: {name}: "
    else:
        said = f"--{name.replace('_', '-')} ({variable}): "
    if problem["type"] == "value_error":  # a sentence of our own
        said += problem["msg"].removeprefix("Value error, ")
    elif meant := expected(name):
        said += f"write {meant}"
    else:
        said += f"this does not fit. {Settings.model_fields[name].description}"
    if name in _WITH_SECRETS:
        return said
    near = get_close_matches(str(given).lower(), choices(name), 1, cutoff=0.5)
    return f"{said} (got {given!r})" + (f"; did you mean {near[0]}?" if near else "")


def choices(name: str) -> tuple[str, ...]:
    """The values of a setting that has only some."""
    return get_args(_kind(name)) if get_origin(_kind(name)) is Literal else ()


def expected(name: str) -> str:
    """What can be written for a setting, as part of a sentence; empty where that is any text."""
    field, kind = Settings.model_fields.get(name), _kind(name)
    if field is None:
        return ""
    if some := choices(name):
        return f"{', '.join(some[:-1])} or {some[-1]}"
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return ("a whole number" if kind is int else "a number") + _range(field.metadata)
    return {list[str]: "values, separated by commas", Path: "a file"}.get(kind, "")


def _kind(name: str) -> Any:
    """The type of a setting, without that it may be none."""
    field = Settings.model_fields.get(name)
    kinds = [each for each in get_args(field.annotation) if each is not NoneType] if field else []
    is_optional = field is not None and get_origin(field.annotation) is UnionType
    return kinds[0] if is_optional else field.annotation if field else None


def _range(limits: list[Any]) -> str:
    """The limits of a number, in words."""

    def limit(key: str) -> str:
        return next(
            (f"{v:g}" for each in limits if (v := getattr(each, key, None)) is not None), ""
        )

    lower = (
        f"from {least}"
        if (least := limit("ge"))
        else f"over {over}"
        if (over := limit("gt"))
        else ""
    )
    upper = (
        f"up to {most}" if (most := limit("le")) else f"under {top}" if (top := limit("lt")) else ""
    )
    if least and most:
        return f" {lower} to {most}"
    return f" {' and '.join(filter(None, (lower, upper)))}".rstrip()
