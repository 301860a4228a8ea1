"""In a child process: load the libraries and the model, and decode one second.

A line of JSON is said after each step, so that a crash shows which one it was.
"""

import ctypes
import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

ProbeStep = Literal["import", "libraries", "load", "decode"]
PROBE_STEPS: tuple[ProbeStep, ...] = ("import", "libraries", "load", "decode")

# What the CUDA build of CTranslate2 opens at run time. cuDNN only before CTranslate2 4.7, whose
# Whisper encoder has its own convolution (OpenNMT/CTranslate2#1949).
_CUDA_LIBRARIES = {
    "linux": ("libcublas.so.12", "libcudnn.so.9"),
    "win32": ("cublas64_12.dll", "cudnn64_9.dll"),
}


def _probe_import() -> dict[str, Any]:
    import ctranslate2
    import faster_whisper  # noqa: F401 - that it can be imported is what is asked

    devices = ctranslate2.get_cuda_device_count()
    kinds = {"cpu": sorted(ctranslate2.get_supported_compute_types("cpu"))}
    if devices:
        kinds["cuda"] = sorted(ctranslate2.get_supported_compute_types("cuda"))
    return {"cuda_devices": devices, "compute_types": kinds}


def _probe_libraries() -> dict[str, Any]:
    errors = {}
    for name in _CUDA_LIBRARIES.get(sys.platform, ()):
        try:
            ctypes.CDLL(name)
        except OSError as error:
            errors[name] = str(error)
    return {"errors": errors}


def _probe_load(model: str, device: str, compute_type: str) -> tuple[Any, dict[str, Any]]:
    # The server's own decoder, so that what is tried is what will run.
    from surtitle.recognition.whisper import WhisperDecoder

    decoder = WhisperDecoder(model, device=device, compute_type=compute_type, replicas=0, threads=0)
    return decoder, {"device": decoder.info.device, "compute_type": decoder.info.compute_type}


def _probe_decode(decoder: Any) -> None:
    decoder.warm_up()  # one second


def _say(step: ProbeStep, started_s: float, facts: Mapping[str, Any] | None = None) -> None:
    seconds = round(time.perf_counter() - started_s, 3)
    print(json.dumps({"step": step, "seconds": seconds, "facts": facts or {}}), flush=True)


def probe(arguments: Sequence[str]) -> None:
    """Go through the steps; `arguments` are model, device and compute type, or none: then no model."""
    step: ProbeStep = "import"
    try:
        started_s = time.perf_counter()
        _say(step, started_s, _probe_import())
        step, started_s = "libraries", time.perf_counter()
        _say(step, started_s, _probe_libraries())
        if not arguments:
            return
        step, started_s = "load", time.perf_counter()
        decoder, facts = _probe_load(*arguments)
        _say(step, started_s, facts)
        step, started_s = "decode", time.perf_counter()
        _probe_decode(decoder)
        _say(step, started_s)
    except Exception as error:
        print(json.dumps({"step": step, "error": f"{error}" or type(error).__name__}), flush=True)
