#!/usr/bin/python3
"""What of a container is as it was.

    look_at_container.py changed BEFORE AFTER NAME       all is as it was but the bytes of NAME: the other entries octet
                                                         for octet, the order, the names, `mimetype` first and stored
    look_at_container.py added BEFORE AFTER NAME...      likewise, and behind all others there are these
    look_at_container.py token P7S VALUE TOKEN           a signature's value and its time-stamp, each into a file"""
import sys
import zipfile

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from edit_cms import children, head


def spans(path):
    """Each entry's octets, with its headers, in the order of the file."""
    data = open(path, "rb").read()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        assert [info.filename for info in infos] == archive.namelist()
        assert infos[0].filename == "mimetype" and infos[0].compress_type == zipfile.ZIP_STORED
        ends = [info.header_offset for info in infos[1:]] + [archive.start_dir]
        return [(info.filename, data[info.header_offset:end]) for info, end in zip(infos, ends)]


def look_changed(before, after, name):
    old, new = spans(before), spans(after)
    assert [entry for entry, _ in old] == [entry for entry, _ in new]
    assert [entry for (entry, data), (_, other) in zip(old, new) if data != other] == [name]


def look_added(before, after, *names):
    old, new = spans(before), spans(after)
    assert new[:len(old)] == old
    assert [entry for entry, _ in new[len(old):]] == list(names)


def write_token(signature, value, token):
    """SignedData's last SignerInfo: its signature, and the value of the unsigned attribute that is a time-stamp."""
    data = open(signature, "rb").read()
    signed_data = list(children(list(children(data))[1]))[0]
    info = list(children(list(children(list(children(signed_data))[-1]))[-1]))
    assert info[-1][0] == 0xA1 and info[-2][0] == 0x04
    at, length = head(info[-2], 0)
    open(value, "wb").write(info[-2][at:at + length])
    (stamp,) = [attribute for attribute in children(info[-1])
                if bytes.fromhex("060b2a864886f70d010910020e") in attribute[:20]]
    open(token, "wb").write(list(children(list(children(stamp))[1]))[0])


{"changed": look_changed, "added": look_added, "token": write_token}[sys.argv[1]](*sys.argv[2:])
