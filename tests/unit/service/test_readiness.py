"""What one look at a host says about a deploy."""

from dataclasses import replace

import pytest

from edgepaas_tasks import settings
from edgepaas_tasks.env import reach
from edgepaas_tasks.env.reach import VERDICTS, verdict
from edgepaas_tasks.fleet import connectivity
from edgepaas_tasks.remote.errors import RemoteError
from edgepaas_tasks.remote.machine.facts import Disk, Facts
from edgepaas_tasks.remote.machine.volume import Seen
from edgepaas_tasks.remote.service.claims import Claim
from edgepaas_tasks.remote.service.slots import Container, Live
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service import readiness
from edgepaas_tasks.service.readiness import BLOCKER, OK, UNKNOWN, WARNING
from edgepaas_tasks.service.service import describe

GIB = 2**30
HEALTHY = Facts(
    os="debian",
    os_version="12",
    os_name="Debian GNU/Linux 12",
    arch="x86_64",
    clock=1000,
    memory_total=2 * GIB,
    memory_free=GIB,
    disks=(Disk("/", 8 * GIB, 500_000), Disk("/var/lib/docker", 8 * GIB, None)),
    docker="27.5.1",
    engine="docker-ce",
    docker_store="overlay2",
    live_restore=True,
    nginx="1.22.1",
    nginx_active=True,
)
VOLUME = {"id": "vol-0123456789abcdef0", "size": 4}


@pytest.fixture
def service():
    tree = {"app": "shop", "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}}}
    return describe(settings.load(tree, "test"))


def state(facts=HEALTHY, **more):
    return State(facts, Live("", 0), {}, (), {}, **more)


def found(service, facts=HEALTHY, now=1000.0, **more):
    checks = readiness.checks(service, "web1", state(facts, **more), now=now)
    return {(check.name, check.verdict): check.found for check in checks if check.verdict != OK}


def test_a_healthy_host_has_nothing_to_complain_about(service):
    assert found(service) == {}
    readiness.require(service, "web1", state())


SICK = {
    ("docker", BLOCKER, "is not running"): {"docker": "", "engine": "", "live_restore": False},
    ("docker", BLOCKER, "installed and does not answer"): {"docker": ""},
    ("docker", BLOCKER, "older than 20.10"): {"docker": "19.03.15"},
    ("docker", WARNING, "a snap sees only parts"): {"engine": "/snap/bin/dockerd"},
    ("live-restore", WARNING, "live-restore is off"): {"live_restore": False},
    ("nginx", BLOCKER, "nginx is not running"): {"nginx_active": False, "nginx": ""},
    ("nginx", BLOCKER, "and its configuration is not valid: [emerg]"): {
        "nginx_active": False,
        "nginx_broken": "[emerg] unknown",
    },
    ("nginx", WARNING, "not running on this host; a deploy starts it"): {"nginx_active": False},
    ("nginx", WARNING, "not valid: [emerg] unknown"): {"nginx_broken": "[emerg] unknown"},
    ("disk", BLOCKER, "only 10 MB free under /var/lib/docker"): {
        "disks": (Disk("/var/lib/docker", 10 * 2**20, None),)
    },
    ("disk", BLOCKER, "only 300 inodes free under /"): {"disks": (Disk("/", 8 * GIB, 300),)},
    ("memory", WARNING, "two containers may take 1024 MB"): {"memory_total": GIB - 1},
    ("port 8081", BLOCKER, "answers on a public address: 0.0.0.0"): {
        "listening": ("0.0.0.0:8081",)
    },
    ("port 8082", BLOCKER, "answers on a public address: *"): {"listening": ("*:8082",)},
    ("port 8081", BLOCKER, "taken by something else"): {"listening": ("127.0.0.1:8081",)},
    ("port 8082", BLOCKER, "is kept by Docker, and not for a container"): {
        "listening": ("127.0.0.1:8082",),
        "docker_listening": ("127.0.0.1:8082",),
    },
    ("clock", WARNING, "60 s behind this machine's"): {"clock": 940},
    ("system", WARNING, "not supported: Arch Linux"): {"os": "arch", "os_name": "Arch Linux"},
    ("system", WARNING, "past its end"): {"os": "amzn", "os_version": "2"},
    ("local postgres", WARNING, "a Postgres server runs on this host"): {
        "listening": ("127.0.0.1:5432",)
    },
}


@pytest.mark.parametrize("expected", SICK, ids=lambda one: one[2])
def test_what_is_wrong_is_named(service, expected):
    name, severity, said = expected
    facts = replace(HEALTHY, **SICK[expected])
    assert said in found(service, facts)[name, severity]
    if severity == BLOCKER and name != "disk":
        with pytest.raises(RemoteError, match="nothing was changed"):
            readiness.require(service, "web1", state(facts))


def container(slot, port, status="running"):
    return Container(f"shop-test-{slot}", slot, 3, "v3", "sha256:3", status, "", 0, 0, port=port)


def with_live_blue(service, listening=(), **ports):
    containers = {slot: container(slot, port) for slot, port in ports.items()}
    facts = replace(HEALTHY, listening=listening)
    seen = State(facts, Live("blue", 3), containers, (), {})
    checks = readiness.checks(service, "web1", seen, now=1000.0)
    return seen, {(one.name, one.verdict): one for one in checks if one.verdict != OK}


def test_a_live_slot_is_not_asked_on_another_port_than_its_containers(service):
    seen, found = with_live_blue(service, blue=9001, green=9002)
    assert list(found) == [("port 8081", BLOCKER)], "the idle slot's is started anew"
    check = found["port 8081", BLOCKER]
    assert "slots.blue is 8081, and blue is live on 9001" in check.found
    assert "change the idle slot's port, deploy, then the other" in check.next_step
    with pytest.raises(RemoteError, match="blue is live on 9001; nothing was changed"):
        readiness.require(service, "web1", seen)


def test_a_port_that_the_idle_slot_is_to_move_to_has_to_be_free(service):
    _, found = with_live_blue(service, ("127.0.0.1:8082",), blue=8081, green=9002)
    assert "taken by something else" in found["port 8082", BLOCKER].found
    _, found = with_live_blue(service, ("127.0.0.1:8082",), blue=8081, green=8082)
    assert found == {}


def test_what_another_service_of_the_host_has_is_named_with_it(service):
    others = {"blog-prod": Claim([8082, 8083], 80, ["_"], True)}
    seen = State(HEALTHY, Live("", 0), {}, (), {}, others=others)
    with pytest.raises(RemoteError) as raised:
        readiness.require(service, "web1", seen)
    assert raised.value.problem.startswith("port 8082 (green) belongs to blog-prod on this host")
    assert "every other name on port 80 belongs to blog-prod on this host" in raised.value.problem
    assert raised.value.next_step.startswith(
        "change edgepaas.slots.green; or, where blog-prod is no more, remove /etc/nginx/conf.d/edgepaas-blog-prod.conf"
    )


def test_a_system_without_a_row_can_not_be_set_up(service):
    facts = replace(HEALTHY, os="arch", docker="", engine="")
    assert ("system", BLOCKER) in found(service, facts)


def test_a_volume_that_is_not_mounted_is_a_blocker(service):
    tree = {
        "app": "shop",
        "volume": VOLUME,
        "environments": {"test": {"hosts": [{"address": "192.0.2.1"}]}},
    }
    service = describe(settings.load(tree, "test"))
    assert "not attached" in found(service, volume=Seen())["volume", BLOCKER]


@pytest.mark.parametrize(
    ("answer", "verdicts"),
    [
        ({"verdict": "ok", "revision": "b", "heads": ["b"]}, [OK, OK]),
        ({"verdict": "ok", "revision": "a", "heads": ["b"]}, [OK, WARNING]),
        ({"verdict": "ok", "revision": "a", "heads": ["b", "c"]}, [OK, WARNING]),
        ({"verdict": "ok", "revision": "", "heads": []}, [OK, OK]),
        ({"verdict": "ok", "revision": "", "heads": None}, [OK, UNKNOWN]),
        ({"verdict": "password", "said": "no"}, [BLOCKER]),
        ({}, [BLOCKER]),
    ],
)
def test_what_a_container_says_of_the_database(answer, verdicts):
    assert [check.verdict for check in connectivity.judge("web1", answer, "prod")] == verdicts


# As psycopg 3 on libpq 15, and asyncpg, say it.
SAID = {
    'could not translate host name "db" to address: Name or service not known': "name",
    "[Errno -2] Name or service not known": "name",
    "[Errno -2] Name or service not known; failed to resolve host 'db.invalid'": "name",
    'connection to server at "10.0.0.9", port 5432 failed: Connection refused': "refused",
    "[Errno 111] Connect call failed ('10.0.0.9', 5432)": "refused",
    "connection timeout expired": "timeout",
    "connection to server failed: timeout expired": "timeout",
    "connection failed: server does not support SSL, but SSL was required": "tls",
    'no pg_hba.conf entry for host "10.0.0.1", user "app", database "app", no encryption': "tls",
    "connection failed: SSL error: certificate verify failed": "certificate",
    'server certificate for "a" does not match host name "b"': "certificate",
    'root certificate file "/root/.postgresql/root.crt" does not exist': "certificate",
    'FATAL:  password authentication failed for user "app"': "password",
    'FATAL:  database "app" does not exist': "database",
    "FATAL:  sorry, too many clients already": "connections",
    "FATAL:  remaining connection slots are reserved for superusers": "connections",
    'connection to server at "10.0.0.9", port 5432 failed: No route to host': "timeout",
    "[Errno 113] Connect call failed": "refused",
    "FATAL:  the database system is starting up": "starting",
    "server closed the connection unexpectedly": "starting",
    "ConnectionResetError: [Errno 104] Connection reset by peer": "starting",
    "gaierror: [Errno -3] Temporary failure in name resolution": "name",
    "gaierror: [Errno -5] No address associated with hostname": "name",
    "OperationalError: SSL SYSCALL error: EOF detected": "starting",
    "consuming input failed: SSL connection has been closed unexpectedly": "starting",
    "connection failed: SSL error: unexpected eof while reading": "starting",
    'connection to server at "certificates.example" (10.0.0.9), port 5432 failed: Connection refused': "refused",
    'FATAL:  database "certificate" does not exist': "database",
    "something else": "other",
}


def test_a_password_that_is_a_word_of_the_answer_does_not_change_what_it_means(monkeypatch):
    def connect(*_):
        raise OSError('password authentication failed for user "app"')

    monkeypatch.setattr(reach, "Connection", connect)
    found, said, _ = reach.reach("postgresql://app:password@db.example/shop")
    assert found == "password"
    assert "*** authentication failed" in said


@pytest.mark.parametrize("said", SAID)
def test_what_a_driver_says_leads_to_what_an_operator_would_do(said):
    assert verdict(said) == SAID[said]
    assert SAID[said] in VERDICTS
