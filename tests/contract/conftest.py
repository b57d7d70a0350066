"""Counts the rows that hold and prints the count."""

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
