"""Users' files: their text, the rows of tables, and the place that an error is at."""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class CsvTable(NamedTuple):
    """A table with a head.

    Attributes:
        path: where it is from.
        columns: their names.
        rows: each with its place in words.
    """

    path: str | Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, dict[str, str]], ...]

    def require(self, needed: Sequence[str]) -> None:
        """Raises a ValueError unless the columns needed are there."""
        missing = [name for name in needed if name not in self.columns]
        if missing:
            raise ValueError(f"{self.path} must have the columns {', '.join(needed)}, lacks {', '.join(missing)}")


def csv_table(path: str | Path, needed: Sequence[str] = ()) -> CsvTable:
    """A CSV file.

    Args:
        path: of the file.
        needed: columns that must be there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not UTF-8, a column is missing, or a row has more or fewer entries than there are columns.
    """
    reader = csv.DictReader(io.StringIO(text_of(path), newline=""))
    table = CsvTable(path, tuple(reader.fieldnames or ()), ())
    table.require(needed)
    rows: list[tuple[str, dict[str, str]]] = []
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if None in row or None in row.values():
            raise ValueError(f"{where}: a row must have as many entries as there are columns, {len(table.columns)}")
        rows.append((where, row))
    return table._replace(rows=tuple(rows))


@contextmanager
def at(where: str) -> Iterator[None]:
    """Says in a ValueError where it was raised."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


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
