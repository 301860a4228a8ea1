"""The check of an installation: judgements with literals, probes for real.

Machines that the tests do not run on (GPUs, old drivers, AMD processors) appear as facts. The child
is a real process throughout, also where it has to crash or hang.
"""

import asyncio
import io
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rich.console import Console

import surtitle
from surtitle.archive.sql_store import SqlStore
from surtitle.diagnosis import diagnose, exit_status, render
from surtitle.diagnosis.certificate import examine_certificate, judge
from surtitle.diagnosis.child import (
    ProbeOutcome,
    StepResult,
    describe_exit,
    judge_probe,
    parse_probe_output,
    probe_command,
    run_probe,
)
from surtitle.diagnosis.engines import examine_engines
from surtitle.diagnosis.finding import Finding
from surtitle.diagnosis.gpu import Gpu, judge_compute_type, judge_gpu
from surtitle.diagnosis.keyfiles import examine_key_files
from surtitle.diagnosis.libraries import judge_libraries, judge_python
from surtitle.diagnosis.machine import Cpu, judge_cpu, probe_cpu
from surtitle.diagnosis.onward import examine_sinks
from surtitle.diagnosis.port import PortState, judge_port, probe_port
from surtitle.diagnosis.probe import PROBE_STEPS
from surtitle.diagnosis.stores import examine_stores
from surtitle.gateway.access import add_key
from tests.engine.serving import SECRET, served
from tests.engine.test_dialing import ANSWERS, answering
from tests.gateway.certificates import make_certificate


@dataclass(frozen=True)
class Settings:
    model: str = "tiny.en"
    device: str = "cpu"
    compute_type: str = "default"
    host: str = "127.0.0.1"
    port: int = 0
    keys_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    partial_model: str | None = None
    archive: str = ""
    backplane: str = ""
    engine: list[str] = field(default_factory=list)
    engine_ca: Path | None = None
    engine_cert: Path | None = None
    engine_key: Path | None = None
    name_among_servers: str = "here"
    sinks: list[str] = field(default_factory=list)
    sinks_file: Path | None = None
    secret: str = ""

    def engine_secret(self) -> str:
        return self.secret

    def webhook_secret(self) -> str:
        return self.secret


def states(findings: Iterable[Finding]) -> dict[str, str]:
    return {finding.title: finding.state for finding in findings}


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


# --- Databases -----------------------------------------------------------------------------------


def test_an_archive_is_looked_at_and_not_made(tmp_path: Path) -> None:
    folder = tmp_path / "talks"
    settings = Settings(archive=str(folder))
    finding = only(examine_stores(settings))
    assert (finding.state, finding.detail) == ("ok", f"will be made in {folder}/archive.sqlite3")
    assert not folder.exists()
    store = SqlStore(str(folder))
    store.open()
    store.close()
    finding = only(examine_stores(settings))
    assert (finding.state, finding.detail) == ("ok", "SQLite answers, in the known format")


def test_databases_that_cannot_be_used_are_problems(tmp_path: Path) -> None:
    (tmp_path / "archive.sqlite3").write_bytes(b"no database at all" * 100)
    for settings, said in (
        (Settings(archive=str(tmp_path)), "not a database"),
        (Settings(archive="postgresql://someone:secret@127.0.0.1:1/talks"), "of the archive"),
        (Settings(archive="sqlite://"), "needs a file"),
        (Settings(backplane="redis://127.0.0.1:1"), "127.0.0.1:1"),
        (Settings(backplane="redis://127.0.0.1:x"), "address is wrong"),
        (Settings(archive="postgresql://someone:secret/talks"), "no address"),
        (Settings(archive="postgresql://127.0.0.1:1/talks?password=secret"), "of the archive"),
        (Settings(archive="sqlite://someone:secret@127.0.0.1/talks"), "no address"),
        (Settings(backplane="redis://:secret"), "address is wrong"),
        (Settings(backplane="redis://:secret@127.0.0.1:1/0"), "127.0.0.1:1"),
        (Settings(backplane="redis://127.0.0.1:1?password=secret"), "127.0.0.1:1"),
    ):
        finding = only(examine_stores(settings))
        assert finding.state == "problem" and said in finding.detail
        assert "secret" not in finding.detail
    assert list(examine_stores(Settings())) == []


# --- Engines and sinks ---------------------------------------------------------------------------


async def look(examine: Callable[[Settings], Iterable[Finding]], settings: Settings) -> list[str]:
    """What is found, each with its state."""
    found = await asyncio.to_thread(lambda: list(examine(settings)))
    return [f"{finding.state}: {finding.detail}" for finding in found]


async def test_engines_are_asked_whether_they_answer() -> None:
    assert list(examine_engines(Settings())) == []
    async with served() as there:
        port = there.port
        urls = [there.url, f"dns+ws://localhost:{port}", f"lb+ws://127.0.0.1:{port}"]
        found = await look(examine_engines, Settings(engine=urls, secret=SECRET))
        assert f"ok: ws://127.0.0.1:{port} answers as there" in found
        assert found.count(f"ok: ws://127.0.0.1:{port} answers as there") == 3
        wrong = Settings(engine=urls[:1], secret="another secret!!")
        (said,) = await look(examine_engines, wrong)
        assert said.startswith("problem: ") and "It does not know our secret" in said
    (said,) = await look(examine_engines, Settings(engine=[there.url]))
    assert said.startswith(f"problem: {there.url}: ")


async def test_what_is_no_engine_is_a_problem() -> None:
    for answer in ("redirect to https", "redirect to wss", "page", "garbage"):
        async with answering(ANSWERS[answer]) as url:
            urls = [url, f"lb+{url}", f"dns+{url}"]
            found = await look(examine_engines, Settings(engine=urls))
            assert len(found) == 3
            assert all(said.startswith(f"problem: {url}: ") for said in found)
    (said,) = await look(examine_engines, Settings(engine=["dns+ws://engines..example:1"]))
    assert said.startswith("problem: dns+ws://engines..example:1: ")


async def test_engines_by_name_and_certificates_that_are_wrong(tmp_path: Path) -> None:
    (said,) = await look(examine_engines, Settings(engine=["dns+ws://none.invalid:1"]))
    assert said.startswith("problem: dns+ws://none.invalid:1: ")
    lacking = Settings(engine=["wss://127.0.0.1:1"], engine_ca=tmp_path / "none")
    (said,) = await look(examine_engines, lacking)
    assert said.startswith("problem: The certificates for engines cannot be used")


async def test_sinks_are_connected_to_and_get_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    got = list[bytes]()

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read())
        writer.close()

    assert list(examine_sinks(Settings())) == []
    monkeypatch.setenv("NO_PROXY", "*")
    server = await asyncio.start_server(keep, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    async with server:
        (tmp_path / "sinks").write_text(f"hall=zoom:https://127.0.0.1:{port}/s3cret?a=b")
        sinks = [
            f"hall=webhook:http://127.0.0.1:{port}/s3cret",
            f"hall=file:{tmp_path}/talk.vtt",
            f"hall=hls:{tmp_path}/none",
        ]
        settings = Settings(sinks=sinks, sinks_file=tmp_path / "sinks", secret="0123456789abcdef")
        assert await look(examine_sinks, settings) == [
            "ok: hall webhook: its host can be reached",
            f"ok: hall file: {tmp_path} is writable",
            "problem: hall hls: The captions of hall cannot be written: there is no folder "
            f"{tmp_path}/none.",
            "ok: hall zoom: its host can be reached",
        ]
        async with asyncio.timeout(5):
            while len(got) < 2:  # noqa: ASYNC110 - the end of a connection is no event
                await asyncio.sleep(0.005)
    assert got == [b"", b""]
    away = Settings(sinks=[f"hall=youtube:http://127.0.0.1:{port}/s3cret"])
    assert await look(examine_sinks, away) == [
        "problem: hall youtube: no connection: Connection refused"
    ]


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("hall=webhook:https://h/s3cret", "hall webhook: What goes to a webhook is signed"),
        ("hall=zoom:s3cret", "The sinks cannot be used: what follows hall=zoom: is no address"),
        ("hall=zoom:https://s3cret.invalid/", "hall zoom: no connection: "),
        ("hall=zoom:https://127.0.0.1:99999/s3cret", "hall zoom: no connection: the address is"),
    ],
)
async def test_what_is_wrong_with_a_sink_is_told_without_its_address(
    sink: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    (found,) = await look(examine_sinks, Settings(sinks=[sink]))
    assert found.startswith(f"problem: {said}")
    assert "s3cret" not in found


async def test_sinks_behind_a_proxy_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    (found,) = await look(examine_sinks, Settings(sinks=["hall=zoom:https://s3cret.invalid/"]))
    assert found == "ok: hall zoom: is behind a proxy, so it was not tried"


# --- Files with secrets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "keys", "tls"),
    [
        (0o600, "ok", "ok"),
        (0o400, "ok", "ok"),
        (0o640, "warning", "ok"),
        (0o644, "warning", "warning"),
        (0o660, "warning", "warning"),
        (0o606, "warning", "warning"),
    ],
)
def test_files_with_secrets(tmp_path: Path, mode: int, keys: str, tls: str) -> None:
    file = tmp_path / "secret"
    add_key(file, "desk", ["speak"])
    file.chmod(mode)
    findings = list(examine_key_files(Settings(keys_file=file, tls_key=file)))
    assert [finding.state for finding in findings] == [keys, tls]
    for finding in findings:
        if finding.state == "warning":
            assert finding.advice is not None and "chmod 6" in finding.advice
    assert list(examine_key_files(Settings())) == []


def test_a_key_file_with_which_no_server_starts(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    add_key(file, "desk", ["speak"])
    good = file.read_text()
    for bad, said in (
        ("x", "is not a key file"),
        (good.replace("token_secret", "secret"), "is not a key file"),
        (good.replace("speak", "sing"), "unknown scope 'sing'"),
    ):
        file.write_text(bad)
        found = only(examine_key_files(Settings(keys_file=file)))
        assert found.state == "problem" and said in found.detail


def test_secrets_that_cannot_be_reached(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for missing in (tmp_path / "gone", tmp_path / "file" / "in it", tmp_path):
        settings = Settings(keys_file=missing, tls_key=missing)
        for finding in examine_key_files(settings):
            assert finding.state == "problem" and "cannot be read" in finding.detail


# --- The certificate -----------------------------------------------------------------------------


def certified(certificate: Path | None, key: Path | None) -> str:
    found = only(examine_certificate(Settings(tls_cert=certificate, tls_key=key)))
    return f"{found.state}: {found.detail}"


def test_a_certificate_is_tried_as_a_client_tries_it(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "ours")
    said = f"{certificate} is valid for 1 more day; it signs itself, so browsers warn"
    assert certified(certificate, key).startswith(f"warning: {said}")
    assert judge(certificate, 90 * 86_400, signs_itself=True).state == "ok"
    by_others = judge(certificate, 90 * 86_400, signs_itself=False)
    assert by_others.detail == f"{certificate} is valid for 90 more days"
    assert list(examine_certificate(Settings())) == []


def test_a_certificate_that_no_client_takes(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "mine", "extendedKeyUsage=clientAuth")
    refused = f"problem: clients do not accept {certificate}: "
    assert certified(certificate, key).startswith(refused)


def test_a_certificate_that_no_server_takes(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "ours")
    _, other = make_certificate(tmp_path, "theirs")
    assert "cannot be used" in certified(certificate, other)
    assert "cannot be used" in certified(tmp_path / "gone", key)
    assert "both --tls-cert and --tls-key" in certified(certificate, None)
    assert "both --tls-cert and --tls-key" in certified(None, key)


# --- Python and libraries ----------------------------------------------------------------------


def test_python() -> None:
    assert judge_python((3, 11, 0)).state == "ok"
    assert judge_python((3, 14, 2)).detail == "3.14.2"
    old = judge_python((3, 9, 18))
    assert old.state == "problem"
    assert old.advice is not None
    assert "3.11" in old.advice


@pytest.mark.parametrize("version", ["4.8.1", "4.8.1.post1", "4.10", "5.0.0rc1", "4.8.5+cuda"])
def test_library_new_enough(version: str) -> None:
    assert states(judge_libraries({"ctranslate2": version})) == {"Libraries": "ok"}


def test_library_too_old_says_what_breaks() -> None:
    found = {f.title: f for f in judge_libraries({"ctranslate2": "4.8.0", "websockets": "17.3.9"})}
    assert found["ctranslate2"].state == found["websockets"].state == "problem"
    assert "can crash the process" in found["ctranslate2"].detail
    assert found["ctranslate2"].advice == 'Run: pip install --upgrade "ctranslate2>=4.8.1"'
    assert "unlimited memory" in found["websockets"].detail


def test_trailing_zeros_do_not_make_a_version_older() -> None:
    assert states(judge_libraries({"websockets": "17.4.0"})) == {"Libraries": "ok"}
    assert states(judge_libraries({"websockets": "17.4"})) == {"Libraries": "ok"}


def test_library_that_is_not_installed() -> None:
    found = {finding.title: finding for finding in judge_libraries({"numpy": None, "av": "14.0"})}
    assert found["numpy"].state == "problem"
    assert found["numpy"].advice == "Run: pip install numpy"
    assert "av 14.0" in found["Libraries"].detail


# --- Processor ---------------------------------------------------------------------------------


def test_processor_with_vector_instructions() -> None:
    wide = Cpu("x86_64", 2, "AuthenticAMD", frozenset({"avx2", "avx512f"}))
    assert only(judge_cpu(wide, {})).detail == "x86_64, 2 cores, AVX-512"
    narrow = Cpu("AMD64", 1, "GenuineIntel", frozenset({"avx2"}))
    assert only(judge_cpu(narrow, {})).detail == "AMD64, 1 core, AVX2"


def test_processor_without_vector_instructions() -> None:
    old = only(judge_cpu(Cpu("x86_64", 2, "GenuineIntel", frozenset({"sse4_1"})), {}))
    assert old.state == "warning"
    assert "no AVX2" in old.detail


def test_processor_that_says_nothing() -> None:
    assert only(judge_cpu(Cpu("arm64", 8), {})).state == "ok"
    assert only(judge_cpu(Cpu("aarch64", 4, None, frozenset({"asimd"})), {})).state == "ok"
    assert only(judge_cpu(Cpu("AMD64", 4), {})).state == "ok"


@pytest.mark.parametrize(
    ("vendor", "environment", "warned"),
    [
        ("AuthenticAMD", {"CT2_USE_MKL": "1"}, True),
        ("AuthenticAMD", {"CT2_USE_MKL": "0"}, False),
        ("AuthenticAMD", {}, False),
        ("GenuineIntel", {"CT2_USE_MKL": "1"}, False),
    ],
)
def test_mkl_on_amd(vendor: str, environment: dict[str, str], warned: bool) -> None:
    cpu = Cpu("x86_64", 2, vendor, frozenset({"avx2"}))
    assert ("CT2_USE_MKL" in states(judge_cpu(cpu, environment))) == warned


def test_this_machine_has_a_processor() -> None:
    cpu = probe_cpu()
    assert cpu.cores >= 1
    assert cpu.memory_bytes is None or cpu.memory_bytes > 2**20


# --- Port --------------------------------------------------------------------------------------


def test_free_and_used_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert probe_port("127.0.0.1", port) == "used"
    assert probe_port("127.0.0.1", port) == "free"
    assert probe_port("127.0.0.1", 0) == "free"


def test_address_of_another_machine() -> None:
    assert probe_port("192.0.2.1", 0) == "foreign"  # TEST-NET-1, RFC 5737


def test_host_that_is_not_a_host() -> None:
    assert probe_port("::1%no-such-interface", 0) == "unknown host"
    assert probe_port("." * 80, 0) == "unknown host"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("used", "127.0.0.1:80 is in use"),
        ("forbidden", "may not listen on 127.0.0.1:80"),
        ("foreign", "not an address of this machine"),
        ("unknown host", "127.0.0.1 is unknown"),
    ],
)
def test_port_problems(state: PortState, words: str) -> None:
    finding = judge_port("127.0.0.1", 80, state)
    assert finding.state == "problem"
    assert words in finding.detail
    assert finding.advice


def test_free_port_needs_no_advice() -> None:
    assert judge_port("127.0.0.1", 80, "free") == Finding("Port", "ok", "127.0.0.1:80 is free")
    assert judge_port("::1", 0, "free").detail == "::1, any free port"


# --- GPU ---------------------------------------------------------------------------------------

H100 = "NVIDIA H100 80GB HBM3, 550.54.15, 81559"


def test_no_gpu_is_fine_unless_it_is_wanted() -> None:
    none = Gpu(visible=0, smi=None)
    assert only(judge_gpu(none, "auto")).detail == "none; Surtitle uses the CPU"
    assert only(judge_gpu(none, "cpu")).state == "ok"
    wanted = only(judge_gpu(none, "cuda"))
    assert wanted.state == "problem"
    assert wanted.advice is not None
    assert "--gpus all" in wanted.advice
    assert "--device cpu" in wanted.advice


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_gpu_with_all_it_needs(device: str) -> None:
    findings = list(judge_gpu(Gpu(1, H100, "4.8.5"), device))
    assert states(findings) == {"GPU": "ok", "CUDA libraries": "ok"}
    assert findings[0].detail == "NVIDIA H100 80GB HBM3 (80 GiB, driver 550.54.15)"


def test_gpu_without_nvidia_smi() -> None:
    assert states(judge_gpu(Gpu(2, None, "4.8.5"), "auto")) == {"GPU": "ok", "CUDA libraries": "ok"}


def test_gpu_that_the_library_does_not_see() -> None:
    hidden = Gpu(0, H100, "4.8.5")
    assert states(judge_gpu(hidden, "auto")) == {"GPU": "warning"}
    finding = only(judge_gpu(hidden, "cuda"))
    assert finding.state == "problem"
    assert "CUDA_VISIBLE_DEVICES" in (finding.advice or "")


def test_driver_too_old() -> None:
    findings = states(judge_gpu(Gpu(0, "Tesla T4, 470.82.01, 15360", "4.8.5"), "cuda"))
    assert findings == {"GPU": "problem", "GPU driver": "problem"}


NO_CUBLAS = {"libcublas.so.12": "cannot open shared object file"}
NO_CUDNN = {"libcudnn.so.9": "cannot open shared object file"}


def test_cublas_that_is_not_installed() -> None:
    finding = list(judge_gpu(Gpu(1, H100, "4.8.5", NO_CUBLAS), "auto"))[-1]
    assert finding.state == "problem"
    assert "libcublas.so.12: cannot open shared object file" in finding.detail
    assert "pip install nvidia-cublas-cu12`" in (finding.advice or "")
    assert "LD_LIBRARY_PATH" in (finding.advice or "")


def test_cublas_that_is_installed_where_nobody_looks() -> None:
    folders = ["/venv/nvidia/cublas/lib", "/venv/nvidia/cudnn/lib"]
    finding = list(judge_gpu(Gpu(1, H100, "4.8.5", NO_CUBLAS, folders), "cuda"))[-1]
    assert f"Set LD_LIBRARY_PATH={':'.join(folders)} " in (finding.advice or "")


def test_cublas_on_windows() -> None:
    errors = {"cublas64_12.dll": "Could not find module"}
    finding = list(judge_gpu(Gpu(1, H100, "4.8.5", errors, ["C:\\nvidia"]), "cuda"))[-1]
    assert "Set PATH=C:\\nvidia " in (finding.advice or "")


def test_cudnn_counts_only_for_old_builds() -> None:
    new = states(judge_gpu(Gpu(1, H100, "4.8.5", NO_CUDNN), "cuda"))
    assert new["CUDA libraries"] == "ok"
    old = list(judge_gpu(Gpu(1, H100, "4.6.0", NO_CUDNN), "cuda"))[-1]
    assert old.state == "problem"
    assert "nvidia-cudnn-cu12" in (old.advice or "")


def test_libraries_do_not_matter_on_the_processor() -> None:
    assert states(judge_gpu(Gpu(1, H100, "4.8.5", NO_CUBLAS), "cpu")) == {"GPU": "ok"}


def test_gpu_that_could_not_be_asked_for() -> None:
    assert states(judge_gpu(Gpu(None, H100), "auto")) == {"GPU": "warning"}


# --- Compute type ------------------------------------------------------------------------------


def imported(devices: int, **kinds: list[str]) -> ProbeOutcome:
    facts = {"cuda_devices": devices, "compute_types": kinds}
    return ProbeOutcome({"import": StepResult(facts=facts)}, 0)


@pytest.mark.parametrize(
    ("device", "wanted", "state"),
    [
        ("cpu", "default", "ok"),
        ("cpu", "int8", "ok"),
        ("cpu", "float16", "problem"),
        ("auto", "float16", "ok"),
        ("cuda", "float16", "ok"),
        ("cuda", "int4", "problem"),
    ],
)
def test_compute_type_on_the_device(device: str, wanted: str, state: str) -> None:
    outcome = imported(1, cpu=["float32", "int8"], cuda=["float16", "float32", "int8"])
    assert only(judge_compute_type(outcome, Settings("", device, wanted))).state == state


def test_compute_type_on_auto_without_gpu_is_that_of_the_processor() -> None:
    finding = only(judge_compute_type(imported(0, cpu=["int8"]), Settings("", "auto", "float16")))
    assert finding.detail == "float16 does not work on cpu"
    assert finding.advice == "Use --compute-type default, or one of int8."


def test_compute_type_is_not_judged_without_facts() -> None:
    assert not list(judge_compute_type(ProbeOutcome({}, -11), Settings()))
    assert not list(judge_compute_type(imported(0, cpu=["int8"]), Settings("", "cuda")))


# --- The child ---------------------------------------------------------------------------------

GOOD_STEPS = {
    "import": StepResult(1.0, {"cuda_devices": 0}),
    "libraries": StepResult(),
    "load": StepResult(0.4, {"device": "cpu", "compute_type": "int8"}),
    "decode": StepResult(0.25),
}
ALL_STEPS = PROBE_STEPS


def got_to(step: str) -> dict[str, StepResult]:
    names = list(GOOD_STEPS)
    return {name: GOOD_STEPS[name] for name in names[: names.index(step)]}


def test_everything_works() -> None:
    assert [(f.state, f.detail) for f in judge_probe(ProbeOutcome(GOOD_STEPS, 0), ALL_STEPS)] == [
        ("ok", "on cpu as int8 in 0.4 s"),
        ("ok", "one second of audio in 0.25 s"),
    ]


def test_only_what_is_expected_is_judged() -> None:
    assert not list(judge_probe(ProbeOutcome(got_to("load"), 0), ALL_STEPS[:2]))


@pytest.mark.parametrize(
    ("step", "error", "advice"),
    [
        ("import", "No module named 'ctranslate2'", "fresh virtual environment"),
        ("import", "cannot enable executable stack as shared object requires", "--upgrade"),
        ("load", "CUDA failed with error CUDA driver version is insufficient", "driver"),
        ("load", "CUDA failed with error out of memory", "smaller model"),
        ("load", "This CTranslate2 package was not compiled with CUDA support", "nvidia-smi"),
        ("load", "Requested float16 compute type, but the device cannot", "default"),
        ("load", "Unsupported model binary version", "damaged"),
        ("decode", "Library libcublas.so.12 is not found or cannot be loaded", "nvidia-cublas"),
        ("decode", "Library cublas64_12.dll is not found or cannot be loaded", "nvidia-cublas"),
        ("decode", "Unable to load any of {libcudnn_ops.so.9.1.0}", "no longer needs cuDNN"),
        ("decode", "Invalid input features shape: expected (1, 128, 3000)", "preprocessor"),
        ("decode", "no kernel image is available for execution on the device", "--device cpu"),
        ("decode", "something nobody has seen before", "--upgrade ctranslate2"),
    ],
)
def test_errors_of_a_step_get_their_advice(step: str, error: str, advice: str) -> None:
    steps = {**got_to(step), step: StepResult(error=error)}
    finding = list(judge_probe(ProbeOutcome(steps, 0), ALL_STEPS))[-1]
    assert finding.state == "problem"
    assert finding.detail.endswith(f"failed: {error}")
    assert advice in (finding.advice or "")


def test_crash_names_the_step_and_the_signal() -> None:
    output = "[ctranslate2] [warning] The compute type was changed\nfree(): invalid pointer\n\n"
    finding = only(judge_probe(ProbeOutcome(got_to("load"), -11, output=output), ALL_STEPS))
    assert finding.title == "Model load"
    assert finding.detail == "the model load crashed with signal SEGV: free(): invalid pointer"
    assert "--device cpu" in (finding.advice or "")


@pytest.mark.parametrize(
    ("status", "output", "advice"),
    [
        (-9, "", "lack of memory"),
        (-4, "", "lacks instructions"),
        (0xC000001D, "", "lacks instructions"),
        (-6, "Could not load library libcudnn_cnn.so.9\nAborted", "cuDNN"),
        (-6, "terminate called after throwing std::bad_alloc", "smaller model"),
    ],
)
def test_crashes_get_their_advice(status: int, output: str, advice: str) -> None:
    finding = only(judge_probe(ProbeOutcome(got_to("load"), status, output=output), ALL_STEPS))
    assert advice in (finding.advice or "")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-11, "crashed with signal SEGV"),
        (-6, "crashed with signal ABRT"),
        (-200, "crashed with signal 200"),
        (0xC0000005, "crashed with an access violation (0xC0000005)"),
        (3, "ended early with exit status 3"),
    ],
)
def test_ends_of_a_process_in_words(status: int, words: str) -> None:
    assert describe_exit(status) == words


def test_lines_that_are_none_of_ours_are_passed_over() -> None:
    lines = [
        '{"step": "import", "seconds": 1.5, "facts": {"a": 1}}',
        "[1, 2]",
        "7",
        "",
        "OMP: hint",
    ]
    lines += ['{"step": "load"', '{"no": "step"}', '{"step": "load", "surprise": 1}']
    assert parse_probe_output("\n".join(lines)) == {"import": StepResult(1.5, {"a": 1})}


def child(code: str) -> list[str]:
    """A child that says that it has imported everything, and then does `code`."""
    said = json.dumps({"step": "import", "seconds": 0.1, "facts": {"cuda_devices": 0}})
    libraries = json.dumps({"step": "libraries", "seconds": 0.1, "facts": {}})
    script = f"print({said!r}, flush=True)\nprint({libraries!r}, flush=True)\n{code}"
    return [sys.executable, "-c", script]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_child_that_crashes_in_native_code() -> None:
    outcome = run_probe(child("import ctypes\nctypes.string_at(0)"), timeout_s=20)
    finding = only(judge_probe(outcome, ALL_STEPS))
    assert finding.detail.startswith("the model load crashed with signal SEGV")
    assert outcome.fact("import", "cuda_devices") == 0


def test_child_that_hangs_is_ended() -> None:
    outcome = run_probe(child("import time\ntime.sleep(600)"), timeout_s=2)
    finding = only(judge_probe(outcome, ALL_STEPS))
    assert finding.detail == "the model load did not finish within 2 s"
    assert "smaller model" in (finding.advice or "")


def test_child_that_ends_early() -> None:
    outcome = run_probe(child("import sys\nsys.exit('something broke')"), timeout_s=20)
    finding = only(judge_probe(outcome, ALL_STEPS))
    assert finding.detail == "the model load ended early with exit status 1: something broke"


def test_child_ignores_what_lies_in_the_current_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    monkeypatch.chdir(tmp_path)
    outcome = run_probe(probe_command(None, Settings()), timeout_s=60)
    assert (outcome.exit_status, outcome.output) == (0, "")
    assert set(outcome.steps) == {"import", "libraries"}


def test_garbage_for_a_model_is_a_finding(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "model.bin").write_bytes(bytes(1000))
    settings = Settings(model=str(tmp_path))
    outcome = run_probe(probe_command(settings.model, settings), timeout_s=60)
    finding = only(judge_probe(outcome, ALL_STEPS))
    assert finding.title == "Model load"
    assert finding.state == "problem"
    assert finding.advice


def test_probe_without_its_flag_explains_itself() -> None:
    folder = Path(surtitle.__file__).parents[1]
    command = [sys.executable, "-m", "surtitle.diagnosis", "nonsense"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("usage:")


# --- All of it ---------------------------------------------------------------------------------


def test_a_sound_installation() -> None:
    findings = diagnose(Settings())
    assert [finding for finding in findings if finding.state == "problem"] == []
    assert exit_status(findings) == 0
    found = {finding.title: finding.detail for finding in findings}
    assert found["Model"] == "tiny.en, 76 MB, bundled, hash verified"
    assert "tiny.en needs 0.2 GiB while it loads" in found["Memory"]
    assert "at once" in found["Speakers"]
    assert found["Model load"].startswith("on cpu as int8")
    assert found["Decoding"].startswith("one second of audio in ")


def test_a_model_for_partials_is_looked_for_as_well() -> None:
    found = states(diagnose(Settings(partial_model="tinny.en")))
    assert (found["Model"], found["Partial model"]) == ("ok", "problem")


def test_a_model_that_is_not_here_is_judged_before_it_is_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "new" / "hub"))
    found = {finding.title: finding for finding in diagnose(Settings(model="small"))}
    assert found["Model"].state == "warning"
    assert found["Download"].detail.startswith(f"484 MB for small, once, to {tmp_path}")
    assert "MB are free" in found["Download"].detail
    assert "small needs" in found["Memory"].detail
    assert found["Speakers"].state == "warning"


def test_unknown_model_is_one_problem_and_not_three() -> None:
    problems = [f for f in diagnose(Settings(model="tinny.en")) if f.state == "problem"]
    assert [finding.title for finding in problems] == ["Model"]
    assert "Did you mean 'tiny.en'?" in problems[0].detail
    assert exit_status(problems) == 1


def test_wrong_compute_type_is_one_problem() -> None:
    problems = [f for f in diagnose(Settings(compute_type="int3")) if f.state == "problem"]
    assert [finding.title for finding in problems] == ["Compute type"]


def test_the_check_itself_loads_no_model_library() -> None:
    code = (
        "import sys\n"
        "from types import SimpleNamespace\n"
        "from surtitle.diagnosis import diagnose\n"
        "diagnose(SimpleNamespace(model='none-such', partial_model=None, device='cpu',\n"
        "    compute_type='default', host='127.0.0.1', port=0, keys_file=None, tls_cert=None,\n"
        "    tls_key=None, archive='', backplane='', engine=[], sinks=[], sinks_file=None,\n"
        "    webhook_secret=str))\n"
        "assert not {'ctranslate2', 'faster_whisper', 'torch'} & set(sys.modules)\n"
    )
    folder = Path(surtitle.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


def rendered(findings: list[Finding], encoding: str = "utf-8") -> str:
    buffer = io.BytesIO()
    with io.TextIOWrapper(buffer, encoding=encoding) as file:
        render(findings, Console(file=file, width=60))
        file.flush()
        return buffer.getvalue().decode(encoding)


FINDINGS = [
    Finding("Python", "ok", "3.11.7"),
    Finding("Memory", "warning", "only 1.0 GiB", "Use --model tiny.en."),
    Finding("Port", "problem", "127.0.0.1:80 is in use", "Give --port [another one]."),
]


def test_rendering() -> None:
    lines = [line.rstrip() for line in rendered(FINDINGS).splitlines()]
    assert lines == [
        "✓  Python             3.11.7",
        "!  Memory             only 1.0 GiB",
        "                      Use --model tiny.en.",
        "✗  Port               127.0.0.1:80 is in use",
        "                      Give --port [another one].",
        "1 problem and 1 warning found.",
    ]
    assert "No problems found." in rendered(FINDINGS[:1])


def test_rendering_where_only_ascii_can_be_shown() -> None:
    text = rendered(FINDINGS, encoding="ascii")
    assert text.splitlines()[0].startswith("ok Python")
    assert text.splitlines()[3].startswith("X  Port")


def test_exit_status() -> None:
    assert exit_status([]) == 0
    assert exit_status(FINDINGS[:2]) == 0
    assert exit_status(FINDINGS) == 1
