"""Experiments on entropy production."""
