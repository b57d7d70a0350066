"""Experiments on applications."""
