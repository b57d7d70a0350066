"""The figure of the designs of dissipation."""

from typing import TYPE_CHECKING, Any

from experiments.figures import label, new_figure
from experiments.thermodynamics._ring_design import RingConfig
from experiments.thermodynamics._trap_design import TrapConfig

if TYPE_CHECKING:
    import xarray


def draw(data: "xarray.Dataset", *, trap_config: TrapConfig, ring_config: RingConfig) -> Any:
    """The figure.

    Args:
        data: the experiment's data set.
        trap_config: the trap's targets.
        ring_config: the ring's horizons and mean square.

    Returns:
        A matplotlib figure.
    """
    figure, axes = new_figure(2, 2, height=2.9, width=8.4)
    (trap, gradient), (ascent, profile) = axes
    trap.plot(data.trap_rate, marker="", label="rate")
    trap.plot(data.trap_size, marker="", label=r"$\langle x^2\rangle$")
    for target in (trap_config.target_rate, trap_config.target_size):
        trap.axhline(target, color="0.6", lw=0.8, ls=":")
    trap.set(
        title="Trap: to a given rate and size",
        xlabel="iteration",
        ylabel="estimate (nats / time, length²)",
    )
    trap.legend()
    for mode in range(1, min(4, data.sizes["mode"])):
        line = gradient.errorbar(
            data.horizon, data.gradient[:, mode], 2 * data.gradient_error[:, mode], capsize=2, label=f"$c_{mode}$"
        )
        gradient.axhline(float(data.reference_gradient[mode]), color=line[0].get_color(), lw=0.8, ls=":")
    gradient.set(
        title="Ring: d rate / d c at uniform activity",
        xlabel=label("horizon of the gradient", "time") + "; bars: 2 s.e.\ndotted: steady state, finite volumes",
        ylabel=label("gradient", "nats / time"),
        xscale="log",
    )
    gradient.set_xticks(ring_config.horizons, [f"{horizon:g}" for horizon in ring_config.horizons])
    gradient.minorticks_off()
    gradient.legend(ncols=3)
    ascent.plot(data.ring_rate, marker="", label="simulated")
    ascent.axhline(data.attrs["ring_rate_best"], color="0.3", lw=0.9, ls="--", label="best, finite volumes")
    ascent.axhline(data.attrs["ring_rate_uniform"], color="0.3", lw=0.9, ls=":", label="uniform, finite volumes")
    ascent.set(title="Ring: ascent of the rate", xlabel="iteration", ylabel=label("rate", "nats / time"))
    ascent.legend()
    for row, style in enumerate((":", "-", "--")):
        name = str(data.design[row].values)
        profile.plot(data.x, data.activity[row], ls=style, marker="", label=f"$v_0$, {name}")
    profile.fill_between(data.x, 0, data.density[1], color="0.85", lw=0, label="density of the design (1 / length)")
    profile.set(
        title=f"Ring: activity at fixed mean of $v_0^2$ = {ring_config.mean_square}",
        xlabel=label("distance $x$", "length"),
        ylabel=label("$v_0$", "length / time"),
    )
    profile.legend(fontsize=7)
    return figure
