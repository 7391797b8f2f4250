import json

import pytest

from trustkit import limits
from trustkit.codec.oci_build import index_bytes, manifest_bytes
from trustkit.codec.oci_manifest import (
    Index,
    Manifest,
    parse,
    parse_config,
    parse_index,
    parse_manifest,
    require_runnable,
)
from trustkit.errors import LimitExceededError, MalformedError
from trustkit.model.image import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

DIGEST = "sha256:" + "a" * 64
CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": 2}
LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": DIGEST, "size": 7}
MANIFEST = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]}
INDEX = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [{**LAYER, "mediaType": OCI_MANIFEST}]}
IMAGE_CONFIG = {
    "os": "linux",
    "architecture": "arm",
    "variant": "v7",
    "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
}


def text(document, **changes):
    return json.dumps({**document, **changes}).encode()


def without(document, *names):
    return json.dumps({k: v for k, v in document.items() if k not in names}).encode()


def with_layer(**changes):
    return text(MANIFEST, layers=[{**LAYER, **changes}])


def test_a_manifest_and_an_index_are_told_apart():
    assert isinstance(parse(text(MANIFEST)), Manifest)
    assert isinstance(parse(text(INDEX)), Index)


@pytest.mark.parametrize(
    ("document", "media_type"),
    [(MANIFEST, OCI_MANIFEST), (MANIFEST, DOCKER_MANIFEST), (INDEX, OCI_INDEX), (INDEX, DOCKER_LIST)],
)
def test_the_served_type_counts_where_the_document_is_silent(document, media_type):
    assert parse(without(document, "mediaType"), media_type).media_type == media_type


@pytest.mark.parametrize("served", ["", "application/json", "application/octet-stream", "text/plain"])
def test_a_type_that_says_nothing_leaves_it_to_the_document(served):
    assert parse(text(MANIFEST), served).media_type == OCI_MANIFEST


@pytest.mark.parametrize("document", [MANIFEST, INDEX])
def test_what_is_built_is_parsed_back(document):
    found = parse(text(document))
    content = manifest_bytes(found) if isinstance(found, Manifest) else index_bytes(found)
    assert parse(content) == found


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (text(MANIFEST, manifests=[]), "both manifests and layers"),
        (text(INDEX, config=CONFIG), "both manifests and layers"),
        (text(INDEX, layers=[]), "both manifests and layers"),
        (text(MANIFEST, mediaType=OCI_INDEX), "does not fit"),
        (text(INDEX, mediaType=OCI_MANIFEST), "does not fit"),
        (text(MANIFEST, mediaType="application/x-other"), "does not fit"),
        (text(MANIFEST, mediaType=7), "mediaType must be a string"),
        (text(MANIFEST, schemaVersion=1), "schema 1"),
        (text(MANIFEST, schemaVersion=3), "schemaVersion is not 2"),
        (text(MANIFEST, schemaVersion="2"), "schemaVersion must be an integer"),
        (text(MANIFEST, fsLayers=[]), "schema 1"),
        (text(MANIFEST)[:-1] + b',"layers":[]}', "duplicate name 'layers'"),
        (text(MANIFEST)[:-1] + b',"Layers":[]}', "letter case"),
        (text(MANIFEST)[:-9], "not JSON"),
        (b"[]", "must be an object"),
        (without(MANIFEST, "config"), "config must be an object"),
        (without(MANIFEST, "layers"), "layers must be an array"),
        (with_layer(size=-1), "negative"),
        (with_layer(size=limits.LAYER_BYTES + 1), "more than allowed"),
        (with_layer(size="7"), "size must be an integer"),
        (with_layer(size=7.0), "size must be an integer"),
        (with_layer(size=True), "size must be an integer"),
        (with_layer(digest="sha256:abc"), "not a digest"),
        (with_layer(digest="md5:" + "a" * 32), "not a digest"),
        (with_layer(digest=DIGEST.upper()), "not a digest"),
        (with_layer(mediaType=None), "mediaType must be a string"),
        (with_layer(urls=["https://elsewhere.example/x"]), "fetched from elsewhere"),
        (with_layer(data=7), "data must be a string"),
        (with_layer(annotations={"a": 1}), "annotations must be a string"),
        (with_layer(annotations=[]), "annotations must be an object"),
        (text(MANIFEST, subject="x"), "subject must be an object"),
        (text(MANIFEST, artifactType=[]), "artifactType must be a string"),
    ],
)
def test_refused(content, reason):
    with pytest.raises(MalformedError, match=reason):
        parse(content)


@pytest.mark.parametrize(
    ("content", "served"),
    [
        (text(MANIFEST), DOCKER_MANIFEST),
        (text(MANIFEST), OCI_INDEX),
        (text(MANIFEST), "text/html"),
        (without(MANIFEST, "mediaType"), OCI_INDEX),
        (text(MANIFEST), "application/vnd.docker.distribution.manifest.v1+prettyjws"),
    ],
)
def test_a_served_type_that_contradicts_the_document_is_refused(content, served):
    with pytest.raises(MalformedError):
        parse(content, served)


@pytest.mark.parametrize(
    "content",
    [
        text(MANIFEST, layers=[LAYER] * (limits.IMAGE_LAYERS + 1)),
        text(INDEX, manifests=[LAYER] * (limits.INDEX_CHILDREN + 1)),
        text(MANIFEST, annotations={str(n): "" for n in range(300)}),
        text(MANIFEST) + b" " * limits.MANIFEST_BYTES,
    ],
    ids=["layers", "children", "annotations", "bytes"],
)
def test_too_much_is_refused(content):
    with pytest.raises(LimitExceededError):
        parse(content)


def test_an_index_is_no_manifest():
    with pytest.raises(MalformedError, match="is an index"):
        parse_manifest(text(INDEX))


def test_a_manifest_is_no_index():
    with pytest.raises(MalformedError, match="is a manifest"):
        parse_index(text(MANIFEST))


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ],
)
def test_foreign_layers_cannot_run(media_type):
    with pytest.raises(MalformedError, match="foreign layer"):
        require_runnable(parse_manifest(with_layer(mediaType=media_type)))


def test_an_artifact_without_layers_cannot_run():
    with pytest.raises(MalformedError, match="no layers"):
        require_runnable(parse_manifest(text(MANIFEST, layers=[])))


def test_a_configuration_gives_its_platform_and_layers():
    found = parse_config(text(IMAGE_CONFIG, config={"User": "7", "Labels": {"a": "b", "A": "c"}}))
    assert (str(found.platform), len(found.diff_ids)) == ("linux/arm/v7", 1)
    assert (found.user, found.labels) == ("7", {"a": "b", "A": "c"})


@pytest.mark.parametrize(
    "content",
    [
        without(IMAGE_CONFIG, "rootfs"),
        text(IMAGE_CONFIG, rootfs={"type": "tar", "diff_ids": []}),
        text(IMAGE_CONFIG, rootfs={"type": "layers", "diff_ids": ["x"]}),
        text(IMAGE_CONFIG, os=1),
        text(IMAGE_CONFIG, config={"Labels": {"a": 1}}),
        text(IMAGE_CONFIG, config={"User": 0.5}),
        b"{",
    ],
)
def test_a_malformed_configuration_is_refused(content):
    with pytest.raises(MalformedError):
        parse_config(content)
