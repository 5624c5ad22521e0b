"""The work W, said once for every tool: 20 idempotent steps on a host, from the lease to a healthy service.

1 takes a lease; 2 looks at the host; 3-5 three directories; 6-9 four files; 10 a line; 11 a link; 12-17 six checks;
18 a service, restarted only when something changed; 19 polls its health; 20 gives the lease back.
"""

BASE = "/srv/bench"
LEASE = "/run/bench/lease"
DIRECTORIES = {f"{BASE}/app": "755", f"{BASE}/app/conf": "755", f"{BASE}/data": "750"}
FILES = {
    f"{BASE}/app/conf/app.ini": ("644", "[app]\nname = shop\nworkers = 4\n"),
    f"{BASE}/app/conf/limits.ini": ("644", "".join(f"limit_{n} = {n * 10}\n" for n in range(40))),
    f"{BASE}/app/conf/secrets.env": ("600", "TOKEN='a value with $ and \"quotes\"'\n"),
    f"{BASE}/app/notes.txt": ("644", "kept by the bench\n" * 20),
}
LINE = (f"{BASE}/hosts.list", "127.0.0.1 shop.internal")
LINK = (f"{BASE}/current", f"{BASE}/app")
CHECKS = (
    "test -d /etc/ssh",
    "id root",
    "command -v python3",
    "test $(df -Pk / | awk 'NR == 2 { print $4 }') -gt 65536",
    "test -r /etc/os-release",
    "test $(nproc) -ge 1",
)
RESTART = "work-service restart"
HEALTH = "http://127.0.0.1:8080/health"
POLL = (
    f"n=0; until curl -fs -o /dev/null {HEALTH}; do "
    "n=$((n + 1)); [ $n -lt 50 ] || exit 1; sleep 0.1; done"
)
TAKE = f'mkdir -p /run/bench; (set -C; echo bench >{LEASE}) 2>/dev/null || [ "$(cat {LEASE})" = bench ]'
GIVE_BACK = f"rm -f {LEASE}"
FACTS = "cat /etc/os-release; uname -m; df -Pk /; cat /proc/meminfo; id -un"
