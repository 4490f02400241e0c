"""Changes of a small spec, and what becomes of each: right code, or a refusal that says where and why."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]
Change = Callable[[Spec], None]

THING = "#/components/schemas/Thing"


def json_body(schema: Any) -> Any:
    return {"application/json": {"schema": schema}}


BASE: Spec = {
    "openapi": "3.1.0",
    "info": {"title": "Things", "version": "1"},
    "tags": [{"name": "things"}],
    "paths": {
        "/things/{id}": {
            "get": {
                "operationId": "read_thing",
                "tags": ["things"],
                "summary": "Read.",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "responses": {
                    "200": {"description": "It.", "content": json_body({"$ref": THING})},
                    "4XX": {
                        "description": "No.",
                        "content": json_body({"$ref": "#/components/schemas/Trouble"}),
                    },
                },
            }
        },
        "/things": {
            "post": {
                "operationId": "make_thing",
                "tags": ["things"],
                "summary": "Make.",
                "requestBody": {"required": True, "content": json_body({"$ref": THING})},
                "responses": {"201": {"description": "Made."}},
            }
        },
    },
    "components": {
        "schemas": {
            "Thing": {
                "description": "A thing.",
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}, "name": {"type": "string"}},
            },
            "Trouble": {
                "type": "object",
                "required": ["code"],
                "properties": {"code": {"type": "string"}},
            },
            "Color": {"type": "string", "enum": ["red", "green"]},
            "Part": {
                "type": "object",
                "required": ["size"],
                "properties": {"size": {"type": "integer"}},
            },
        }
    },
}


@dataclass(frozen=True)
class Row:
    name: str
    change: Change
    right: str | None = None
    """A program that holds if the code is right."""
    refused: tuple[str, ...] = ()
    """What the refusal says, each a part of a line."""


ROWS: list[Row] = []


def right(name: str, change: Change, program: str) -> None:
    ROWS.append(Row(name, change, right=program))


def refused(name: str, change: Change, *said: str) -> None:
    ROWS.append(Row(name, change, refused=said))


def field(schema: Any, name: str = "x", *, required: bool = False, component: str = "Thing") -> Change:
    """Give a component one more field."""

    def change(spec: Spec) -> None:
        thing = spec["components"]["schemas"][component]
        thing.setdefault("properties", {})[name] = copy.deepcopy(schema)
        if required:
            thing["required"] = [*thing.get("required", []), name]

    return change


def component(schema: Any, name: str = "New") -> Change:
    return lambda spec: spec["components"]["schemas"].update({name: copy.deepcopy(schema)})


def parameter(place: str, schema: Any, name: str = "p", **more: Any) -> Change:
    """Give reading a thing one more parameter."""
    part = {"name": name, "in": place, "schema": schema, **more}
    return lambda spec: spec["paths"]["/things/{id}"]["get"]["parameters"].append(
        copy.deepcopy(part)
    )


def path_type(schema: Any) -> Change:
    def change(spec: Spec) -> None:
        spec["paths"]["/things/{id}"]["get"]["parameters"][0]["schema"] = schema

    return change


def answer(schema: Any, media: str = "application/json", status: str = "200") -> Change:
    def change(spec: Spec) -> None:
        spec["paths"]["/things/{id}"]["get"]["responses"][status] = {
            "description": "It.",
            "content": {media: {"schema": copy.deepcopy(schema)}},
        }

    return change


def body(schema: Any, media: str = "application/json", *, required: bool = True) -> Change:
    def change(spec: Spec) -> None:
        spec["paths"]["/things"]["post"]["requestBody"] = {
            "required": required,
            "content": {media: {"schema": copy.deepcopy(schema)}},
        }

    return change


def at(*where: Any, to: Any) -> Change:
    """Set what the keys lead to."""

    def change(spec: Spec) -> None:
        holder: Any = spec
        for key in where[:-1]:
            holder = holder[key]
        holder[where[-1]] = copy.deepcopy(to)

    return change


def all_of(*changes: Change) -> Change:
    def change(spec: Spec) -> None:
        for part in changes:
            part(spec)

    return change


PART = {"$ref": "#/components/schemas/Part"}
COLOR = {"$ref": "#/components/schemas/Color"}
TEXT = {"type": "string"}
READ = ("paths", "/things/{id}", "get")
MAKE = ("paths", "/things", "post")

# Fields: each type is read, checked and written.

right("string", field(TEXT), "reads(x='a'); wrong('x: expected a string, not a number', x=1)")
right("integer", field({"type": "integer"}), "reads(x=1); wrong('x: expected an integer, not a boolean', x=True)")
right("number", field({"type": "number"}), "reads(x=1.5); reads(x=1); wrong('x: expected a number', x='1')")
right("boolean", field({"type": "boolean"}), "reads(x=False); wrong('x: expected a boolean', x=0)")
right("anything", field({}), "reads(x={'a': [None]}); reads(x=0)")
right(
    "date-time",
    field({"type": "string", "format": "date-time"}),
    "assert thing(x='2027-01-01T00:00:00Z').x.year == 2027; wrong('x: not a value', x='soon')",
)
right("date", field({"type": "string", "format": "date"}), "assert thing(x='2027-01-02').x.day == 2; reads(x='2027-01-02')")
right(
    "uuid",
    field({"type": "string", "format": "uuid"}),
    "u = '12345678-1234-5678-1234-567812345678'; reads(x=u); assert str(thing(x=u).x) == u; wrong('x: not', x='u')",
)
right("an enum", field(COLOR), "assert thing(x='red').x is models.Color.RED; wrong('x: not a value', x='blue'); reads(x='red')")
right("an enum of integers", field({"type": "integer", "enum": [1, 2]}), "reads(x=2); assert thing(x=2).x == 2; wrong('x: not', x=3)")
right(
    "an enum with null",
    field({"type": ["string", "null"], "enum": ["a", None]}, required=True),
    "reads(x='a'); reads(x=None); wrong('x: not', x='b'); wrong('x: missing')",
)
right("a constant", field({"const": "a"}), "reads(x='a'); wrong('x: not the one value', x='b')")
right(
    "constants that Python takes for equal",
    all_of(field({"const": True}), field({"const": 1}, "y")),
    "reads(x=True); reads(y=1); wrong('x: not', x=1); wrong('y: not', y=True)",
)
right("a nullable string", field({"type": ["string", "null"]}, required=True), "reads(x=None); reads(x='a'); wrong('x: missing'); wrong('x: expected', x=1)")
right("null alone", field({"type": "null"}, required=True), "reads(x=None); wrong('x: expected null', x=1)")
right("an object", field(PART), "assert thing(x={'size': 1}).x.size == 1; wrong('x.size: missing', x={}); wrong('x: expected an object, not an array', x=[])")
right(
    "an object described in place",
    field({"type": "object", "required": ["a"], "properties": {"a": TEXT}}),
    "reads(x={'a': 'b'}); wrong('x.a: expected', x={'a': 1})",
)
right("an object without properties", field({"type": "object"}), "reads(x={'a': [1]})")
right("a nullable object", field({"type": ["object", "null"], "properties": {"a": TEXT}}, required=True), "reads(x=None); reads(x={'a': 'b'})")
right("an object that holds its like", field({"$ref": THING}), "reads(x={'id': '2', 'x': {'id': '3'}}); wrong('x.x.id: missing', x={'id': '2', 'x': {}})")
right(
    "objects that hold each other",
    all_of(component({"type": "object", "properties": {"thing": {"$ref": THING}}}), field({"$ref": "#/components/schemas/New"})),
    "reads(x={'thing': {'id': '2', 'x': {}}})",
)
for kind, good, bad in [
    ("string", "'a'", 1),
    ("integer", "1", "'a'"),
    ("number", "1.5", "'a'"),
    ("boolean", "True", 1),
]:
    right(
        f"an array of {kind}",
        field({"type": "array", "items": {"type": kind}}),
        f"reads(x=[{good}]); reads(x=[]); wrong('x[1]: expected', x=[{good}, {bad}]); wrong('x: expected an array', x={good})",
    )
right("an array of enums", field({"type": "array", "items": COLOR}), "reads(x=['red']); assert thing(x=['red']).x == [models.Color.RED]; wrong('x[1]: not', x=['red', 'blue'])")
right("an array of times", field({"type": "array", "items": {"type": "string", "format": "date-time"}}), "assert thing(x=['2027-01-01T00:00:00Z']).x[0].year == 2027; wrong('x[0]: not', x=['soon'])")
right("an array of objects", field({"type": "array", "items": PART}), "reads(x=[{'size': 1}]); wrong('x[1].size: missing', x=[{'size': 1}, {}])")
right("an array of arrays", field({"type": "array", "items": {"type": "array", "items": PART}}), "reads(x=[[{'size': 1}]]); wrong('x[0][1].size: expected', x=[[{'size': 1}, {'size': 'a'}]])")
right("an array of nullable strings", field({"type": "array", "items": {"type": ["string", "null"]}}), "reads(x=['a', None]); wrong('x[0]: expected a string or null, not a number', x=[1])")
right("an array of alternatives", field({"type": "array", "items": {"anyOf": [PART, TEXT]}}), "reads(x=['a', {'size': 1}]); wrong('x[1].size: missing', x=['a', {}])")
right("an array of anything", field({"type": "array", "items": {}}), "reads(x=[1, 'a', None])")
right("a nullable array", field({"type": ["array", "null"], "items": TEXT}, required=True), "reads(x=None); reads(x=['a']); wrong('x[0]: expected', x=[1])")

# Alternatives.

right(
    "an object or text",
    field({"anyOf": [PART, TEXT]}),
    "reads(x='a'); reads(x={'size': 1}); wrong('x.size: missing', x={}); wrong('x: expected an object or a string', x=1)",
)
right(
    "two objects: the second is tried",
    field({"anyOf": [PART, {"$ref": "#/components/schemas/Trouble"}]}),
    "assert thing(x={'code': 'a'}).x.code == 'a'; assert thing(x={'size': 1}).x.size == 1; reads(x={'code': 'a'})\n"
    "wrong('x: fits none', x={}); wrong('x: expected an object', x='a')",
)
right(
    "two objects in the order of the spec",
    all_of(
        component({"type": "object", "properties": {"b": TEXT}}, "Zebra"),
        component({"type": "object", "properties": {"a": TEXT}}, "Ant"),
        field({"oneOf": [{"$ref": "#/components/schemas/Zebra"}, {"$ref": "#/components/schemas/Ant"}]}),
    ),
    "assert isinstance(thing(x={}).x, models.Zebra)",
)
right("two arrays: the second is tried", field({"anyOf": [{"type": "array", "items": TEXT}, {"type": "array", "items": PART}]}), "reads(x=['a']); reads(x=[{'size': 1}])")
right("a number or text", field({"type": ["integer", "string"]}), "reads(x=1); reads(x='a'); wrong('x: expected', x=[])")
right("text that is nothing richer", field({"anyOf": [TEXT, COLOR]}), "assert thing(x='red').x is models.Color.RED; reads(x='blue')")
right("a time or text", field({"anyOf": [{"type": "string", "format": "date-time"}, TEXT, {"type": "null"}]}), "assert thing(x='2027-01-01T00:00:00Z').x.year == 2027; reads(x='soon')")
right("a union of one", field({"anyOf": [PART]}), "reads(x={'size': 1})")
right("alternatives inside an alternative", field({"anyOf": [{"anyOf": [PART, {"type": "integer"}]}, TEXT]}), "reads(x={'size': 1}); reads(x=1); reads(x='a')")

# Defaults.

right("a default", field({"type": "integer", "default": 5}), "assert thing().x == 5; assert thing(x=None).x == 5; reads(x=1); assert models.Thing(id='1').to_dict()['x'] == 5")
right("a default with quotes and backslashes", field({"type": "string", "default": "a\"b'c\\d\n{e}"}), "assert thing().x == 'a\"b\\'c\\\\d\\n{e}'")
right("a default of an enum", all_of(field({"allOf": [COLOR], "default": "green"})), "assert thing().x is models.Color.GREEN; assert models.Thing(id='1').x is models.Color.GREEN")
right("a default of a time", field({"type": "string", "format": "date-time", "default": "2027-01-01T00:00:00Z"}), "assert thing().x.year == 2027")
right("a default of a date", field({"type": "string", "format": "date", "default": "2027-01-01"}), "assert thing().x.year == 2027")
right("a default of false", field({"type": "boolean", "default": False}), "assert thing().x is False")
right("a default of a nullable string", field({"type": ["string", "null"], "default": "a"}), "assert thing().x == 'a'")
right("an optional constant with a default", field({"const": "a", "default": "a"}), "assert thing().x == 'a'; assert models.Thing(id='1').x == 'a'")
right("a required constant with a default", field({"const": "a", "default": "a"}, required=True), "assert models.Thing(id='1').x == 'a'; wrong('x: missing')")
refused("a default of an array", field({"type": "array", "items": TEXT, "default": []}), "/Thing/properties/x/default: a default is generated for a single value only")
refused("a default that does not fit", field({"type": "integer", "default": "a"}), "/x/default: does not fit: 'a' is not of type 'integer'")

# Names.

right(
    "names that Python or the class uses",
    all_of(*(field(TEXT, name) for name in ("type", "class", "to_dict", "from_dict", "str", "None", "additional_properties", "self", "cls", "src_dict", "id_", "text", "list"))),
    "t = models.Thing.from_dict({'id': '1', **{n: n for n in ('type', 'class', 'to_dict', 'from_dict', 'str', 'None', 'additional_properties', 'self', 'cls', 'src_dict', 'text', 'list')}})\n"
    "assert (t.type, t.class_, t.to_dict_, t.from_dict_, t.str_, t.None_, t.self_, t.cls) == ('type', 'class', 'to_dict', 'from_dict', 'str', 'None', 'self', 'cls')\n"
    "assert t.to_dict()['to_dict'] == 'to_dict' and t.to_dict()['class'] == 'class'",
)
right("names of the protocol are kept", all_of(field(TEXT, "camelCase"), field(TEXT, "UPPER"), field(TEXT, "datetime_x")), "assert thing(camelCase='a', UPPER='b').camelCase == 'a'")
right("names that are no identifiers", all_of(field(TEXT, "x-foo", required=True), field(TEXT, "$links"), field(TEXT, "_private"), field(TEXT, "1st")), "reads(**{'x-foo': 'a', '$links': 'b', '_private': 'c', '1st': 'd'}); assert thing(**{'x-foo': 'a'}).x_foo == 'a'; wrong('x-foo: missing')")
right("a name with quotes", field(TEXT, 'a"b\\c\'d'), "reads(**{'a\"b\\\\c\\'d': 'x'})")
right("a field called as its class", all_of(field(PART, "Part"), field(COLOR, "Color")), "reads(Part={'size': 1}, Color='red'); assert thing(Part={'size': 1}).Part_.size == 1")
refused("two fields of one name in Python", all_of(field(TEXT, "class"), field(TEXT, "class_")), "/Thing/properties/class_: class and class_ would both be called class_ in Python")
refused("two components of one class", component({"type": "object"}, "thing"), "/schemas/thing: makes the same class or module as Thing")
refused("a component called as a class of the generated code", component({"type": "object"}, "Response"), "/schemas/Response: the generated code has a class Response of its own")
refused("a class in place that is a component too", all_of(component({"type": "object"}, "ThingX"), field({"type": "object", "properties": {"a": TEXT}})), "ThingX", "/Thing/properties/x: ")
right("a title", component({"type": "object", "title": "Fine Name"}), "models.FineName")

# Enums.

right("odd values", field({"type": "string", "enum": ["a b", "", 'q"\\', "1x", "ü", "a/b", "none"]}), "[reads(x=v) for v in ('a b', '', 'q\"\\\\', '1x', 'ü', 'a/b', 'none')]")
right("named values", field({"type": "string", "enum": ["+", "-"], "x-enum-varnames": ["PLUS", "MINUS"]}), "assert models.ThingX.PLUS == '+'")
right("negative integers", field({"type": "integer", "enum": [-1, 0]}), "reads(x=-1)")
refused("values of one name", field({"type": "string", "enum": ["a-b", "a_b"]}), "/x/enum: two values would have the same name in Python")
refused("values that differ in case only", field({"type": "string", "enum": ["a", "A"]}), "/x/enum: two values would have the same name in Python")
refused("a value twice", field({"type": "string", "enum": ["a", "a"]}), '/x/enum: "a" is there twice')
refused("values of two types", field({"enum": ["a", 1]}), "/x/enum: the values must be all strings or all integers")
refused("values that are no strings or integers", field({"enum": [1.5]}), "/x/enum: the values must be")
refused("booleans", field({"type": "boolean", "enum": [True]}), "/x/enum: the values must be")
refused("values that are not of the type", field({"type": "integer", "enum": ["a"]}), "/x/enum: the values are not of the type")
refused("no values", field({"type": "string", "enum": []}), "/x/enum: the values must be")
refused("control characters", field({"type": "string", "enum": ["a\x00b"]}), "/x/enum: 'a\\x00b' holds characters")

# allOf.

right(
    "an object with more",
    component({"allOf": [{"$ref": THING}, {"type": "object", "required": ["more"], "properties": {"more": TEXT}}]}),
    "n = models.New.from_dict({'id': '1', 'more': 'a'}); assert (n.id, n.more) == ('1', 'a')\nfails(models.New, {'id': '1'}, 'more: missing')",
)
right("allOf beside properties", component({"allOf": [{"$ref": THING}], "properties": {"more": TEXT}, "required": ["more", "name"]}), "fails(models.New, {'id': '1', 'more': 'a'}, 'name: missing'); fails(models.New, {'name': 'a', 'more': 'a'}, 'id: missing')")
right("another name for an object", all_of(component({"allOf": [PART], "description": "New."}), field({"$ref": "#/components/schemas/New"})), "reads(x={'size': 1})")
refused("allOf of what is no object", component({"allOf": [TEXT, {"maxLength": 5}]}), "/New/allOf/0: only objects can be put together")
refused("allOf with alternatives", component({"allOf": [{"$ref": THING}, {"anyOf": [PART, TEXT]}]}), "/New/allOf/1: must be an object with properties")
refused("allOf that contradicts itself", component({"allOf": [{"$ref": THING}, {"type": "object", "properties": {"id": {"type": "integer"}}}]}), "/schemas/New")

# Secrets.

CANARY = "for value in ({values}):\n    assert 'canary' not in repr(value), repr(value)\n    assert 'canary' in str(value.to_dict())"
SECRET = {"type": "string", "x-ath-secret": True}
right("a secret", field(SECRET), CANARY.format(values="thing(x='canary'),"))
right("a secret through a reference", all_of(component(SECRET), field({"$ref": "#/components/schemas/New"})), CANARY.format(values="thing(x='canary'),"))
right("a secret beside a reference", field({"$ref": "#/components/schemas/Part", "x-ath-secret": True}), CANARY.format(values="thing(x={'size': 1, 'y': 'canary'}),"))
right("a secret in an array", field({"type": "array", "items": SECRET}), CANARY.format(values="thing(x=['canary']),"))
right("a secret in an array of references", all_of(component(SECRET), field({"type": "array", "items": {"$ref": "#/components/schemas/New"}})), CANARY.format(values="thing(x=['canary']),"))
right("a secret through allOf", all_of(field(SECRET), component({"allOf": [{"$ref": THING}, {"properties": {"y": TEXT}}]})), CANARY.format(values="models.New.from_dict({'id': '1', 'x': 'canary'}),"))
right("a secret through allOf of a field", all_of(component(SECRET), field({"allOf": [{"$ref": "#/components/schemas/New"}], "description": "d"})), CANARY.format(values="thing(x='canary'),"))
right("a secret alternative", field({"anyOf": [SECRET, PART]}), CANARY.format(values="thing(x='canary'), thing(x={'size': 1, 'y': 'canary'})"))
right("a nullable secret", field({"type": ["string", "null"], "x-ath-secret": True}), CANARY.format(values="thing(x='canary'),"))
right("a secret inside", all_of(field(SECRET, component="Part"), field({"type": "array", "items": PART})), CANARY.format(values="thing(x=[{'size': 1, 'x': 'canary'}]),"))
right("a secret inside an object in place", field({"type": "object", "properties": {"a": SECRET}}), CANARY.format(values="thing(x={'a': 'canary'}),"))
right("an object that is secret as a whole", all_of(component({"type": "object", "x-ath-secret": True, "properties": {"a": TEXT}}), field({"$ref": "#/components/schemas/New"})), CANARY.format(values="thing(x={'a': 'canary'}), models.New.from_dict({'a': 'canary'})"))
right("an unknown field", field(TEXT), CANARY.format(values="thing(y='canary'),"))
refused("an answer that is a bare secret", answer(SECRET), "/content/application~1json: x-ath-secret is for what models hold")
refused("a secret parameter", parameter("query", SECRET), "/parameters/1/schema: x-ath-secret is for what models hold")

# Lenient fields.

right(
    "a lenient field",
    field({"type": ["string", "null"], "format": "date-time", "x-ath-lenient": True}, required=True),
    "t = thing(x='soon'); assert t.x is None and t.additional_properties == {'x': 'soon'} and t.to_dict()['x'] == 'soon'\n"
    "t = thing(x=[1]); assert t.x is None and t['x'] == [1]\n"
    "t = thing(x=None); assert t.x is None and t.additional_properties == {} and t.to_dict()['x'] is None\n"
    "t = thing(x='2027-01-01T00:00:00Z', y=1); assert t.x.year == 2027 and t.additional_properties == {'y': 1}\n"
    "wrong('x: missing')",
)
right("a lenient optional field", field({"type": "integer", "x-ath-lenient": True}), "t = thing(x='a', y=2); assert t.x is None and t.additional_properties == {'x': 'a', 'y': 2} and thing().x is None")
refused("a lenient field without null", field({"type": "integer", "x-ath-lenient": True}, required=True), "/properties/x/x-ath-lenient: a field that becomes null")

# Schemas that are not generated.

for word, schema in {
    "not": {"not": TEXT},
    "if": {"if": TEXT},
    "patternProperties": {"type": "object", "patternProperties": {}},
    "dependentRequired": {"type": "object", "dependentRequired": {}},
    "prefixItems": {"type": "array", "prefixItems": [], "items": TEXT},
    "contains": {"type": "array", "contains": TEXT, "items": TEXT},
    "propertyNames": {"type": "object", "propertyNames": TEXT},
    "discriminator": {"anyOf": [PART], "discriminator": {"propertyName": "a"}},
    "nullable": {"type": "string", "nullable": True},
    "contentEncoding": {"type": "string", "contentEncoding": "base64"},
    "xml": {"type": "string", "xml": {}},
    "$comment": {"$comment": "a"},
    "requierd": {"type": "object", "requierd": ["a"]},
    "typ": {"typ": "string"},
    "properites": {"type": "object", "properites": {}},
    "x-ath-secrt": {"type": "string", "x-ath-secrt": True},
}.items():
    refused(f"the word {word} in a schema", field(schema), f"/Thing/properties/x/{word}: {word} is no word that is generated")
refused("a typo, with what was meant", field({"typ": "string"}), "did you mean type?")
refused("a word of OpenAPI 3.0", field({"type": "string", "nullable": True}), 'OpenAPI 3.1 says type: [..., "null"]')
refused("a type that is none", field({"type": "objct"}), "/x/type: objct is no type")
refused("a format that is none", field({"type": "string", "format": "datetime"}), "/x/format: datetime is no format that is generated")
refused("bytes", field({"type": "string", "format": "binary"}), "/x/format: binary is no format")
refused("a format without a type", field({"format": "date-time"}), "/x/format: date-time is no format")
refused("a constant that is a number with a point", field({"const": 1.5}), "/x/const: must be")
refused("a constant that is null", field({"const": None}), "/x/const: must be")
refused("a constant of another type", field({"type": "integer", "const": "a"}), "/x/const: is not of the type")
refused("an array without items", field({"type": "array"}), "/properties/x: an array needs items")
refused("items without an array", field({"type": "string", "items": TEXT}), "/x/items: items is for type: array")
refused("properties without an object", field({"type": "string", "properties": {}}), "/x/properties: properties is for type: object")
refused("typed unknown fields", field({"type": "object", "additionalProperties": PART}), "/x/additionalProperties: models keep every unknown field")
refused("no unknown fields", field({"type": "object", "additionalProperties": False}), "/x/additionalProperties: models keep every")
refused("a type beside alternatives", field({"type": "object", "anyOf": [PART, TEXT]}), "/x/type: type beside anyOf is not generated")
refused("an enum beside alternatives", field({"enum": ["a"], "anyOf": [TEXT, PART]}), "enum and anyOf together")
refused("required that names nothing", at("components", "schemas", "Thing", "required", to=["id", "nme"]), "/Thing/required/1: nme is no property of this object")
refused("required that names nothing, beside allOf", component({"allOf": [{"$ref": THING}], "required": ["nme"]}), "/New/required/0: nme is no property")
refused("a reference that leads nowhere", field({"$ref": "#/components/schemas/Nothing"}), "/properties/x: #/components/schemas/Nothing leads nowhere")
refused("a reference to another file", field({"$ref": "other.yaml#/a"}), "/properties/x: other.yaml#/a is no reference")
refused("what would be ignored beside a reference", field({"$ref": "#/components/schemas/Part", "default": 1}), "/x/default: default is ignored beside $ref")
refused("readOnly that a request demands", all_of(field({"type": "string", "readOnly": True}, required=True)), "/schemas/Thing: x is readOnly and required")
right("readOnly that only answers have", field({"type": "string", "readOnly": True}, required=True, component="Trouble"), "models.Trouble(code='a', x='b')")
refused("writeOnly that an answer demands", field({"type": "string", "writeOnly": True}, required=True, component="Trouble"), "/schemas/Trouble: x is writeOnly and required")
refused("a schema that is no object", field(True), "/properties/x: must be an object")
refused("an array that holds itself", component({"type": "array", "items": {"$ref": "#/components/schemas/New"}}), "New")

# Prose.

right(
    "descriptions and deprecation",
    all_of(
        field({"type": "string", "description": "What x is.", "deprecated": True}),
        field({"$ref": "#/components/schemas/Color", "description": "Its color."}, "y"),
        at("components", "schemas", "Color", "description", to="Colors."),
        at("components", "schemas", "Trouble", "deprecated", to=True),
        at(*READ, "deprecated", to=True),
        at(*READ, "description", to='Says """more""" \\ than that.'),
        parameter("query", COLOR, description="Only this color."),
        parameter("query", {"type": "integer"}, "q", description="Seconds.", deprecated=True),
    ),
    "source = text('models/thing.py'); assert 'Deprecated. What x is.' in source and 'Its color.' in source\n"
    "assert models.Color.__doc__ == 'Colors.' and 'Deprecated.' in models.Trouble.__doc__\n"
    "for f in (api['read_thing'].sync, api['read_thing'].asyncio_detailed):\n"
    "    assert 'Deprecated. Says' in f.__doc__ and '\"\"\"more\"\"\" \\\\ than' in f.__doc__\n"
    "    assert 'p: Only this color.' in f.__doc__ and 'q: Deprecated. Seconds.' in f.__doc__\n"
    "    assert 'unset' not in f.__doc__.lower()",
)
right("prose that ends in a quote", at("components", "schemas", "Thing", "description", to='A "thing"'), "assert models.Thing.__doc__.strip() == 'A \"thing\"'")
right("limits", field({"type": "string", "minLength": 1, "maxLength": 5, "pattern": "a"}), "reads(x='')")

# Parameters.

right("a query parameter", parameter("query", {"type": "integer"}), "assert query('read_thing', id='1', p=0) == [('p', '0')]; assert query('read_thing', id='1') == []")
right("a default of a query parameter", parameter("query", {"type": "integer", "default": 7}), "assert query('read_thing', id='1') == [('p', '7')]")
right("a required query parameter", parameter("query", TEXT, required=True), "raises(TypeError, lambda: query('read_thing', id='1'))")
right("a boolean in a query", parameter("query", {"type": "boolean"}), "assert query('read_thing', id='1', p=False) == [('p', 'false')]")
right("an enum in a query", parameter("query", COLOR), "assert query('read_thing', id='1', p=models.Color.RED) == [('p', 'red')]")
right("a time in a query", parameter("query", {"type": "string", "format": "date-time"}), "import datetime; assert query('read_thing', id='1', p=datetime.datetime(2027, 1, 1)) == [('p', '2027-01-01T00:00:00')]")
right("an array in a query", parameter("query", {"type": "array", "items": COLOR}), "assert query('read_thing', id='1', p=[models.Color.RED, models.Color.GREEN]) == [('p', 'red'), ('p', 'green')]")
right("an object in a query", parameter("query", PART), "assert query('read_thing', id='1', p=models.Part(size=1)) == [('size', '1')]")
right("a header", parameter("header", {"type": "integer"}, "X-Count"), "assert call('read_thing', id='1', x_count=1).headers == {'X-Count': '1'}; assert call('read_thing', id='1').headers == {}")
right("a boolean header", parameter("header", {"type": "boolean"}, "X-On"), "assert call('read_thing', id='1', x_on=True).headers == {'X-On': 'true'}")
right("an integer cookie", parameter("cookie", {"type": "integer"}), "assert call('read_thing', id='1', p=3).cookies == {'p': '3'}; assert sent('read_thing', id='1', p=3).headers['cookie'] == 'p=3'")
right("a parameter of the path item", at("paths", "/things/{id}", "parameters", to=[{"name": "q", "in": "query", "schema": TEXT}]), "assert query('read_thing', id='1', q='a') == [('q', 'a')]")
right(
    "a parameter by reference",
    all_of(
        at("components", "parameters", to={"Page": {"name": "page", "in": "query", "description": "Which.", "schema": {"type": "integer"}}}),
        at(*READ, "parameters", 0, to={"$ref": "#/components/parameters/Page"}),
        at("paths", "/things/{id}", "parameters", to=[{"name": "id", "in": "path", "required": True, "schema": TEXT}]),
    ),
    "assert query('read_thing', id='1', page=2) == [('page', '2')]; assert 'page: Which.' in api['read_thing'].sync.__doc__",
)
right("the same name in two places", all_of(parameter("query", TEXT, "k"), parameter("header", TEXT, "k")), "c = call('read_thing', id='1', k_query='a', k_header='b'); assert (c.query, c.headers) == ([('k', 'a')], {'k': 'b'})")
right("an integer in a path", path_type({"type": "integer"}), "assert call('read_thing', id=5).path == '/things/5'")
right("a time in a path", path_type({"type": "string", "format": "date-time"}), "import datetime; assert call('read_thing', id=datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)).path == '/things/2027-01-01T00%3A00%3A00%2B00%3A00'")
right("a boolean in a path", path_type({"type": "boolean"}), "assert call('read_thing', id=True).path == '/things/true'")
right("an enum in a path", path_type(COLOR), "assert call('read_thing', id=models.Color.RED).path == '/things/red'")
right("dot segments", path_type(TEXT), "[raises(ValueError, lambda: call('read_thing', id=i)) for i in ('', '.', '..', '%2e%2E', '%252e')]")
right("braces and more in a path", at("paths", "/a-b/{x}.json:v1", to={"get": {"operationId": "odd", "parameters": [{"name": "x", "in": "path", "required": True, "schema": TEXT}], "responses": {"200": {"description": "d"}}}}), "assert call('odd', x='a b').path == '/a-b/a%20b.json:v1'")
for words, said in [
    ({"explode": False, "schema": {"type": "array", "items": TEXT}}, "/parameters/1/explode: only true is generated here"),
    ({"style": "deepObject", "schema": PART}, "/parameters/1/style: only form is generated here"),
    ({"style": "pipeDelimited", "schema": {"type": "array", "items": TEXT}}, "/parameters/1/style: only form"),
    ({"allowReserved": True}, "/parameters/1/allowReserved: allowReserved is no word that is generated"),
    ({"content": json_body(TEXT)}, "/parameters/1/content: content is no word that is generated"),
    ({"schema": {"type": "array", "items": PART}}, "/parameters/1/schema: array is not generated in a query"),
    ({"schema": {"type": "object", "properties": {"a": PART}}}, "a cannot be written as one pair of a query"),
    ({"schema": {}}, "/parameters/1/schema: any is not generated in a query"),
    ({"shcema": TEXT}, "/parameters/1/shcema: shcema is no word"),
    ({"in": "qery"}, "/parameters/1/in: qery is no place for a parameter"),
    ({"name": "prepare"}, "an argument cannot be called prepare here"),
]:
    refused(f"a query parameter with {words}", all_of(parameter("query", TEXT), lambda spec, words=words: spec["paths"]["/things/{id}"]["get"]["parameters"][1].update(words)), said)
refused("a parameter without a schema", lambda spec: spec["paths"]["/things/{id}"]["get"]["parameters"].append({"name": "p", "in": "query"}), "/parameters/1: a parameter needs a schema")
refused("an array in a header", parameter("header", {"type": "array", "items": TEXT}), "array is not generated in a header")
refused("a time in a header", parameter("header", {"type": "string", "format": "date-time"}), "date-time is not generated in a header")
refused("a header that OpenAPI ignores", parameter("header", TEXT, "Authorization"), "OpenAPI ignores a header parameter Authorization")
refused("null in a path", path_type({"type": ["string", "null"]}), "/parameters/0/schema: null or string is not generated in a path")
refused("a path parameter that is not required", at(*READ, "parameters", 0, "required", to=False), "a parameter in the path needs required: true")
refused("a path parameter that the path has not", parameter("path", TEXT, required=True), "/parameters/1: the path has no part {p}")
refused("a part of the path that is no parameter", at(*READ, "parameters", to=[]), "the path has a part {id} that is no parameter")
refused("an argument called body", all_of(at(*MAKE, "parameters", to=[{"name": "body", "in": "query", "schema": TEXT}])), "an argument cannot be called body here")
refused("a parameter twice", all_of(parameter("query", TEXT), parameter("query", {"type": "integer"})), "/parameters/2: the query parameter p is there twice")

# Requests.

right("a body", body({"$ref": THING}), "c = call('make_thing', body=thing(name='a')); assert (c.content, c.headers) == (b'{\"id\":\"1\",\"name\":\"a\"}', {'Content-Type': 'application/json'})")
right("an optional body", body({"$ref": THING}, required=False), "c = call('make_thing'); assert (c.content, c.headers) == (None, {}); assert call('make_thing', body=thing()).content == b'{\"id\":\"1\"}'")
right("a body by reference", all_of(at("components", "requestBodies", to={"B": {"required": True, "content": json_body({"$ref": THING})}}), at(*MAKE, "requestBody", to={"$ref": "#/components/requestBodies/B"})), "assert call('make_thing', body=thing()).content == b'{\"id\":\"1\"}'")
right("a body that is an array", body({"type": "array", "items": {"$ref": THING}}), "assert call('make_thing', body=[thing()]).content == b'[{\"id\":\"1\"}]'")
right("a body that is text", body(TEXT), "assert call('make_thing', body='a').content == b'\"a\"'")
right("another JSON type", body({"$ref": THING}, "application/merge-patch+json"), "assert call('make_thing', body=thing()).headers == {'Content-Type': 'application/merge-patch+json'}")
right("a form", body({"$ref": THING}, "application/x-www-form-urlencoded"), "c = call('make_thing', body=thing(name='a b')); assert (c.content, c.headers['Content-Type']) == (b'id=1&name=a+b', 'application/x-www-form-urlencoded'); assert sent('make_thing', body=thing()).content == b'id=1'")
right("an optional form", body({"$ref": THING}, "application/x-www-form-urlencoded", required=False), "assert call('make_thing').content is None")
right("a form with an array", all_of(field({"type": "array", "items": TEXT}), body({"$ref": THING}, "application/x-www-form-urlencoded")), "assert call('make_thing', body=thing(x=['a', 'b'])).content == b'id=1&x=a&x=b'")
refused("a form with an object", all_of(field(PART), body({"$ref": THING}, "application/x-www-form-urlencoded")), "x cannot be written in a form")
refused("a form that is no object", body(TEXT, "application/x-www-form-urlencoded"), "a form needs an object")
refused("multipart", body({"$ref": THING}, "multipart/form-data"), "/content/multipart~1form-data: multipart/form-data is not generated here")
refused("bytes as a body", body(TEXT, "application/octet-stream"), "application/octet-stream is not generated here")
refused("two types of body", at(*MAKE, "requestBody", "content", to={**json_body({"$ref": THING}), "application/x-www-form-urlencoded": {"schema": {"$ref": THING}}}), "/requestBody/content: one media type is generated, not several")
refused("a body without a schema", at(*MAKE, "requestBody", "content", to={"application/json": {}}), "/content/application~1json: a body needs a schema")

# Answers.

right("an object as an answer", answer({"$ref": THING}), "r = answer('read_thing', 200, {'id': '1'}); assert r.is_success and r.parsed == thing() and r.value() == thing()")
for name, schema, value, bad in [
    ("array of objects", {"type": "array", "items": {"$ref": THING}}, [{"id": "1"}], [{}]),
    ("array of strings", {"type": "array", "items": TEXT}, ["a"], [1]),
    ("array of integers", {"type": "array", "items": {"type": "integer"}}, [1], ["a"]),
    ("array of enums", {"type": "array", "items": COLOR}, ["red"], ["blue"]),
    ("single enum", COLOR, "red", "blue"),
    ("single integer", {"type": "integer"}, 1, "a"),
    ("single date", {"type": "string", "format": "date"}, "2027-01-01", "soon"),
    ("nullable object", {"anyOf": [{"$ref": THING}, {"type": "null"}]}, None, 1),
    ("union of objects", {"anyOf": [{"$ref": THING}, PART]}, {"size": 1}, {}),
    ("boolean", {"type": "boolean"}, True, 1),
    ("constant", {"const": "a"}, "a", "b"),
]:
    right(
        f"an answer that is a {name}",
        answer(schema),
        f"r = answer('read_thing', 200, {value!r}); assert r.is_success and r.problem is None, r.problem\n"
        f"r = answer('read_thing', 200, {bad!r}); assert not r.is_success and r.problem.startswith('the body does not fit: ')",
    )
right("an answer that is anything", answer({}), "assert answer('read_thing', 200, [1, None]).parsed == [1, None]")
right("text", answer(TEXT, "text/plain"), "r = answer('read_thing', 200, content=b'a\\xfc', headers={'content-type': 'text/plain; charset=latin-1'}); assert r.parsed == 'aü'; assert not answer('read_thing', 200, content=b'\\xfc').is_success")
right("no body", at(*READ, "responses", "200", to={"description": "d"}), "assert answer('read_thing', 200, content=b'<html>').is_success; assert api['read_thing'].sync.__annotations__['return'] == 'None'")
right("another success", answer(PART, status="202"), "assert answer('read_thing', 202, {'size': 1}).parsed.size == 1; assert answer('read_thing', 200, {'id': '1'}).parsed.id == '1'")
right("a range of statuses", answer(PART, status="2XX"), "assert answer('read_thing', 299, {'size': 1}).parsed.size == 1; assert answer('read_thing', 200, {'id': '1'}).parsed.id == '1'")
right("an answer by reference", all_of(at("components", "responses", to={"A": {"description": "d", "content": json_body(PART)}}), at(*READ, "responses", "200", to={"$ref": "#/components/responses/A"})), "assert answer('read_thing', 200, {'size': 1}).value().size == 1")
right("an error", answer(PART, status="409"), "r = answer('read_thing', 409, {'size': 1}); assert not r.is_success and r.problem is None and r.parsed.size == 1; assert answer('read_thing', 404, {'code': 'a'}).parsed.code == 'a'")
right("a status that nobody describes", answer(PART), "r = answer('read_thing', 500, {}); assert r.problem == 'the spec describes no answer with status 500' and r.parsed is None")
right("headers of answers", at(*READ, "responses", "200", "headers", to={"Retry-After": {"schema": {"type": "integer"}}}), "call('read_thing', id='1')")
refused("default answers", at(*READ, "responses", "default", to={"description": "d"}), "/responses/default: a status is a number of three digits")
refused("a status that is none", at(*READ, "responses", "4xx", to={"description": "d"}), "/responses/4xx: a status is a number")
refused("bytes as an answer", answer(TEXT, "application/octet-stream"), "application/octet-stream is not generated here")
refused("a PDF as an answer", answer(TEXT, "application/pdf"), "application/pdf is not generated here")
refused("two types of answer", at(*READ, "responses", "200", "content", to={**json_body(PART), "text/plain": {"schema": TEXT}}), "/200/content: one media type is generated")
refused("text that is no text", answer({"type": "integer"}, "text/plain"), "/content/text~1plain: a text needs type: string")
refused("no answers", at(*READ, "responses", to={}), "an operation needs responses")
refused("links", at(*READ, "responses", "200", "links", to={}), "/200/links: links is no word")

# Operations and paths.

right("every method", lambda spec: spec["paths"]["/things"].update({m: {"operationId": f"do_{m}", "responses": {"200": {"description": "d"}}} for m in ("get", "put", "delete", "options", "head", "patch", "trace")}), "for m in ('get', 'put', 'delete', 'options', 'head', 'patch', 'trace'): assert call('do_' + m).method == m.upper()")
right("an operation without a tag", at(*READ, "tags", to=[]), "call('read_thing', id='1')")
right("an operation by hand", at(*READ, "x-handwritten", to=True), "assert 'read_thing' not in api")
refused("an operation without an operationId", lambda spec: spec["paths"]["/things"]["post"].pop("operationId"), "#/paths/~1things/post: an operation needs an operationId")
refused("twin operationIds", at("paths", "/more", to={"get": {"operationId": "readThing", "tags": ["things"], "responses": {"200": {"description": "d"}}}}), "/paths/~1more/get/operationId: makes the same module as that of GET /things/{id}")
refused("the same operationId", at("paths", "/more", to={"get": {"operationId": "read_thing", "responses": {"200": {"description": "d"}}}}), "read_thing")
refused("a misspelt method", lambda spec: spec["paths"]["/things"].update(gett=spec["paths"]["/things"].pop("post")), "/paths/~1things/gett: gett is no word that is generated in this place (path); did you mean get?")
refused("a path item that is a reference", at("paths", "/more", to={"$ref": "#/paths/~1things"}), "/paths/~1more/$ref: a path that is a reference is not generated")
refused("a path without a slash", lambda spec: spec["paths"].update({"things": spec["paths"].pop("/things")}), "#/paths/things: a path begins with /")
refused("an empty path", at("paths", "", to={"get": {"operationId": "e", "responses": {"200": {"description": "d"}}}}), "#/paths/: a path begins with /")
refused("a path without a method", at("paths", "/more", to={}), "/paths/~1more: a path without a method")
refused("a path with a query", at("paths", "/more?a=b", to={"get": {"operationId": "e", "responses": {"200": {"description": "d"}}}}), "a path begins with / and holds neither a query")
refused("a tag that nobody declared", at(*READ, "tags", to=["thigns"]), "/tags/0: thigns is not among the tags of the document")
refused("paramters", at(*READ, "paramters", to=[]), "/get/paramters: paramters is no word", "did you mean parameters?")
refused("callbacks", at(*READ, "callbacks", to={}), "/get/callbacks: callbacks is no word")
refused("webhooks", at("webhooks", to={}), "#/webhooks: webhooks is no word")
refused("servers of an operation", at(*READ, "servers", to=[{"url": "/"}]), "/get/servers: servers is no word")
refused("x-handwriten", at(*READ, "x-handwriten", to=True), "/get/x-handwriten: x-handwriten is no word", "did you mean x-handwritten?")
refused("x-handwritten that is not true", at(*READ, "x-handwritten", to="yes"), "/get/x-handwritten: must be true")
refused("a reason that says nothing", field({"type": "string", "x-ath-extension": True}), "/x-ath-extension: must be a reason in words")
refused("an unknown security scheme", at(*READ, "security", to=[{"nobody": []}]), "/security/0: there is no security scheme nobody")
right("a security scheme", all_of(at("components", "securitySchemes", to={"basic": {"type": "http", "scheme": "basic"}}), at(*READ, "security", to=[{"basic": []}])), "assert 'client: Client' in text('api/things/read_thing.py')")

# The document.

refused("OpenAPI 3.0", at("openapi", to="3.0.3"), "#/openapi: only OpenAPI 3.1 is read")
refused("no title", at("info", to={"version": "1"}), "#/info: not valid OpenAPI 3.1: 'title' is a required property")
refused("an example that does not fit", field({"type": "string", "example": 5}), "/properties/x/example: does not fit its schema: 5 is not of type 'string'")
refused("an example of a body that does not fit", at(*READ, "responses", "200", "content", "application/json", "example", to={"name": "a"}), "/application~1json/example: does not fit its schema: 'id' is a required property")
refused("one of several examples that does not fit", at(*READ, "responses", "200", "content", "application/json", "examples", to={"good": {"value": {"id": "1"}}, "bad": {"value": {}}}), "/examples/bad: does not fit its schema")
right("several examples", at(*READ, "responses", "200", "content", "application/json", "examples", to={"one": {"value": {"id": "1"}}, "two": {"summary": "s", "value": {"id": "2"}}}), "call('read_thing', id='1')")
refused("an example of a parameter that does not fit", parameter("query", {"type": "integer"}, example="a"), "/parameters/1/example: does not fit its schema")
refused("several mistakes at once", all_of(field({"typ": "string"}), at(*READ, "paramters", to=[]), field({"type": "string", "enum": ["a", "a"]}, "y")), "/x/typ: ", "/get/paramters: ", '/y/enum: "a" is there twice')
