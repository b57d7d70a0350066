"""Experiments and benchmarks, found by their place in the folders and read without importing them."""

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent
BENCHMARKS = "benchmarks"


class UnknownNameError(ValueError):
    """A name that is none of the known ones, which the message lists."""


class MissingPeerError(RuntimeError):
    """A benchmark's peer is not installed; the message says how to install it."""


class UnusableCheckpointError(ValueError):
    """A run cannot resume: its checkpoint is damaged or belongs to another run; the message names it."""


@dataclass(frozen=True)
class Entry:
    """One module, as far as its source tells.

    Attributes:
        name: slug of an experiment or name of a benchmark.
        room: folder it stands in.
        module: dotted name of the module.
        constants: its upper-case constants that are string literals.
    """

    name: str
    room: str
    module: str
    constants: dict[str, str]

    def load(self) -> ModuleType:
        """Imports the module."""
        return importlib.import_module(self.module)


def experiments(root: Path = ROOT) -> dict[str, Entry]:
    """Every experiment by its slug.

    Args:
        root: folder of the package `experiments`.

    Raises:
        ValueError: a module's SLUG is not its file's name with hyphens, or two modules share one.
    """
    entries: dict[str, Entry] = {}
    for path in sorted(root.glob("*/*.py")):
        if path.name.startswith("_") or path.parent.name.startswith("_") or path.parent.name == BENCHMARKS:
            continue
        entry = _entry(path, path.stem.replace("_", "-"))
        if entry.constants.get("SLUG") != entry.name:
            raise ValueError(f"{path}: SLUG must be {entry.name!r}, got {entry.constants.get('SLUG')!r}")
        if entry.name in entries:
            raise ValueError(f"{path}: {entry.name!r} also stands in folder {entries[entry.name].room}")
        entries[entry.name] = entry
    return entries


def benchmarks(root: Path = ROOT) -> dict[str, Entry]:
    """Every benchmark by its name.

    Args:
        root: folder of the package `experiments`.

    Raises:
        ValueError: a module's NAME is not its file's name with hyphens.
    """
    entries: dict[str, Entry] = {}
    for path in sorted((root / BENCHMARKS).glob("*.py")):
        if path.name.startswith("_") or path.stem == "harness":
            continue
        entry = _entry(path, path.stem.replace("_", "-"))
        if entry.constants.get("NAME") != entry.name:
            raise ValueError(f"{path}: NAME must be {entry.name!r}, got {entry.constants.get('NAME')!r}")
        entries[entry.name] = entry
    return entries


def find(what: str, name: str, entries: dict[str, Entry]) -> Entry:
    """The entry of a name; underscores do for hyphens.

    Args:
        what: word for the message, like "experiment".
        name: slug or name.
        entries: those there are.

    Raises:
        UnknownNameError: there is none; the message lists the known ones.
    """
    entry = entries.get(name.replace("_", "-"))
    if entry is None:
        raise unknown(what, name, entries)
    return entry


def unknown(what: str, name: str, known: dict[str, object] | dict[str, Entry]) -> UnknownNameError:
    """The error for a name that is not among the known ones."""
    return UnknownNameError(f"unknown {what} {name!r}; known: {', '.join(known) or 'none'}")


def _entry(path: Path, name: str) -> Entry:
    room = path.parent.name
    module = ".".join((path.parent.parent.name, room, path.stem))
    constants = {}
    for statement in ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        value = getattr(statement, "value", None)
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            constants |= {target.id: value.value for target in targets if isinstance(target, ast.Name)}
    return Entry(name, room, module, constants)
