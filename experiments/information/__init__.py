"""Experiments on measures of given distributions."""
