"""The Helm chart: rendered by Helm's own library, and checked against the schemas of Kubernetes.

No cluster has seen it. tests/packages/test_image.py runs what its pods would run.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from surtitle.config import Settings
from tests.packages.chart import Rendered, render, variables_of
from tests.packages.environments import needs_tools, tool

pytestmark = [pytest.mark.packages, pytest.mark.timeout(120), needs_tools]

EVERYTHING = json.dumps(
    {
        "gateway": {
            "replicas": 3,
            "settings": {"max_sockets": 1_000_000, "language": "en", "keys_in_pages": True},
            "allowedOrigins": ["https://talks.example"],
            "nodeSelector": {"zone": "a"},
            "tolerations": [{"operator": "Exists"}],
        },
        "engine": {
            "image": {"tag": "0.2.0-cuda"},
            "device": "cuda",
            "settings": {"batch": 8, "compute_type": "float16"},
            "resources": {"limits": {"nvidia.com/gpu": 1}},
            "modelCache": {"existingClaim": "models"},
            "autoscaling": {"enabled": True},
            "affinity": {"nodeAffinity": {}},
        },
        "ingress": {"enabled": True, "tlsSecret": "cert", "trustedProxies": "10.0.0.0/8"},
        "keys": {"existingSecret": "keys"},
        "lanes": {"existingSecret": "lanes"},
        "redis": {"enabled": True},
        "imagePullSecrets": [{"name": "registry"}],
    }
)


@pytest.fixture(params=["{}", EVERYTHING], ids=["defaults", "everything"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render(request.param)


def test_helm_finds_nothing(rendered: Rendered) -> None:
    assert rendered.findings["total_charts_linted"] == 1
    assert rendered.findings["errors"] == []
    assert [each["error"] for each in rendered.findings["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_kubernetes_would_accept_it(rendered: Rendered, tmp_path: Path, version: str) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump_all(rendered.manifests), encoding="utf-8")
    said = tool("kubernetes-validate", "--strict", "-k", version, path)
    assert said.count(" passed for resource ") == len(rendered.manifests)


def test_pods_have_no_rights(rendered: Rendered) -> None:
    for _, pod in rendered.pods:
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        assert pod["spec"]["automountServiceAccountToken"] is False
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_a_pod_has_time_to_end(rendered: Rendered) -> None:
    for _, pod in rendered.own_pods:
        (container,) = pod["spec"]["containers"]
        needed = float(variables_of(pod)["SURTITLE_DRAIN_S"])
        if "lifecycle" in container:
            command = container["lifecycle"]["preStop"]["exec"]["command"]
            assert command[0] == "sleep"
            needed += float(command[1])
        assert pod["spec"]["terminationGracePeriodSeconds"] >= needed + 5


def test_probes_ask_what_they_are_for(rendered: Rendered) -> None:
    """A server that has no engine is not restarted; nor is one that loads."""
    for _, pod in rendered.own_pods:
        (container,) = pod["spec"]["containers"]
        ports = {each["name"] for each in container["ports"]}
        paths = {}
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            asked = container[name]["httpGet"]
            assert asked["port"] in ports
            paths[name] = asked["path"]
        assert paths["livenessProbe"] == "/healthz"
        assert paths["readinessProbe"] == "/readyz"


def test_settings_exist(rendered: Rendered) -> None:
    for _, pod in rendered.own_pods:
        names = [name.removeprefix("SURTITLE_").lower() for name in variables_of(pod)]
        assert set(names) <= Settings.model_fields.keys()
        (container,) = pod["spec"]["containers"]
        assert len(container["env"]) == len(set(names))


def test_services_find_their_pods(rendered: Rendered) -> None:
    services = rendered.of("Service")
    pods = dict(rendered.pods)
    for service, deployment in (
        ("captions-surtitle", "captions-surtitle"),
        ("captions-surtitle-engines", "captions-surtitle-engine"),
        ("captions-surtitle-redis", "captions-surtitle-redis"),
    ):
        if service not in services:
            assert service.endswith("redis")
            continue
        found = [
            name
            for name, pod in pods.items()
            if services[service]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        assert found == [deployment]
        (container,) = pods[deployment]["spec"]["containers"]
        (port,) = services[service]["spec"]["ports"]
        assert port["targetPort"] in {each["name"] for each in container["ports"]}
    for name, each in rendered.of("PodDisruptionBudget").items():
        labels = each["spec"]["selector"]["matchLabels"]
        assert labels.items() <= pods[name]["metadata"]["labels"].items()


def test_servers_find_engines_by_a_headless_service(rendered: Rendered) -> None:
    variables = variables_of(dict(rendered.pods)["captions-surtitle"])
    engines = rendered.of("Service")["captions-surtitle-engines"]["spec"]
    assert engines["clusterIP"] == "None"
    (port,) = engines["ports"]
    where = f"dns+ws://captions-surtitle-engines.talks.svc:{port['port']}"
    assert variables["SURTITLE_ENGINE"] == where


def test_both_sides_of_a_lane_have_the_same_secret() -> None:
    for values, name in (("{}", "captions-surtitle-lanes"), (EVERYTHING, "lanes")):
        rendered = render(values)
        for _, pod in rendered.own_pods:
            (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == "lanes")
            assert volume["secret"]["secretName"] == name
        assert (name in rendered.of("Secret")) == (values == "{}")
    (secret,) = render().of("Secret").values()
    assert len(secret["data"]["secret"]) >= 64


def test_without_keys_the_service_answers_under_its_names() -> None:
    variables = variables_of(dict(render().pods)["captions-surtitle"])
    assert variables["SURTITLE_OPEN_TO_NETWORK"] == "true"
    assert "http://captions-surtitle.talks.svc" in variables["SURTITLE_ALLOWED_ORIGINS"].split(",")
    assert "There are no keys" in render().notes


def test_what_is_asked_for_is_there() -> None:
    rendered = render(EVERYTHING)
    gateway = variables_of(dict(rendered.pods)["captions-surtitle"])
    assert gateway["SURTITLE_KEYS_FILE"] == "/run/surtitle/keys/keys.toml"
    assert "SURTITLE_OPEN_TO_NETWORK" not in gateway
    assert gateway["SURTITLE_MAX_SOCKETS"] == "1000000"
    assert gateway["SURTITLE_KEYS_IN_PAGES"] == "true"
    origins = gateway["SURTITLE_ALLOWED_ORIGINS"].split(",")
    assert {"https://captions.example", "https://talks.example"} <= set(origins)
    assert "There are no keys" not in rendered.notes
    engine = rendered.of("Deployment")["captions-surtitle-engine"]["spec"]
    assert "replicas" not in engine  # or each upgrade would undo the autoscaler
    assert engine["template"]["spec"]["containers"][0]["image"] == "surtitle:0.2.0-cuda"
    (scaler,) = rendered.of("HorizontalPodAutoscaler").values()
    assert scaler["spec"]["scaleTargetRef"]["name"] == "captions-surtitle-engine"
    (metric,) = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "surtitle_owed_jobs"
    (ingress,) = rendered.of("Ingress").values()
    (rule,) = ingress["spec"]["rules"]
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] in rendered.of("Service")


def test_several_servers_share_their_channels() -> None:
    gateway = variables_of(dict(render(EVERYTHING).pods)["captions-surtitle"])
    assert gateway["SURTITLE_BACKPLANE"] == "redis://captions-surtitle-redis:6379"
    assert "no Redis" not in render(EVERYTHING).notes
    alone = render('{"gateway": {"replicas": 2}}')
    assert "SURTITLE_BACKPLANE" not in variables_of(dict(alone.pods)["captions-surtitle"])
    assert "several servers and no Redis" in alone.notes
    other = render('{"redis": {"enabled": true, "existingSecret": "elsewhere"}}')
    gateway = variables_of(dict(other.pods)["captions-surtitle"])
    assert "'name': 'elsewhere'" in gateway["SURTITLE_BACKPLANE"]
    assert "captions-surtitle-redis" not in other.of("Deployment")
