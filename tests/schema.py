# SPDX-License-Identifier: MIT
"""Validates the files *.nested and *.flat of a folder: schema.py SCHEMA FOLDER."""

import copy
import json
import pathlib
import sys

import jsonschema

from strict import strict

schema = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(sys.argv[2])
failures = 0


def fail(what):
    global failures
    failures += 1
    print(what)


def undescribed(node, where, described):
    """Yields the members that have no description, at NODE or through a $ref."""
    if isinstance(node, dict):
        for name, member in node.get("properties", {}).items():
            target = member
            if "$ref" in member:
                target = described[member["$ref"].removeprefix("#/$defs/")]
            if not target.get("description"):
                yield f"{where}.{name}"
        for key, value in node.items():
            yield from undescribed(value, f"{where}.{key}", described)
    elif isinstance(node, list):
        for value in node:
            yield from undescribed(value, where, described)


def validator(form, base):
    whole = copy.deepcopy(base)
    del whole["oneOf"]
    whole["$ref"] = f"#/$defs/{form}"
    return jsonschema.Draft202012Validator(whole)


def check(form, value, where):
    # The strict form says best what is wrong; the whole must then take it as it is.
    for error in forms[form].iter_errors(value):
        fail(f"{where}: {'/'.join(map(str, error.path))}: {error.message[:200]}")
        return
    if value_count % 50 == 0 and not whole.is_valid(value):
        fail(f"{where}: not of exactly one form")


def refuse(form, value, change, what):
    value = copy.deepcopy(value)
    change(value)
    if forms_as_they_are[form].is_valid(value):
        fail(f"the schema takes {what}")


for member in undescribed(schema, "", schema["$defs"]):
    fail(f"no description: {member}")
jsonschema.Draft202012Validator.check_schema(schema)
whole = jsonschema.Draft202012Validator(schema)
names = ["nested", "flat_first_line", "flat_line"]
forms = {name: validator(name, strict(schema)) for name in names}
forms_as_they_are = {name: validator(name, schema) for name in names}

value_count = 0
seen = set()
for path in sorted(folder.iterdir()):
    if path.suffix == ".nested":
        value = json.loads(path.read_text())
        # The validator recurses; 400 levels are more than it can follow.
        if path.stem != "nested-most":
            check("nested", value, path.name)
        seen.add("nested")
    for number, line in enumerate(path.read_text().split("\n")[:-1]):
        if path.suffix != ".flat":
            break
        value = json.loads(line)
        form = "flat_line" if number else "flat_first_line"
        check(form, value, f"{path.name}:{number + 1}")
        value_count += 1
        seen.add(form)
if seen != set(names):
    fail(f"only {seen} were there to validate")

nested = json.loads((folder / "odd.nested").read_text())
flat = [json.loads(line) for line in (folder / "odd.flat").read_text().splitlines()]
refuse("nested", nested, lambda v: v.update(version=2), "another version")
refuse("nested", nested, lambda v: v.pop("source"), "no source")
refuse("nested", nested, lambda v: v["contexts"][0].pop("name"), "no name")
refuse("nested", nested, lambda v: v["contexts"][0].update(id=1), "a number as id")
refuse("nested", nested, lambda v: v["contexts"][0]["children"][0].update(tail_bytes=-1),
       "a negative size below a root")
refuse("nested", nested, lambda v: v["contexts"][0]["classes"].pop(), "ten classes")
refuse("flat_line", flat[1], lambda v: v.pop("path"), "no path")
refuse("flat_line", flat[1], lambda v: v.update(total_bytes="1"), "a string as size")
refuse("flat_first_line", flat[0], lambda v: v.pop("totals"), "no totals")

print(f"{value_count} lines and their nested forms: {failures} failures")
sys.exit(failures != 0)
