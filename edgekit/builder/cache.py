"""Files kept under the digest of everything they were made from, so that nothing is made twice."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIMIT_BYTES = 512 << 20


def user_cache() -> Path:
    """EDGEKIT_CACHE, or edgekit/ in the user's cache folder."""
    explicit = os.environ.get("EDGEKIT_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "edgekit"


def digest(*parts: str | bytes) -> str:
    """A digest of the parts and of where each ends."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def digest_files(files: Mapping[str, bytes]) -> str:
    """A digest of names and contents, whatever their order."""
    return digest(*(part for name in sorted(files) for part in (name, files[name])))


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of files under digests. Safe with several builds at once: entries appear whole or not at all."""

    folder: Path

    def entry(self, key: str, suffix: str) -> Path:
        return self.folder / key[:2] / f"{key}{suffix}"

    def take(self, key: str, suffix: str, to: Path) -> bool:
        """Copy the entry to a file; False where there is none."""
        source = self.entry(key, suffix)
        try:
            shutil.copyfile(source, to)
            os.utime(source)  # most recently used, for prune()
        except OSError:
            return False
        return True

    def put(self, key: str, suffix: str, made: Path) -> None:
        """Keep a copy of a file. A cache that cannot be written (a full disk, no permission) keeps nothing."""
        target = self.entry(key, suffix)
        with contextlib.suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
            os.close(handle)
            temporary = Path(name)
            try:
                shutil.copyfile(made, temporary)
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)

    def prune(self, limit: int = LIMIT_BYTES) -> None:
        """Drop the least recently used entries beyond `limit` bytes."""
        entries = []
        for path in self.folder.glob("??/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                entries.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= limit:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
