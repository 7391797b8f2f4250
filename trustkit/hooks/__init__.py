"""Admission hooks: what asks the gate on behalf of other engines.

errors            what a hook may fail with; its engine is always told a refusal
fields            members of JSON that Go programs read
containerd        what containerd's image verifier plugin asks, read strictly; `cli.image_verifier` answers
docker*           the authorization plugin of dockerd
kubernetes        the admission webhook of a cluster
oci               what an OCI runtime is called with; `cli.oci_runtime` judges it, then becomes the runtime
"""
