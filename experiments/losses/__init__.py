"""Experiments whose first room is `entropax.losses`."""
