"""A host as a machine: its system, packages, Docker engine, data volume."""
