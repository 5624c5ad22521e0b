"""What the application sees: its variables, their sources, the canonical file, its database.

Standard library only: these modules also run inside the application's container, where nothing of ours is installed.
"""
