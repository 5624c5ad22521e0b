"""What is wrong with invoke.yaml itself is told in one line, before Invoke would end on it with a traceback."""

import pytest

from edgepaas_tasks.console.configuration import require_readable
from edgepaas_tasks.errors import SettingsError

WRONG = {
    "a bracket that stays open": ("a: [1\n", ", line 2: expected ',' or ']'"),
    "a tab": ("edgepaas:\n\tapp: shop\n", ", line 2: found character '\\t' that cannot start any token"),
    "two colons": ("edgepaas:\n  app: shop: x\n", ", line 2: mapping values are not allowed here"),
    "a line pushed in": ("edgepaas:\n  app: shop\n    port: 1\n", ", line 3: mapping values are not allowed here"),
    "a tag of Python": ("edgepaas: !!python/object:os.system {}\n", ", line 1: could not determine a constructor"),
    "a date that is none": ("edgepaas: 2026-13-45\n", ": "),
    "another encoding": ("a: caf\xe9\n".encode("latin-1"), ", line 1: it is not UTF-8 text"),
    "UTF-16": ("edgepaas:\n".encode("utf-16"), ", line 1: it is not UTF-8 text"),
    "a list": ("- a\n", ": expected a mapping that begins with `edgepaas:`"),
    "a word": ("edgepaas\n", ": expected a mapping that begins with `edgepaas:`"),
    "an alias of nothing": ("a: *b\n", ", line 1: found undefined alias"),
    "a conflict that was committed": ("<<<<<<< HEAD\na: 1\n", ", line 2: "),
    "a control character": ("a: \x01\n", ": "),
    "a key twice": ("edgepaas:\n  app: a\n  x: 1\n  app: b\n", ", line 4: app is in line 2 already"),
    "an environment twice": (
        "edgepaas:\n  environments:\n    prod: {a: 1}\n    lab: {}\n    prod: {b: 1}\n",
        ", line 5: prod is in line 3 already",
    ),
    "a key twice in a list": ("a: [{b: 1, b: 2}]\n", ", line 1: b is in line 1 already"),
    "deep": ("a: " + "[" * 3000 + "]" * 3000, ": it is nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_line(tmp_path, text, said):
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "invoke.yaml").write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        require_readable(tmp_path)
    assert str(raised.value).startswith(f"invoke.yaml{said}")
    assert "\n" not in str(raised.value)


RIGHT = {
    "nothing": "",
    "a remark": "# later\n",
    "the same key in two mappings": "a: {x: 1}\nb: {x: 1}\n",
    "an anchor": "a: &a {x: 1}\nb: {<<: *a, y: 1}\n",
    "two merges": "a: &a {x: 1}\nb: &b {y: 1}\nc: {<<: *a, z: 1}\n",
    "an alias in itself": "a: &a [*a]\n",
    "a byte order mark": "\ufeffedgepaas: {}\n",
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_invoke_can_read_passes(tmp_path, text):
    require_readable(tmp_path)
    (tmp_path / "invoke.yaml").write_text(text)
    require_readable(tmp_path)


def test_json_is_read_too_and_the_first_file_counts(tmp_path):
    (tmp_path / "invoke.json").write_text('{"a": 1,\n"b" 2}')
    with pytest.raises(SettingsError, match=r"^invoke\.json, line 2: "):
        require_readable(tmp_path)
    (tmp_path / "invoke.json").write_text("[]")
    with pytest.raises(SettingsError, match=r"^invoke\.json: expected a mapping"):
        require_readable(tmp_path)
    (tmp_path / "invoke.yml").write_text("a: 1\n")
    require_readable(tmp_path)
