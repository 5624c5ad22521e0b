"""The maintenance flag: what is there before and after, and that nginx is asked."""

import pytest

CURL = """
if [ -e {base}/maintenance ] && [ ! -e {here}/deaf ]; then
    printf 'HTTP/1.1 503 No\\r\\nX-EdgePaaS-Maintenance: on\\r\\n'
else
    printf 'HTTP/1.1 200 OK\\r\\n'
fi
"""


@pytest.fixture
def switch(run, service, stubs, tmp_path):
    stubs.add("curl", CURL.format(base=service, here=tmp_path))
    stubs.add("sleep")

    def switch(wanted, page=b"<p>soon</p>", codes=(0,)):
        site = {"base": str(service), "listen": "80", "host_name": "shop.example"}
        return run("maintenance", stdin=page, codes=codes, wanted=wanted, **site)

    return switch


def test_the_page_goes_up_and_down_and_a_second_time_changes_nothing(switch, service, stubs):
    assert [switch("off").text, switch("on").text, switch("on").text] == ["same", "on", "same"]
    assert (service / "maintenance.html").read_bytes() == b"<p>soon</p>"
    assert oct((service / "maintenance.html").stat().st_mode)[-3:] == "644"
    assert oct((service / "maintenance").stat().st_mode)[-3:] == "644"
    since = (service / "maintenance").stat().st_mtime_ns
    switch("on", b"<p>later</p>")
    assert (service / "maintenance.html").read_bytes() == b"<p>later</p>"
    assert (service / "maintenance").stat().st_mtime_ns == since, "it has been on since then"
    assert switch("off").text == "off"
    assert not (service / "maintenance").exists()
    assert (service / "maintenance.html").exists(), "a late request still finds its page"
    asked = [line for line in stubs.said if line.startswith("curl")]
    assert all("X-Forwarded-For" in line and "Host: shop.example" in line for line in asked)


def test_an_nginx_that_does_not_look_at_the_flag_is_named(switch, tmp_path):
    (tmp_path / "deaf").touch()
    failed = switch("on", codes=(50,))
    assert "the flag says on, nginx on port 80 says off" in failed.stderr


def test_a_service_that_was_never_set_up_is_told_so(run, tmp_path):
    values = {"base": str(tmp_path / "nothing"), "listen": "80", "host_name": "localhost"}
    said = run("maintenance", stdin=b"page", codes=(51,), wanted="on", **values).stderr
    assert "inv setup" in said
    assert not (tmp_path / "nothing").exists()
