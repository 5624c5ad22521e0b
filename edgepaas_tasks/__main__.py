"""`python -m edgepaas_tasks`, where `edgepaas` is not on the PATH."""

from edgepaas_tasks.program import main

main()
