"""Names of images as people write them and as an engine lists them."""

import pytest

from edgepaas_tasks.images import names


@pytest.mark.parametrize(
    ("written", "listed"),
    [
        ("docker.io/acme/shop:v1", "acme/shop:v1"),
        ("index.docker.io/acme/shop@sha256:1", "acme/shop@sha256:1"),
        ("docker.io/library/nginx", "nginx"),
        ("library/nginx:1", "nginx:1"),
        ("acme/shop", "acme/shop"),
        ("docker.io/library/a/b", "library/a/b"),
        ("registry.example/library/shop", "registry.example/library/shop"),
        ("localhost/acme/shop", "localhost/acme/shop"),
        ("registry:5000/shop", "registry:5000/shop"),
    ],
)
def test_the_familiar_form_is_the_engines(written, listed):
    assert names.familiar(written) == listed


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("shop", ("shop", "latest")),
        ("shop:v1", ("shop", "v1")),
        ("registry:5000/shop", ("registry:5000/shop", "latest")),
        ("registry:5000/acme/shop:v1", ("registry:5000/acme/shop", "v1")),
        ("acme/shop:v1@sha256:1", ("acme/shop", "v1")),
    ],
)
def test_a_port_is_no_tag(reference, parts):
    assert names.split(reference) == parts
