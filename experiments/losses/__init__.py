"""Experiments on training losses."""
