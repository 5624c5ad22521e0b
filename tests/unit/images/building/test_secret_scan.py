"""Secrets in the build context, and whether the image would have them."""

import pytest

from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images import image
from edgepaas_tasks.images.building import secret_scan as leaks
from edgepaas_tasks.settings import Build


@pytest.fixture
def check(tmp_path):
    def check(dockerfile, *files, ignore=""):
        (tmp_path / "Dockerfile").write_text(dockerfile, "latin-1")
        if ignore:
            (tmp_path / ".dockerignore").write_text(ignore)
        for name in files:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("-----BEGIN PRIVATE KEY-----\n")
        return leaks.check(Build(context=str(tmp_path)))

    return check


@pytest.mark.parametrize(
    "copy",
    [
        "COPY . /app",
        "ADD --chown=1:1 ./ /app",
        'COPY [".", "/app"]',
        "COPY \\\n  . \\\n  /app",
        "copy * /app/",
        "COPY .env /app/",
        "COPY a.py .en* /app/",
    ],
)
def test_a_secret_that_would_be_in_the_image_is_refused(check, copy):
    with pytest.raises(Refused, match=r"secrets in it: \.env; nothing was built"):
        check(f"FROM x\n{copy}\n", ".env", "a.py")


@pytest.mark.parametrize(
    "name", [".env.prod", "deploy/id_ed25519", "certs/server.key", "a/tls.pem", ".ssh/config"]
)
def test_keys_and_files_of_variables_are_secrets(check, name):
    with pytest.raises(Refused, match=name):
        check("FROM x\nCOPY . .\n", name)


def test_what_only_the_context_has_is_a_warning(check):
    (warning,) = check("FROM x\nCOPY app /app\n", ".env", "app/main.py")
    assert warning.startswith("the build context has secrets (.env)")


def test_what_dockerignore_holds_back_is_nothing(check):
    assert check("FROM x\nCOPY . .\n", ".env", "a/b.key", ignore=".env\n**/*.key\n") == []


def test_the_file_that_holds_things_back_is_the_builders(check, tmp_path, monkeypatch):
    monkeypatch.setattr(image, "buildkit", dict)
    (tmp_path / "Dockerfile.dockerignore").write_text("tests\n")
    with pytest.raises(Refused, match=rf"add them to {tmp_path}/Dockerfile.dockerignore;"):
        check("FROM x\nCOPY . .\n", ".env", ignore=".env\n")


def test_an_example_a_public_key_and_a_certificate_are_no_secrets(check, tmp_path):
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    assert check("FROM x\nCOPY . .\n", ".env.example", "id_rsa.pub", "environment.py") == []


def test_only_the_stages_that_the_image_is_built_on_count(check):
    copied = "FROM x AS base\nCOPY . .\nFROM base\nRUN y\n"
    with pytest.raises(Refused):
        check(copied, ".env")
    left = "FROM x AS build\nCOPY . .\nFROM y\nCOPY --from=build /out /out\n"
    assert len(check(left, ".env")) == 1


def test_the_history_is_a_warning(check):
    (warning,) = check("FROM x\nCOPY . .\n", ".git/config")
    assert "the image gets .git" in warning


def test_names_need_not_be_utf_8(check):
    with pytest.raises(Refused, match=r"secrets in it: caf\\xe9\.key;") as caught:
        check("FROM x # caf\xe9\nCOPY . .\n", "caf\udce9.key")
    assert str(caught.value).encode()
