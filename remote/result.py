"""What came back from one command."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Output and exit code of one command; `seconds` is its wall time as seen from here."""

    name: str
    stdout: str
    stderr: str
    code: int
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """The output without its last newlines: what most questions want."""
        return self.stdout.rstrip("\n")

    def tail(self, lines: int = 12) -> str:
        """The last lines of what it said, stderr first choice: the part that explains a failure."""
        said = self.stderr.strip() or self.stdout.strip()
        return "\n".join(said.splitlines()[-lines:])
