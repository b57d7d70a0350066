"""No name is used that nothing defines.

Lint leaves this rule out, and the type checker its own, since both take the axes of a jaxtyping shape like "n d" for
names that nothing defines. Here what lies within a string is passed over, and nothing else is.
"""

import io
import json
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("entropax", "experiments", "tests")


def undefined_names(*paths: Path) -> list[str]:
    """Each undefined name outside of strings, with its file and line."""
    rule = ("--isolated", "--no-cache", "--target-version=py311", "--select=F821")
    command = [sys.executable, "-m", "ruff", "check", *rule, "--exit-zero", "--output-format=json", *map(str, paths)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    named = []
    for hit in json.loads(found.stdout):
        path, place = Path(hit["filename"]), (hit["location"]["row"], hit["location"]["column"] - 1)
        tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
        if not any(token.type == tokenize.STRING and token.start <= place < token.end for token in tokens):
            named.append(f"{path}:{place[0]}: {hit['message']}")
    return named


@pytest.mark.fast
def test_no_name_is_undefined() -> None:
    assert undefined_names(*(ROOT / folder for folder in FOLDERS)) == []


@pytest.mark.fast
def test_an_undefined_name_is_found(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text('def f(x: Float[Array, "n"]) -> int:\n    return undefined(x)\n')
    assert [line.split(": ")[1] for line in undefined_names(file)] == [
        f"Undefined name `{name}`" for name in ("Float", "Array", "undefined")
    ]
