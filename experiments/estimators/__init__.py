"""Experiments on measures estimated from samples."""
