"""Last-mile deliveries: structural entropy, consolidation, distances."""

__all__: list[str] = []
