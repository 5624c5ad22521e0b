"""Docker's data on its way to a volume, killed at every step."""

import os

import pytest

from .kept_data import good, keepsake, kept

SOAK = os.environ.get("EDGEPAAS_SOAK") == "1"

# What a killed run may have left, taken away again; the host as it was before its first volume.setup.
RESET = r"""
PATH=/usr/sbin:/usr/bin:/sbin:/bin
device=$1
systemctl stop docker.socket docker
docker_mounts() { findmnt -rno TARGET | grep -E '^/var/lib/(docker|edgepaas)' | sort -r; }
docker_mounts | while read -r at; do umount "$at" || umount -l "$at"; done
wipefs -aq "$device"
rm -rf /var/lib/edgepaas /etc/systemd/system/docker.service.d /var/lib/docker
sed -i '/var.lib.docker/d' /etc/fstab
systemctl daemon-reload
cp -a /var/lib/docker.kept /var/lib/docker
rm -f /run/kill-*
systemctl reset-failed docker.service docker.socket
systemctl start docker
"""

# Programs that change something, each counted before it runs, and its shell killed before the one that is asked for.
WRAPPED = "mkdir mv mkfs.ext4 sync rm mount umount cp find systemctl systemd-run"
WRAP = r"""
for name in WRAPPED; do
    real=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$name")
    cat >"/usr/local/sbin/$name" <<END
#!/bin/sh
n=\$((\$(cat /run/kill-count 2>/dev/null || echo 0) + 1))
echo \$n >/run/kill-count
echo "\$n $name \$*" | head -n 1 >>/run/kill-log
if [ "\$n" = "\$(cat /run/kill-at 2>/dev/null)" ]; then kill -KILL \$PPID; exit 137; fi
exec $real "\$@"
END
    chmod 755 "/usr/local/sbin/$name"
done
""".replace("WRAPPED", WRAPPED)
UNWRAP = f"PATH=/usr/bin:/bin; cd /usr/local/sbin && rm -f {WRAPPED}; rm -f /run/kill-*"

# The steps that matter most; `make soak` takes all of them.
CHOSEN = (
    "mkfs.ext4 ",
    "rm -f /var/lib/edgepaas/volume-formatting",
    "mount -t ext4",
    "systemctl stop docker.socket docker",
    "cp -ax",
    "rm /var/lib/edgepaas/before",
    "mv /etc/fstab.edgepaas",
    "umount /var/lib/edgepaas/volume",
    "mount /var/lib/docker",
    "systemctl start docker",
    "find /var/lib/edgepaas/below",
    "rm -f /var/lib/docker/.edgepaas-copying",
)


@pytest.fixture(scope="module")
def host(volumeless):
    return volumeless


def test_killed_at_any_step_docker_runs_nothing_is_lost_and_a_rerun_completes(host):
    run = host.host.run
    keepsake(host)
    host.configure(volume=host.volume)
    run(
        "systemctl stop docker.socket docker; cp -a /var/lib/docker /var/lib/docker.kept; systemctl start docker"
    )
    run(WRAP)
    try:
        host.inv("volume.setup", "--env", "lab")
        kept(host)
        good(host)
        steps = run("cat /run/kill-log").splitlines()
        points = [
            index
            for index, step in enumerate(steps, 1)
            if SOAK or step.split(" ", 1)[1].startswith(CHOSEN)
        ]
        assert len(points) >= len(CHOSEN)
        for point in points:
            run(RESET, host.device)
            run("PATH=/usr/bin:/bin; rm -f /run/kill-*; echo $1 >/run/kill-at", str(point))
            killed = host.start("volume.setup", "--env", "lab")
            _, said = killed.communicate(timeout=300)
            what = f"{steps[point - 1]}: {said}"
            assert "Traceback" not in said, what
            print(what)  # shown when what follows fails
            run("PATH=/usr/bin:/bin; rm -f /run/kill-at")
            kept(host)
            host.inv("volume.setup", "--env", "lab")
            kept(host)
            good(host)
    finally:
        run(UNWRAP)
    run("rm -rf /var/lib/docker.kept")
