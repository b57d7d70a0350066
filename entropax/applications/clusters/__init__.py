"""Cores of galaxy clusters: entropy, cooling, transformations and what causes them."""

__all__: list[str] = []
