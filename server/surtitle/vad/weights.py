"""The weights of Silero's network, from the installed package."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from surtitle.errors import SurtitleError
from surtitle.vad.torchscript import NOT_READABLE, Floats, read_tensors

_RATE_16K = "_model."
"""What the names of the network for 16 kHz begin with; those of the one for 8 kHz do not."""


def load_weights() -> Mapping[str, Floats]:
    """The tensors by the names that the package gives them. Raises SurtitleError.

    The package itself is not imported, since it imports PyTorch.
    """
    spec = find_spec("silero_vad")
    folders = [] if spec is None else spec.submodule_search_locations or []
    path = Path(*folders[:1], "data", "silero_vad.jit")
    try:
        tensors = read_tensors(path)
    except NOT_READABLE as error:
        raise SurtitleError(
            f"The voice-activity network of the package silero-vad cannot be read: {error!s:.200}. "
            "`surtitle check` examines the installation."
        ) from error
    return {
        name.removeprefix(_RATE_16K): tensor
        for name, tensor in tensors.items()
        if name.startswith(_RATE_16K)
    }
