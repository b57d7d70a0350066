"""Experiments on optimisers and step sizes."""
