"""Our credential's proof before the packages with which the W3C's own tests were built: Digital Bazaar's, for Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from proven import changed, figures, issued, proven
from published import folder

pytestmark = [pytest.mark.tools, pytest.mark.slow]

PACKAGES = Path(__file__).parent / "support" / "node"


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """The folder of the verifier with its packages, each taken by the hash in the lock."""
    made = tmp_path_factory.mktemp("node") / "verifier"
    shutil.copytree(PACKAGES, made, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=made, check=True, capture_output=True, timeout=300)
    return made


def verdicts(node, documents):
    """What it says of each document."""
    files = [node / f"{number}.json" for number, _ in enumerate(documents)]
    for file, document in zip(files, documents, strict=True):
        file.write_text(json.dumps(document), encoding="utf-8")
    said = subprocess.run(["node", "verify.mjs", *files], cwd=node, check=True, capture_output=True, text=True, timeout=300)
    return said.stdout.splitlines()


def test_digital_bazaars_packages_verify_a_certificates_proof(node):
    documents = [proven(), proven("domestic-origin"), issued("certificate.json"), issued("origin.json")]
    assert verdicts(node, documents) == ["true"] * 4


def test_they_refuse_a_changed_digit_of_any_figure(node):
    document = proven()
    ways = [("credentialSubject", *way) for way in figures(document["credentialSubject"])]
    assert len(ways) > 100
    assert verdicts(node, [changed(document, way) for way in ways]) == ["false Invalid signature."] * len(ways)


def test_they_verify_the_w3c_vector_and_refuse_its_changed_digit(node):
    signed = json.loads((folder("w3c-vc-di-eddsa") / "TestVectors/eddsa-jcs-2022/signedJCS.json").read_bytes())
    assert verdicts(node, [signed, signed | {"validFrom": "2023-01-01T00:00:01Z"}]) == ["true", "false Invalid signature."]
