"""Measures estimated from *samples*, in nats, with error bars."""

__all__: list[str] = []
