#!/usr/bin/python3
"""Makes a container anew, with one thing wrong.

    edit_zip.py WHAT IN OUT

IN is a well-formed ASiC-E with a.txt and b.txt (or ASiC-S with a.txt). Only ZIP is made here, by hand, since libraries
refuse to write most of this; `edit_zip.py list` prints what there is, each with the exit status that it gets."""
import binascii
import struct
import sys
import zipfile
import zlib


class Entry:
    """A file: what both headers say of it, and what each says otherwise."""

    def __init__(self, name, data, method=0):
        self.name, self.data, self.method = name, data, method
        self.packed = deflate(data) if method == 8 else data
        self.size, self.crc = len(data), binascii.crc32(data)
        self.flags, self.attributes, self.made_by = 0, 0, 20
        self.extra = b""
        self.descriptor = b""
        self.local = {}
        self.at = None  # another entry's place
        self.before = b""
        self.hidden = False  # not in the directory


def deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def local_header(entry):
    get = lambda key: entry.local.get(key, getattr(entry, key))
    name = get("name")
    packed_size = entry.local.get("packed_size", len(entry.packed))
    return struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, get("flags"), get("method"), 0, 0x21, get("crc"), packed_size,
                       get("size"), len(name), len(get("extra"))) + name + get("extra")


def central_header(entry, at):
    return struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, entry.made_by, 20, entry.flags, entry.method, 0, 0x21, entry.crc,
                       len(entry.packed), entry.size, len(entry.name), len(entry.extra), 0, 0, 0, entry.attributes,
                       at) + entry.name + entry.extra


def build(entries, count=None, tail=b"", comment=b""):
    out, central, places = b"", b"", []
    for entry in entries:
        out += entry.before
        places.append(len(out))
        at = places[entry.at] if entry.at is not None else len(out)
        if entry.at is None:
            out += local_header(entry) + entry.packed + entry.descriptor
        if not entry.hidden:
            central += central_header(entry, at)
    shown = sum(not entry.hidden for entry in entries) if count is None else count
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, shown, shown, len(central), len(out), len(comment)) + comment
    return out + central + end + tail


def named(entries, name):
    return next(entry for entry in entries if entry.name == name.encode())


def replace(entries, name, data, method=0):
    entries[[entry.name for entry in entries].index(name.encode())] = Entry(name.encode(), data, method)


# --- what a signature finds --------------------------------------------------------------------------------------------

def good(entries):
    pass


def deflated(entries):
    for entry in list(entries[1:]):
        replace(entries, entry.name.decode(), entry.data, 8)


def with_descriptors(entries):
    for entry in entries:
        entry.flags = 8
        entry.local = {"crc": 0, "size": 0, "packed_size": 0}
        entry.descriptor = struct.pack("<IIII", 0x08074B50, entry.crc, len(entry.packed), entry.size)


def file_changed(entries):
    data = named(entries, "a.txt").data
    replace(entries, "a.txt", bytes([data[0] ^ 1]) + data[1:])


def manifest_name(entries):
    return next(entry.name.decode() for entry in entries if b"ASiCManifest" in entry.name)


def signature_name(entries):
    return next(entry.name.decode() for entry in entries if entry.name.endswith(b".p7s"))


def manifest_changed(entries):
    name = manifest_name(entries)
    replace(entries, name, named(entries, name).data.replace(b"</asic:ASiCManifest>", b" </asic:ASiCManifest>"))


def manifest_follows_file(entries):
    """The digest of the changed file is put into the manifest, too."""
    import base64
    import hashlib
    name = manifest_name(entries)
    old = named(entries, "a.txt").data
    file_changed(entries)
    digest = lambda data: base64.b64encode(hashlib.sha256(data).digest())
    replace(entries, name, named(entries, name).data.replace(digest(old), digest(named(entries, "a.txt").data)))


def signature_changed(entries):
    name = signature_name(entries)
    data = named(entries, name).data
    replace(entries, name, data[:-1] + bytes([data[-1] ^ 1]))


def file_added(entries):
    entries.insert(1, Entry(b"c.txt", b"not signed\n"))


def file_removed(entries):
    entries.remove(named(entries, "a.txt"))


def file_renamed(entries):
    named(entries, "a.txt").name = b"c.txt"


def files_exchanged(entries):
    a, b = named(entries, "a.txt"), named(entries, "b.txt")
    a.name, b.name = b.name, a.name


def signature_removed(entries):
    entries.remove(named(entries, signature_name(entries)))


def manifest_removed(entries):
    entries.remove(named(entries, manifest_name(entries)))


def signature_is_none(entries):
    replace(entries, signature_name(entries), b"no signature")


def manifest_twice(entries):
    entries.append(Entry(b"META-INF/ASiCManifest002.xml", named(entries, manifest_name(entries)).data))


def manifest_with_entities(entries):
    name = manifest_name(entries)
    head, _, rest = named(entries, name).data.partition(b"<asic:ASiCManifest")
    bomb = b'<!DOCTYPE a [<!ENTITY a "' + b"a" * 1000 + b'">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(12)) + b"]>"
    replace(entries, name, head + bomb + b"<asic:ASiCManifest" + rest.replace(b"a.txt", b"&m;"))


def manifest_with_external_entity(entries):
    name = manifest_name(entries)
    head, _, rest = named(entries, name).data.partition(b"<asic:ASiCManifest")
    replace(entries, name, head + b'<!DOCTYPE a SYSTEM "file:///etc/passwd">' + b"<asic:ASiCManifest" + rest)


# --- what a ZIP may not be ----------------------------------------------------------------------------------------------

def duplicate(entries):
    entries.append(Entry(b"a.txt", b"another\n"))


def duplicate_as_folder(entries):
    entries.append(Entry(b"a.txt/", b""))


def local_name(entries):
    named(entries, "a.txt").local = {"name": b"x.txt"}


def local_size(entries):
    named(entries, "a.txt").local = {"size": 1}


def local_crc(entries):
    named(entries, "a.txt").local = {"crc": 1}


def local_method(entries):
    named(entries, "a.txt").local = {"method": 8}


def local_flags(entries):
    named(entries, "a.txt").local = {"flags": 1}


def local_unicode_path(entries):
    entry = named(entries, "a.txt")
    path = b"x.txt"
    entry.local = {"extra": struct.pack("<HHBI", 0x7075, 5 + len(path), 1, binascii.crc32(entry.name)) + path}


def unicode_path(entries):
    local_unicode_path(entries)
    entry = named(entries, "a.txt")
    entry.extra, entry.local = entry.local["extra"], {}


def descriptor_differs(entries):
    with_descriptors(entries)
    entry = named(entries, "a.txt")
    entry.descriptor = struct.pack("<IIII", 0x08074B50, entry.crc ^ 1, len(entry.packed), entry.size)


def bomb(entries):
    entries.append(Entry(b"zeros", bytes(400 << 20), 8))


def bomb_that_lies(entries):
    entry = Entry(b"a.txt", bytes(64 << 20), 8)
    entry.size = 1000
    entries[[e.name for e in entries].index(b"a.txt")] = entry


def overlapping(entries):
    again = Entry(b"c.txt", named(entries, "a.txt").data)
    again.at = [entry.name for entry in entries].index(b"a.txt")
    entries.append(again)


def inside_another(entries):
    """An entry whose local header is in the data of another."""
    inner = Entry(b"c.txt", b"inner\n")
    entries[1] = Entry(entries[1].name, local_header(inner) + inner.packed)
    inner.at = 1
    entries.append(inner)


def traversal(entries):
    entries.append(Entry(b"../c.txt", b"c"))


def traversal_inside(entries):
    entries.append(Entry(b"a/../../c.txt", b"c"))


def absolute(entries):
    entries.append(Entry(b"/tmp/c.txt", b"c"))


def drive(entries):
    entries.append(Entry(b"C:c.txt", b"c"))


def backslash(entries):
    entries.append(Entry(b"..\\c.txt", b"c"))


def line_break(entries):
    entries.append(Entry(b"c.txt\nVALID: x", b"c"))


def not_utf8(entries):
    entry = Entry(b"\xff.txt", b"c")
    entry.flags = 1 << 11
    entries.append(entry)


def link(entries):
    entry = Entry(b"c.txt", b"/etc/passwd")
    entry.made_by, entry.attributes = 3 << 8 | 20, 0o120777 << 16
    entries.append(entry)


def encrypted(entries):
    named(entries, "a.txt").flags = 1


def unknown_method(entries):
    named(entries, "a.txt").method = 12


def wrong_crc(entries):
    named(entries, "a.txt").crc ^= 1


def broken_deflate(entries):
    replace(entries, "a.txt", named(entries, "a.txt").data, 8)
    named(entries, "a.txt").packed = b"\xff" * 20


def behind_deflate(entries):
    replace(entries, "a.txt", named(entries, "a.txt").data, 8)
    named(entries, "a.txt").packed += b"more"


def hidden_entry(entries):
    entry = Entry(b"c.txt", b"c")
    entry.hidden = True
    entries.insert(2, entry)


def gap(entries):
    entries[2].before = b"hidden"


def before(entries):
    entries[0].before = b"#!/bin/sh\n"


def before_like_a_zip(entries):
    entries[0].before = local_header(Entry(b"c.txt", b""))


def behind(entries):
    return {"tail": b"more"}


def too_many_said(entries):
    return {"count": len(entries) + 1}


def too_few_said(entries):
    return {"count": len(entries) - 1}


def truncated(data):
    return data[:-30]


def end_missing(data):
    return data[:-22]


PASSED, FAILED, CANNOT_TELL, BROKEN = 0, 1, 2, 65
CASES = {
    good: PASSED, deflated: PASSED, with_descriptors: PASSED, file_added: PASSED,
    file_changed: FAILED, manifest_changed: FAILED, manifest_follows_file: FAILED, signature_changed: FAILED,
    files_exchanged: FAILED,
    file_removed: CANNOT_TELL, file_renamed: CANNOT_TELL, manifest_removed: CANNOT_TELL, signature_removed: CANNOT_TELL,
    signature_is_none: BROKEN, manifest_twice: BROKEN, manifest_with_entities: BROKEN,
    manifest_with_external_entity: BROKEN, duplicate: BROKEN, duplicate_as_folder: BROKEN, local_name: BROKEN,
    local_size: BROKEN, local_crc: BROKEN, local_method: BROKEN, local_flags: BROKEN, local_unicode_path: BROKEN,
    unicode_path: BROKEN, descriptor_differs: BROKEN, bomb: BROKEN, bomb_that_lies: BROKEN, overlapping: BROKEN,
    inside_another: BROKEN, traversal: BROKEN, traversal_inside: BROKEN, absolute: BROKEN, drive: BROKEN,
    backslash: BROKEN, line_break: BROKEN, not_utf8: BROKEN, link: BROKEN, encrypted: BROKEN, unknown_method: BROKEN,
    wrong_crc: BROKEN, broken_deflate: BROKEN, behind_deflate: BROKEN, hidden_entry: BROKEN, gap: BROKEN,
    before: CANNOT_TELL, before_like_a_zip: BROKEN, behind: BROKEN, too_many_said: BROKEN, too_few_said: BROKEN, truncated: BROKEN, end_missing: BROKEN,
}


def main():
    if sys.argv[1:] == ["list"]:
        for case, status in CASES.items():
            print(case.__name__, status)
        return
    what, source, target = sys.argv[1:]
    case = next(case for case in CASES if case.__name__ == what)
    with zipfile.ZipFile(source) as archive:
        entries = [Entry(info.filename.encode(), archive.read(info)) for info in archive.infolist()]
    if case in (truncated, end_missing):
        data = case(build(entries))
    else:
        options = case(entries)
        data = build(entries, **(options or {}))
    with open(target, "wb") as out:
        out.write(data)


if __name__ == "__main__":
    main()
