import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import harness
from experiments.benchmarks.harness import Case, measure


def sleeper(seconds, result=1.0):
    def call():
        time.sleep(seconds)
        return result

    return call


def test_the_ratio_is_the_peers_time_over_ours():
    case = Case("sleep", sleeper(2e-2), {"one": sleeper(10e-2), "two": sleeper(6e-2)}, seconds=0.1)
    record = measure(case)
    assert record["peer"]["variant"] == "two"  # the peer at its best
    assert record["rounds"] >= harness.MIN_ROUNDS
    assert 2.0 < record["ratio"]["median"] < 4.0
    assert record["ratio"]["lower"] <= record["ratio"]["median"] <= record["ratio"]["upper"]
    assert record["variants"]["one"] > record["variants"]["two"] == record["peer"]["median"]
    assert record["ours"]["best"] <= record["ours"]["median"]
    assert record["difference"] is None
    assert record["ratios"]["two"] == record["ratio"]
    assert record["ratios"]["one"]["median"] > record["ratio"]["median"]


@pytest.mark.fast
def test_times_are_for_one_unit():
    record = measure(Case("steps", sleeper(4e-3), {"one": sleeper(4e-3)}, unit="step", per=4, seconds=0.0))
    assert 0.9e-3 < record["ours"]["best"] < 3e-3


@pytest.mark.fast
def test_without_peers_ours_is_timed_alone(toy, tmp_path, capsys):
    """Its time for one unit and how many are done in a second are shown; there is no ratio."""
    from experiments.terminal import print_benchmark
    from tests.experiments.conftest import write

    write(
        toy / "benchmarks/toy_race.py",
        """
        import time

        from experiments.benchmarks.harness import Case

        DESCRIPTION, PEER = "naps", ""
        NAME = "toy-race"

        def cases():
            yield Case("nap", ours=lambda: time.sleep(0.01), unit="wink", per=100, seconds=0.0)
        """,
    )
    record, path = harness.run_benchmark("toy-race", results=tmp_path, root=toy)
    (case,) = record["cases"]
    assert set(case) == {"name", "unit", "rounds", "ours"}
    assert case["ours"]["best"] >= 1e-4
    print_benchmark(record, path)
    shown = capsys.readouterr().out
    assert "us / wink" in shown
    rate = next(line for line in shown.splitlines() if "nap " in line).split()[-1]
    assert 0 < int(rate.replace(",", "")) <= 10_000


@pytest.mark.fast
def test_calls_are_interleaved_and_a_hopeless_variant_is_left_alone():
    order = []

    def noted(name, seconds):
        def call():
            order.append(name)
            time.sleep(seconds)

        return call

    case = Case("order", noted("ours", 3e-3), {"peer": noted("peer", 3e-3), "slow": noted("slow", 3e-2)}, seconds=0.0)
    record = measure(case)
    assert order.count("slow") == 3  # warm-up and two trials
    rounds = order[9:]
    assert len(rounds) == 2 * harness.MIN_ROUNDS
    assert all(set(rounds[i : i + 2]) == {"ours", "peer"} for i in range(0, len(rounds), 2))
    assert rounds[0] != rounds[2]  # and in alternating order
    assert record["variants"]["slow"] > 2e-2
    assert set(record["ratios"]) == {"peer"}


@pytest.mark.fast
def test_a_default_is_timed_however_slow_it_is():
    peers = {"fast": sleeper(1e-3), "default": sleeper(10e-3)}
    record = measure(Case("patience", sleeper(1e-3), peers, always=("default",), seconds=0.0))
    assert record["peer"]["variant"] == "fast"
    assert record["ratios"]["default"]["median"] > 2 * record["ratios"]["fast"]["median"]


@pytest.mark.fast
def test_short_calls_are_repeated_within_a_round():
    count = 0

    def call():
        nonlocal count
        count += 1

    measure(Case("short", call, {"one": lambda: None}, seconds=0.0))
    assert count > 100


@pytest.mark.fast
def test_different_results_are_an_error():
    case = Case("sum", lambda: 1.0, {"one": lambda: 1.5}, difference=lambda a, b: abs(a - b), tolerance=0.1)
    with pytest.raises(ValueError, match=r"sum: ours and the peer's result differ by 0.5, at most 0.1 allowed"):
        measure(case)
    with pytest.raises(ValueError, match="differ by nan"):
        measure(Case("nan", lambda: 1.0, {"one": lambda: float("nan")}, difference=lambda a, b: a - b, tolerance=9.0))


@pytest.mark.fast
def test_a_case_is_timed_before_the_next_is_made(toy, tmp_path):
    """So that a case may set up and tear down around its yield."""
    from tests.experiments.conftest import write

    write(
        toy / "benchmarks/toy_race.py",
        """
        from experiments.benchmarks.harness import Case
        DESCRIPTION, PEER = "", "numpy"
        NAME = "toy-race"
        open_case = None

        def cases():
            global open_case
            for name in "ab":
                open_case = name
                yield Case(name, ours=lambda name=name: check(name), peers={"p": lambda: None}, seconds=0.0)
                open_case = None

        def check(name):
            assert open_case == name
        """,
    )
    record, path = harness.run_benchmark("toy-race", results=tmp_path, root=toy)
    assert [case["name"] for case in record["cases"]] == ["a", "b"]
    assert path == tmp_path / "bench/toy-race.json"


@pytest.mark.fast
def test_the_swimmers_farthest_apart_are_compared(recwarn):
    """One particle of many in the wrong place is seen, one on the other side of a wall is not; float64 all along."""
    from experiments.benchmarks.active_matter_step import TOLERANCE, _difference

    x = np.random.default_rng(0).uniform(-2, 2, (1000, 2))
    assert _difference(4.0, (x, False), (x, 0)) == 0
    across, wrong = x.copy(), x.copy()
    across[3, 0] += 4.0 - 1e-12
    wrong[3, 0] += 1e-3
    assert 0.9e-12 < _difference(4.0, (x, False), (across, 0)) < 1.1e-12 < TOLERANCE
    assert _difference(4.0, (x, False), (wrong, 0)) == pytest.approx(1e-3)
    assert _difference(4.0, (x, False), (x, 1)) == float("inf")
    with jax.enable_x64(True):
        ours, theirs = jnp.asarray(x), jnp.asarray(x + 1e-11)
    assert 1e-11 < _difference(4.0, (ours, jnp.asarray(False)), (theirs, jnp.asarray(False))) < 2e-11
    assert not recwarn.list
