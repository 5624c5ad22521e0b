"""What other services of a host have, and what of it a site wants."""

import pytest

from edgepaas_tasks.remote.layout import Layout
from edgepaas_tasks.remote.service.claims import Claim, conflicts, parse
from edgepaas_tasks.remote.service.nginx import Site

TEXT = """shop-prod slot 8081
shop-prod slot 8082
shop-prod listen 80 default_server
shop-prod names _
blog-prod slot 8083
blog-prod slot 8084
blog-prod listen 80
blog-prod names blog.example www.blog.example
"""
OTHERS = {
    "shop-prod": Claim([8081, 8082], 80, [], True),
    "blog-prod": Claim([8083, 8084], 80, ["blog.example", "www.blog.example"]),
}


def test_claims_are_read_by_service():
    assert parse(TEXT) == OTHERS
    assert parse("") == {}
    assert parse("x\nshop-prod slot soon\nshop-prod slot 999999\nshop-prod other 1\n") == {
        "shop-prod": Claim()
    }


def site(blue=9001, green=9002, listen=80, server_name="new.example"):
    return Site(Layout("new-prod"), "new", blue, green, listen, server_name, "10m", 60)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (site(), []),
        (site(blue=8082), [("port 8082 (blue)", "shop-prod", "slots.blue")]),
        (site(green=8083), [("port 8083 (green)", "blog-prod", "slots.green")]),
        (site(listen=8081), [("port 8081", "shop-prod", "nginx.listen")]),
        (
            site(server_name="_"),
            [("every other name on port 80", "shop-prod", "nginx.server_name")],
        ),
        (site(server_name="_", listen=8080), []),
        (
            site(server_name="a.example www.blog.example"),
            [("www.blog.example on port 80", "blog-prod", "nginx.server_name")],
        ),
        (site(server_name="blog.example", listen=8080), []),
        (
            site(blue=80),
            [
                ("port 80 (blue)", "blog-prod", "slots.blue"),
                ("port 80 (blue)", "shop-prod", "slots.blue"),
            ],
        ),
    ],
)
def test_what_belongs_to_another_service_is_a_conflict(wanted, found):
    said = [(one.found, one.service, one.setting) for one in conflicts(wanted, OTHERS)]
    assert said == found
