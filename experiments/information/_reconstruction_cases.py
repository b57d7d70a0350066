"""The five problems of perfect reconstruction, enumerated: a variable, functions of it, and what number theory says."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FAMILIES = ("sign and modulus", "linear forms", "prime signature", "remainders", "sorting")


@dataclass(frozen=True)
class Case:
    """One set of parts.

    Attributes:
        family: one of `FAMILIES`.
        label: what it is, in words.
        parts: labels of the parts, shape (parts, outcomes); X is the outcome itself.
        p: probabilities, shape (outcomes,).
        recovered: whether the parts recover X, by an argument that looks at no labels.
    """

    family: str
    label: str
    parts: np.ndarray
    p: np.ndarray
    recovered: bool


def sign_and_modulus(largest: int, repeats: int, rng: np.random.Generator) -> Iterator[Case]:
    """Random symmetric distributions on -m ... m, with zero or without: both parts, or one alone."""
    for m, with_zero, _ in itertools.product(range(1, largest + 1), (False, True), range(repeats)):
        half = rng.dirichlet(np.ones(m))
        x = np.concatenate([-np.arange(m, 0, -1), [0] * with_zero, np.arange(1, m + 1)])
        weights = np.concatenate([half[::-1], [rng.uniform(0.1, 1)] * with_zero, half])
        p = weights / weights.sum()
        sign, modulus = np.sign(x), np.abs(x)
        numbers = "nonzero" if not with_zero else "all"
        yield Case("sign and modulus", f"{numbers} up to {m}, both", np.stack([sign, modulus]), p, True)
        yield Case("sign and modulus", f"{numbers} up to {m}, sign", sign[None], p, m == 1)
        yield Case("sign and modulus", f"{numbers} up to {m}, modulus", modulus[None], p, False)


def projective_forms(q: int, k: int) -> np.ndarray:
    """Nonzero linear forms on F_q^k up to scalars, shape (forms, k): first nonzero coefficient one."""
    vectors = np.array(list(itertools.product(range(q), repeat=k)))[1:]
    leading = vectors[np.arange(len(vectors)), (vectors != 0).argmax(axis=1)]
    return vectors[leading == 1]


def rank_over_prime_field(forms: np.ndarray, q: int) -> int:
    """Rank by elimination modulo q."""
    rows, rank = forms.copy() % q, 0
    for column in range(rows.shape[1]):
        pivots = np.flatnonzero(rows[rank:, column]) + rank
        if not len(pivots):
            continue
        rows[[rank, pivots[0]]] = rows[[pivots[0], rank]]
        rows[rank] = rows[rank] * pow(int(rows[rank, column]), -1, q) % q
        for other in range(len(rows)):
            if other != rank:
                rows[other] = (rows[other] - rows[other, column] * rows[rank]) % q
        rank += 1
        if rank == len(rows):
            break
    return rank


def linear_forms(fields: tuple[tuple[int, int], ...], most: int, rng: np.random.Generator) -> Iterator[Case]:
    """Sets of forms on a uniform word of F_q^k: all sets if they are at most `most`, else so many at random."""
    for q, k in fields:
        words = np.array(list(itertools.product(range(q), repeat=k)))
        forms = projective_forms(q, k)
        for chosen in subsets(len(forms), most, rng):
            parts = (words @ forms[chosen].T % q).T
            recovered = rank_over_prime_field(forms[chosen], q) == k
            label = f"F_{q}^{k}, " + " ".join("".join(map(str, form)) for form in forms[chosen])
            yield Case("linear forms", label, parts, np.full(len(words), 1 / len(words)), recovered)


def subsets(size: int, most: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """All nonempty subsets of range(size), or `most` different ones at random, their sizes drawn evenly."""
    if 2**size - 1 <= most:
        for number in range(1, 2**size):
            yield [i for i in range(size) if number >> i & 1]
        return
    seen: set[tuple[int, ...]] = set()
    while len(seen) < most:
        seen.add(tuple(sorted(rng.choice(size, rng.integers(1, size + 1), replace=False).tolist())))
    yield from map(list, sorted(seen))


def prime_signature(largest: int) -> Iterator[Case]:
    """X uniform on 1 ... N and its exponents: of every prime up to N, and of all but one."""
    for n in range(2, largest + 1):
        numbers = np.arange(1, n + 1)
        primes = [q for q in range(2, n + 1) if all(q % d for d in range(2, q))]
        table = np.array([[exponent(q, int(x)) for x in numbers] for q in primes])
        p = np.full(n, 1 / n)
        yield Case("prime signature", f"1 to {n}, all primes", table, p, True)
        for left_out in range(len(primes) if len(primes) > 1 else 0):
            # 1 and the prime that is left out look alike.
            rest = np.delete(table, left_out, axis=0)
            yield Case("prime signature", f"1 to {n}, without {primes[left_out]}", rest, p, False)


def exponent(q: int, n: int) -> int:
    """The power of q in n."""
    return 0 if n % q else 1 + exponent(q, n // q)


def remainders(largest: int, moduli: range, most: int, rng: np.random.Generator) -> Iterator[Case]:
    """X uniform on 0 ... N - 1 and its remainders: sets of one to three moduli, at most `most` for each N."""
    sets = [chosen for count in (1, 2, 3) for chosen in itertools.combinations(moduli, count)]
    for n in range(2, largest + 1):
        picked = range(len(sets)) if len(sets) <= most else sorted(rng.choice(len(sets), most, replace=False).tolist())
        for chosen in (sets[i] for i in picked):
            parts = np.array([np.arange(n) % k for k in chosen])
            label = f"below {n}, modulo {' '.join(map(str, chosen))}"
            yield Case("remainders", label, parts, np.full(n, 1 / n), math.lcm(*chosen) >= n)


def comparisons(k: int) -> np.ndarray:
    """For every order of k things and every pair, which comes first, shape (pairs, k!)."""
    orders = np.array(list(itertools.permutations(range(k))))
    return np.stack([orders[:, i] < orders[:, j] for i, j in itertools.combinations(range(k), 2)]).astype(int)


def sorting(sizes: tuple[int, ...], most: int, rng: np.random.Generator) -> Iterator[Case]:
    """A uniform order of k things and comparisons fixed beforehand.

    Without the comparison of i and j two orders in which they are neighbours look alike, so all pairs are needed.
    """
    for k in sizes:
        table = comparisons(k)
        p = np.full(table.shape[1], 1 / table.shape[1])
        every = list(range(len(table)))
        chosen_sets = list(subsets(len(table), most, rng))
        for chosen in chosen_sets if every in chosen_sets else [*chosen_sets, every]:
            label = f"{k} things, {len(chosen)} of {len(table)} pairs"
            yield Case("sorting", label, table[chosen], p, len(chosen) == len(table))


def padded(cases: list[Case]) -> tuple[np.ndarray, np.ndarray]:
    """Parts and probabilities of one shape: impossible outcomes and constant parts change neither slack nor answer.

    Returns:
        Parts, shape (cases, parts, outcomes), and p, shape (cases, outcomes).
    """
    count = max(len(case.parts) for case in cases)
    outcomes = max(len(case.p) for case in cases)
    parts, p = np.zeros((len(cases), count, outcomes), np.int32), np.zeros((len(cases), outcomes))
    for i, case in enumerate(cases):
        parts[i, : len(case.parts), : len(case.p)] = case.parts
        p[i, : len(case.p)] = case.p
    return parts, p
