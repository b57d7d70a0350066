"""Text of users' files."""

from pathlib import Path


def text_of(path: str | Path) -> str:
    """All of a file in UTF-8, with or without a byte-order mark, its line ends as they are.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8; the message names it.
    """
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be UTF-8, got {error.object[error.start]:#04x} at byte {error.start}") from error
