"""Does each OCSP response of OpenSSL's tests count exactly where it ought to?"""

import base64
import json
import pathlib
import tempfile

import suite


def case_of(test, source, folder):
    arguments = [source / test["cert"], "--anchor", source / test["root"], "--at", test["moment"]]
    for name in test.get("other_certs", []):
        arguments += ["--intermediate", source / name]
    for name in test["ocsps"]:
        response = folder / name
        response.write_bytes(base64.b64decode((source / name).read_bytes()))
        arguments += ["--ocsp", response]
    return suite.Case(test["name"], arguments, "error" not in test)


with tempfile.TemporaryDirectory() as folder:
    source = suite.corpus("ocsp")
    tests = json.loads((source / "openssl-ocsp.json").read_text())
    suite.run([case_of(test, source, pathlib.Path(folder)) for test in tests], "ocsp.md")
