"""A model of sequences small enough to know everything about: one row of logits for each last token."""

import equinox as eqx
import jax
import jax.numpy as jnp


class BigramModel(eqx.Module):
    """Logits of the next token from the last one, a `SequenceModel`."""

    table: jax.Array

    def __call__(self, tokens, features=None):
        return self.table[tokens]

    def complete(self, tokens, features=None, *, prompt, key):
        def draw(last, key):
            logits = self.table[last]
            token = jax.random.categorical(key, logits).astype(last.dtype)
            return token, (token, logits)

        keys = jax.random.split(key, tokens.shape[0] - prompt)
        _, (drawn, logits) = jax.lax.scan(draw, tokens[prompt - 1], keys)
        return jnp.concatenate([tokens[:prompt], drawn]), logits
