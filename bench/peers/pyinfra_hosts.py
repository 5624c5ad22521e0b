"""The bench's hosts for pyinfra: the file is named by an environment variable."""

import json
import os

with open(os.environ["BENCH_HOSTS"]) as file:
    _hosts = json.load(file)
hosts = [
    (
        address,
        {
            "ssh_user": "root",
            "ssh_key": _hosts["key"],
            "ssh_known_hosts_file": _hosts["known_hosts"],
            "ssh_strict_host_key_checking": "yes",
        },
    )
    for address in _hosts["addresses"]
]
