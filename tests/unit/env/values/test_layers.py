"""Sources and their order, types, and all mistakes at once."""

import itertools
import time

import pytest

from edgepaas_tasks.env.values.errors import EnvError
from edgepaas_tasks.env.values.layers import LARGEST, Layer, resolve
from edgepaas_tasks.env.values.schema import SchemaError, schema_from


def one(declaration, text, **options):
    schema = schema_from({"X": declaration})
    return resolve(schema, [Layer(".env", {"X": text}, **options)], environment="lab")


def test_later_sources_win_and_say_where_a_value_came_from():
    schema = schema_from({"X": {"type": "string", "default": "0"}})
    names = [".env", ".env.lab", "process environment", "--set"]
    layers = [Layer(name, {"X": name}) for name in names]
    for count in range(len(layers) + 1):
        value = resolve(schema, layers[:count], environment="lab").values["X"]
        assert value.origin == (names[count - 1] if count else "default")
    for low, high in itertools.combinations(layers, 2):
        assert resolve(schema, [low, high], environment="lab").values["X"].text == high.origin


@pytest.mark.parametrize(
    ("kind", "text", "normal"),
    [
        ("string", " as it is ", " as it is "),
        ("integer", "+007", "7"),
        ("integer", "-3", "-3"),
        ("number", "1.50", "1.50"),
        ("boolean", "YES", "true"),
        ("boolean", "off", "false"),
        ("boolean", "0", "false"),
        ("url", "https://example.org/a?b=c%20d", "https://example.org/a?b=c%20d"),
        ("url", "postgresql+psycopg://u:p%40s@h:5432/d", "postgresql+psycopg://u:p%40s@h:5432/d"),
        ("url", "sqlite:////data/app.db", "sqlite:////data/app.db"),
        ("email", "a@example.org", "a@example.org"),
        ("port", "8080", "8080"),
        ("path", "/data", "/data"),
        ("json", '{"a": [1]}', '{"a": [1]}'),
    ],
)
def test_values_have_one_normal_form(kind, text, normal):
    resolution = one(kind, text)
    assert resolution.problems == ()
    assert resolution.values["X"].text == normal


@pytest.mark.parametrize(
    ("declaration", "text", "expected"),
    [
        ("integer", "1.0", "an integer"),
        ("integer", "٣", "an integer"),
        ("number", "nan", "a number"),
        ("boolean", "maybe", "true or false"),
        ("boolean", "2", "true or false"),
        ("url", "example.org", "a URL"),
        ("url", "http://[::1", "a URL"),
        ("url", "https://a b", "white space"),
        ({"type": "url", "schemes": ["https"]}, "http://x", "scheme https"),
        ("email", "nobody", "an e-mail address"),
        ("port", "0", "from 1 to 65535"),
        ("port", "70000", "from 1 to 65535"),
        ("json", "{", "JSON"),
        ({"type": "choice", "choices": ["a", "b"]}, "c", "one of a, b"),
        ({"type": "string", "pattern": "[a-z]+"}, "A", r"a match of \[a-z\]\+"),
    ],
)
def test_wrong_values_are_told_with_their_source(declaration, text, expected):
    (problem,) = one(declaration, text).problems
    with pytest.raises(EnvError, match=expected):
        one(declaration, text).require()
    assert str(problem).startswith("X (.env): expected ")


def test_the_rejected_value_of_a_secret_is_not_shown():
    resolution = one({"type": "integer", "secret": True}, "hunter2")
    assert "hunter2" not in str(resolution.problems) + repr(resolution)
    good = one({"type": "string", "secret": True}, "hunter2")
    assert "hunter2" not in repr(good)


def test_a_secret_is_refused_where_it_would_be_on_an_argument_list():
    resolution = one({"type": "string", "secret": True}, "hunter2", secrets_allowed=False)
    assert "use --set X=@FILE or the process environment" in str(resolution.problems[0])


def test_required_variables_may_not_be_missing_or_empty():
    schema = schema_from(
        {"X": {"required": True}, "Y": {"required_if": {"database": "postgres_only"}}}
    )
    layers = [Layer(".env", {"X": ""})]
    with_postgres = resolve(schema, layers, environment="lab", database_mode="postgres_only")
    assert [str(problem) for problem in with_postgres.problems] == [
        "X (.env): is required (string)",
        "Y: is required when database is postgres_only",
    ]
    with_sqlite = resolve(schema, layers, environment="lab", database_mode="sqlite_only")
    assert len(with_sqlite.problems) == 1


@pytest.mark.parametrize(("mail", "missing"), [("yes", True), ("no", False), (None, False)])
def test_a_variable_may_be_required_by_the_value_of_another(mail, missing):
    declared = {"MAIL": "boolean", "MAIL_HOST": {"required_if": {"MAIL": True}}}
    layers = [Layer(".env", {} if mail is None else {"MAIL": mail})]
    problems = resolve(schema_from(declared), layers, environment="lab").problems
    said = ["MAIL_HOST: is required when MAIL is true"] if missing else []
    assert [str(problem) for problem in problems] == said


def test_a_variable_of_another_environment_is_not_there():
    schema = schema_from({"X": {"required": True, "environments": ["prod"]}})
    assert resolve(schema, [], environment="lab").values == {}
    assert resolve(schema, [], environment="prod").problems


def test_undeclared_names_are_warnings_with_the_nearest_declared_one():
    schema = schema_from({"GREETING": "string"})
    layers = [
        Layer(".env", {"GREETNG": "x"}),
        Layer("process environment", {"HOME": "/"}, ambient=True),
    ]
    resolution = resolve(schema, layers, environment="lab")
    assert [str(one) for one in resolution.warnings] == [
        "GREETNG (.env): is not declared; did you mean GREETING?"
    ]
    assert resolve(schema, layers, environment="lab", strict=True).problems


@pytest.mark.parametrize("text", ["a\0b", "a\rb", "x" * LARGEST])
def test_what_can_not_be_represented_is_refused(text):
    assert one("string", text).problems
    assert not one("string", "x" * (LARGEST - 2)).problems


def test_two_hundred_variables_with_twenty_mistakes_make_one_report_of_twenty_lines():
    schema = schema_from({f"V{number}": "integer" for number in range(200)})
    values = {f"V{number}": "x" if number % 10 == 0 else "1" for number in range(200)}
    # Processor time: a machine that is busy with something else says nothing about us.
    begun = time.process_time()
    with pytest.raises(EnvError) as caught:
        resolve(schema, [Layer(".env", values)], environment="lab").require()
    assert len(str(caught.value).splitlines()) == 20
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ({"1X": "string"}, "no digit first"),
        ({"PATH": "string"}, "reserved"),
        ({"EDGEPAAS_SLOT": "string"}, "reserved"),
        ({"LD_PRELOAD": "string"}, "reserved"),
        ({"DOCKER_HOST": "string"}, "reserved"),
        ({"X": {"type": "sting"}}, "unknown type 'sting'"),
        ({"X": {"requird": True}}, "did you mean 'required'"),
        ({"X": {"default": "a", "secret": True}}, "a secret has no default"),
        ({"X": {"type": "integer", "default": "a"}}, "default: expected an integer"),
        ({"X": {"type": "choice"}}, "needs choices"),
    ],
)
def test_mistakes_in_the_declaration(declaration, message):
    with pytest.raises(SchemaError, match=message):
        schema_from(declaration)


def test_defaults_of_yaml_are_the_texts_that_an_application_sees():
    schema = schema_from(
        {"A": {"type": "boolean", "default": True}, "B": {"type": "integer", "default": 3}}
    )
    values = resolve(schema, [], environment="lab").values
    assert (values["A"].text, values["B"].text) == ("true", "3")
