"""Experiments whose first room is `simulators`."""
