"""The cluster files of docs/cluster: they are what Ray expects, and start a command that exists."""

import json
import re
import shlex
from pathlib import Path

import pytest

from completion.cli import complete_command

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed (extra: ray)")
ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "cluster"
PINNED = re.search(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]


def load(name):
    return yaml.safe_load((FOLDER / name).read_text())


def test_the_file_for_a_cloud_is_one_of_rays_launcher():
    jsonschema = pytest.importorskip("jsonschema")
    ray = pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    found = load("aws.yaml")
    jsonschema.validate(found, schema)
    assert found["head_node_type"] in found["available_node_types"]
    workers = found["available_node_types"]["processors"]
    assert f"--num-cpus={workers['resources']['CPU']}" in found["worker_start_ray_commands"][-1]
    assert found["max_workers"] == workers["max_workers"]


def test_the_file_for_kubernetes_runs_the_command_with_as_many_workers_as_have_room():
    found = load("kuberay.yaml")
    assert (found["apiVersion"], found["kind"]) == ("ray.io/v1", "RayJob")
    cluster = found["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == PINNED
    name, *words = shlex.split(found["spec"]["entrypoint"])
    assert name == complete_command.name
    options = {option for param in complete_command.params for option in param.opts}
    assert {word for word in words if word.startswith("--")} <= options
    [group] = cluster["workerGroupSpecs"]
    room = group["replicas"] * int(group["rayStartParams"]["num-cpus"])
    assert words[words.index("--workers") + 1] == str(room)
    pods = [cluster["headGroupSpec"]["template"]["spec"], group["template"]["spec"]]
    for pod in pods:
        [container] = pod["containers"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]
        assert container["image"] == "IMAGE"
