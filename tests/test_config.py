import os
from pathlib import Path

import pytest

from surtitle.captioning.endpointing import EndpointingOptions
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
            "log_level": "debug",
            "log_format": "json",
            "host": "::1",
            "metrics_port": "9101",
            "trusted_proxies": "127.0.0.1",
            "vosk_port": "2700",
            "wyoming": "tcp://127.0.0.1:10300",
        }.get(name, "other")
        text = f'"{value}"'
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
    ],
)
def test_a_bad_value_names_the_option_and_the_variable(name: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value})
    text = str(caught.value)
    assert f"--{name.replace('_', '-')} (SURTITLE_{name.upper()}): " in text
    assert f"(got {value!r})" in text
    assert "\n" not in text


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SURTITLE_DEVICE", "tpu")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"port": "x"}, toml(tmp_path, "lease_s = -1\n"))
    assert all(name in str(caught.value) for name in ("--port", "--device", "--lease-s"))


def test_a_setting_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--prot"):
        load_settings({}, toml(tmp_path, "prot = 5\n"))


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
    with pytest.raises(ConfigurationError, match="--open-to-network true"):
        load_settings({"host": host})
    assert load_settings({"host": host, "open_to_network": "true"}).host == host
