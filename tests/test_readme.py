"""What the README shows is true: its example runs, its two commands are whole, its links lead somewhere."""

import re
import tomllib
from pathlib import Path

import jax
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_example_takes_the_gradient_of_an_entropy(capsys):
    (example,) = blocks("python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    printed = [float(number) for number in re.findall(r"-?\d+\.\d+", capsys.readouterr().out)]
    p = np.exp(names["logits"]) / np.exp(names["logits"]).sum()
    entropy = -np.sum(p * np.log(p))
    gradient = -p * (np.log(p) + entropy)
    np.testing.assert_allclose(printed[:4], [entropy, *gradient], rtol=1e-4)
    np.testing.assert_allclose(printed[4:], [2 * 0.8**2 / 1.5, 4 * 0.8 / 1.5], rtol=1e-4)
    claimed = [float(number) for number in re.findall(r"# (0\.\d+) nats|= (0\.\d+) nats", example)[0] if number]
    np.testing.assert_allclose(claimed, entropy, rtol=0.01)


@pytest.mark.fast
def test_two_commands_do_all_the_set_up():
    commands = [line for block in blocks("bash") for line in block.splitlines()]
    assert len(commands) == 2
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for command, extra in zip(commands, ("experiments", "dev"), strict=True):
        assert command.startswith(f"python3 -m venv .venv && .venv/bin/pip install -e '.[{extra}]' && .venv/bin/python")
        assert extra in extras
    assert commands[0].endswith("-m experiments run active-matter-epr")
    assert commands[1].endswith("-m pytest")


@pytest.mark.fast
@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\((?!https?://)([^)]+)\)", README))))
def test_links_lead_to_files(target):
    assert (ROOT / target).is_file()


@pytest.mark.fast
def test_every_room_is_in_the_table():
    import entropax

    assert set(re.findall(r"^\| `entropax\.(\w+)`", README, flags=re.MULTILINE)) == set(entropax._ROOMS)


@pytest.mark.fast
def test_the_names_it_mentions_exist():
    from entropax import thermodynamics

    for name in ("stationarity_diagnostics", "score_free_entropy_production"):
        assert name in README
        assert hasattr(thermodynamics, name)
    assert hasattr(jax, "enable_x64")
