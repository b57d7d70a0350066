"""Experiments on simulators."""
