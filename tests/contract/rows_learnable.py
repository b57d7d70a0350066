"""Rows of epiplexity: its estimators, its frontiers and the data it is tried on."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax

from entropax import estimators
from entropax.estimators import PUBLISHED_LAWS, ScalingLaw, Sequences, TwoPartCode
from entropax.training.models import split_model
from tests.contract.harness import Bad, Row, simplex
from tests.estimators.sequence_tables import BigramModel

RNG = np.random.default_rng(11)
STATE = RNG.uniform(0.1, 0.9, (2, 5))
OTHER = RNG.uniform(0.1, 0.9, (2, 5))
TABLE = RNG.uniform(0.1, 0.9, 8)
OUTSIDE = STATE + 1.0
LOSSES, TOKENS = np.array([2.0, 1.5, 1.2, 1.1, 1.05]), np.array([50.0, 100.0, 200.0, 400.0, 800.0])
EPIPLEXITY = np.array([0.0, 36.0, 100.8, 144.4, 187.5])
POINTS = np.array([3.0, 0.0, 1.0, 2.0, 4.0]), np.array([1.2, 4.0, 2.0, 3.0, 1.1])
TABLES = RNG.dirichlet(np.ones(3), (2, 3))
SYMBOLS = RNG.integers(0, 3, (2, 6))
TEACHER, STUDENT = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 3, 4))
NO_KEY = np.zeros(2, np.uint32)
LAW = tuple(map(np.float64, (0.34, 0.28, 0.05, 1.5, 1.7)))  # a, b, N0, D0, E on a scale of ones
SAMPLES = "a sample: it depends on the key and on what its law is made of, which is differentiated where it enters"
FLOATING = "lengths of codes, as `two_part_code` makes them, are floating"
RESULT = "a container of results, which only its function makes"


def key():
    return jax.random.key(3)


def law(a, b, n0, d0, e):
    return ScalingLaw(model_exponent=a, data_exponent=b, model_scale=n0, data_scale=d0, irreducible_loss=e)


def step_once(tables, tokens, key):
    """A step of requential training of a bigram model, by plain gradient descent; the student's table and metrics."""
    update = make_update(prompt=2)
    state = update.init(BigramModel(tables))
    state, _ = update(state, Sequences(tokens), key=key)
    state, metrics = update(state, Sequences(tokens), key=key)
    return state.student.params.table, metrics["loss"], metrics["divergence"]


def make_update(prompt, **options):
    structure = split_model(BigramModel(jnp.zeros((3, 3))))[0]
    settings = {"student_speed": 1, "max_kl": math.inf, "decay": 0.5} | options
    return estimators.RequentialUpdate(structure, optax.sgd(0.5), prompt, **settings)


def train(table, tokens):
    """Three steps of teacher and student, on the host."""
    tokens = jnp.asarray(tokens)
    result = estimators.train_teacher_student(
        BigramModel(jnp.asarray(table)),
        lambda step, *, key: Sequences(tokens),
        optax.sgd(0.5),
        prompt=tokens.shape[1] if tokens.shape[1] < 3 else 2,
        steps=3,
        key=key(),
        progress=False,
    )
    return result.value, result.prequential


ROWS = [
    Row(
        name="estimators.eca_step",
        call=estimators.eca_step,
        arguments=lambda: (STATE, TABLE),
        differentiable=(0, 1),
        bad_static=(
            Bad((STATE[:, :2], TABLE), "state must have at least 3 cells"),
            Bad((STATE, TABLE[:7]), r"rule must have shape \(8,\)"),
            Bad((np.array(0.5), TABLE), r"state must have shape \(\.\.\., width\)"),
        ),
        bad_values=(
            Bad((OUTSIDE, TABLE), "state must be zeros and ones"),
            Bad((STATE, TABLE + 1), "rule must be zeros and ones"),
        ),
        fast=True,
    ),
    Row(
        name="estimators.eca_evolve",
        call=lambda state, table: estimators.eca_evolve(state, table, steps=3),
        arguments=lambda: (STATE, TABLE),
        differentiable=(0, 1),
        bad_static=(Bad((STATE[:, :2], TABLE), "state must have at least 3 cells"),),
        bad_values=(Bad((OUTSIDE, TABLE), "state must be zeros and ones"),),
    ),
    Row(
        name="estimators.eca_pairs",
        call=lambda table, key: estimators.eca_pairs(table, num_pairs=2, width=5, steps=2, key=key),
        arguments=lambda: (TABLE, key()),
        bad_static=(
            Bad(lambda: (TABLE[:7], key()), r"rule must have shape \(8,\)"),
            Bad(lambda: (TABLE, jnp.asarray(NO_KEY)), "key must be a key", TypeError),
        ),
        bad_values=(Bad(lambda: (TABLE + 1, key()), "rule must be zeros and ones"),),
    ),
    Row(
        name="estimators.light_cone_code",
        call=lambda x, y: estimators.light_cone_code(x, y, radius=1),
        arguments=lambda: (STATE, OTHER),
        differentiable=(0, 1),
        bad_static=(
            Bad((STATE, OTHER[:1]), "outputs must have the shape of inputs"),
            Bad((STATE[0], OTHER[0]), r"inputs must have shape \(n, width\)"),
        ),
        bad_values=(Bad((OUTSIDE, OTHER), "inputs must be zeros and ones"),),
    ),
    Row(
        name="estimators.LightConeCode.cross_entropy",
        call=lambda x, y: estimators.light_cone_code(x, y, radius=1).cross_entropy(y, x),
        arguments=lambda: (STATE, OTHER),
        differentiable=(0, 1),
        bad_static=(Bad((STATE, OTHER[:1]), "outputs must have the shape of inputs"),),
        bad_values=(Bad((OUTSIDE, OTHER), "inputs must be zeros and ones"),),
    ),
    Row(
        name="estimators.bigram_induction",
        call=lambda key: (
            estimators.bigram_induction(
                num_sequences=2, symbols=3, length=4, hidden=1, key=key, dtype=jnp.float32
            ).shown
        ),
        arguments=lambda: (key(),),
        differentiable=(),
        bad_static=(Bad(lambda: (jnp.asarray(NO_KEY),), "key must be a key", TypeError),),
        exempt={
            "gradient": SAMPLES,
            "bad_values": "it takes a key alone",
            "half": "its dtype is an option",
        },
    ),
    Row(
        name="estimators.BigramSequences.shown",
        call=lambda tables: estimators.BigramSequences(tables, jnp.zeros((2, 4), jnp.int32), 1).shown,
        arguments=lambda: (TABLES,),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": "a view of what it holds"},
    ),
    Row(
        name="estimators.bigram_reference_losses",
        call=lambda tables, tokens: estimators.bigram_reference_losses(tables, tokens, hidden=1),
        arguments=lambda: (TABLES, SYMBOLS),
        project={0: simplex},
        bad_static=(
            Bad((TABLES[:, :2], SYMBOLS), r"tables must have shape \(n, symbols, symbols\)"),
            Bad((TABLES, SYMBOLS[:1]), r"tokens must have shape \(2, length\)"),
            Bad((TABLES, SYMBOLS * 1.0), "tokens must be integers", TypeError),
        ),
        bad_values=(
            Bad((2 * TABLES, SYMBOLS), "tables must be non-negative and sum to one"),
            Bad((TABLES, SYMBOLS + 3), r"tokens must be in 0\.\.2"),
        ),
    ),
    Row(
        name="estimators.prequential_epiplexity",
        call=estimators.prequential_epiplexity,
        arguments=lambda: (LOSSES, TOKENS),
        differentiable=(0, 1),
        bad_static=(
            Bad((LOSSES, TOKENS[:2]), "tokens must have the shape of losses"),
            Bad((LOSSES[:0], TOKENS[:0]), "losses must hold a loss or more"),
        ),
        bad_values=(
            Bad((LOSSES * np.nan, TOKENS), "losses must be finite"),
            Bad((LOSSES, TOKENS[::-1].copy()), "tokens must be non-negative and ascending"),
        ),
        fast=True,
    ),
    Row(
        name="estimators.prequential_curve",
        call=estimators.prequential_curve,
        arguments=lambda: (LOSSES, TOKENS),
        differentiable=(0, 1),
        bad_static=(Bad((LOSSES[None], TOKENS[None]), r"losses must have shape \(t,\)"),),
        bad_values=(Bad((LOSSES, -TOKENS), "tokens must be non-negative and ascending"),),
    ),
    Row(
        name="estimators.requential_epiplexity",
        call=estimators.requential_epiplexity,
        arguments=lambda: (TEACHER, STUDENT),
        differentiable=(0, 1),
        bad_static=(
            Bad((TEACHER, STUDENT[:1]), "student must have the shape of teacher"),
            Bad((np.array(0.5), np.array(0.5)), r"teacher must have shape \(\.\.\., v\)"),
        ),
        bad_values=(
            Bad((TEACHER * np.nan, STUDENT), "teacher must be finite or -inf"),
            Bad((TEACHER, STUDENT + np.inf), "student must be finite or -inf"),
        ),
        fast=True,
    ),
    Row(
        name="estimators.RequentialUpdate.init",
        call=jax.jit(step_once),
        arguments=lambda: (TEACHER[0][:, :3].copy(), SYMBOLS, key()),
        differentiable=(),
        bad_static=(
            Bad(lambda: (TEACHER[0], SYMBOLS[:, :2], key()), "prompt must be less than the 2 tokens of a sequence"),
        ),
        exempt={
            "gradient": "a step of optimisers on drawn samples; what is differentiated is its losses",
            "bad_values": "what values mean is the model's business",
            "integer": "the parameters of a model are floating",
            "half": "losses are accumulated in float32",
        },
    ),
    Row(
        name="estimators.train_teacher_student",
        call=train,
        arguments=lambda: (TEACHER[0][:, :3].copy(), SYMBOLS),
        differentiable=(),
        bad_static=(
            Bad((TEACHER[0][:, :3].copy(), SYMBOLS[:, :2]), "prompt must be less than the 2 tokens of a sequence"),
        ),
        exempt={"traced": "a training run, driven from the host; its update is held by its own row"},
    ),
    Row(
        name="estimators.two_part_code",
        call=lambda s, losses, tokens, p, dt: estimators.two_part_code(
            s, losses, tokens, num_parameters=p, test_tokens=dt
        ),
        arguments=lambda: (EPIPLEXITY, LOSSES, TOKENS, np.array(30.0), np.array(500.0)),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(
            Bad((EPIPLEXITY, LOSSES, TOKENS[:2], np.array(30.0), np.array(500.0)), "tokens must have the shape of"),
            Bad((EPIPLEXITY, LOSSES, TOKENS, np.ones(2), np.array(500.0)), r"num_parameters must have shape \(\)"),
        ),
        bad_values=(
            Bad((EPIPLEXITY, LOSSES, TOKENS, np.array(30.0), np.array(-5.0)), "test_tokens must be positive"),
            Bad((EPIPLEXITY, LOSSES * np.nan, TOKENS, np.array(30.0), np.array(5.0)), "losses must be finite"),
        ),
    ),
    Row(
        name="estimators.TwoPartCode.total",
        call=lambda s, h, c: TwoPartCode(s, h, c).total,
        arguments=lambda: (EPIPLEXITY, LOSSES, TOKENS),
        differentiable=(0, 1),
        exempt={"bad_static": RESULT, "bad_values": RESULT, "integer": "a sum of what it holds"},
    ),
    Row(
        name="estimators.lower_convex_hull",
        call=lambda x, y: estimators.lower_convex_hull(x, y, tolerance=0.01),
        arguments=lambda: POINTS,
        differentiable=(),
        bad_static=(
            Bad((POINTS[0], POINTS[1][:2]), "y must have the shape of x"),
            Bad((POINTS[0][:0], POINTS[1][:0]), "x must hold a point or more"),
        ),
        exempt={
            "gradient": "piecewise constant: which points lie on a hull has no gradient",
            "bad_values": "booleans cannot be NaN: the field valid says so, tested in tests/estimators",
        },
    ),
    Row(
        name="estimators.LowerHull.fields",
        call=lambda x, y: estimators.lower_convex_hull(x, y),
        arguments=lambda: POINTS,
        differentiable=(),
        exempt={"gradient": RESULT, "bad_static": RESULT, "bad_values": RESULT},
    ),
    Row(
        name="estimators.epiplexity_from_runs",
        call=lambda s, h, c: estimators.epiplexity_from_runs([TwoPartCode(s, h, c)]),
        arguments=lambda: (EPIPLEXITY, 300 * LOSSES, 1.0 + TOKENS),
        differentiable=(0, 1),
        bad_static=(Bad((EPIPLEXITY[:0], LOSSES[:0], TOKENS[:0]), "codes must hold a code or more"),),
        bad_values=(Bad((EPIPLEXITY * np.nan, 300 * LOSSES, TOKENS), "S must be finite"),),
        exempt={"integer": FLOATING},
    ),
    Row(
        name="estimators.ComputeFrontier.at",
        call=lambda s, h, c, bound: estimators.epiplexity_from_runs(TwoPartCode(s, h, c)).at(bound),
        arguments=lambda: (EPIPLEXITY, 300 * LOSSES, 1.0 + TOKENS, np.array(500.0)),
        differentiable=(0, 1),
        bad_static=(
            Bad((EPIPLEXITY, 300 * LOSSES, 1.0 + TOKENS, np.ones(2)), "bound must be a number, got an array of shape"),
        ),
        bad_values=(
            Bad((EPIPLEXITY, 300 * LOSSES, 1.0 + TOKENS, np.array(0.5)), "bound must be at least the frontier's least"),
        ),
        exempt={"integer": FLOATING},
    ),
    Row(
        name="estimators.ScalingLaw.loss",
        call=lambda a, b, n0, d0, e, n, d: law(a, b, n0, d0, e).loss(n, d),
        arguments=lambda: (*LAW, np.array([2.0, 5.0]), np.array([3.0, 40.0])),
        differentiable=(0, 1, 2, 3, 4, 5, 6),
        bad_static=(Bad((*LAW, np.ones(2), np.ones(3)), "tokens must have the shape of parameters"),),
        bad_values=(
            Bad((LAW[0], np.float64(1.5), *LAW[2:], np.ones(2), np.ones(2)), "data_exponent must lie between 0 and 1"),
            Bad((*LAW, np.array([-1.0, 2.0]), np.ones(2)), "parameters must be positive"),
        ),
        exempt={"integer": "an exponent is a fraction"},
    ),
    Row(
        name="estimators.scaling_law_from_published",
        call=lambda g, d, n0, c, e: estimators.scaling_law_from_published(
            g, d, model_scale=n0, compute_scale=c, irreducible_loss=e
        ),
        arguments=lambda: tuple(map(np.float64, (0.15, 0.45, 3.0, 40.0, 1.7))),
        differentiable=(0, 1, 2, 3, 4),
        bad_static=(Bad((np.ones(2), *map(np.float64, (0.45, 3.0, 40.0, 1.7))), "gamma must be a number"),),
        bad_values=(Bad(tuple(map(np.float64, (0.15, 0.45, -3.0, 40.0, 1.7))), "model_scale must be positive"),),
        exempt={"integer": "an exponent is a fraction"},
    ),
    Row(
        name="estimators.PublishedLaw.law",
        call=lambda scale: jax.tree.map(lambda x: x * scale.astype(x.dtype), PUBLISHED_LAWS["image 8x8"].law()),
        arguments=lambda: (np.array(1.0),),
        exempt={
            "bad_static": "published numbers, which are not arguments",
            "bad_values": "published numbers, which are not arguments",
            "integer": "the published numbers are floating",
            "half": "the published numbers have the default dtype",
            "strict": "the published numbers have the default dtype",
        },
    ),
    Row(
        name="estimators.scaling_law_epiplexity",
        call=lambda d, a, b, n0, d0, e: estimators.scaling_law_epiplexity(d, law(a, b, n0, d0, e)),
        arguments=lambda: (np.array([3.0, 40.0]), *LAW),
        differentiable=(0, 2, 4),
        bad_static=(Bad((np.array([3j]), *LAW), "tokens must be real", TypeError),),
        bad_values=(Bad((np.array([-3.0, 40.0]), *LAW), "tokens must be non-negative"),),
        exempt={"integer": "an exponent is a fraction"},
    ),
    Row(
        name="estimators.scaling_law_frontier",
        slow=True,
        call=lambda c, dt, a, b, n0, d0, e: estimators.scaling_law_frontier(c, law(a, b, n0, d0, e), test_tokens=dt),
        arguments=lambda: (np.array([3e4, 4e6]), np.array(500.0), *LAW),
        differentiable=(0, 1, 2, 3, 4, 5, 6),
        bad_static=(Bad((np.array([3e4]), np.ones(2), *LAW), r"test_tokens must have shape \(\)"),),
        bad_values=(
            Bad((np.array([-3e4, 4e6]), np.array(500.0), *LAW), "compute must be positive"),
            Bad((np.array([3e4, 4e6]), np.array(-5.0), *LAW), "test_tokens must be positive"),
        ),
        exempt={"integer": "an exponent is a fraction"},
        rtol=1e-5,
    ),
    Row(
        name="estimators.ScalingFrontier.fields",
        call=lambda c, a, b, n0, d0, e: estimators.scaling_law_frontier(c, law(a, b, n0, d0, e), test_tokens=50.0),
        arguments=lambda: (np.array([3e4]), *LAW),
        differentiable=(),
        exempt={"gradient": RESULT, "bad_static": RESULT, "bad_values": RESULT},
        slow=True,
    ),
    Row(
        name="estimators.RequentialResult.fields",
        call=train,
        arguments=lambda: (TEACHER[0][:, :3].copy(), SYMBOLS),
        differentiable=(),
        exempt={"traced": "a training run, driven from the host", "bad_static": RESULT},
    ),
    Row(
        name="estimators.Sequences.fields",
        call=lambda features: Sequences(jnp.zeros((2, 3), jnp.int32), features),
        arguments=lambda: (np.ones((2, 3, 4)),),
        differentiable=(),
        exempt={"gradient": "a container of data", "bad_static": "a container of data", "bad_values": "a container"},
    ),
]
