"""Files that are whole or absent."""

import contextlib
import os
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Writes `data` to `path` so that a reader, or a crash, sees the old content or the new, never a part.

    The bytes go to a hidden file beside `path` and reach the disk before that file takes the name.

    Raises:
        OSError: the folder cannot be made or written, or the disk is full; `path` is as it was before.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # where nothing can be removed nothing was written
            draft.unlink(missing_ok=True)
        raise type(error)(error.errno, f"cannot write {path}: {error.strerror or error}") from error
