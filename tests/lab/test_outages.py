"""The host, its Docker daemon, its nginx or its disk fails in the middle of a deploy: named, survived, converged."""

import re
import subprocess
import time

import pytest

from edgepaas_tasks.lab import hosts as lab_hosts
from edgepaas_tasks.lab.load import Load
from edgepaas_tasks.remote.layout import other
from tests.lab.conftest import STEADY
from tests.lab.faults import SOAK, Fault


def reboot(host):
    lab_hosts.reboot(host)


def power_cut(host):
    """Nothing on the host gets to end in order."""
    subprocess.run(["docker", "kill", host.container], check=True, capture_output=True)
    lab_hosts.start(host)
    lab_hosts.wait_for_system(host)
    lab_hosts.wait_for_login(host)


REBOOTS = [("flip to", reboot)]
if SOAK:
    steps = ("load the image", "configure nginx", "start release", "flip to", "drain and stop")
    REBOOTS = [(step, how) for step in steps for how in (reboot, power_cut)]
# What the deploying process sees first: that the host is gone; or Docker, the app in its slot, nginx or the flip,
# which are told to end before sshd, in any order.
GONE = (
    "EOF|broken pipe|connection reset|Cannot connect to the Docker daemon",
    "was no longer healthy before the flip",
    "failed on the public path and was flipped back(.*\n)*?.*(nginx does not run|answered (nothing|502))",
    "could not be made live(.*\n)*?.*interrupted",
)
ENDS = re.compile(
    rf"^edge1: (the connection ended during: |(.*\n)*?.*({'|'.join(GONE)}))", re.M | re.I
)


@pytest.mark.parametrize(("step", "how"), REBOOTS, ids=lambda one: getattr(one, "__name__", one))
def test_a_reboot_in_the_middle_of_a_deploy(faulty, step, how):
    project = faulty.project
    project.write(f"before the {how.__name__}")
    faulty.configure(flip={"bake": 60, "drain": 5})
    words = faulty.words("deploy", changed=step == "load the image")
    process = faulty.start(words, Fault("tell", "amid", step))
    faulty.reach(process)
    how(project.host.host)
    served = wait_until_it_serves(project)
    done, _ = faulty.end(process)
    assert done.returncode == 1
    assert ENDS.search(done.stderr), done.stderr
    print(f"{how.__name__} amid {step}: served {served:.1f} s after the host was up")
    faulty.configure()
    faulty.converge()
    assert f"before the {how.__name__}" in project.entries()


# Without containerd no container starts: Docker takes the slot's port, and waits.
FREEZE = "pkill -STOP -x containerd"
# Holds Docker in that moment.
AMID_START = """
end=$(($(date +%s) + 60))
until ss -Hltn "sport = $1" | grep -q .; do [ "$(date +%s)" -lt "$end" ]; sleep 0.1; done
pkill -STOP -x dockerd
pkill -CONT -x containerd
"""
# Returns when what runs after Docker's start has ended.
SETTLED = """
sleep 1
busy() { systemctl is-active edgepaas-docker-ports | grep -q activating; }
until docker info >/dev/null 2>&1 && ! busy; do sleep 0.2; done
"""
KEPT = 'ss -Hltnp "sport = $1" | grep dockerd || :'


def kill_docker(host):
    """As when memory runs out: systemd starts it again, containers run on."""
    lab_hosts.inside(host, "systemctl", "kill", "-s", "KILL", "docker")


DOWN = [power_cut, kill_docker] if SOAK else [power_cut]


@pytest.mark.parametrize("how", DOWN, ids=lambda one: one.__name__)
def test_docker_goes_down_as_it_starts_the_container(faulty, how):
    """Docker comes up with the slot's port taken for nobody, and is started once more to free it."""
    project = faulty.project
    faulty.converge()
    live = project.status()[0]
    port = str({"blue": 8081, "green": 8082}[other(live["slot"])])
    project.host.run(SETTLED)
    project.host.run("rm -f /run/edgepaas/docker-ports")
    process = faulty.start(faulty.words("deploy"), Fault("hold", "before", "start release"))
    faulty.reach(process)
    project.host.run(FREEZE)
    faulty.go()
    project.host.run(f"set -e\n{AMID_START}", port)
    how(project.host.host)
    done, _ = faulty.end(process)
    assert done.returncode == 1
    served = wait_until_it_serves(project)
    project.host.run(SETTLED)
    said = project.host.run("journalctl -u edgepaas-docker-ports -o cat --no-pager")
    assert f"restarted docker to free port {port}" in said
    print(f"{how.__name__}: served {served:.1f} s after it was up")
    assert project.host.run(KEPT, port) == ""
    after = project.status()[0]
    assert (after["slot"], after["release"], after["drift"]) == (live["slot"], live["release"], [])
    faulty.converge()


def test_a_port_that_is_kept_is_named_and_freed_by_setup(faulty):
    """On a host where nothing runs after Docker's start, as before a setup by this version."""
    project = faulty.project
    faulty.converge()
    slot = other(project.status()[0]["slot"])
    port = str({"blue": 8081, "green": 8082}[slot])
    project.host.run("systemctl disable edgepaas-docker-ports")
    process = faulty.start(faulty.words("deploy"), Fault("hold", "before", "start release"))
    faulty.reach(process)
    project.host.run(FREEZE)
    faulty.go()
    project.host.run(f"set -e\n{AMID_START}", port)
    kill_docker(project.host.host)
    faulty.end(process)
    project.host.run(SETTLED)
    assert "dockerd" in project.host.run(KEPT, port)
    refused, _ = faulty.run(faulty.words("deploy"))
    assert refused.returncode == 1
    assert f"port {port} ({slot}) is kept by Docker" in refused.stderr
    assert "inv setup --env lab frees it" in refused.stderr
    with Load(project.url, **STEADY) as load:
        said = project.inv("setup", "--env", "lab").stdout
    assert f"restarted docker to free port {port}" in said
    print(f"during the restart: {load.report}")
    assert load.report.failed == 0, str(load.report)
    faulty.converge()
    assert "nothing to change" in project.inv("setup", "--env", "lab").stderr


def wait_until_it_serves(project) -> float:
    begun = time.monotonic()
    while True:
        try:
            assert project.get("/health/ready")["status"] == "ready"
            return time.monotonic() - begun
        except OSError:
            assert time.monotonic() - begun < 120, project.status()
            time.sleep(0.1)


def test_the_docker_daemon_is_killed_in_the_middle_of_a_deploy(faulty):
    """Containers, and the ports that they are published on, outlive it; systemd brings it up again."""
    project = faulty.project
    with Load(project.url, **STEADY) as load:
        process = faulty.start(faulty.words("deploy"), Fault("hold", "before", "start release"))
        faulty.reach(process)
        project.host.run(
            "systemctl stop docker.socket; systemctl kill -s KILL docker; systemctl stop docker"
        )
        faulty.go()
        done, _ = faulty.end(process)
        refused, _ = faulty.run(faulty.words("deploy"))
        project.host.run("systemctl start docker")
        faulty.converge()
    assert done.returncode == refused.returncode == 1
    assert "edge1: " in done.stderr
    assert "Cannot connect to the Docker daemon" in done.stderr
    assert "Docker is installed and does not answer" in refused.stderr
    assert load.report.failed == 0, str(load.report)


def test_nginx_is_stopped_in_the_middle_of_a_deploy(faulty):
    project = faulty.project
    before = project.status()[0]
    process = faulty.start(faulty.words("deploy"), Fault("hold", "before", "flip to"))
    faulty.reach(process)
    project.host.run("systemctl stop nginx")
    faulty.go()
    done, _ = faulty.end(process)
    assert done.returncode == 1
    assert "nginx does not run on this host" in done.stderr
    after = project.status()[0]
    assert (after["slot"], after["release"]) == (before["slot"], before["release"])
    said = project.inv("preflight", "--env", "lab").stdout
    assert "nginx is not running on this host; a deploy starts it" in said
    faulty.converge()
    assert project.host.run("systemctl is-active nginx") == "active"


# Ends the shell that asks for a reload, as the kernel does when memory runs out.
KILLER = r"""
cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
if [ "$1" = reload ]; then rm -f /usr/local/sbin/systemctl; kill -KILL $PPID; fi
exec /usr/bin/systemctl "$@"
END
chmod 755 /usr/local/sbin/systemctl
"""


def test_a_script_that_is_killed_before_its_reload_leaves_it_to_the_next_deploy(faulty):
    project = faulty.project
    faulty.configure(nginx={"max_body": "33m"})
    project.host.run(KILLER)
    done, _ = faulty.run(faulty.words("deploy"))
    assert done.returncode == 1
    assert "configure nginx failed (exit 137)" in done.stderr
    done, _ = faulty.run(faulty.words("deploy"))
    assert done.returncode == 0
    assert "nginx has a new configuration" in done.stderr
    assert "pending" not in project.host.run("ls /etc/nginx/conf.d")


# The shell of a flip in its bake, as the kernel does when memory runs out.
KILL_FLIP = """
end=$(($(date +%s) + 60))
until nap=$(pgrep -fx 'sleep 0.1' | head -n 1); flip=$(ps -o ppid= -p "$nap"); kill -KILL $flip; do
    [ "$(date +%s)" -lt "$end" ]
done 2>/dev/null
"""


def test_a_flip_that_is_killed_on_the_host_does_not_leave_traffic_where_it_went(faulty):
    project = faulty.project
    faulty.converge()  # nothing is left to reload nginx for under the load
    faulty.configure(flip={"bake": 60, "drain": 5})
    before = project.status()[0]
    with Load(project.url, **STEADY) as load:
        process = faulty.start(faulty.words("deploy"), Fault("tell", "amid", "flip to"))
        faulty.reach(process)
        while project.host.run("readlink /opt/edgepaas/guestbook-lab/live").endswith(
            f"/{before['release']}"
        ):
            assert process.poll() is None
        project.host.run(KILL_FLIP)
        done, _ = faulty.end(process)
        after = project.status()[0]
        faulty.configure()
        faulty.converge()
    assert done.returncode == 1
    assert "could not be made live" in done.stderr
    assert "flipped back too: edge1" in done.stderr
    assert (after["slot"], after["release"]) == (before["slot"], before["release"])
    assert load.report.failed == 0, str(load.report)


@pytest.fixture
def confined(faulty):
    """A second service of the same host, whose directory is on a disk of its own: the host's volume, 48 MB of it."""
    project = faulty.project
    run, device = project.host.run, project.host.host.device
    run(
        "mkfs.ext4 -q -F -m 0 $1 48M; mkdir -p /opt/edgepaas/other-lab; mount $1 /opt/edgepaas/other-lab; "
        "rmdir /opt/edgepaas/other-lab/lost+found",
        device,
    )
    over = {"app": "other", "slots": {"blue": 8083, "green": 8084}, "nginx": {"server_name": NAME}}
    faulty.configure(**over)
    try:
        project.inv("setup", "--env", "lab")
        yield faulty
    finally:
        run(
            "docker rm -f other-lab-blue other-lab-green; rm -f /etc/nginx/conf.d/edgepaas-other-lab.conf; "
            "systemctl reload nginx; umount /opt/edgepaas/other-lab; rmdir /opt/edgepaas/other-lab; wipefs -aq $1",
            device,
        )


NAME = "other.test"
# To the last block: a large write that fails leaves room for small ones.
FILL = "cd /opt/edgepaas/other-lab; n=0; cat /dev/zero >filler; while echo x >filler$n; do n=$((n + 1)); done; true"
FULL = ["configure nginx", "start release", "flip to", "drain and stop"] if SOAK else ["flip to"]


def test_a_full_disk_in_the_middle_of_a_deploy(confined):
    """Wherever it comes, what is live serves on, and once there is room the next deploy is as any other."""
    project = confined.project
    run = project.host.run
    confined.converge()
    with Load(project.url, **STEADY, methods=("GET",), host=NAME) as load:
        for step in FULL:
            process = confined.start(confined.words("deploy"), Fault("hold", "before", step))
            confined.reach(process)
            run(FILL)
            confined.go()
            done, _ = confined.end(process)
            refused, _ = confined.run(confined.words("deploy"))
            run("rm /opt/edgepaas/other-lab/filler*")
            confined.converge()
            print(f"{step}\n{done.stderr}\n{refused.stderr}")
            assert refused.returncode == 1
            # What was begun before may have had all the room that it needs.
            for each in (refused, *((done,) if done.returncode else ())):
                said = each.stderr
                assert re.search(r"No space left on device|: 0 KB free under", said), said
    assert load.report.failed == 0, str(load.report)
    assert len(load.report.releases) > 1
