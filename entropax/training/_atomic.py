"""Files that are whole or absent."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes `data` to `path` so that a reader, or a crash, sees the old content or the new, never a part.

    The bytes go to a hidden file beside `path` and reach the disk before that file takes the name.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; `path` is as it was before.
    """
    write_together({Path(path): data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Writes files that belong together, each as `write_atomically` does.

    The bytes of all of them reach the disk before the first takes its name, so that a disk that is full or refuses
    leaves every file as it was; they take their names in the order given.

    Raises:
        OSError: a folder cannot be made or written, or the disk is full.
    """
    drafts = {path: path.with_name(f".{path.name}.{os.getpid()}.draft") for path in files}
    path = None
    try:
        for path, draft in drafts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(draft, "wb") as file:
                file.write(files[path])
                file.flush()
                os.fsync(file.fileno())
        for path, draft in drafts.items():
            os.replace(draft, path)
    except OSError as error:
        for draft in drafts.values():
            with contextlib.suppress(OSError):  # where nothing can be removed nothing was written
                draft.unlink(missing_ok=True)
        raise type(error)(error.errno, f"cannot write {path}: {error.strerror or error}") from error
