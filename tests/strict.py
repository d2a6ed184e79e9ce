# SPDX-License-Identifier: MIT
"""A JSON schema made strict, for schema.py and schemas.py."""


def strict(node):
    """The same schema, that takes no member which it does not describe."""
    if isinstance(node, list):
        return [strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    node = {key: strict(value) for key, value in node.items()}
    if "properties" in node and node.get("type") == "object":
        node["additionalProperties"] = False
    return node
