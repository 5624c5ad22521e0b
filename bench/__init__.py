"""Measurements against other tools, side by side in one run: `make bench`. Figures go into docs/performance.md."""
