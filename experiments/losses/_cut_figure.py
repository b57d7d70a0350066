"""The figure of the experiment on cross-entropy without logits."""

from typing import TYPE_CHECKING, Any

from experiments import figures

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset") -> Any:
    """Memory and time over the vocabulary, and what the filter leaves out and costs.

    Args:
        data: the experiment's data set.
    """
    figure, axes = figures.new_figure(1, 3, height=3.4, width=11.0)
    memory, duration, error = axes[0]
    for way in data.way.values:
        memory.loglog(data.vocabulary, data.memory.sel(way=way), label=str(way))
        timed = data.seconds.sel(way=way).dropna("vocabulary")
        duration.loglog(timed.vocabulary, timed, label=str(way))
    logits = 4 * data.attrs["tokens"] * data.vocabulary / 2**20
    memory.loglog(data.vocabulary, logits, color="0.6", marker="", linestyle=":", label="one copy of the logits")
    memory.set(
        xlabel="entries of the vocabulary",
        ylabel=figures.label("temporary memory", "MiB"),
        title="Memory",
        ylim=(1, None),
    )
    duration.set(
        xlabel="entries of the vocabulary", ylabel=figures.label("time for value and gradients", "s"), title="Time"
    )
    sizes = data.vocabulary.values
    for axis in (memory, duration):
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
        axis.set_xticks([], minor=True)
    memory.legend()
    duration.legend()
    for order in data.order.values:
        error.plot(data.eps, 100 * data.kept.sel(order=order), label=f"tiles kept, {order} order")
    error.plot(data.eps, 100 * data.error, label="relative gradient error")
    error.axvline(2.0**-12, color="0.6", linewidth=1, marker="", linestyle=":")
    error.text(2.0**-12, 0.34, " bfloat16's\n 2^-12", transform=error.get_xaxis_transform(), fontsize=7)
    error.set(
        xscale="log",
        yscale="log",
        xlabel="threshold of the filter on |p - 1[label]|",
        ylabel=figures.label("share or error", "%"),
        title=f"Filter on a trained head: at 2^-12\nbackward is {data.attrs['backward_ratio']:.1f}x as fast",
    )
    error.legend(fontsize=7)
    return figure
