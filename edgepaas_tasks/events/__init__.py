"""What accompanies a change: hooks, notices, reports of it."""
