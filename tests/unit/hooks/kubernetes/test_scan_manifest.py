"""The scan's manifest: an indexed Job in which every shard is somebody's, with the right to list pods and no other."""

import argparse
from pathlib import Path

import yaml

from trustkit.cli.commands import scan

FILE = Path(__file__).resolve().parents[4] / "deploy" / "kubernetes" / "trustkit-scan.yaml"
DOCUMENTS = {document["kind"]: document for document in yaml.safe_load_all(FILE.read_text())}
JOB = DOCUMENTS["CronJob"]["spec"]["jobTemplate"]["spec"]
POD = JOB["template"]["spec"]


def test_it_may_list_pods_and_nothing_else():
    assert DOCUMENTS["ClusterRole"]["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]


def test_every_shard_has_a_pod():
    parser = argparse.ArgumentParser()
    scan.add_arguments(parser)
    words = parser.parse_args(POD["containers"][0]["args"])
    assert (JOB["completionMode"], str(JOB["completions"])) == ("Indexed", words.shard)


def test_what_is_not_admitted_is_not_tried_again():
    rule = JOB["podFailurePolicy"]["rules"][0]
    assert (rule["action"], 1 in rule["onExitCodes"]["values"]) == ("FailIndex", True)


def test_it_keeps_to_the_restricted_profile():
    container = POD["containers"][0]["securityContext"]
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert (container["allowPrivilegeEscalation"], container["readOnlyRootFilesystem"]) == (False, True)
    assert POD["securityContext"]["runAsNonRoot"] is True
