"""The well-known models as their publishers released them: which commit, the hash of its weights, and
their size.

A model that is downloaded by its usual name is downloaded at this commit. Its weights must have this
hash, also where they come from the cache. So other weights under the same name are noticed, whether
they are the hub's, a mirror's or the cache's.

The hub states the sha256 of each large file: it is the `oid` of the file's Git LFS pointer. Each row
here was found in at least two public projects that do not depend on each other and that pin the
repository, the commit and the hash of `model.bin`: manifests of downloads, installers, recipes and
lock files. The weights of base and tiny.en are also hashed whenever they are loaded. Two rows are
rarer than the others: for distil-large-v3.5, one source hashed the file of this commit and the other
read the hub's API; for distil-large-v2, the second source has the same weights, configuration and
vocabulary, but names no commit.
"""

from typing import NamedTuple


class Published(NamedTuple):
    """One release of a model."""

    revision: str  # the commit of the repository on the hub
    sha256: str  # of `model.bin`, in hexadecimal digits
    weights_mb: int  # its size in 10^6 bytes, mostly as float16


PUBLISHED: dict[str, Published] = {
    "Systran/faster-whisper-tiny": Published(
        "d90ca5fe260221311c53c58e660288d3deb8d356",
        "dcb76c6586fc06cbdac6dd21f14cfd129cc4cdd9dce19bf4ffa62e59cbe6e6d1",
        76,
    ),
    "Systran/faster-whisper-tiny.en": Published(
        "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        76,
    ),
    "Systran/faster-whisper-base": Published(
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        145,
    ),
    "Systran/faster-whisper-base.en": Published(
        "3d3d5dee26484f91867d81cb899cfcf72b96be6c",
        "2a166925539a16005f14ff328359f9b9adb9dc4fb631bb3b227526862e93e2ef",
        145,
    ),
    "Systran/faster-whisper-small": Published(
        "536b0662742c02347bc0e980a01041f333bce120",
        "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671",
        484,
    ),
    "Systran/faster-whisper-small.en": Published(
        "d1d751a5f8271d482d14ca55d9e2deeebbae577f",
        "62b2a45b05ee59acb4a5341b33ee35e041395d378d418a18acfe4c9e768ee37a",
        484,
    ),
    "Systran/faster-whisper-medium": Published(
        "08e178d48790749d25932bbc082711ddcfdfbc4f",
        "9b45e1009dcc4ab601eff815b61d80e60ce3fd8c74c1a14f4a282258286b51ae",
        1528,
    ),
    "Systran/faster-whisper-medium.en": Published(
        "a29b04bd15381511a9af671baec01072039215e3",
        "11b220779aea4c6f3ce9d2549c8a95ea869ed84066864b999531ef53e594fe5b",
        1528,
    ),
    "Systran/faster-whisper-large-v1": Published(
        "b07c8d4be0be90092aa01a29c975077acb8d15c9",
        "a3cce8081a5414206ab09a80aa410ebf9965feef52adafeead13f4a83398b1d1",
        3087,
    ),
    "Systran/faster-whisper-large-v2": Published(
        "f0fe81560cb8b68660e564f55dd99207059c092e",
        "bf2a9746382e1aa7ffff6b3a0d137ed9edbd9670c3b87e5d35f5e85e70d0333a",
        3087,
    ),
    "Systran/faster-whisper-large-v3": Published(
        "edaa852ec7e145841d8ffdb056a99866b5f0a478",
        "69f74147e3334731bc3a76048724833325d2ec74642fb52620eda87352e3d4f1",
        3087,
    ),
    "mobiuslabsgmbh/faster-whisper-large-v3-turbo": Published(
        "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da",
        1618,
    ),
    "Systran/faster-distil-whisper-small.en": Published(
        "ef77d90526ccd62cde3808ee70626a01e5cf83e4",
        "1187de3982cdcf962a2fb8f797e429fb4651b875b18fe9ce50b58b52fc9072b7",
        332,
    ),
    "Systran/faster-distil-whisper-medium.en": Published(
        "80ddfce281f77766d8943d63109199fc8145dfa5",
        "d4cb75d823dcd2647191064da76f026774c06c036908f38456165368d0e2d66a",
        789,
    ),
    "Systran/faster-distil-whisper-large-v2": Published(
        "fe9b404fc56de3f7c38606ef9ba6fd83526d05e4",
        "b415593cd109c0418d42ecb106c40ae45c8229cb4090e67db12243901e071ab3",
        1513,
    ),
    "Systran/faster-distil-whisper-large-v3": Published(
        "c3058b475261292e64a0412df1d2681c06260fab",
        "b79368e19b6623813609431a6e5ee309a71506701ebc49fd7820e692dec7c5f5",
        1513,
    ),
    "distil-whisper/distil-large-v3.5-ct2": Published(
        "9793ccc07920e0f830e1dba0343efcdf0ef8c903",
        "c58b88b8585ffcd2135fddaaf421ce72cb223b32edea70d156aed1dea319a119",
        1513,
    ),
}
"""By repository."""
