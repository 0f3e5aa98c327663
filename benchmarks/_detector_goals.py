"""The goals of the detector, and which of them a run has missed."""

from dataclasses import dataclass, field

F1, FALSE_ALARMS, CONFIRMED_FALSE_ALARMS = 0.92, 0.8, 0.3
REAL_F1 = 0.92
DELAY_50 = 6.0
IID_ALARMED, AR06_ALARMED = 0.005, 0.01
VS_OTAVA = 20.0
DOUBLED_FOUND = 1.0
#: Calls per sample (median) from which on every clear step to 2x and more must be found.
ENOUGH_CALLS = 20


@dataclass
class Goals:
    """Collects what was measured beside what was wanted."""

    lines: list[tuple[bool, str]] = field(default_factory=list)

    def at_least(self, what: str, value: float, goal: float) -> None:
        """Note a figure that should not be smaller than its goal."""
        self.lines.append((value >= goal, f"{what} {value:.3f}, at least {goal:g}"))

    def at_most(self, what: str, value: float, goal: float) -> None:
        """Note a figure that should not be larger than its goal."""
        self.lines.append((value <= goal, f"{what} {value:.4f}, at most {goal:g}"))

    def verdict(self) -> int:
        """Print every goal, met or missed; return the exit code."""
        print("\ngoals")
        for met, text in self.lines:
            print(f"  {'met   ' if met else 'MISSED'}  {text}")
        return int(not all(met for met, _ in self.lines))
