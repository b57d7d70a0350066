"""The contract of `entropax.applications.alloys`."""

import numpy as np

from entropax.applications import alloys
from tests.contract.harness import Bad, Row
from tests.contract.rows_evidence import NOT_ONE, moved

STRINGS = "its arguments are strings; tests/applications/alloys holds its errors"
FILES = "it reads a file; tests/applications/alloys holds its errors"
CONTAINER = {
    "traced": "a container: rows of the functions that make it and read it hold it",
    "bad_static": "a container of results, which only its function makes",
}
TABLE = alloys.alloy_table(["FeNi", "CoNi", "FeCr", "CoCr", "FeCrNi", "MnNi"], [True, False, True, True, False, True])
SUBSTITUTIONS = alloys.find_substitutions(TABLE.members)
LABELS = np.array([0.95, 0.2, 0.9, 0.7, 0.1, 0.8])
N = len(SUBSTITUTIONS.groups)
SIMILARITY = np.tile([0.0, 0.3, 0.1, 0.6], (N, 1)) + 0.02 * np.arange(N)[:, None] * [0.0, 1.0, -0.5, -0.5]
KNOWN = np.array([True, True, True, True, True, False])
JUDGEMENTS = (
    alloys.Judgement("Fe", "Co", "metallurgy", "high"),
    alloys.Judgement("Mn", "Fe", "metallurgy", "low"),
    alloys.Judgement("Fe", "Co", "corrosion", "low"),
)


def of_single(similarity):
    return similarity.sum() + SUBSTITUTIONS.single.astype(similarity.dtype).sum()


def recommended(similarity, labels, d):
    found = alloys.predict_alloys(SUBSTITUTIONS, similarity, labels, d, known=KNOWN)
    return found.value, found.conflict, found.log_agreement


ROWS = [
    Row(
        name="applications.alloys.parse_formula",
        call=lambda: alloys.parse_formula("AlCoCrFeNi"),
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": "it reads a string", "bad_static": STRINGS},
        fast=True,
    ),
    Row(
        name="applications.alloys.periodic_group",
        call=lambda: alloys.periodic_group("Fe"),
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": "it looks a symbol up", "bad_static": STRINGS},
        fast=True,
    ),
    Row(
        name="applications.alloys.alloy_table",
        call=lambda: alloys.alloy_table(["FeNi", "CoNi"], [True, False]),
        arguments=lambda: (),
        differentiable=(),
        exempt={"traced": "it reads strings", "bad_static": STRINGS},
        fast=True,
    ),
    *(
        Row(
            name=f"applications.alloys.{name}",
            call=getattr(alloys, name),
            arguments=lambda: (),
            differentiable=(),
            exempt={"traced": "it reads a file", "bad_static": FILES},
        )
        for name in ("load_alloy_table", "load_judgements")
    ),
    *(
        Row(
            name=f"applications.alloys.{name}.fields",
            call=make,
            arguments=lambda: (),
            differentiable=(),
            exempt=CONTAINER,
        )
        for name, make in (
            ("AlloyTable", lambda: TABLE),
            ("Judgement", lambda: JUDGEMENTS[0]),
            ("Ranking", lambda: alloys.rank_alloys(SIMILARITY)),
        )
    ),
    Row(
        name="applications.alloys.find_substitutions",
        call=lambda members: alloys.find_substitutions(np.asarray(members)).exchange,
        arguments=lambda: (TABLE.members,),
        differentiable=(),
        bad_static=(
            Bad((TABLE.members[0],), r"members must have shape \(alloys, elements\), got \(5,\)"),
            Bad((0.5 * TABLE.members,), "members must be zeros and ones"),
        ),
        exempt={"traced": "pairs of alloys are counted on the host"},
        fast=True,
    ),
    Row(
        name="applications.alloys.Substitutions.single",
        members=("single",),
        call=of_single,
        arguments=lambda: (SIMILARITY,),
        exempt={
            "second_order": "the call is linear: only the property is held here",
            "bad_static": "it takes no arguments",
            "bad_values": "it takes no arguments",
        },
    ),
    Row(
        name="applications.alloys.substitutability",
        call=lambda labels, alpha: alloys.substitutability(SUBSTITUTIONS, labels, alpha, known=KNOWN),
        arguments=lambda: (LABELS, np.array(0.3)),
        differentiable=(0, 1),
        bad_static=(
            Bad((LABELS[:5], np.array(0.3)), r"labels must have shape \(6,\), got \(5,\)"),
            Bad((LABELS, LABELS), r"alpha must have shape \(\)"),
        ),
        bad_values=(
            Bad((LABELS, np.array(1.0)), r"alpha must be in \(0, 1\), got 1"),
            Bad((LABELS - 1, np.array(0.3)), r"labels must be in \[0, 1\] where they are known"),
        ),
    ),
    Row(
        name="applications.alloys.predict_alloys",
        call=recommended,
        arguments=lambda: (SIMILARITY, LABELS, np.array(0.6)),
        differentiable=(0, 1, 2),
        project={0: moved},
        bad_static=(
            Bad((SIMILARITY[:2], LABELS, np.array(0.6)), r"similarity must have shape"),
            Bad((SIMILARITY, LABELS[:5], np.array(0.6)), r"labels must have shape \(6,\), got \(5,\)"),
        ),
        bad_values=(
            Bad((SIMILARITY / 2, LABELS, np.array(0.6)), f"similarity {NOT_ONE}"),
            Bad((SIMILARITY, LABELS + 1, np.array(0.6)), r"labels must be in \[0, 1\]"),
            Bad((SIMILARITY, LABELS, np.array(1.5)), r"d must be in \(0, 1\], got 1.5"),
        ),
    ),
    Row(
        name="applications.alloys.rank_alloys",
        call=lambda masses: alloys.rank_alloys(masses).value,
        arguments=lambda: (SIMILARITY,),
        differentiable=(),
        bad_static=(Bad((SIMILARITY[0],), r"masses must have shape \(alloys, 4\), got \(4,\)"),),
        exempt={
            "gradient": "an order of integers",
            "bad_values": "integers carry a validity; tests/applications/alloys holds it",
        },
    ),
    Row(
        name="applications.alloys.element_distance",
        call=lambda similarity: alloys.element_distance(SUBSTITUTIONS, similarity),
        arguments=lambda: (SIMILARITY,),
        project={0: moved},
        bad_static=(Bad((SIMILARITY[:2],), "similarity must have shape"),),
        bad_values=(Bad((SIMILARITY / 2,), f"similarity {NOT_ONE}"),),
    ),
    Row(
        name="applications.alloys.fuse_sources",
        call=lambda sources, r: alloys.fuse_sources(sources, r).value,
        arguments=lambda: (np.stack([SIMILARITY, SIMILARITY[::-1]]), np.array([0.8, 0.3])),
        differentiable=(0, 1),
        project={0: moved},
        bad_static=(
            Bad((SIMILARITY, np.array([0.8, 0.3])), r"sources must have shape \(sources, exchanges, 4\)"),
            Bad((np.stack([SIMILARITY] * 2), np.ones(3)), r"reliabilities must have shape \(2,\), got \(3,\)"),
        ),
        bad_values=(
            Bad((np.stack([SIMILARITY] * 2) / 2, np.array([0.8, 0.3])), f"sources {NOT_ONE}"),
            Bad((np.stack([SIMILARITY] * 2), np.array([1.8, 0.3])), r"reliabilities must be in \[0, 1\], got 1.8"),
        ),
    ),
    Row(
        name="applications.alloys.judgement_masses",
        call=lambda beta: alloys.judgement_masses(JUDGEMENTS, SUBSTITUTIONS, TABLE.elements, beta),
        arguments=lambda: (np.array(0.3),),
        bad_static=(Bad((np.array([0.3]),), r"beta must have shape \(\)"),),
        bad_values=(Bad((np.array(1.0),), r"beta must be in \(0, 1\), got 1"),),
    ),
]
