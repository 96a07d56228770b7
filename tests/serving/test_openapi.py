"""The description of the API: it has every route and only those, and the answers are as it says."""

import json
import re

import pytest
from starlette.routing import Route

from feedbackward.serving.openapi import DOCUMENT
from feedbackward.serving.routes import ROUTES

OPERATIONS = {
    (method.upper(), path): operation for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
}


def resolve(schema):
    if "$ref" not in schema:
        return schema
    found = DOCUMENT
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def problems(value, schema, place="answer"):
    """What in a value is not as a schema says."""
    schema = resolve(schema)
    if "oneOf" in schema:
        several = [list(problems(value, option, place)) for option in schema["oneOf"]]
        return [] if sum(not found for found in several) == 1 else [f"{place} is none of several", *several]
    if "const" in schema:
        return [] if value == schema["const"] else [f"{place} is {value!r}"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{place} is {value!r}"]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "null": type(None)}
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, kinds[name]) for name in names):
        return [f"{place} is {value!r}, not {names}"]
    found = []
    if isinstance(value, dict) and "properties" in schema:
        found += [f"{place} has {set(value) ^ set(schema['properties'])}"] * (set(value) != set(schema["properties"]))
        for name in value.keys() & schema["properties"].keys():
            found += problems(value[name], schema["properties"][name], f"{place}.{name}")
    if isinstance(value, list):
        for each in value:
            found += problems(each, schema["items"], f"{place}[]")
    if isinstance(value, (int, float)):
        found += [f"{place} is {value}"] * not_within(value, schema)
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{place} is {value!r}")
    return found


def not_within(value, schema):
    return not schema.get("minimum", value) <= value <= schema.get("maximum", value)


def test_it_has_every_route_and_only_those():
    routes = {(method, route.path) for route in ROUTES for method in route.methods - {"HEAD"}}
    assert all(isinstance(route, Route) for route in ROUTES)
    assert OPERATIONS.keys() == routes


def test_its_structure():
    assert DOCUMENT["openapi"].startswith("3.1")
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)
    for (_, path), operation in OPERATIONS.items():
        within = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert sorted(within) == sorted(re.findall(r"\{(\w+)\}", path))
        assert operation["summary"].endswith(".")
        for status, response in operation["responses"].items():
            assert re.fullmatch(r"[2345]\d\d", status)
            assert resolve(response)["description"]
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        assert resolve({"$ref": reference})


@pytest.mark.parametrize("path", ["/api/models", "/health", "/openapi.json"])
def test_answers_are_as_it_says(client, path):
    answer = client.get(path)
    schema = OPERATIONS["GET", path]["responses"]["200"]["content"]["application/json"]["schema"]
    assert problems(answer.json(), schema) == []


def test_results_are_as_it_says(client, upload):
    content = OPERATIONS["POST", "/api/segment"]["responses"]["200"]["content"]
    answer = client.post("/api/segment?name=a.png", content=upload)
    assert problems(answer.json(), content["application/json"]["schema"]) == []
    answer = client.post("/api/segment?name=a.png", content=upload, headers={"Accept": "application/x-ndjson"})
    for line in answer.text.splitlines():
        assert problems(json.loads(line), content["application/x-ndjson"]["schema"]) == []


def test_explanations_are_as_it_says(client, upload):
    result = client.post("/api/segment?name=a.png", content=upload).json()
    answer = client.get(f"/api/results/{result['id']}/explain?x=3&y=4")
    content = OPERATIONS["GET", "/api/results/{result}/explain"]["responses"]["200"]["content"]
    assert problems(answer.json(), content["application/json"]["schema"]) == []


def test_the_check_sees_what_is_wrong():
    schema = DOCUMENT["components"]["schemas"]["Class"]
    assert problems({"index": 0, "name": "sky", "color": "#00ff00"}, schema) == []
    assert problems({"index": -1, "name": "sky", "color": "#00ff00"}, schema) == ["answer.index is -1"]
    assert problems({"index": 0, "name": "sky", "color": "green"}, schema) == ["answer.color is 'green'"]
    assert problems({"index": 0, "name": 3, "color": "#00ff00"}, schema) == ["answer.name is 3, not ['string']"]
    assert problems({"index": 0, "name": "sky"}, schema)
