"""The CUDA driver by hand, where no library of the project would do what these tests want.

python -m tests.gpu.driver      take all memory of the GPU, say "full", keep it until the input ends
"""

import ctypes
import sys
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p

TRAP = b"""
.version 7.0
.target sm_50
.address_size 64
.visible .entry trap() { trap; }
"""
"""A kernel that fails at once, in the assembly that every driver compiles for its GPU."""
LARGEST, SMALLEST = 1 << 30, 1 << 20


class Gpu:
    """The first GPU, in the context that the libraries of this process share."""

    def __init__(self) -> None:
        self._driver = ctypes.CDLL("libcuda.so.1")
        device, context = c_int(), c_void_p()
        self._do("cuInit", 0)
        self._do("cuDeviceGet", byref(device), 0)
        self._do("cuDevicePrimaryCtxRetain", byref(context), device)
        self._do("cuCtxSetCurrent", context)

    def _do(self, name: str, *arguments: object) -> None:
        if status := getattr(self._driver, name)(*arguments):
            raise OSError(f"{name} failed with status {status}")

    @property
    def free(self) -> int:
        """Bytes that nobody has."""
        free, total = c_size_t(), c_size_t()
        self._do("cuMemGetInfo_v2", byref(free), byref(total))
        return free.value

    def take_all(self) -> int:
        """Take what memory there is, as long as this process runs; returns how many bytes."""
        taken, size = 0, LARGEST
        while size >= SMALLEST:
            try:
                self._do("cuMemAlloc_v2", byref(c_uint64()), c_size_t(size))
                taken += size
            except OSError:
                size //= 2
        return taken

    def trap(self) -> None:
        """Fail on the GPU, after which nothing that this process does there will work."""
        module, function = c_void_p(), c_void_p()
        self._do("cuModuleLoadData", byref(module), c_char_p(TRAP))
        self._do("cuModuleGetFunction", byref(function), module, b"trap")
        self._do("cuLaunchKernel", function, *[1] * 6, 0, None, None, None)


if __name__ == "__main__":
    Gpu().take_all()
    print("full", flush=True)
    sys.stdin.read()
