"""Experiments on losses."""
