"""The tensors of a TorchScript archive, without PyTorch.

PyTorch takes 180 MB and two seconds of a processor to be loaded, for 14 tensors that are read once. An
archive is a zip file: `data.pkl` in it is a pickle of the modules with their parameters, and each
`data/N` holds the numbers of one tensor (`torch/csrc/jit/serialization` in PyTorch's sources).
"""

import math
import pickle
import zipfile
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NOT_READABLE = (
    OSError,
    EOFError,
    KeyError,
    ValueError,
    zipfile.BadZipFile,
    pickle.UnpicklingError,
)


def read_tensors(path: Path) -> dict[str, Floats]:
    """The tensors of 32-bit floats, by the names that `state_dict` gives them.

    Raises one of NOT_READABLE where it is no such archive.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        pickled = next((name for name in names if name.endswith("/data.pkl")), "data.pkl")
        root = pickled.removesuffix("data.pkl")
        module = _Unpickler(archive.read(pickled), lambda key: archive.read(f"{root}data/{key}"))
        return dict(_named(module.load()))


class _Module:
    """Stands for every class of the archive: what it holds is in its attributes."""


class _Unpickler(pickle.Unpickler):
    """Makes nothing but modules, tensors, lists and dicts, whatever the pickle names."""

    def __init__(self, pickled: bytes, read: Callable[[str], bytes]) -> None:
        """`read` gives the bytes of a tensor by the key of its storage."""
        super().__init__(BytesIO(pickled))
        self._read = read

    def persistent_load(self, pid: Any) -> Floats:
        """The numbers that tensors are views of, shape (n,)."""
        _, dtype, key, *_ = pid
        return np.frombuffer(self._read(key), dtype)

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """What stands for a class or a function of PyTorch."""
        match module_name, global_name:
            case "torch", "FloatStorage":
                return np.dtype("<f4")
            case "torch._utils", "_rebuild_tensor_v2":
                return _tensor
            case "collections", "OrderedDict":
                return dict
            case "torch.jit._pickle", _:
                return list
        if module_name.startswith("__torch__."):
            return _Module
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is unknown")


def _tensor(storage: Floats, first: int, shape: tuple[int, ...], *_: object) -> Floats:
    """A tensor whose numbers lie one after the other, the last axis first."""
    return storage[first : first + math.prod(shape)].reshape(shape)


def _named(module: _Module, prefix: str = "") -> Iterator[tuple[str, Floats]]:
    attributes: Mapping[str, object] = vars(module)
    for name, value in attributes.items():
        if isinstance(value, _Module):
            yield from _named(value, f"{prefix}{name}.")
        elif isinstance(value, np.ndarray):
            yield prefix + name, value
