"""The command line as a person meets it: help, error sentences, exit codes. No server runs here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.places import SAMPLE
from surtitle.cli.caption import wishes
from surtitle.cli.main import _settings, cli, main
from surtitle.config import ENV_PREFIX, Settings, expected
from surtitle.errors import ConfigurationError
from surtitle.messages import Start

COMMANDS = ("serve", "caption", "demo", "check")
CLOSED_PORT = "ws://127.0.0.1:1"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str, str]:
    """The command in this process: exit status, standard output, standard error."""
    monkeypatch.setattr(sys, "argv", ["surtitle", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int | None)
    return code or 0, captured.out, captured.err


def help_of(*arguments: str) -> str:
    result = CliRunner().invoke(cli, [*arguments, "--help"], terminal_width=200)
    assert result.exit_code == 0
    return result.output


# -- help ---------------------------------------------------------------------------------------


def test_the_help_lists_the_commands() -> None:
    text = help_of()
    for name in COMMANDS:
        assert f"\n  {name} " in text


def test_serve_shows_every_setting_with_its_default_and_variable() -> None:
    text = " ".join(help_of("serve").split())
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')} " in text
        assert f"[{field.default}; SURTITLE_{name.upper()}]" in text
        assert " ".join(str(field.description).split()) in text


def test_settings_stand_in_their_groups() -> None:
    lines = help_of("serve").splitlines()
    titles = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert titles == [
        "Options:",
        "Network:",
        "Archive:",
        "Sinks:",
        "Model:",
        "Engines:",
        "Utterances:",
        "Layout:",
        "Supervision:",
        "Logs:",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    text = help_of(command)
    assert text.startswith("Usage: ")
    assert "--config" in text
    for paragraph in str(cli.commands[command].help).split("\n\n"):
        assert " ".join(paragraph.split()) in " ".join(text.split())


def test_caption_shows_only_the_settings_that_it_uses() -> None:
    text = help_of("caption")
    for option in ("--server", "--fast", "--format", "--output", "--words", "--translate"):
        assert option in text
    for option in ("--language", "--caption-width", "--caption-lines", "--style"):
        assert option in text
    assert "--max-sessions" not in text
    assert "[text|jsonl|srt|vtt|ass]" in text


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(monkeypatch, capsys, "--version")
    assert status == 0
    assert "surtitle, version " in out


# -- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["serve", "--port", "x"], "--port (SURTITLE_PORT): "),
        (["serve", "--device", "tpu"], "--device (SURTITLE_DEVICE): "),
        (["serve", "--port", "x"], "write a whole number from 0 to 65535 (got 'x')"),
        (["serve", "--lease-s", "0"], "write a number over 0 and up to 86400 (got '0')"),
        (["serve", "--speech-threshold", "2"], "a number over 0.15 and under 1 (got '2')"),
        (["serve", "--device", "gpu"], "write auto, cpu or cuda (got 'gpu')"),
        (["serve", "--log-level", "warn"], "(got 'warn'); did you mean warning?"),
        (["serve", "--open-to-network", "maybe"], "write true or false (got 'maybe')"),
        (["serve", "--language", "english"], "write en for english"),
        (["caption", "x.wav", "--language", "Deutsch"], "write de for Deutsch"),
        (["mic", "--language", "elvish"], "the code of a language, such as en or de, or auto"),
        (["serve", "--wyoming", "10300"], "this does not fit. Address for Wyoming"),
        (["serve", "--public-url", "hall"], "write https://HOST, auto or none"),
        (["serve", "--embedding-sites", "a; b"], "a; b is no site"),
        (["serve", "--config", "/nonexistent.toml"], "no configuration file /nonexistent.toml"),
        (["serve", "--host", "0.0.0.0"], "use --open-to-network"),
        (["demo", "--device", "tpu"], "--device (SURTITLE_DEVICE): "),
        (["check", "--port", "-5"], "--port (SURTITLE_PORT): "),
        (["caption", "x.wav", "--max-utterance-ms", "5"], "--max-utterance-ms"),
        (["caption", "x.wav", "--caption-width", "9"], "--caption-width"),
        (["caption", str(SAMPLE), "--server", CLOSED_PORT], "Cannot reach a Surtitle server at "),
        (["caption", "/nonexistent.wav", "--server", CLOSED_PORT], "surtitle: "),
        (["caption", str(SAMPLE), "-o", "/nonexistent/x.srt"], "Cannot write /nonexistent/x.srt"),
        (["caption", "x.wav", "-o", "x.docx"], "formats are text, jsonl, srt, vtt, ass."),
        (["mic", "-o", "talk.ssa"], "talk.ssa cannot be written"),
        (["watch", "hall", "-o", "hall.srt"], "the formats are text, jsonl."),
        (["caption", str(SAMPLE), "--server", "http://[bad"], "http://[bad"),
        (["caption", str(SAMPLE), "--server", "ftp://127.0.0.1"], "ftp"),
        (["caption", str(SAMPLE), "--server", "ws://127.0.0.1:port"], "ws://127.0.0.1:port"),
        (["caption", str(SAMPLE), "--server", ""], "surtitle: "),
        (
            ["caption", "x.wav", "--server", CLOSED_PORT, "--model", "base"],
            "--model cannot be set for the server",
        ),
        (
            ["mic", "--server", CLOSED_PORT, "--compute-type", "int8"],
            "--compute-type cannot be set for the server",
        ),
    ],
    ids=lambda value: " ".join(value)[-40:] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_and_status_1(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = run(monkeypatch, capsys, *arguments)
    assert (status, out) == (1, "")
    assert err.startswith("surtitle: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_what_a_server_is_started_with_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = {
        "--model": "none-such",
        "--port": "0",
        "--sinks": "hall=hls:/nonexistent",
        "--engine": "ws://127.0.0.1:1",
        "--backplane": "redis://:s3cret@127.0.0.1:1",
        "--archive": "postgresql://u:s3cret@127.0.0.1:1/d",
    }
    words = [word for pair in arguments.items() for word in pair]
    status, out, err = run(monkeypatch, capsys, "check", *words)
    said = " ".join(out.split())
    assert status == 1
    assert "hall hls: The captions of hall cannot be written" in said
    assert "ws://127.0.0.1:1: " in said
    assert "Redis: " in said and "The database of the archive: " in said
    assert "s3cret" not in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--archive", "postgres://u:s3cret@h/d"],
        ["--archive", "postgresql:/u:s3cret@h/d"],
        ["--archive", "postgresql://u:s3cret/d"],
        ["--archive", "postgresql://u:1@s3cret@h/d"],
        ["--archive=sqlite://u:s3cret@h/d"],
        ["--backplane", "redis://:s3cret"],
        ["--backplane", "redis://:1/s3cret@h"],
        ["--backplane=http://:s3cret@h"],
    ],
    ids=" ".join,
)
def test_the_password_of_a_database_is_not_told(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(monkeypatch, capsys, "serve", *arguments)
    assert status == 1
    assert err.startswith("surtitle: ")
    assert "s3cret" not in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["serve", "--nope"],
        ["serve", "extra"],
        ["serve", "--port"],
        ["caption"],
        ["caption", "a.wav", "--format", "doc"],
        ["mic", "-o", "/"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_makes_no_sense_has_status_2_and_a_hint(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(monkeypatch, capsys, *arguments)
    assert (status, out) == (2, "")
    assert "Error: " in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["serve", "--device"], "--device needs a value: auto, cpu or cuda. Where the model runs"),
        (["serve", "--device", "--model", "base"], "--device needs a value: auto, cpu or cuda."),
        (["serve", "--log-level"], "--log-level needs a value: debug, info, warning or error."),
        (["serve", "--host"], "--host needs a value. Address to listen on."),
        (["check", "--port", "--model"], "--port needs a value: a whole number from 0 to 65535."),
        (["caption", "a.wav", "--language"], "--language needs a value. Language for clients"),
        (["caption", "a.wav", "--track"], "--track needs a value. Number of the audio track"),
        (["mic", "--channel", "--server", "x"], "--channel needs a value. Publish"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_without_its_value_says_what_to_write(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, err = run(monkeypatch, capsys, *arguments)
    assert (status, out) == (2, "")
    assert sentence in err


@pytest.mark.parametrize("arguments", [[], ["true"], ["--model", "base"]], ids=" ".join)
def test_a_switch_may_stand_alone(arguments: list[str]) -> None:
    command = cli.commands["serve"]
    context = command.make_context("serve", ["--open-to-network", *arguments])
    assert _settings(context.params).open_to_network


def test_every_setting_that_takes_some_values_names_them() -> None:
    for name, field in Settings.model_fields.items():
        if field.annotation not in (str, str | None):
            assert expected(name), name
    assert expected("device") == "auto, cpu or cuda"
    assert expected("metrics_port") == "a whole number from 0 to 65535"
    assert expected("max_sockets") == "a whole number from 16"
    assert expected("nothing") == ""


def test_the_environment_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SURTITLE_LEASE_S", "never")
    status, _, err = run(monkeypatch, capsys, "serve")
    assert status == 1
    assert "--lease-s (SURTITLE_LEASE_S)" in err


def test_the_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "surtitle.toml"
    path.write_text("endpoint_silence_ms = 5\n")
    status, _, err = run(monkeypatch, capsys, "serve", "--config", str(path))
    assert status == 1
    assert f"{path}: endpoint_silence_ms: " in err


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        (["caption", "x.wav"], "surtitle.cli.caption.caption_files"),
        (["mic"], "surtitle.cli.mic.caption_microphone"),
        (["demo"], "surtitle.cli.caption.run_demo"),
    ],
)
def test_a_server_of_its_own_has_nothing_of_the_real_one_that_concerns_others(
    command: list[str], runs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Settings(port=0, log_level="warning", language="de").model_dump()
    path = tmp_path / "surtitle.toml"
    path.write_text(
        'host = "0.0.0.0"\nport = 443\nkeys_file = "keys.toml"\nallowed_origins = ["*"]\n'
        'tls_cert = "chain.pem"\nlog_level = "debug"\nlanguage = "de"\nvosk_port = 2700\n'
        'wyoming = "tcp://0.0.0.0:10300"\nwyoming_zeroconf = "Saal"\n'
        'archive = "/srv/talks"\nbackplane = "redis://127.0.0.1:6379"\n'
        'sinks = ["hall=hls:/srv/live"]\nsinks_file = "sinks"\nwebhook_secret_file = "secret"\n'
    )
    monkeypatch.setenv("SURTITLE_TLS_KEY", "key.pem")
    used: list[Settings] = []
    monkeypatch.setattr(runs, lambda *arguments: used.append(arguments[-1]))
    result = CliRunner().invoke(cli, [*command, "--config", str(path)])
    assert result.exit_code == 0
    assert [settings.model_dump() for settings in used] == [own]


def test_errors_reach_main_as_they_are() -> None:
    result = CliRunner().invoke(cli, ["serve", "--port", "x"])
    assert isinstance(result.exception, ConfigurationError)


def test_the_package_is_the_command() -> None:
    command = [sys.executable, "-m", "surtitle", "serve", "--port", "x"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("surtitle: --port")


def test_a_server_is_asked_for_what_was_set_and_nothing_else() -> None:
    assert wishes(Settings()) == Start()
    assert wishes(Settings(language="de"), words=True) == Start(language="de", words=True)
    assert wishes(Settings(endpoint_silence_ms=300)) == Start(endpoint_silence_ms=300)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--listen", "8766"], "Write the address as HOST:PORT"),
        (["--listen", "127.0.0.1:99999"], "Write the address as HOST:PORT"),
        (["--listen", "0.0.0.0:0"], "gateways need no secret"),
        (["--tls-cert", "no.pem"], "TLS needs both"),
        (["--engine-ca", "no.pem"], "TLS needs both"),
    ],
)
def test_an_engine_that_cannot_be_served_says_why(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "surtitle", "engine", "--model", "tiny.en", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_list_may_be_given_item_by_item() -> None:
    def given(*arguments: str) -> list[str]:
        context = cli.commands["serve"].make_context("serve", list(arguments))
        return _settings(context.params).engine

    urls = ["ws://10.0.0.5:8766", "ws://10.0.0.6:8766"]
    assert given("--engine", urls[0], "--engine", urls[1]) == urls
    assert given("--engine", ",".join(urls)) == urls
    assert given() == []
