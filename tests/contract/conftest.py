"""Counts the rows that hold and prints the count."""

import jax
import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints how many public functions hold the contract, and what is exempt from which part of it."""
    outcomes: dict[str, str] = {}
    exemptions: dict[str, str] = {}
    for outcome in ("passed", "failed", "error"):
        for report in terminalreporter.getreports(outcome):
            for key, value in getattr(report, "user_properties", ()):
                if key == "contract-row":
                    name = str(value)
                    outcomes[name] = "failed" if "failed" in (outcome, outcomes.get(name)) else outcome
                elif key == "contract-exempt":
                    row, property_, reason = value
                    exemptions[f"{row}: {property_}"] = reason
    if not outcomes:
        return
    held = sum(outcome == "passed" for outcome in outcomes.values())
    terminalreporter.section("contract")
    terminalreporter.write_line(
        f"{held} of {len(outcomes)} public functions hold the contract, with {len(exemptions)} exemptions:"
    )
    for what, reason in sorted(exemptions.items()):
        terminalreporter.write_line(f"  {what}: {reason}")


@pytest.fixture(autouse=True, scope="package")
def quick_compiles():
    """Compiles without the dear optimisations: most of the contract's time is compiling, and what it compares holds at
    any level. All other tests run what users run."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
