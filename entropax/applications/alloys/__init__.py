"""High-entropy alloys: formulas, descriptors, substitution of elements."""

__all__: list[str] = []
