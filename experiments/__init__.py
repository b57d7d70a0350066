"""Published systems rebuilt: each experiment prints a paper's figure beside ours.

    python -m experiments list
    python -m experiments run SLUG [--preset smoke|default|medium|full] [--seed N] [--resume]
    python -m experiments report
    python -m experiments bench [NAME]

An experiment is one module `experiments/<room>/<slug with underscores>.py` in the folder of its first room of the
library. It is found by its place, so nothing is registered, and defines:

    SLUG = "active-matter-epr"                      # the file's name with hyphens
    TITLE = "Deep learning probability flows ..."   # string literals: `list` reads them without importing the module
    ARXIV = "2309.12991"                            # "" if it rebuilds no paper

    @dataclass(frozen=True)
    class Config: ...                               # sizes and parameters, never a seed

    PRESETS: dict[str, Config] = {
        "smoke": Config(...),                       # a minute or two: that everything runs, on every push
        "default": Config(...),                     # at most 5 minutes on 2 CPU cores
        "medium": Config(...),                      # optional: what default leaves out, smaller, an hour on 2 CPU cores
        "full": Config(...),                        # a GPU or TPU
    }

    CLAIMS: tuple[Claim, ...] = (                   # from experiments.claims
        Claim("rate", 0.39699, "finite volumes, extrapolated", Near(relative=0.01)),
    )

    def run(config: Config, *, key: PRNGKey, checkpoint_dir: Path) -> Result:   # from experiments.running
        with stage("train the score"):              # printed with its time
            fitted = training.fit(..., checkpoint_dir=checkpoint_dir / "score")
        return Result(
            measured={"rate": Estimate(value, standard_error)},  # claim name -> what was measured
            data=dataset,                           # an xarray.Dataset, saved as data.nc, or arrays by name, data.npz
            figure=lambda: draw(dataset),           # returns a matplotlib figure (experiments.figures)
        )

What can be measured and how it is judged stands in `experiments.claims`. A claim that `measured` leaves out is `not
run`; `NotRun("reason")` says why. Claims are not tuned to pass: a tolerance comes from the paper or from a stated
standard error, and `Result.remarks` explains a `differs`. Names that start with an underscore are not experiments: a
module `_ring_reference.py` beside one holds its parts.

`checkpoint_dir` is a directory for the run's checkpoints, one subdirectory for each fit. It is empty at the start
but for the runner's `run.json` unless the run resumes, and removed when the run is done; `--resume` after a kill finds
it as it was left, and is refused where preset, seed, config or versions are not those in `run.json`.
"""
