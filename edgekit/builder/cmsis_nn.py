"""The sources of CMSIS-NN: from the folder that CMSIS_NN_ROOT names, or fetched once and kept in the cache.

One commit is pinned. What is fetched has to be exactly that; what the user names may be another one, and is told apart.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
import urllib.request
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from edgekit_codegen.providers.cmsis import COMMIT

from .. import resources
from ..errors import ToolchainError
from .cache import digest, digest_files, user_cache
from .compile import Unit

VARIABLE = "CMSIS_NN_ROOT"
ARCHIVE = f"https://github.com/ARM-software/CMSIS-NN/archive/{COMMIT}.tar.gz"
CONTENTS = "4e18abc85ec7a49697e0725761b605c17a9d8cb3884e8401b04ec6260294f0ce"
"""The digest (cache.digest_files) of FILES in the pinned commit."""

INCLUDE = "Include"
_HEADERS = (
    "Internal/arm_nn_compiler.h",
    "Internal/arm_nn_config.h",
    "arm_nn_math_types.h",
    "arm_nn_types.h",
    "arm_nnfunctions.h",
    "arm_nnsupportfunctions.h",
)
_SOURCES = {
    "BasicMathFunctions": ("elementwise_add_s8", "elementwise_mul_s8"),
    "ConvolutionFunctions": (
        "convolve_1_x_n_s8",
        "convolve_1x1_s8",
        "convolve_1x1_s8_fast",
        "convolve_get_buffer_sizes_s8",
        "convolve_s8",
        "convolve_wrapper_s8",
        "depthwise_conv_3x3_s8",
        "depthwise_conv_get_buffer_sizes_s8",
        "depthwise_conv_s8",
        "depthwise_conv_s8_opt",
        "depthwise_conv_wrapper_s8",
        "nn_depthwise_conv_s8_core",
        "nn_mat_mult_kernel_row_offset_s8_s16",
        "nn_mat_mult_kernel_s8_s16",
        "nn_mat_mult_s8",
    ),
    "FullyConnectedFunctions": ("fully_connected_per_channel_s8", "fully_connected_s8", "fully_connected_wrapper_s8"),
    "NNSupportFunctions": (
        "nn_depthwise_conv_nt_t_padded_s8",
        "nn_depthwise_conv_nt_t_s8",
        "nn_mat_mul_core_1x_s8",
        "nn_mat_mul_core_4x_s8",
        "nn_mat_mult_nt_t_s8",
        "nn_vec_mat_mult_t_per_ch_s8",
        "nn_vec_mat_mult_t_s8",
        "q7_to_q15_with_offset",
        "s8_to_s16_unordered_with_offset",
    ),
    "PoolingFunctions": ("avgpool_get_buffer_sizes_s8", "avgpool_s8", "max_pool_s8"),
    "SoftmaxFunctions": ("nn_softmax_common_s8", "softmax_s8"),
    "TransposeFunctions": ("transpose_s8",),
}
SOURCES = tuple(f"Source/{folder}/arm_{name}.c" for folder, names in _SOURCES.items() for name in names)
FILES = (*(f"{INCLUDE}/{name}" for name in _HEADERS), *SOURCES)
"""All that is compiled, and what it includes."""

FLAGS = ("-std=gnu11",)
_TIMEOUT = 60.0  # seconds without a byte
_NEEDED = f"or get {COMMIT[:12]} of github.com/ARM-software/CMSIS-NN by other means and name its folder in {VARIABLE}"


@dataclass(frozen=True, slots=True)
class Library:
    """Where the sources lie.

    folder    absolute
    contents  digest of FILES
    """

    folder: Path
    contents: str

    @property
    def search(self) -> tuple[Path, ...]:
        """The folders that whoever calls it, and it itself, include from."""
        return self.folder / INCLUDE, _libc()

    @property
    def inputs(self) -> str:
        """A digest of all that can be included from there."""
        return digest(self.contents, *(file.read_bytes() for file in sorted(_libc().iterdir())))

    def __str__(self) -> str:
        """For people: which CMSIS-NN an image holds."""
        if self.contents == CONTENTS:
            return f"CMSIS-NN {COMMIT[:12]}"
        return f"CMSIS-NN of {VARIABLE}, which is not {COMMIT[:12]}"


def _libc() -> Path:
    """Where string.h is for images that have no C library."""
    return resources.firmware() / "libc"


def locate() -> Library:
    """The sources, fetched where they are not there yet.

    ToolchainError where CMSIS_NN_ROOT names no CMSIS-NN, the archive cannot be had, or it holds something else.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return _named(Path(named).resolve())
    folder = user_cache().resolve() / f"{COMMIT[:12]}-cmsis-nn"
    if _digest(folder) != CONTENTS:
        fetch(ARCHIVE, folder)
    return Library(folder, CONTENTS)


def _named(folder: Path) -> Library:
    found = _digest(folder)
    if found is None:
        missing = next((name for name in FILES if not (folder / name).is_file()), "a file that can be read")
        message = f"{VARIABLE} is {folder}, which is no CMSIS-NN: {missing} is not there"
        raise ToolchainError("cmsis_nn.root", message, f"unset {VARIABLE} to have it fetched, {_NEEDED}")
    return Library(folder, found)


def _digest(folder: Path) -> str | None:
    """None where files are missing."""
    try:
        return digest_files({name: (folder / name).read_bytes() for name in FILES})
    except OSError:
        return None


def fetch(url: str, folder: Path) -> None:
    """Unpack FILES of an archive into a folder, which appears whole or not at all. Raises as `locate`."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".cmsis-nn-") as made:
            archive, unpacked = Path(made, "archive"), Path(made, "unpacked")
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as source, archive.open("wb") as target:
                shutil.copyfileobj(source, target)
            texts = _unpack(archive)
            if digest_files(texts) != CONTENTS:
                message = f"{url} does not hold what CMSIS-NN {COMMIT[:12]} does: nothing of it was kept"
                raise ToolchainError("cmsis_nn.contents", message, f"try again, {_NEEDED}")
            for name, text in texts.items():
                path = unpacked / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text)
            if _digest(folder) != CONTENTS:  # another build may have been quicker
                shutil.rmtree(folder, ignore_errors=True)
                unpacked.rename(folder)
    except (OSError, HTTPException, EOFError, tarfile.TarError, zlib.error) as error:
        raise ToolchainError(
            "cmsis_nn.fetch", f"CMSIS-NN cannot be fetched from {url}: {error}", f"check the network, {_NEEDED}"
        ) from error


def _unpack(archive: Path) -> dict[str, bytes]:
    """Those of FILES that the archive holds, under its one top folder."""
    texts = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            if member.isfile() and name in FILES:
                stream = tar.extractfile(member)
                assert stream is not None
                texts[name] = stream.read()
    return texts


def units(library: Library, flags: tuple[str, ...]) -> list[Unit]:
    """What is to be compiled. flags: what decides on the code, without warnings."""
    return [
        Unit(library.folder / name, f"cmsis-nn/{Path(name).stem}", (*flags, *FLAGS), library.search, library.inputs)
        for name in SOURCES
    ]
