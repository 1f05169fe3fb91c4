"""Is each path of x509-limbo judged as it says? Servers' certificates, most of them: what they are for is not asked."""

import json
import pathlib
import tempfile

import suite


class Files:
    def __init__(self, folder):
        self.folder, self.count = pathlib.Path(folder), 0

    def write(self, text):
        self.count += 1
        path = self.folder / f"{self.count}.pem"
        path.write_text(text)
        return path


def case_of(test, files):
    arguments = [files.write(test["peer_certificate"])]
    for option, member in ("--anchor", "trusted_certs"), ("--intermediate", "untrusted_intermediates"), ("--crl", "crls"):
        for pem in test[member]:
            arguments += [option, files.write(pem)]
    if not test["crls"]:
        arguments += ["--revocation", "none"]
    if test["validation_time"]:
        arguments += ["--at", test["validation_time"]]
    if test["max_chain_depth"] is not None:
        arguments += ["--max-depth", test["max_chain_depth"]]
    return suite.Case(test["id"], arguments, test["expected_result"] == "SUCCESS")


with tempfile.TemporaryDirectory() as folder:
    tests = json.loads((suite.corpus("limbo") / "limbo-docsign.json").read_text())["testcases"]
    written = Files(folder)
    suite.run([case_of(test, written) for test in tests], "limbo.md")
