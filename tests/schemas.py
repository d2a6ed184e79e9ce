# SPDX-License-Identifier: MIT
"""Validates what commands print with --json: schemas.py SCHEMA FILE...

Each file must be as the schema says, and hold no member that the schema does not describe; every
member that the schema describes must be in some file, and none may lack its description.
"""

import copy
import json
import pathlib
import sys

import jsonschema

from strict import strict

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
defs = schema.get("$defs", {})
failures = 0


def fail(what):
    global failures
    failures += 1
    print(f"{pathlib.Path(sys.argv[1]).name}: {what}")


def target(node):
    return defs[node["$ref"].removeprefix("#/$defs/")] if "$ref" in node else node


def members(node, where="", label=""):
    """Yields each member below NODE: its place, its schema, and a label that a $ref's share."""
    if "$ref" in node:
        label = node["$ref"]
    node = target(node)
    for form in node.get("anyOf", []):
        yield from members(form, where, label)
    for name, member in node.get("properties", {}).items():
        yield f"{where}.{name}", member, f"{label}.{name}"
        yield from members(member, f"{where}.{name}", f"{label}.{name}")
    if "items" in node:
        yield from members(node["items"], where, label)


def seen(value, where=""):
    """Yields the places of the members that are in VALUE."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{where}.{name}"
            yield from seen(member, f"{where}.{name}")
    elif isinstance(value, list):
        for member in value:
            yield from seen(member, where)


def spoilt(value):
    """Yields copies of VALUE that lack a member, or have one that is something else."""
    for name in value:
        for put in (None, -1, "x", {"odd": []}):
            other = copy.deepcopy(value)
            if put is None:
                del other[name]
            else:
                other[name] = put
            yield name, put, other


jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(strict(schema))
found = set()
for name in sys.argv[2:]:
    value = json.loads(pathlib.Path(name).read_text())
    for error in validator.iter_errors(value):
        fail(f"{name}: {'/'.join(map(str, error.path))}: {error.message[:200]}")
    found.update(seen(value))
    # What an object at the top cannot lack is not to be missed, nor to be of another type.
    for member, put, other in spoilt(value):
        optional = put is None and member not in schema["required"]
        free_text = put == "x" and schema["properties"][member].get("type") == "string"
        if not optional and not free_text and validator.is_valid(other):
            fail(f"takes {member} {'missing' if put is None else put!r}")
printed = {label for place, _, label in members(schema) if place in found}
for place, member, label in members(schema):
    if label not in printed:
        fail(f"nothing prints {place}")
    if not member.get("description") and not target(member).get("description"):
        fail(f"{place} has no description")
print(f"{len(sys.argv) - 2} files, {len(found)} members, {failures} failures")
sys.exit(failures != 0)
