"""The app's image: its version, built here, brought to the hosts."""
