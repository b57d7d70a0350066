"""A linear head that gives losses rather than logits."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from entropax import _checks
from entropax._typing import Array, ArrayLike, Float, Int, Real
from entropax.losses._fused_tiles import Table, tile_logits
from entropax.losses.fused import LinearSoftmaxStatistics, linear_cross_entropy, linear_softmax_statistics


class LinearCrossEntropy(nnx.Module):
    """The last layer of a classifier or a language model with its cross-entropy, its logits never in memory.

    It holds the parameters of `nnx.Linear` as `linear_cross_entropy` wants them, one row a class. Give `embedding` to
    share the parameter of an `nnx.Embed` (tied weights).

    Attributes:
        embedding: parameter of shape (num_classes, num_in).
        bias: parameter of shape (num_classes,), or None.
        softcap: s of the cap s tanh(. / s) of logits, or None.
    """

    def __init__(
        self,
        num_in: int,
        num_classes: int,
        *,
        use_bias: bool = False,
        softcap: float | None = None,
        embedding: nnx.Param | None = None,
        rngs: nnx.Rngs,
    ):
        """Makes the head.

        Args:
            num_in: components d of the hidden vectors.
            num_classes: v, entries of the vocabulary.
            use_bias: whether there is a bias; it starts at zero.
            softcap: positive; None for no cap.
            embedding: a parameter of shape (v, d) to share; by default a new one, normal of variance 1 / d.
            rngs: of the initial parameters.

        Raises:
            ValueError: a size is not positive, or the embedding does not have the shape.
        """
        _checks.require_integer("num_in", num_in, minimum=1)
        _checks.require_integer("num_classes", num_classes, minimum=2)
        shape = (num_classes, num_in)
        if embedding is None:
            embedding = nnx.Param(jax.random.normal(rngs.params(), shape) / num_in**0.5)
        _checks.require_shape("embedding", jnp.asarray(embedding[...]), shape)
        self.embedding = embedding
        self.bias = nnx.Param(jnp.zeros(num_classes)) if use_bias else None
        self.softcap = softcap

    def __call__(
        self, hidden: Real[ArrayLike, "*batch d"], labels: Int[ArrayLike, "..."], **options: Any
    ) -> Float[Array, "..."]:
        """Cross-entropy of every token in nats.

        Args:
            hidden: vectors of the tokens, shape (..., d).
            labels: integers in [0, v), shape (...).
            **options: of `linear_cross_entropy`: masks, shift, blocks, filtering.
        """
        return linear_cross_entropy(
            hidden, self.embedding[...], labels, bias=self._bias(), softcap=self.softcap, **options
        )

    def statistics(
        self,
        hidden: Real[ArrayLike, "*batch d"],
        labels: Int[ArrayLike, "..."],
        reference: "LinearCrossEntropy | None" = None,
        reference_hidden: Real[ArrayLike, "*batch e"] | None = None,
        **options: Any,
    ) -> LinearSoftmaxStatistics:
        """Log-probability, log-normaliser, entropy, and divergence to another head, of every token.

        Args:
            hidden: vectors of the tokens, shape (..., d).
            labels: integers in [0, v), shape (...).
            reference: another head over the same vocabulary with the same cap.
            reference_hidden: its vectors, shape (..., e); None for those of this head.
            **options: of `linear_softmax_statistics`: masks, shift, blocks.

        Returns:
            The statistics of every token, in nats, each of shape (...); the divergence is None without a reference.

        Raises:
            ValueError: the reference has another cap.
        """
        others = (None, None, None)
        if reference is not None:
            if reference.softcap != self.softcap:
                raise ValueError(f"reference must have the softcap {self.softcap} too, got {reference.softcap}")
            vectors = hidden if reference_hidden is None else reference_hidden
            others = vectors, reference.embedding[...], reference._bias()
        elif reference_hidden is not None:
            raise ValueError("reference_hidden needs a reference, got None")
        return linear_softmax_statistics(
            hidden,
            self.embedding[...],
            labels,
            *others[:2],
            bias=self._bias(),
            reference_bias=others[2],
            softcap=self.softcap,
            **options,
        )

    def logits(self, hidden: Real[ArrayLike, "*batch d"]) -> Float[Array, "*batch v"]:
        """The logits themselves, for decoding.

        Args:
            hidden: vectors of the tokens, shape (..., d).

        Returns:
            Logits of shape (..., v), float32 for inputs of lower precision.

        Raises:
            ValueError: the vectors do not have d components.
        """
        (e,) = _checks.as_floats(hidden=hidden)
        v, d = self.embedding.shape
        if e.ndim < 1 or e.shape[-1] != d:
            raise ValueError(f"hidden must have shape (..., {d}), got {e.shape}")
        table = Table(self.embedding[...].astype(e.dtype), self._bias())
        return tile_logits(e.reshape(-1, d), table, self.softcap).reshape(*e.shape[:-1], v)

    def _bias(self) -> Array | None:
        return None if self.bias is None else self.bias[...]
