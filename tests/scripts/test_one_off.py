"""Programs of ours in containers of the app's image: what they end before they begin, and what never."""

import pytest

ANSWERS = 'case "$*" in *inspect*) echo "[null,null]" ;; run*) echo "{}" ;; esac'


def one_off(run, name, kind):
    values = {"image": "sha256:1", "program": "pass", "arguments": "status", "certificate": ""}
    alone = "yes" if kind == "alone" else ""
    return run("one-off", "TOKEN", stdin=b"TOKEN=1\n", name=name, alone=alone, **values)


@pytest.mark.parametrize(
    ("kind", "ended"), [("alone", ["docker rm -f shop-migrate"]), ("beside", [])]
)
def test_only_what_changes_something_ends_one_that_was_left_behind(run, stubs, kind, ended):
    stubs.add("docker", ANSWERS)
    assert one_off(run, "shop-migrate", kind).text == "{}"
    assert [line for line in stubs.said if line.startswith("docker rm")] == ended


def test_the_variables_are_named_and_their_values_are_in_no_word(run, stubs):
    stubs.add("docker", ANSWERS)
    one_off(run, "shop-status-1", "beside")
    (started,) = [line for line in stubs.said if line.startswith("docker run")]
    assert (
        "--name shop-status-1 --label edgepaas.one-off=yes -e TOKEN --entrypoint python3" in started
    )
    assert "TOKEN=1" not in started
