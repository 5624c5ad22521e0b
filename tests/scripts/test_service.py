"""Directories, files and the journal."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

# Part of a program of ours, not scripts with input of their own.
PARTS = {"fence", "facts", "volume-setup"}


def mode(path):
    return oct(path.stat().st_mode & 0o777)


def test_directories_let_nginx_reach_the_flag_and_nobody_the_releases(service):
    assert mode(service) == "0o755"
    assert mode(service.parent) == "0o755"
    assert mode(service / "slots" / "none" / "0") == "0o755"
    assert mode(service / "releases") == "0o700"
    assert os.readlink(service / "live") == "slots/none/0"


def test_making_them_again_changes_nothing(service, run):
    os.unlink(service / "live")
    os.symlink("slots/green/4", service / "live")
    assert run("directories", str(service)).stdout == ""
    assert os.readlink(service / "live") == "slots/green/4"


def test_a_file_appears_with_its_mode_and_content(tmp_path, run):
    target = tmp_path / "deep" / "file"
    assert run("put", str(target), "640", stdin=b"x'\"$y\n\n").text == "changed"
    assert target.read_bytes() == b"x'\"$y\n\n"
    assert mode(target) == "0o640"
    assert run("put", str(target), "640", stdin=b"x'\"$y\n\n").text == "same"
    assert run("put", str(target), "600", stdin=b"x'\"$y\n\n").text == "changed"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_file_is_never_readable_by_others_while_it_is_written(tmp_path, run, stubs):
    (tmp_path / "etc").mkdir()
    stubs.add("cat", f"stat -c %a {tmp_path}/etc/* >{tmp_path}/modes; exec /bin/cat")
    run("put", str(tmp_path / "etc" / "file"), "644", stdin=b"secret")
    assert (tmp_path / "modes").read_text() == "600\n"
    assert mode(tmp_path / "etc" / "file") == "0o644"


def test_the_journal_grows_line_by_line(service, run):
    journal = service / "history.jsonl"
    for number in (1, 2):
        run(
            "record",
            str(journal),
            uses=("journal",),
            stdin=json.dumps({"release": number, "x": "a\\nb'"}).encode(),
        )
    assert [json.loads(line)["release"] for line in journal.read_text().splitlines()] == [1, 2]
    assert mode(journal) == "0o600"


def test_the_journal_goes_on_after_a_line_that_a_full_disk_cut_short(run, tmp_path):
    journal = tmp_path / "history.jsonl"
    run("record", str(journal), uses=("journal",), stdin=b'{"release": 1}')
    with journal.open("a") as file:
        file.write('{"release": 2, "vers')
    run("record", str(journal), uses=("journal",), stdin=b'{"release": 3}')
    assert journal.read_text().splitlines() == [
        '{"release": 1}',
        '{"release": 2, "vers',
        '{"release": 3}',
    ]


def test_releases_are_read_one_a_line(service, run):
    for number in (1, 2):
        folder = service / "releases" / str(number)
        folder.mkdir()
        (folder / "release.json").write_text(json.dumps({"number": number}, indent=1))
    lines = run("releases", str(service)).stdout.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2]


def test_pruning_spares_the_live_release_and_images_in_use(service, run, stubs):
    stubs.add("docker", '[ "$2" != shop:v2 ]')
    for number in (1, 2, 3):
        (service / "releases" / str(number)).mkdir()
        (service / "slots" / "blue" / str(number)).mkdir(parents=True)
    os.unlink(service / "live")
    os.symlink("slots/blue/2", service / "live")
    words = ("release:1", "release:2", "image:shop:v1", "image:shop:v2")
    assert run("prune", str(service), *words, uses=("named",)).stdout.splitlines() == [
        "removed release 1",
        "removed shop:v1",
    ]
    assert sorted(path.name for path in (service / "releases").iterdir()) == ["2", "3"]
    assert stubs.said == ["docker rmi shop:v1", "docker rmi shop:v2"], "never with --force"


def test_pruning_spares_the_image_of_another_services_release(service, run, stubs):
    """One app in two environments on a host: they share images."""
    stubs.add("docker")
    for base, number in ((service, 1), (service.parent / "shop-staging", 4)):
        folder = base / "releases" / str(number)
        folder.mkdir(parents=True)
        (folder / "release.json").write_text(
            '{\n "image": "sha256:1",\n "reference": "shop:v1"\n}\n'
        )
    words = ("release:1", "image:shop:v1", "image:sha256:1", "image:sha256:2")
    said = run("prune", str(service), *words, uses=("named",)).stdout.splitlines()
    assert said == ["removed release 1", "removed sha256:2"]


@pytest.mark.parametrize("word", ["release:", "release:../1", "release:1/..", "release:x"])
def test_pruning_takes_numbers_only(service, run, word):
    (service / "releases" / "1").mkdir()
    run("prune", str(service), word, codes=(64,), uses=("named",))
    assert (service / "releases" / "1").is_dir()


def test_the_flag_goes_back_only_from_where_we_put_it(service, run):
    assert (
        run("point", base=str(service), to="slots/blue/1", now="slots/none/0", token="").text
        == "moved"
    )
    assert os.readlink(service / "live") == "slots/blue/1"
    assert (
        run("point", base=str(service), to="slots/none/0", now="slots/green/9", token="").text
        == "left"
    )


def test_without_the_lock_the_flag_is_moved_by_the_leases_holder_alone(run, service):
    (service / "lease").write_text("ours\n9999999999\n{}\n\n")
    values = {"base": str(service), "to": "slots/blue/1", "now": "slots/none/0"}
    assert run("point", **values, token="theirs").text == "left"
    assert run("point", **values, token="ours").text == "moved"
    assert os.readlink(service / "live") == "slots/blue/1"


def test_no_script_takes_more_than_three_values_by_position():
    """More are passed by name: `script("start", slot=…)`."""
    from importlib.resources import files

    for path in Path(str(files("edgepaas_tasks.remote"))).rglob("*.sh"):
        if path.stem not in PARTS:
            found = re.search(r"^[^#]*\$\{?[4-9]", re.sub(r"'[^']*'", "", path.read_text()), re.M)
            assert not found, f"{path.name}: {found[0]}"


def test_every_script_is_posix_and_parses():
    from importlib.resources import files

    scripts = sorted(Path(str(files("edgepaas_tasks.remote"))).rglob("*.sh"))
    assert len(scripts) > 40
    for script in scripts:
        done = subprocess.run(["dash", "-n", str(script)], capture_output=True, text=True)
        assert done.returncode == 0, f"{script.name}: {done.stderr}"
