"""Start, flip and drain: what may move, what must not, and what goes back."""

import os
import re
import subprocess
import time

import pytest

from edgepaas_tasks.remote.command import script

from .conftest import point

# Answers as nginx and the app would; what each says is in a file beside it.
CURL = """
for last; do :; done
case $last in
*:8081/*|*:8082/*) cat {here}/app 2>/dev/null ;;
*)
    cat {here}/public 2>/dev/null
    while [ $# -gt 1 ]; do
        if [ "$1" = -o ]; then cat {here}/body >"$2" 2>/dev/null; fi
        shift
    done
    ;;
esac
"""


@pytest.fixture
def web(stubs, tmp_path):
    """Sets what the app and the public path answer."""
    stubs.add("curl", CURL.format(here=tmp_path))
    stubs.add("docker")
    # The time of day may jump while something waits: nothing here looks at it.
    stubs.add("date", "echo the time of day was asked for >&2; exit 1")

    def answer(app="200", public=200, release=5, body=""):
        (tmp_path / "app").write_text(app)
        (tmp_path / "body").write_text(body)
        header = f"X-EdgePaaS-Release: {release}\r\n" if release is not None else ""
        (tmp_path / "public").write_text(f"HTTP/1.1 {public} Whatever\r\n{header}\r\n")

    return answer


FLIP = ("clock", "journal", "probe")
PROBE = ("/health", "0", "")
COMMIT = b'commit {"release": 5}\n'


def values(service, *, bake="0", decision_timeout="5", probe=PROBE):
    (service / "slots" / "green" / "5").mkdir(parents=True, exist_ok=True)
    return {
        "base": str(service),
        "slot": "green",
        "release": "5",
        "port": "8082",
        "health_path": "/health",
        "listen": "80",
        "host_name": "localhost",
        "headers": "X-Forwarded-Proto: http",
        "public_headers": "X-Given: a b",
        "bake": bake,
        "decision_timeout": decision_timeout,
        **dict(zip(("path", "expected", "text"), probe, strict=True)),
    }


def flip(run, service, *, codes=(0,), say=COMMIT, **more):
    return run("flip", **values(service, **more), codes=codes, stdin=say, uses=FLIP)


def live(service):
    return os.readlink(service / "live")


def test_what_gets_traffic_comes_up_again_by_itself_and_does_so_before(run, service, web, stubs):
    point(service, "slots/blue/4")
    web()
    stubs.add("docker", "exit 1")
    run("flip", **values(service), codes=(1,), stdin=COMMIT, uses=FLIP)
    assert stubs.said[-1] == "docker update --restart unless-stopped shop-prod-green"
    assert live(service) == "slots/blue/4"


def test_a_healthy_release_goes_live(run, service, web):
    point(service, "slots/blue/4")
    web()
    assert flip(run, service).text == "slots/blue/4"
    assert live(service) == "slots/green/5"
    assert (service / "history.jsonl").read_text() == '{"release": 5}\n'
    assert (service / "history.jsonl").stat().st_mode & 0o777 == 0o600
    assert not (service / "history.spare").exists()


def test_probes_ask_as_a_visitor_would(run, service, web, stubs):
    point(service, "slots/blue/4")
    web()
    flip(run, service, probe=("/{a,b}", "0", ""))
    slot, public = (
        next(line for line in stubs.said if line.startswith("curl") and part in line)
        for part in ("http://127.0.0.1:8082/", "http://127.0.0.1:80/")
    )
    assert "-g" in slot.split()
    assert "-H Host: localhost" in slot
    assert "-H X-Forwarded-Proto: http" in slot
    assert "-H X-Given: a b" in public
    assert public.endswith("http://127.0.0.1:80/{a,b}")


def test_an_unhealthy_slot_never_reaches_nginx(run, service, web):
    point(service, "slots/blue/4")
    web(app="503")
    result = flip(run, service, codes=(30,))
    assert "answered 503 before the flip" in result.stderr
    assert live(service) == "slots/blue/4"


@pytest.mark.parametrize(
    "answer", [{"public": 502}, {"release": 4}, {"release": None}, {"public": 301}]
)
def test_what_fails_behind_nginx_is_flipped_back(run, service, web, answer):
    point(service, "slots/blue/4")
    web(**answer)
    result = flip(run, service, codes=(31,))
    assert "flipped back to slots/blue/4" in result.stderr
    assert live(service) == "slots/blue/4"
    whole, late = re.search(
        r"for at most ([0-9]+) ms, ([0-9]+) ms of them after", result.stderr
    ).groups()
    assert 200 <= int(late) <= int(whole) < 20_000


def test_a_proxy_that_is_not_running_is_named(run, service, web, stubs, tmp_path):
    point(service, "slots/blue/4")
    web()
    (tmp_path / "public").unlink()
    stubs.add("systemctl", "exit 3")
    result = flip(run, service, codes=(31,))
    assert "flipped back to slots/blue/4: nginx does not run on this host" in result.stderr


def test_the_first_release_is_flipped_back_to_nothing(run, service, web):
    web(public=500)
    flip(run, service, codes=(31,))
    assert live(service) == "slots/none/0"


@pytest.mark.parametrize(
    ("probe", "answer", "code"),
    [
        (("/front", "0", ""), {}, 0),
        (("/front", "301", ""), {"public": 301}, 0),
        (("/front", "301", ""), {}, 31),
        (("/front", "0", "welcome"), {"body": "<p>welcome</p>"}, 0),
        (("/front", "0", "welcome"), {"body": "<p>sorry</p>"}, 31),
    ],
)
def test_the_probe_wants_what_the_settings_say(run, service, web, stubs, probe, answer, code):
    point(service, "slots/blue/4")
    web(**answer)
    flip(run, service, probe=probe, codes=(code,))
    assert live(service) == ("slots/blue/4" if code else "slots/green/5")
    assert any(line.endswith("http://127.0.0.1:80/front") for line in stubs.said)


def test_a_release_that_fails_during_the_bake_is_flipped_back_within_a_second_of_it(
    run, service, web, tmp_path
):
    point(service, "slots/blue/4")
    web()
    breaker = subprocess.Popen(
        ["sh", "-c", f"sleep 1; printf 'HTTP/1.1 500 x\\r\\n\\r\\n' >{tmp_path}/public"]
    )
    result = flip(run, service, bake="60000", codes=(31,))
    breaker.wait()
    assert live(service) == "slots/blue/4"
    assert "answered 500 from release none, wanted 5" in result.stderr
    told = re.search(r"at most ([0-9]+) ms, ([0-9]+) ms of them after", result.stderr)
    assert 200 <= int(told[2]) <= int(told[1])
    assert not (service / "history.jsonl").exists()
    assert result.seconds < 40


def test_told_to_go_back_it_does_so_in_the_middle_of_the_bake(run, service, web):
    point(service, "slots/blue/4")
    web()
    result = flip(run, service, bake="60000", say=b"back web2 failed\n", codes=(33,))
    assert "flipped back to slots/blue/4: web2 failed" in result.stderr
    assert live(service) == "slots/blue/4"
    assert result.seconds < 40


@pytest.mark.parametrize("say", [None, b"", b"nonsense\n"])
def test_without_a_word_for_it_nothing_stays(run, service, web, say):
    point(service, "slots/blue/4")
    web()
    flip(run, service, say=say, codes=(32,))
    assert live(service) == "slots/blue/4"


def test_a_word_for_it_does_not_shorten_the_bake(run, service, web):
    point(service, "slots/blue/4")
    web()
    assert flip(run, service, bake="1500").seconds >= 1.5


def test_no_room_for_the_journal_is_found_before_traffic_moves(run, service, web, stubs):
    point(service, "slots/blue/4")
    web()
    stubs.add("head", 'case "$*" in *8192*) exit 1 ;; *) exec /usr/bin/head "$@" ;; esac')
    assert "no room" in flip(run, service, codes=(35,)).stderr
    assert live(service) == "slots/blue/4"


@pytest.fixture
def begun(service, web, stubs):
    """A flip that is under way, with its stdin open."""
    point(service, "slots/blue/4")
    web()
    environment = dict(os.environ, PATH=f"{stubs.folder}:{os.environ['PATH']}")
    body = script("flip", uses=FLIP).body
    made = []

    def begin(**more):
        process = subprocess.Popen(
            ["sh", "-c", body],
            env=environment | values(service, **more),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        made.append(process)
        wait_for(lambda: live(service) == "slots/green/5")
        return process

    yield begin
    for process in made:
        process.kill()
        process.wait(timeout=10)


def test_a_flip_whose_controller_is_gone_goes_back(begun, service):
    process = begun(bake="90000")
    process.stdin.close()
    wait_for(lambda: live(service) == "slots/blue/4")
    assert process.wait(timeout=30) == 32


def test_a_flip_that_nobody_listens_to_any_more_goes_back(begun, service):
    process = begun(bake="90000")
    process.stdout.close()
    process.stderr.close()
    wait_for(lambda: live(service) == "slots/blue/4")
    assert process.wait(timeout=30) == 32


def test_a_flip_that_hears_nothing_after_its_bake_goes_back(begun, service):
    # So long that it is seen at the new release before it goes back.
    process = begun(decision_timeout="5")
    wait_for(lambda: live(service) == "slots/blue/4")
    assert process.wait(timeout=30) == 32
    assert b"no word came within 5 s of the bake" in process.stderr.read()


def test_a_flip_that_is_interrupted_goes_back(begun, service):
    process = begun(bake="90000")
    process.terminate()
    assert process.wait(timeout=30) == 32
    assert live(service) == "slots/blue/4"


def test_it_asks_for_the_word_once_it_has_baked(begun, service):
    process = begun()
    assert process.stderr.readline() == b"baked\n"
    process.stdin.write(COMMIT)
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    assert live(service) == "slots/green/5"


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


START = {
    "service": "shop-prod",
    "slot": "green",
    "release": "7",
    "image": "sha256:1",
    "version": "v7",
    "port": "8082",
    "container_port": "8000",
    "memory": "256m",
    "stop_timeout": "30",
    "data": "/data",
    "log_size": "10m",
    "log_files": "3",
    "pids_limit": "512",
    "capabilities": "CHOWN SETUID",
    "new_privileges": "",
    "health_path": "/health",
    "health_timeout": "3",
    "host_name": "shop.example",
    "headers": "X-Forwarded-Proto: http\nX-Glob: * [a] $b",
    "spec": "abc",
    "drain_timeout": "5",
    "database": "postgres_only",
}
NAMES = ("A", "IMAGE")


@pytest.fixture
def docker(stubs, tmp_path):
    """A docker that records the environment of `run`; its answers can be changed."""
    (tmp_path / "state").write_text("running 0\n")
    (tmp_path / "there").write_text("false\n")
    (tmp_path / "fails").touch()
    (tmp_path / "user").write_text(f"{os.getuid()}\n")
    stubs.add(
        "docker",
        f"""
case "$1 $2" in
"image inspect") cat {tmp_path}/user ;;
"inspect -f") case $3 in *PortBindings*) cat {tmp_path}/there ;; *) cat {tmp_path}/state ;; esac ;;
"run -d") . {tmp_path}/fails
    env -0 >{tmp_path}/environment; for word; do printf '%s\\n' "$word"; done >{tmp_path}/words ;;
esac
""",
    )
    return tmp_path


@pytest.fixture
def release(service):
    folder = service / "releases" / "7"
    folder.mkdir()
    # Names that the script itself uses must not meet the app's.
    (folder / ".env").write_text("A='it is $5'\nIMAGE=\"a'b\\\"c\"\n")
    return folder


def start(run, service, *, runtime="", codes=(0,)):
    given = {
        "base": str(service),
        "runtime": runtime,
        "certificate": "def.crt" if runtime else "",
    }
    return run("start", *NAMES, codes=codes, uses=("clock", "requests", "probe"), **START, **given)


def test_the_container_gets_its_values_from_the_environment_and_not_from_words(
    run, service, web, docker, release, stubs
):
    web(app="200 in 0.01 s")
    start(run, service)
    # One that ends before it has traffic ends once, with its own exit code and log.
    assert not any("unless-stopped" in call for call in stubs.said)
    words = (docker / "words").read_text().splitlines()
    values = dict(
        item.split("=", 1)
        for item in (docker / "environment").read_text().split("\0")
        if "=" in item
    )
    assert values["A"] == "it is $5"
    assert values["IMAGE"] == "a'b\"c"
    assert words[-1] == "sha256:1"
    assert words[words.index("A") - 1 : words.index("IMAGE") + 1] == ["-e", "A", "-e", "IMAGE"]
    assert not any("it is" in word for word in words)
    assert "127.0.0.1:8082:8000" in words
    assert words[words.index("--memory") + 1] == "256m"
    assert words[words.index("--restart") + 1] == "no"
    assert "edgepaas.release=7" in words
    assert words[words.index("--pids-limit") + 1] == "512"
    assert words[words.index("--cap-drop") + 1] == "ALL"
    assert [words[at + 1] for at, one in enumerate(words) if one == "--cap-add"] == [
        "CHOWN",
        "SETUID",
    ]
    assert words[words.index("--security-opt") + 1] == "no-new-privileges"


def test_what_runs_first_gets_the_images_own_command_and_a_place_in_memory(
    run, service, web, docker, release
):
    web(app="200 in 0.01 s")
    (docker / "user").write_text(f"{os.getuid()}:20002\n")
    start(run, service, runtime="abc.pyz")
    words = (docker / "words").read_text().split("\n")[:-1]
    at = words.index("sha256:1")
    assert words[at - 2 : at] == ["--entrypoint", "python3"]
    assert words[at + 1 : at + 3] == ["/opt/edgepaas/runtime.pyz", "--image"]
    assert f"type=bind,source={service}/runtime/abc.pyz" in " ".join(words)
    assert f"source={service}/runtime/def.crt,target=/opt/edgepaas/root.crt" in " ".join(words)
    assert "EDGEPAAS_DATABASE_BEFORE=postgres_only" in words
    assert any(
        word.startswith(f"/run/edgepaas:mode=0700,uid={os.getuid()},gid=20002") for word in words
    )


def test_an_image_without_python_is_refused_in_plain_words(run, service, web, docker, release):
    web(app="200 in 0.01 s")
    (docker / "fails").write_text("exit 127")
    result = start(run, service, runtime="abc.pyz", codes=(23,))
    assert "the image has no python3" in result.stderr
    assert start(run, service, codes=(127,)).text == ""


def test_the_live_slot_is_never_started_over(run, service, web, docker, release, stubs):
    web()
    point(service, "slots/green/6")
    start(run, service, codes=(64,))
    assert not any("rm -f" in line or "run -d" in line for line in stubs.said)


def test_what_runs_in_the_slot_ends_its_requests_first(run, service, web, docker, release, stubs):
    """A deploy that was cut off amid its drain has left it there; its port may be another than that of today."""
    web(app="200 in 0.01 s")
    (docker / "there").write_text("true 9002\n")
    stubs.add("ss", f"[ $(grep -c ^ss {stubs.log}) -gt 3 ] || echo connection")
    result = start(run, service)
    asked = [line for line in stubs.said if line.startswith("ss ")]
    assert all("dport = :9002" in line for line in asked)
    order = [line for line in stubs.said if line.startswith(("ss", "docker stop", "docker rm"))]
    assert order[-2:] == ["docker stop -t 30 shop-prod-green", "docker rm -f shop-prod-green"]
    assert result.stderr.count("1 connections to what still runs in green") == 3


def test_what_runs_in_the_slot_is_not_waited_for_without_end(
    run, service, web, docker, release, stubs
):
    web(app="200 in 0.01 s")
    (docker / "there").write_text("true 8082\n")
    stubs.add("ss", "echo connection")
    result = start(run, service)
    assert result.seconds > 4
    assert "docker stop -t 30 shop-prod-green" in stubs.said


def test_a_container_that_ended_is_not_waited_for(run, service, web, docker, release):
    web(app="000 in 0 s")
    (docker / "state").write_text("exited 0\n")
    result = start(run, service, codes=(20,))
    assert "the container ended (exited)" in result.stderr
    assert "waiting" not in result.stderr


def test_a_container_that_restarted_has_failed(run, service, web, docker, release):
    web(app="000 in 0 s")
    (docker / "state").write_text("running 1\n")
    start(run, service, codes=(20,))


def test_a_container_that_never_answers_is_given_up_in_time(run, service, web, docker, release):
    web(app="503 in 0.1 s")
    result = start(run, service, codes=(21,))
    assert "not healthy within 3 s; the last answer of /health was 503" in result.stderr


def test_data_of_another_user_is_found_before_the_start(run, service, web, docker, release, stubs):
    web()
    (docker / "user").write_text("4242:4242\n")
    (service / "data" / "app.db").write_text("rows")
    result = start(run, service, codes=(22,))
    assert "the image runs as 4242" in result.stderr
    assert not any("run -d" in line for line in stubs.said)


def drain(run, service, *, limit="5", keep="", codes=(0,)):
    values = {"container": "shop-prod-blue", "slot": "blue", "stop_timeout": "30", "keep": keep}
    values |= {"base": str(service), "drain_timeout": limit}
    return run("drain", codes=codes, uses=("clock", "requests"), **values)


@pytest.mark.parametrize(("keep", "stopped"), [("1m", False), ("999999g", True)])
def test_the_old_slot_runs_on_where_it_is_kept_warm_and_memory_is_left(
    run, service, stubs, keep, stopped
):
    point(service, "slots/green/5")
    stubs.add("docker", 'case "$1" in inspect) echo true 8081 ;; esac')
    stubs.add("ss")
    result = drain(run, service, keep=keep)
    assert any("docker stop" in line for line in stubs.said) is stopped
    assert ("kept warm" in result.text) is not stopped


def test_the_old_slot_is_stopped_once_nobody_talks_to_it(run, service, stubs):
    point(service, "slots/green/5")
    stubs.add("docker", 'case "$1" in inspect) echo true 8081 ;; esac')
    stubs.add("ss", f"[ $(grep -c ^ss {stubs.log}) -gt 3 ] || echo connection")
    result = drain(run, service, limit="60")
    assert result.stderr.splitlines() == ["1 connections to the old slot"] * 3
    assert stubs.said[-2].startswith("ss ")
    assert stubs.said[-1] == "docker stop -t 30 shop-prod-blue"
    assert result.text == "drained and stopped with 0 connections left"


def test_draining_has_an_end(run, service, stubs):
    point(service, "slots/green/5")
    stubs.add("docker", 'case "$1" in inspect) echo true 8081 ;; esac')
    stubs.add("ss", "echo connection")
    assert drain(run, service, limit="1").text == "drained and stopped with 1 connections left"


def test_the_live_slot_is_never_stopped(run, service, stubs):
    point(service, "slots/blue/5")
    stubs.add("docker", "echo true")
    drain(run, service, codes=(64,))
    assert not any("stop" in line for line in stubs.said)


ABSENT = 'case "$1" in inspect) echo "Error: No such object" >&2; exit 1 ;; esac'
NO_DAEMON = 'echo "Cannot connect to the Docker daemon" >&2; exit 1'
SILENT = f'{ABSENT}; case "$1" in ps) echo 4f2a ;; esac'


def test_there_is_nothing_to_drain_where_no_container_is(run, service, stubs):
    point(service, "slots/green/5")
    stubs.add("docker", ABSENT)
    assert drain(run, service).text == "did not run"


@pytest.mark.parametrize("docker", [NO_DAEMON, SILENT])
def test_a_docker_that_does_not_tell_is_no_sign_that_nothing_runs(run, service, stubs, docker):
    point(service, "slots/green/5")
    stubs.add("docker", docker)
    result = drain(run, service, codes=(1,))
    assert result.text == ""
    assert "Docker does not tell whether shop-prod-blue runs" in result.stderr


@pytest.mark.parametrize(("live", "stopped"), [("slots/blue/4", True), ("slots/green/7", False)])
def test_what_is_diagnosed_is_stopped_unless_it_is_live(run, service, stubs, live, stopped):
    point(service, live)
    stubs.add("docker")
    stubs.add("curl")
    values = {"container": "shop-prod-green", "port": "8082", "health_path": "/health"}
    values |= {"host_name": "shop.example", "headers": "X-Forwarded-Proto: http"}
    run("diagnose", uses=("probe",), **values, stop="yes", lines="50", base=str(service))
    assert ("docker stop -t 5 shop-prod-green" in stubs.said) is stopped
    assert any(line.startswith("docker update") for line in stubs.said) is stopped
