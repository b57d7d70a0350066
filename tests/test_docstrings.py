"""Whatever a public file of entropax offers says what it takes and what it gives.

A name without a leading underscore, in a file without one, is read by others: by users, if its room exports it, and by
other files if not. What serves one file only has an underscore, and so has a file that serves its room only.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "entropax"
REGISTERING = {"system"}
"""Decorators that turn functions into entries of a catalogue; how entries are called is written at the decorator."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A file and its syntax."""

    path: str
    tree: ast.Module


def public_sources(package: Path) -> list[Source]:
    """Every file whose name and folders have no leading underscore."""
    paths = [p for p in sorted(package.rglob("*.py")) if not any(x[0] == "_" for x in p.relative_to(package).parts)]
    return [Source(str(p.relative_to(package.parent)), ast.parse(p.read_text())) for p in paths]


def missing(sources: list[Source]) -> list[str]:
    """Each public name whose docstring lacks what it must say, with its file, line and what is missing."""
    described = _described_methods(sources)
    found = []
    for source in sources:
        for name, node, inherited in _public_definitions(source.tree, described):
            lacks = ["docstring"] if ast.get_docstring(node) is None else []
            if isinstance(node, Function) and not lacks and not inherited:
                lacks = _missing_sections(node, method="." in name)
            found += [f"{source.path}:{node.lineno}: {name} has no {part}" for part in lacks]
    return found


def _public_definitions(
    tree: ast.Module, described: dict[str, set[str]]
) -> Iterator[tuple[str, Function | ast.ClassDef, bool]]:
    """Name, syntax and, of a method, whether a class above describes it."""
    for node in tree.body:
        if isinstance(node, Function) and _is_public(node) and not _decorators(node) & REGISTERING:
            yield node.name, node, False
        if isinstance(node, ast.ClassDef) and _is_public(node):
            yield node.name, node, False
            above = set().union(*(described.get(base, set()) for base in _bases(node)))
            for member in node.body:
                if isinstance(member, Function) and _is_public(member) and "overload" not in _decorators(member):
                    yield f"{node.name}.{member.name}", member, member.name in above


def _missing_sections(node: Function, *, method: bool) -> list[str]:
    if {"property", "cached_property", "setter"} & _decorators(node):
        return []  # read like an attribute, whose line says what it is
    text = ast.get_docstring(node) or ""
    arguments = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    arguments += [a.arg for a in (node.args.vararg, node.args.kwarg) if a is not None]
    if method and "staticmethod" not in _decorators(node):
        arguments = arguments[1:]
    returns = node.returns is not None and not (isinstance(node.returns, ast.Constant) and node.returns.value is None)
    lacks = ["Args"] if arguments and not re.search(r"^Args:$", text, re.M) else []
    return lacks + (["Returns"] if returns and not re.search(r"^(Returns|Yields):$", text, re.M) else [])


def _described_methods(sources: list[Source]) -> dict[str, set[str]]:
    """By class, the methods that it or a class above it describes in full."""
    classes = {node.name: node for s in sources for node in s.tree.body if isinstance(node, ast.ClassDef)}

    def of(name: str) -> set[str]:
        if name not in classes:
            return set()
        members = (m for m in classes[name].body if isinstance(m, Function) and ast.get_docstring(m))
        own = {m.name for m in members if not _missing_sections(m, method=True)}
        return own.union(*map(of, _bases(classes[name])))

    return {name: of(name) for name in classes}


def _is_public(node: Function | ast.ClassDef) -> bool:
    return not node.name.startswith("_")


def _bases(node: ast.ClassDef) -> list[str]:
    return [_last_name(base) for base in node.bases]


def _decorators(node: Function) -> set[str]:
    return {_last_name(d) for d in node.decorator_list}


def _last_name(node: ast.expr) -> str:
    """`c` of a.b.c, of c[...] and of c(...)."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@pytest.mark.fast
def test_every_public_name_says_what_it_takes_and_gives() -> None:
    lacking = missing(public_sources(PACKAGE))
    assert not lacking, "describe these in full, or give what serves one file only a leading underscore:\n" + "\n".join(
        lacking
    )


@pytest.mark.fast
def test_what_is_missing_is_found() -> None:
    text = '''
class Flow(Base):
    """A flow."""
    def drift(self, x) -> float:
        """The drift.

        Args:
            x: where.

        Returns:
            The drift.
        """
    def noise(self, x) -> float:
        """The noise."""
    @property
    def size(self) -> int:
        """How many."""

class Still(Flow):
    """None."""
    def drift(self, x) -> float:
        """Zero."""
    def noise(self, x) -> float:
        pass

def plain(x):
    """Says nothing of x."""

def bare():
    pass

def _own(x):
    pass

@system("catalogued", 1)
def catalogued(x):
    """One of many."""
'''
    found = [line.split(": ")[1] for line in missing([Source("file.py", ast.parse(text))])]
    assert found == [
        "Flow.noise has no Args",
        "Flow.noise has no Returns",
        "Still.noise has no docstring",
        "plain has no Args",
        "bare has no docstring",
    ]
