"""Benchmarks: ours against a named peer, in one process and one run, or ours alone where there is none.

A benchmark is one module here, found by its place:

    NAME = "active-matter-step"                     # the file's name with hyphens; string literals
    DESCRIPTION = "one step of active swimmers"
    PEER = "jax-md"                                 # the peer's name on the package index, part of the `bench` extra

    def cases() -> Iterator[Case]:                  # from experiments.benchmarks.harness
        import jax_md                               # here, so that listing the benchmarks needs no peer
        yield Case(
            name="N = 4096, float64",
            ours=lambda: step(state),               # called without arguments, returns what it computed
            peers={"neighbour list": lambda: ...},  # variants by label, one for each thread count or setting: the
                                                    # fastest one counts, so the peer is seen at its best
            always=("neighbour list",),             # optional: variants timed however slow, the peer's default say
            unit="step", per=100,                   # one call does 100 steps: times are shown for one
            difference=lambda a, b: ...,            # how far the two results are apart, to show that they agree
            tolerance=1e-6,                         # ... and how far they may be; more is an error
        )

Where no peer does the same, PEER is "" and the cases have no `peers`: what is shown then is our time for one unit and
how many of them are done in a second.

A case is timed before the next is drawn from `cases()`, so a `with jax.enable_x64(True): yield Case(...)` holds while
it is timed and arrays of one case are free before the next.
"""
