import os
import re
from pathlib import Path

import pytest

from surtitle.captioning.endpointing import EndpointingOptions
from surtitle.captioning.glossary import Glossary
from surtitle.config import ENV_PREFIX, Settings, load_settings
from surtitle.engine.policy import WatchdogOptions
from surtitle.errors import ConfigurationError
from surtitle.runtime.telemetry import LogOptions
from surtitle.subtitles.cues import Layout


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def toml(folder: Path, text: str) -> Path:
    path = folder / "surtitle.toml"
    path.write_text(text, encoding="utf-8")
    return path


# -- where values come from ---------------------------------------------------------------------


def test_defaults() -> None:
    settings = load_settings({})
    assert (settings.host, settings.port, settings.model) == ("127.0.0.1", 8765, "base")
    assert settings.endpointing() == EndpointingOptions()
    assert settings.layout() == Layout()
    assert settings.watchdog() == WatchdogOptions()
    assert settings.log() == LogOptions()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = toml(tmp_path, 'port = 1001\nmodel = "tiny.en"\ndevice = "cpu"\n')
    monkeypatch.setenv("SURTITLE_PORT", "1002")
    monkeypatch.setenv("SURTITLE_MODEL", "small")
    settings = load_settings({"port": "1003"}, config)
    assert (settings.port, settings.model, settings.device) == (1003, "small", "cpu")


def test_the_file_may_be_named_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SURTITLE_CONFIG", str(toml(tmp_path, "port = 1001\n")))
    assert load_settings({}).port == 1001
    other = tmp_path / "other.toml"
    other.write_text("port = 1002\n")
    assert load_settings({}, other).port == 1002


def test_a_slip_of_the_pen_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SURTITLE_MAX_SESSION", "8")
    with pytest.raises(
        ConfigurationError, match=r"SURTITLE_MAX_SESSION; did you mean SURTITLE_MAX_SESSIONS"
    ):
        load_settings({})


@pytest.mark.parametrize(
    "name", ["KEY", "SERVICE_HOST", "PORT_8765_TCP_PORT", "SPEECH", "TEST_CLOCK"]
)
def test_what_others_put_into_the_environment_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Kubernetes tells of a service called surtitle in this way."""
    monkeypatch.setenv(ENV_PREFIX + name, "x")
    assert load_settings({}) == Settings()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="/proc/self/mem"):
        load_settings({}, Path("/proc/self/mem"))


def test_no_file_is_read_that_nobody_named(tmp_path: Path) -> None:
    toml(tmp_path, "port = 1001\n")
    (tmp_path / ".env").write_text("SURTITLE_PORT=1002\n")
    assert load_settings({}).port == 8765


def test_other_variables_of_the_environment_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1001")
    monkeypatch.setenv("MODEL", "x")
    monkeypatch.setenv("SURTITLE_SPEECH", "/nowhere")
    assert load_settings({}) == Settings()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_can_come_from_each_source(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    default = getattr(load_settings({}), name)
    if isinstance(default, bool):
        text, value = "true", "true"
    elif isinstance(default, int):
        text, value = str(default + 1), str(default + 1)
    elif isinstance(default, float):
        text, value = str(default * 0.9), str(default * 0.9)
    else:
        value = {
            "device": "cpu",
            "language": "de",
            "log_level": "debug",
            "log_format": "json",
            "host": "::1",
            "metrics_port": "9101",
            "devices": "cuda:0,cuda:1",
            "engine": "ws://10.0.0.5:8766,dns+wss://engines:8766,lb+ws://10.0.0.7:8000/captions",
            "archive": "postgresql://user:word@database/talks",
            "backplane": "rediss://user:word@redis:6379/1",
            "trusted_proxies": "127.0.0.1",
            "vosk_port": "2700",
            "public_url": "https://captions.example",
            "sinks": "hall=youtube:https://youtube.example/c?cid=a,b,hall=file:talk.vtt",
            "embedding_sites": "https://talks.example,https://*.example.org",
            "wyoming": "tcp://127.0.0.1:10300",
        }.get(name, "other")
        text = f'"{value}"'
    if name == "wyoming_zeroconf":  # it needs what it announces
        monkeypatch.setenv("SURTITLE_WYOMING", "tcp://0.0.0.0:10300")
        monkeypatch.setenv("SURTITLE_OPEN_TO_NETWORK", "true")
    from_line = getattr(load_settings({name: value}), name)
    from_file = getattr(load_settings({}, toml(tmp_path, f"{name} = {text}\n")), name)
    monkeypatch.setenv(ENV_PREFIX + name.upper(), value)
    from_environment = getattr(load_settings({}), name)
    assert from_line == from_environment == from_file != default


@pytest.mark.parametrize(
    "name", ["port", "keys_file", "tls_cert", "metrics_port", "lease_s", "host"]
)
def test_an_empty_variable_sets_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Such as a container gets for one that its operator did not set."""
    monkeypatch.setenv(f"SURTITLE_{name.upper()}", "")
    assert load_settings({}) == Settings()


@pytest.mark.parametrize(
    "settings",
    [
        {"wyoming": "tcp://0.0.0.0:10300"},
        {"vosk_port": "2700", "host": "0.0.0.0", "keys_file": "k"},
    ],
)
def test_what_knows_no_keys_is_open_to_others_only_if_that_is_intended(
    settings: dict[str, str],
) -> None:
    with pytest.raises(ConfigurationError, match="have no keys"):
        load_settings(settings)
    assert load_settings(settings | {"open_to_network": "true"})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "there is none: set it with --wyoming"),
        ({"wyoming": "tcp://127.0.0.1:10300"}, "--wyoming tcp://0.0.0.0:10300"),
        ({"wyoming": "tcp://[::1]:0"}, "--wyoming tcp://0.0.0.0:10300"),
        ({"wyoming": "tcp://localhost:0"}, "--wyoming tcp://0.0.0.0:10300"),
    ],
)
def test_nothing_is_announced_that_others_cannot_reach(
    settings: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        load_settings({"wyoming_zeroconf": "Saal", "open_to_network": "true"} | settings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).port = 5


# -- what the parts get -------------------------------------------------------------------------


def test_the_groups_get_what_was_set() -> None:
    settings = load_settings(
        {
            "speech_threshold": 0.6,
            "min_speech_ms": 64,
            "pre_roll_ms": 100,
            "hangover_ms": 50,
            "endpoint_silence_ms": 300,
            "max_utterance_ms": 9000,
            "caption_width": 37,
            "caption_lines": 3,
            "lease_s": 5,
            "startup_s": 60,
            "log_level": "warning",
            "log_format": "json",
        }
    )
    endpointing = settings.endpointing()
    assert endpointing.onset_probability == 0.6
    assert endpointing.offset_probability == pytest.approx(0.45)
    assert (endpointing.min_speech_ms, endpointing.pre_roll_ms) == (64, 100)
    assert (endpointing.hangover_ms, endpointing.endpoint_silence_ms) == (50, 300)
    assert endpointing.max_utterance_ms == 9000
    assert settings.layout() == Layout(width=37, lines=3)
    assert settings.watchdog() == WatchdogOptions(lease_s=5.0, startup_s=60.0)
    assert settings.log() == LogOptions("warning", "json")


# -- what is wrong, in a sentence ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "x"),
        ("port", 70_000),
        ("port", -1),
        ("max_sessions", 0),
        ("max_frame_bytes", 10),
        ("idle_timeout_s", 0),
        ("drain_s", -1),
        ("device", "tpu"),
        ("replicas", -1),
        ("endpoint_silence_ms", 99),
        ("max_utterance_ms", 28_001),
        ("partial_interval_ms", 50),
        ("speech_threshold", 0.15),
        ("speech_threshold", 1),
        ("min_speech_ms", 0),
        ("pre_roll_ms", 2001),
        ("caption_width", 9),
        ("caption_lines", 5),
        ("lease_s", 0),
        ("lease_s", "inf"),
        ("lease_s", "1e10"),
        ("handshakes_per_s", "nan"),
        ("max_backlog_s", "inf"),
        ("drain_s", "inf"),
        ("host", ""),
        ("metrics_host", ""),
        ("startup_s", "soon"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("wyoming_zeroconf", ""),
        ("wyoming_zeroconf", "a.b"),
        ("wyoming_zeroconf", "a\tb"),
        ("wyoming_zeroconf", "ä" * 32),
    ],
)
def test_a_bad_value_names_the_option_and_the_variable(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value})
    text = str(caught.value)
    assert f"--{name.replace('_', '-')} (SURTITLE_{name.upper()}): " in text
    assert f"(got {value!r})" in text
    assert "\n" not in text


def test_a_bad_value_of_the_file_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "hall.toml"
    config.write_text('metrics_port = "x"\ndevice = "tpu"\n')
    monkeypatch.setenv("SURTITLE_DEVICE", "vpu")  # which goes before the file
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"port": -1}, config)
    said = str(caught.value)
    assert f"{config}: metrics_port: write a whole number from 0 to 65535 (got 'x')" in said
    assert "--device (SURTITLE_DEVICE): " in said and "'vpu'" in said
    assert "--port (SURTITLE_PORT): " in said


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("sinks", "hall=https://h/s3cret", "'https' is no kind of sink"),
        ("sinks", "hall=zoom:h/s3cret", "write https://HOST/PATH"),
        ("sinks", ["hall=file:a.txt", "b=file:a.txt"], "is there twice"),
        ("sinks", [{"s3cret": 1}], "write values, separated by commas"),
        ("archive", "mysql://u:s3cret@h/d", "write a folder"),
        ("archive", "postgresql:/u:s3cret@h/d", "write a folder"),
        ("archive", "postgresql+psycopg://u:s3cret@h/d", "write a folder"),
        ("archive", "postgresql://u:x@s3cret@h/d", "write the signs @ / ? #"),
        ("archive", "postgresql://u:1/s3cret@h/d", "write the signs @ / ? #"),
        ("archive", "postgresql://u:1?s3cret@h/d", "write the signs @ / ? #"),
        ("backplane", "http://u:s3cret@h", "write redis://HOST:PORT"),
        ("backplane", "redis:/u:s3cret@h", "write redis://HOST:PORT"),
        ("backplane", "redis://u:s3cret @h", "write redis://HOST:PORT"),
        ("backplane", "redis://:x@s3cret@h:1", "write the signs @ / ? #"),
        ("backplane", "redis://:1/s3cret@h:1", "write the signs @ / ? #"),
        ("backplane", "rediss://:1#s3cret@h:1", "write the signs @ / ? #"),
    ],
)
def test_what_may_hold_a_secret_is_not_repeated(name: str, value: object, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"--{name} ") as caught:
        load_settings({name: value})
    assert sentence in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("archive", "postgresql://u:a%40b%2Fc@h/d"),
        ("archive", "postgresql://h/d?user=u"),
        ("archive", "sqlite:////srv/me@home.sqlite3"),
        ("archive", "C:\\talks"),
        ("archive", "talks"),
        ("backplane", "rediss://u:a%40b@h:6379/0"),
    ],
)
def test_addresses_of_databases_are_taken_as_they_are(name: str, value: str) -> None:
    assert getattr(load_settings({name: value}), name) == value


def test_the_secret_of_webhooks_is_in_a_file(tmp_path: Path) -> None:
    assert load_settings({}).webhook_secret() == ""
    secret = tmp_path / "secret"
    settings = load_settings({"webhook_secret_file": str(secret)})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        settings.webhook_secret()
    secret.write_text("short")
    with pytest.raises(ConfigurationError, match="at least 16"):
        settings.webhook_secret()
    secret.write_text("0123456789abcdef\n")
    assert settings.webhook_secret() == "0123456789abcdef"


def test_sinks_may_be_given_one_by_one_and_in_a_file(tmp_path: Path) -> None:
    one, two = "hall=zoom:https://h/?a=b,c", "hall=file:talk.vtt"
    from_line = load_settings({"sinks": f"{one},{two}"})  # as the command line joins them
    from_file = load_settings({}, toml(tmp_path, f'sinks = ["{one}", "{two}"]\n'))
    assert from_line.sinks == from_file.sinks == [one, two]


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SURTITLE_DEVICE", "tpu")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"port": "x"}, toml(tmp_path, "lease_s = -1\n"))
    assert all(
        name in str(caught.value) for name in ("--port", "--device", "surtitle.toml: lease_s: ")
    )


def test_a_setting_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({}, toml(tmp_path, "prot = 5\nxyzzy = 1\n"))
    file = tmp_path / "surtitle.toml"
    assert str(caught.value) == (
        f"{file}: there is no setting prot; did you mean port?; {file}: there is no setting xyzzy."
    )


@pytest.mark.parametrize("text", ["port = ", "port 5", "[", "port = 1\nport = 2\n", '"'])
def test_a_file_that_is_not_toml_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"surtitle\.toml: "):
        load_settings({}, toml(tmp_path, text))


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "surtitle.toml"
    path.write_bytes(b'model = "\xff"\n')
    with pytest.raises(ConfigurationError, match=r"surtitle\.toml: "):
        load_settings({}, path)


@pytest.mark.parametrize("name", ["nothing.toml", "."])
def test_a_file_that_is_not_there(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="There is no configuration file"):
        load_settings({}, tmp_path / name)
    monkeypatch.setenv("SURTITLE_CONFIG", str(tmp_path / name))
    with pytest.raises(ConfigurationError, match="There is no configuration file"):
        load_settings({})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_needs_no_consent(host: str) -> None:
    assert load_settings({"host": host}).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "captions.example.org"])
def test_other_addresses_need_consent(host: str) -> None:
    with pytest.raises(ConfigurationError, match="--open-to-network"):
        load_settings({"host": host})
    assert load_settings({"host": host, "open_to_network": "true"}).host == host


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"devices": "cuda:0,gpu"}, "gpu is no device"),
        ({"devices": "all,cuda:0"}, "all is no device"),
        ({"devices": "cpu,cpu", "device": "cuda"}, "either `device` or `devices`"),
        ({"engine": "http://10.0.0.5:8766"}, "http://10.0.0.5:8766 is no engine"),
        ({"engine": "ws://10.0.0.5"}, "write ws://HOST:PORT"),
        ({"engine": "ws://10.0.0.5:8766/captions"}, "lb+ws://HOST:PORT/PREFIX"),
        ({"backplane": "memcached:11211"}, "write redis://HOST:PORT"),
        ({"archive": "mysql://host/talks"}, "write a folder, sqlite:"),
        (
            {"archive": "talks", "host": "0.0.0.0", "open_to_network": True},
            "anyone there could read and delete what is kept",
        ),
        ({"server_name": "east.2"}, "letters (A to Z), digits and hyphens"),
        ({"server_name": "x" * 64}, "63 letters"),
        ({"engine": "ws://10.0.0.5:8766", "devices": "cpu,cpu"}, "either `engine` or `devices`"),
    ],
)
def test_devices_and_engines_that_cannot_be_meant(settings: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(why)):
        load_settings(settings)


@pytest.mark.parametrize(
    "text", [None, "", "short", "two words that are long enough", "sécret" * 9]
)
def test_a_secret_that_is_none(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "secret"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    settings = load_settings({"engine_secret_file": str(file)})
    with pytest.raises(ConfigurationError, match="The secret in"):
        settings.engine_secret()


def test_a_secret_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("0123456789abcdef\n")
    settings = load_settings({"engine_secret_file": str(tmp_path / "secret")})
    assert settings.engine_secret() == "0123456789abcdef"


def test_names_are_read_from_a_glossary(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("\ufeffKjell\n# more\nÜnal\n[hall]\nOslo\n".encode())
    found = load_settings({"glossary": str(path)}).names()
    assert found == Glossary(("Kjell", "Ünal"), {"hall": ("Oslo",)})
    assert load_settings({}).names() == Glossary()
    path.write_bytes(b"\xff\xfe")
    for unreadable in (path, tmp_path / "nothing.txt"):
        with pytest.raises(ConfigurationError, match=r"The words in .* cannot be read"):
            load_settings({"glossary": str(unreadable)}).names()


def test_a_configuration_file_that_cannot_be_looked_for_is_told() -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: File name too long"):
        load_settings({}, Path("x" * 5000))
