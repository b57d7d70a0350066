import jax
import jaxtyping
import pytest


@pytest.fixture
def unhooked():
    """Switches the run-time check of annotations off, so that the package's own errors show."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


class Compilations:
    """Counts the programs that the compiler is given."""

    def __init__(self):
        self.count = 0
        self.active = True
        jax.monitoring.register_event_duration_secs_listener(self._listen)

    def _listen(self, event, seconds, **details):
        self.count += self.active and event == "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def compilations():
    counter = Compilations()
    yield counter
    counter.active = False
