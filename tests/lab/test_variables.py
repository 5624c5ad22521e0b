"""Variables on a real host: byte for byte in the container and in systemd, pushed, compared, and taken back."""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import SETTINGS, STEADY

PUSHES, VALUES = (20, 1000) if os.environ.get("EDGEPAAS_SOAK") else (1, 400)

NAMED = {
    "HOME_": "$HOME",
    "PRICE": "it's $5",
    "QUOTES": "a'b\"c\\",
    "HASH": "# not a comment",
    "SPACES": "  both ends  ",
    "PERCENT": "100%s %(x)s",
    "EMOJI": "🚀 ☃",
    "PEM": "-----BEGIN PRIVATE KEY-----\nMIIE+/=\n-----END PRIVATE KEY-----\n",
    "LONG": "x'$\\" * 25_000,
    "EMPTY": "",
}
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=40)
DUMP = "import json, os, sys; print(json.dumps({k: v for k, v in os.environ.items() if k in sys.argv[1:]}))"


def generated(count: int) -> list[str]:
    """Values as hypothesis makes them, the same ones at every run."""
    found: list[str] = []

    @settings(max_examples=count, database=None, deadline=None, derandomize=True)
    @given(TEXT)
    def collect(value):
        found.append(value)

    collect()
    assert len(set(found)) > count / 2
    return found


@pytest.fixture
def declared(project):
    """Declares names as plain strings."""

    def declare(*names, **more):
        variables = {name: {"type": "string"} for name in names} | more
        project.settings({**SETTINGS, "variables": variables})

    yield declare
    project.restore()
    project.deploy("--version", "plain")


def put(project, values) -> None:
    """Every value as a file of its own, named by NAME_FILE: no other source carries any byte."""
    folder = project.folder / "values"
    folder.mkdir(exist_ok=True)
    lines = []
    for name, value in values.items():
        # One newline at the end of a file is the file's.
        (folder / name).write_bytes(value.encode() + b"\n")
        lines.append(f"{name}_FILE=values/{name}\n")
    (project.folder / ".env").write_text("".join(lines))


def seen_by(project, how: str, names) -> dict[str, str]:
    """What a process finds in os.environ; `how` runs `python3 -c DUMP NAME…`."""
    project.host.run('printf %s "$1" >/tmp/dump.py', DUMP)
    script = f"{how} python3 - $(cat /tmp/names) </tmp/dump.py"
    project.host.run('printf "%s " "$@" >/tmp/names', *names)
    return json.loads(project.host.run(script))


def test_values_are_exact_in_the_container_in_systemd_and_in_shells(project, declared):
    made = generated(PUSHES * VALUES)
    for first in range(0, len(made), VALUES):
        chosen = made[first : first + VALUES]
        values = {**NAMED, **{f"GEN_{n}": value for n, value in enumerate(chosen)}}
        declared(*values)
        put(project, values)
        project.inv("env.push", "--env", "lab")
        status = project.status()[0]
        file = f"/opt/edgepaas/guestbook-lab/releases/{status['release']}/.env"
        assert project.host.run(f"stat -c '%a %U' {file}") == "600 root"
        readers = {
            # The very process that serves, not what docker exec would give to another one.
            "container": f"docker exec -i guestbook-lab-{status['slot']}",
            "systemd": f"systemd-run --quiet --wait --pipe -p EnvironmentFile={file}",
            "sh": f"sh -c 'set -a; . {file}; exec \"$@\"' sh",
            "bash": f"bash -c 'set -a; . {file}; exec \"$@\"' bash",
        }
        for reader, how in readers.items():
            seen = seen_by(project, how, values)
            wrong = {name for name in values if seen.get(name) != values[name]}
            assert not wrong, f"{reader}: {[(values[n], seen.get(n)) for n in sorted(wrong)[:3]]}"
        inside = project.host.run(
            f"docker exec guestbook-lab-{status['slot']} "
            "python3 -c \"print(open('/proc/1/environ', 'rb').read().hex())\""
        )
        environ = dict(
            item.split(b"=", 1) for item in bytes.fromhex(inside).split(b"\0") if b"=" in item
        )
        assert all(environ[name.encode()] == value.encode() for name, value in values.items())
    (project.folder / ".env").unlink()


def test_a_push_changes_values_without_a_lost_request_and_a_rollback_brings_them_back(
    project, declared
):
    from edgepaas_tasks.lab.load import Load

    declared(GREETING={"type": "string", "default": "hello"})
    project.deploy("--version", "with-hello")
    before = project.status()[0]
    with Load(project.url, **STEADY) as load:
        done = project.inv("env.push", "--env", "lab", "--set", "GREETING=servus")
        assert "pushed the variables of guestbook with-hello" in done.stdout
        after = project.status()[0]
        assert (after["version"], after["image"]) == (before["version"], before["image"])
        assert after["release"] == before["release"] + 1
        assert greeting(project) == "servus"
        project.inv("rollback", "--env", "lab")
        assert greeting(project) == "hello"
    assert load.report.failed == 0, str(load.report)

    again = project.inv("env.push", "--env", "lab")
    assert "every value is live already, nothing was changed" in again.stdout
    assert project.host.leases() == ""


def greeting(project) -> str:
    slot = project.status()[0]["slot"]
    return project.host.run(f"docker exec guestbook-lab-{slot} printenv GREETING")


def test_a_difference_is_told_by_name_and_secrets_by_fingerprint(project, declared):
    secret = {"type": "string", "secret": True}
    declared(GREETING={"type": "string"}, TOKEN=secret, GONE=secret)
    old = {"TOKEN": "old-s3ntinel", "GONE": "gone-s3ntinel", "GREETING": "hello"}
    project.deploy("--version", "compared", **old)
    assert "no change" in project.inv("env.diff", "--env", "lab", **old).stdout

    declared(GREETING={"type": "string"}, TOKEN=secret, ADDED={"type": "string", "default": "new"})
    given = {"TOKEN": "new-s3ntinel", "GREETING": "servus"}
    done = project.inv("env.diff", "--env", "lab", **given)
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "added   ADDED: 'new'" in lines
    assert "changed GREETING: 'hello' -> 'servus'" in lines
    (gone,) = [line for line in lines if line.startswith("removed GONE: ")]
    (token,) = [line for line in lines if line.startswith("changed TOKEN: ")]
    assert "(secret, fingerprints)" in gone
    old_mark, new_mark = token.split(": ")[1].split(" (")[0].split(" -> ")
    assert old_mark != new_mark
    assert "s3ntinel" not in done.stdout + done.stderr
    told = json.loads(project.inv("env.diff", "--env", "lab", "--json", **given).stdout)
    assert {one["name"] for one in told["edge1"]} == {"ADDED", "GREETING", "GONE", "TOKEN"}


def test_what_can_not_be_represented_is_refused_before_a_host_is_touched(project, declared):
    declared("BIG")
    put(project, {"BIG": "x" * 131_072})
    logins = project.host.logins()
    said = project.inv("env.push", "--env", "lab", code=2).stderr
    assert "BIG (file values/BIG (BIG_FILE)): is 131076 bytes long with its name" in said
    assert project.host.logins() == logins
    (project.folder / ".env").unlink()
