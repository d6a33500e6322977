#!/usr/bin/python3
"""Avro in Confluent's frame by a client that is not ours, with a registry:

  foreign_avro.py write REGISTRY SUBJECT SCHEMA VALUE     prints the bytes of a value, a Python expression, in hex
  foreign_avro.py read REGISTRY BYTES                     prints the value of such bytes
  foreign_avro.py compatible REGISTRY SUBJECT LEVEL       has the registry refuse schemas that are not compatible
"""
import datetime
import decimal
import io
import json
import struct
import sys
import urllib.request
import uuid

import avro.io
import avro.schema


def ask(registry, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(registry + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def write(registry, subject, text, value):
    number = ask(registry, f"/subjects/{subject}/versions", {"schema": text})["id"]
    out = io.BytesIO(struct.pack(">bI", 0, number))
    out.seek(0, io.SEEK_END)
    names = {"Decimal": decimal.Decimal, "datetime": datetime, "uuid": uuid}
    avro.io.DatumWriter(avro.schema.parse(text)).write(eval(value, names), avro.io.BinaryEncoder(out))
    print(out.getvalue().hex())


def read(registry, text):
    data = bytes.fromhex(text)
    magic, number = struct.unpack(">bI", data[:5])
    assert magic == 0
    schema = avro.schema.parse(ask(registry, f"/schemas/ids/{number}")["schema"])
    left = io.BytesIO(data[5:])
    value = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(left))
    assert left.read() == b""
    print(json.dumps(value, default=str))


def compatible(registry, subject, level):
    ask(registry, f"/config/{subject}", {"compatibility": level}, "PUT")


{"write": write, "read": read, "compatible": compatible}[sys.argv[1]](*sys.argv[2:])
