"""Claims of a paper, what is measured against them, and the verdict.

A `Claim` holds the paper's value, where it stands, and the check that compares a measurement with it:

- `Near`: a number within a relative or absolute tolerance of the paper's.
- `WithinErrors`: an `Estimate` within so many standard errors of the paper's.
- `Exceeds`: an `Estimate` above the paper's by more than so many standard errors.
- `Bounds`: a number between limits.
- `Ordering`: numbers, by label, that increase in a given order.

A number is a float, an `Estimate` with its standard error, or a `Quotient` of two numbers, judged by their ratio.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, SupportsFloat, TypeAlias

Verdict: TypeAlias = Literal["reproduced", "differs", "not run"]


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error.

    Attributes:
        value: the number.
        standard_error: its standard error, in the same unit.
    """

    value: SupportsFloat
    standard_error: SupportsFloat


@dataclass(frozen=True)
class Quotient:
    """A ratio of two measured numbers, which are kept beside it.

    Attributes:
        numerator: the number above.
        denominator: the number below.
        standard_error: of their ratio, where it is known.
    """

    numerator: SupportsFloat
    denominator: SupportsFloat
    standard_error: SupportsFloat | None = None

    @property
    def value(self) -> float:
        """Numerator over denominator; NaN where that is not defined."""
        below = float(self.denominator)
        return float(self.numerator) / below if below else math.nan


@dataclass(frozen=True)
class NotRun:
    """Why a claim was not measured.

    Attributes:
        reason: words for the table, like "only in preset full".
    """

    reason: str


Measured: TypeAlias = SupportsFloat | Estimate | Quotient | Mapping[str, SupportsFloat] | NotRun


class Judgement(NamedTuple):
    """The verdict on one claim and, in words, why."""

    verdict: Verdict
    reason: str


class Check(Protocol):
    """How a measurement is compared with the paper's value."""

    def judge(self, paper_value: float | str, measured: Any) -> Judgement:
        """The verdict on a measurement.

        Args:
            paper_value: the claim's.
            measured: what was measured.
        """
        ...


@dataclass(frozen=True)
class Near:
    """The number is within the larger of the two tolerances of the paper's.

    Attributes:
        relative: tolerance as a fraction of the paper's value.
        absolute: tolerance in the value's unit.
    """

    relative: float = 0.0
    absolute: float = 0.0

    def __post_init__(self) -> None:
        if not max(self.relative, self.absolute) > 0 or min(self.relative, self.absolute) < 0:
            raise ValueError(f"Near needs a positive tolerance, got {self}")

    def judge(self, paper_value: float | str, measured: Any) -> Judgement:
        """The verdict on a number; the paper's value must be one too."""
        target, value = _target(paper_value), _number(measured)
        allowed = max(self.absolute, self.relative * abs(target))
        off = abs(value - target)
        if target and self.relative * abs(target) >= self.absolute:
            reason = f"off by {off / abs(target):.2%}, {_percent(self.relative)} allowed"
        else:
            reason = f"off by {off:.3g}, {allowed:.3g} allowed"
        return _judgement(off <= allowed, reason)


@dataclass(frozen=True)
class WithinErrors:
    """The estimate is within so many standard errors of the paper's value.

    Attributes:
        count: number of standard errors.
        resolution: the largest standard error with which the comparison says anything; a larger one is not accepted.
        paper_error: standard error of the paper's value, added in quadrature.
    """

    count: float
    resolution: float
    paper_error: float = 0.0

    def __post_init__(self) -> None:
        if not (self.count > 0 and self.resolution > 0 and self.paper_error >= 0):
            raise ValueError(f"WithinErrors needs positive count and resolution, got {self}")

    def judge(self, paper_value: float | str, measured: Any) -> Judgement:
        """The verdict on an `Estimate`, or a `Quotient` with a standard error; the paper's value must be a number."""
        error = _standard_error("WithinErrors", measured)
        if not error <= self.resolution:
            return _judgement(False, f"undecided: standard error {error:.2g}, at most {self.resolution:.2g} wanted")
        error = math.hypot(error, self.paper_error)
        off = abs(_number(measured) - _target(paper_value))
        in_errors = off / error if error else (0.0 if off == 0 else math.inf)
        return _judgement(
            off <= self.count * error, f"off by {in_errors:.2g} standard errors, {self.count:.2g} allowed"
        )


@dataclass(frozen=True)
class Exceeds:
    """The number is above the paper's value by more than so many standard errors.

    Attributes:
        count: number of standard errors.
    """

    count: float

    def __post_init__(self) -> None:
        if not self.count >= 0:
            raise ValueError(f"Exceeds needs a count that is not negative, got {self}")

    def judge(self, paper_value: float | str, measured: Any) -> Judgement:
        """The verdict on an `Estimate`, or a `Quotient` with a standard error; the paper's value must be a number."""
        error, target = _standard_error("Exceeds", measured), _target(paper_value)
        above = _number(measured) - target
        in_errors = above / error if error else (math.copysign(math.inf, above) if above else 0.0)
        return _judgement(
            above > self.count * error,
            f"{in_errors:.2g} standard errors above {target:g}, more than {self.count:.2g} wanted",
        )


@dataclass(frozen=True)
class Bounds:
    """The number lies between limits, which belong to the interval.

    Attributes:
        lower: smallest value allowed, None for no limit.
        upper: largest value allowed, None for no limit.
    """

    lower: float | None = None
    upper: float | None = None

    def __post_init__(self) -> None:
        if self.lower is None and self.upper is None:
            raise ValueError("Bounds needs a lower or an upper limit")

    def judge(self, paper_value: float | str, measured: Any) -> Judgement:
        """The verdict on a number."""
        value = _number(measured)
        lower = -math.inf if self.lower is None else self.lower
        upper = math.inf if self.upper is None else self.upper
        limits = [
            words
            for limit, words in ((self.lower, f"at least {lower:.4g}"), (self.upper, f"at most {upper:.4g}"))
            if limit is not None
        ]
        return _judgement(lower <= value <= upper, f"{value:.4g}, {' and '.join(limits)} wanted")


@dataclass(frozen=True)
class Ordering:
    """The numbers increase strictly in the order of the labels.

    Attributes:
        labels: the labels, that of the smallest number first.
        margin: every number exceeds the one before by more than this.
    """

    labels: tuple[str, ...]
    margin: float = 0.0

    def __post_init__(self) -> None:
        if len(set(self.labels)) < 2 or len(set(self.labels)) < len(self.labels) or self.margin < 0:
            raise ValueError(f"Ordering needs two or more different labels and margin >= 0, got {self}")

    def judge(self, paper_value: float | str, measured: Any) -> Judgement:
        """The verdict on a mapping from the labels to numbers."""
        if not isinstance(measured, Mapping) or set(measured) != set(self.labels):
            got = sorted(measured) if isinstance(measured, Mapping) else type(measured).__name__
            raise TypeError(f"Ordering needs one number for each of {', '.join(self.labels)}, got {got}")
        values = [float(measured[label]) for label in self.labels]
        for before, after, low, high in zip(self.labels, self.labels[1:], values, values[1:], strict=False):
            if not high > low + self.margin:
                return _judgement(False, f"{after} does not exceed {before}: {high:.4g} against {low:.4g}")
        return _judgement(True, "increases as " + " < ".join(self.labels))


@dataclass(frozen=True)
class Claim:
    """One figure or statement of a paper.

    Attributes:
        name: short name, the same in every preset.
        paper_value: the paper's number, or its statement in words.
        source: where it stands ("Fig. 3", "eq. 12") or the independent route that gives it.
        check: how a measurement is compared with it.
    """

    name: str
    paper_value: float | str
    source: str
    check: Check


def judge(claim: Claim, measured: Measured) -> Judgement:
    """The verdict on a claim.

    Args:
        claim: the claim.
        measured: what was measured, or `NotRun`.

    Returns:
        The verdict and its reason. A measurement that is not finite differs.

    Raises:
        TypeError: the measurement is not of the kind that the claim's check takes.
    """
    if isinstance(measured, NotRun):
        return Judgement("not run", measured.reason)
    if not all(math.isfinite(number) for number in _numbers(measured)):
        return Judgement("differs", "the measured value is not finite")
    try:
        return claim.check.judge(claim.paper_value, measured)
    except TypeError as error:
        raise TypeError(f"claim {claim.name!r}: {error}") from error


def as_json(measured: Measured) -> Any:
    """A measurement as JSON: a number, or an object with its parts; null if it was not run.

    Numbers that are not finite become the strings "nan", "inf" and "-inf", which JSON has no numbers for.
    """
    if isinstance(measured, NotRun):
        return None
    if isinstance(measured, Estimate):
        return {"value": _json_number(measured.value), "standard_error": _json_number(measured.standard_error)}
    if isinstance(measured, Quotient):
        parts = {"numerator": measured.numerator, "denominator": measured.denominator, "value": measured.value}
        if measured.standard_error is not None:
            parts["standard_error"] = measured.standard_error
        return {name: _json_number(number) for name, number in parts.items()}
    if isinstance(measured, Mapping):
        return {str(label): _json_number(number) for label, number in measured.items()}
    return _json_number(measured)


def in_words(value: Any) -> str:
    """A paper's value, or a measurement as `as_json` gives it, for a table."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        if set(value) == {"value", "standard_error"}:
            return f"{_short(value['value'])} ± {_short(value['standard_error'], 2)}"
        if {"numerator", "denominator"} <= set(value):
            ratio = _short(value["value"])
            if "standard_error" in value:
                ratio += f" ± {_short(value['standard_error'], 2)}"
            return f"{ratio} = {_short(value['numerator'])} / {_short(value['denominator'])}"
        return ", ".join(f"{label}: {_short(number)}" for label, number in value.items())
    return _short(value)


def _judgement(holds: bool, reason: str) -> Judgement:
    return Judgement("reproduced" if holds else "differs", reason)


def _numbers(measured: Any) -> list[float]:
    if isinstance(measured, Estimate):
        return [float(measured.value), float(measured.standard_error)]
    if isinstance(measured, Mapping):
        return [float(number) for number in measured.values()]
    if isinstance(measured, Quotient) and measured.standard_error is not None:
        return [measured.value, float(measured.standard_error)]
    return [_number(measured)]


def _number(measured: Any) -> float:
    """The number of a measurement that has one."""
    if isinstance(measured, Estimate | Quotient):
        return float(measured.value)
    if isinstance(measured, Mapping):
        raise TypeError("the check needs one number, got a mapping")
    return float(measured)


def _standard_error(check: str, measured: Any) -> float:
    error = getattr(measured, "standard_error", None)
    if error is None:
        raise TypeError(f"{check} needs an Estimate, or a Quotient with a standard error, got {measured!r}")
    return float(error)


def _target(paper_value: float | str) -> float:
    if isinstance(paper_value, str):
        raise TypeError(f"the check needs a number as the paper's value, got {paper_value!r}")
    return float(paper_value)


def _json_number(number: SupportsFloat) -> float | str:
    number = float(number)
    return number if math.isfinite(number) else str(number)


def _short(number: Any, digits: int = 5) -> str:
    return number if isinstance(number, str) else f"{number:.{digits}g}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g}%"
