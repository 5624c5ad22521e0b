"""Facts as a host tells them."""

from edgepaas_tasks.remote.host import Host
from edgepaas_tasks.remote.machine.facts import Disk, parse, query
from edgepaas_tasks.remote.shell import LocalTransport

RECORDED = """\
os=debian
os_like=
os_version=12
os_name=Debian GNU/Linux 12 (bookworm)
kernel=Linux
arch=x86_64
init=systemd
user=root
clock=1790000000
memory_total=2000000000
memory_free=1500000000
disk=/ 5000000000 300000
disk=/var/lib/docker 9000000000 0
docker=20.10.24+dfsg1
docker_store=overlay2
nginx=1.22.1
nginx_active=yes
tool=curl
tool=ss
listen=127.0.0.1:8081
docker_listen=127.0.0.1:8081
listen=0.0.0.0:80
listen=[::]:80
"""


def test_recorded_output_becomes_facts():
    facts = parse(RECORDED)
    assert (facts.os, facts.os_like, facts.os_version) == ("debian", (), "12")
    assert facts.disks[0] == Disk("/", 5_000_000_000, 300_000)
    assert facts.disks[1].free_inodes is None
    assert facts.docker.startswith("20.10")
    assert facts.nginx_active
    assert facts.tools == {"curl", "ss"}
    assert facts.listens_on(80) == ("0.0.0.0", "[::]")
    assert facts.listens_on(8081) == ("127.0.0.1",)
    assert [port for port in (80, 8081) if facts.docker_listens_on(port)] == [8081]


def test_a_host_without_anything_has_empty_facts():
    facts = parse("os=debian\nnonsense\ndocker=\n")
    assert facts.docker_installed
    assert not facts.docker
    assert not facts.nginx


def test_the_probe_works_on_this_machine():
    facts = Host(LocalTransport()).ask(query())
    assert facts.kernel == "Linux"
    assert facts.memory_total > facts.memory_free > 0
    assert facts.disks
    assert facts.clock > 1_700_000_000
