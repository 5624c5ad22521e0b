"""One release on its way to the hosts, and back."""
