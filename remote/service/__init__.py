"""One service on a host: its slots, releases, lease, nginx site, logs."""
