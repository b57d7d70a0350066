"""The families of the meta-distribution by name, and the laws of their parameters (MIST, arXiv 2511.18945)."""

from typing import Any, NamedTuple

BASES = ("multi_normal", "multi_student", "multi_additive_noise")
STRUCTURES = ("dense", "sparse", "2pair", "lvm")
TRANSFORMS = ("base", "halfcube", "asinh", "wigglify")

TRAINING_FAMILIES = (
    "multi_normal-dense-base",
    "multi_normal-dense-halfcube",
    "multi_normal-dense-asinh",
    "multi_normal-sparse-wigglify",
    "multi_normal-sparse-base",
    "multi_normal-lvm-wigglify",
    "multi_normal-lvm-base",
    "multi_normal-2pair-base",
    "multi_student-dense-base",
    "multi_student-dense-wigglify",
    "multi_student-sparse-halfcube",
    "multi_student-sparse-base",
    "multi_student-sparse-asinh",
    "multi_student-2pair-asinh",
    "multi_student-2pair-halfcube",
    "multi_additive_noise-wigglify",
)
"""The families that amortised estimators are trained on."""

IN_DISTRIBUTION_FAMILIES = (
    "multi_normal-dense-base",
    "multi_normal-lvm-wigglify",
    "multi_normal-dense-halfcube",
    "multi_student-dense-base",
    "multi_student-sparse-base",
    "multi_student-sparse-asinh",
)
"""Training families that estimators are tested on."""

OUT_OF_DISTRIBUTION_FAMILIES = (
    "multi_normal-dense-wigglify",
    "multi_normal-sparse-halfcube",
    "multi_normal-sparse-asinh",
    "multi_student-sparse-wigglify",
    "multi_student-dense-halfcube",
    "multi_additive_noise-base",
    "multi_additive_noise-halfcube",
)
"""Families that pair a structure with a map never seen in training."""

PARAMETER_RANGES = {
    "off_diag": (0.0, 0.5),
    "strength": (0.1, 5.0),
    "df": (1.0, 10.0),
    "alpha": (0.0, 1.0),
    "lambd": (0.1, 3.0),
    "beta": (0.0, 1.5),
    "eta": (0.1, 5.0),
    "epsilon": (0.1, 2.0),
}
"""Every parameter is uniform on its range; the number of interacting pairs is uniform on 1..d."""


class Family(NamedTuple):
    """Positions in BASES, STRUCTURES and TRANSFORMS."""

    base: Any
    structure: Any
    transform: Any


_BY_NAME = {
    **{
        f"{base}-{structure}-{transform}": Family(b, s, t)
        for b, base in enumerate(BASES[:2])
        for s, structure in enumerate(STRUCTURES)
        for t, transform in enumerate(TRANSFORMS)
    },
    **{f"{BASES[2]}-{transform}": Family(2, 0, t) for t, transform in enumerate(TRANSFORMS)},
}


def family_of(name: str) -> Family:
    """The family of this name.

    Args:
        name: like "multi_student-sparse-asinh".

    Returns:
        Its base, structure and transform.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in _BY_NAME:
        raise ValueError(
            f"family must be {BASES[0]}-S-T, {BASES[1]}-S-T or {BASES[2]}-T with S one of {', '.join(STRUCTURES)} "
            f"and T one of {', '.join(TRANSFORMS)}, got {name!r}"
        )
    return _BY_NAME[name]
