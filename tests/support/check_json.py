#!/usr/bin/python3
"""Holds lines of JSON to the schemas of docs/schema, and to values.

    check_json.py SCHEMA-FOLDER [PATH=JSON]... < lines

Every line must be an object whose `schema` ("signet.verify/1") names a schema file ("signet.verify.1.json") and must fit
it. PATH is members and indexes with dots between them ("signatures.0.intact"); each must have that JSON value in the
last line."""
import json
import pathlib
import sys

import jsonschema

BASE = "file:///"  # so that a schema that another one refers to can refer to a third


def value_at(document, path):
    for step in path.split("."):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def main():
    folder = pathlib.Path(sys.argv[1])
    schemas = {BASE + path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    document = None
    for line in sys.stdin:
        document = json.loads(line)
        schema = schemas[BASE + document["schema"].replace("/", ".") + ".json"]
        resolver = jsonschema.RefResolver(BASE, schema, store=schemas)
        jsonschema.Draft202012Validator(schema, resolver=resolver).validate(document)
    if document is None:
        sys.exit("no JSON was printed")
    for want in sys.argv[2:]:
        path, _, text = want.partition("=")
        got = value_at(document, path)
        if got != json.loads(text):
            sys.exit(f"{path} is {json.dumps(got)}, not {text}")


main()
