"""Experiments on simulated dynamics."""
