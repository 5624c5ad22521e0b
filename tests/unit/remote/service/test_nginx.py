"""The site's file says what the settings say."""

import re
from dataclasses import replace

import pytest

from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.service.nginx import Site

SITE = Site(
    layout=Layout("shop-prod"),
    app="shop",
    blue=8081,
    green=8082,
    listen=80,
    server_name="shop.example *.shop.example",
    max_body="10m",
    read_timeout=75,
)
UVICORN = 5  # seconds after which it closes an idle connection (--timeout-keep-alive)


def values(directive, site=SITE):
    """Every value of a directive, in the order of the file."""
    return re.findall(rf"^\s*{directive} ([^;{{]+);", site.render(), re.M)


def test_both_slots_are_there_on_the_loopback_address_alone():
    assert values("server") == ["127.0.0.1:8081", "127.0.0.1:8082"]


def test_an_idle_connection_to_the_app_ends_before_the_app_ends_it():
    assert [int(text.rstrip("s")) < UVICORN for text in values("keepalive_timeout")] == [True] * 2


def test_limits_are_those_of_the_settings():
    assert values("client_max_body_size") == ["10m"]
    assert set(values("proxy_read_timeout") + values("proxy_send_timeout")) == {"75s"}
    assert values("proxy_connect_timeout")


def test_a_body_is_passed_on_as_it_comes_unless_the_settings_say_otherwise():
    assert values("proxy_request_buffering") == ["off"]
    assert values("proxy_request_buffering", replace(SITE, buffer_requests=True)) == []


@pytest.mark.parametrize(
    "header",
    [
        "Host $http_host",
        "X-Real-IP $remote_addr",
        "X-Forwarded-For $remote_addr",
        "X-Forwarded-Proto $shop_prod_proto",
        "X-Forwarded-Host $shop_prod_host",
        "Upgrade $http_upgrade",
        "Connection $shop_prod_connection",
    ],
)
def test_the_app_is_told_who_asked_and_how(header):
    assert header in values("proxy_set_header")


def test_a_cache_of_files_never_hides_a_flip():
    assert values("open_file_cache") == ["off"]


def test_only_a_site_for_every_name_is_the_default_one():
    assert values("listen") == ["80", "[::]:80"]
    assert values("listen", replace(SITE, server_name="_")) == [
        "80 default_server",
        "[::]:80 default_server",
    ]


def test_it_is_asked_by_a_name_and_not_by_a_pattern():
    assert SITE.probe_name == "shop.example"
    assert replace(SITE, server_name="*.shop.example").probe_name == "localhost"
    assert replace(SITE, server_name="_").probe_name == "localhost"


def test_two_services_share_no_variable():
    other = replace(SITE, layout=Layout("shop-test"))
    named = [set(re.findall(r"\$(shop_\w+)", site.render())) for site in (SITE, other)]
    assert named[0]
    assert not named[0] & named[1]


def test_probes_say_what_nginx_says_of_a_visitor_and_what_the_settings_add():
    assert SITE.headers == (
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: shop.example",
        "X-Real-IP: 127.0.0.1",
    )
    assert SITE.public_headers == ()
    site = replace(SITE, probe_host="h.example", probe_headers=(("x-forwarded-proto", "https"),))
    assert site.probe_name == "h.example"
    assert site.headers == (
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: h.example",
        "X-Real-IP: 127.0.0.1",
        "x-forwarded-proto: https",
    )
    assert site.public_headers == ("x-forwarded-proto: https",)


def test_names_of_variables_fit_into_nginxs_table():
    """A bucket of 64 bytes takes names of 45 characters (ngx_hash.h: two pointers and two bytes beside the name)."""
    for service in ("a-b", f"{'a' * 31}-{'b' * 31}"):
        text = replace(SITE, layout=Layout(service)).render()
        names = re.findall(r"(?<=[$<])[a-z]+_[a-z0-9_]+", text)
        assert max(map(len, names)) <= 45
    ids = {
        re.search(r"map \$realpath_root \$(\w+)_live", replace(SITE, layout=Layout(one)).render())[
            1
        ]
        for one in (f"{'a' * 31}-b", f"{'a' * 31}-c", f"{'a' * 30}-b")
    }
    assert len(ids) == 3
