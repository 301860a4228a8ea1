"""The real model on a Ray cluster, with a secret; and what goes on when the head is gone."""

from collections.abc import Iterator

import pytest

from lab.ledger import read_pcm16
from lab.places import SAMPLE
from lab.ray_cluster import RayCluster, ray_cluster
from lab.waiting import is_alive
from surtitle.jobs import SAMPLE_RATE, DecodeOptions
from tests.gateway.fakes import everything_logged
from tests.ray.load import gateway, load
from tests.real_speech.scoring import word_error_rate

pytestmark = [pytest.mark.scaling, pytest.mark.timeout(120)]

SENTENCE_S = 4.6
"""The first of the sample."""
SENTENCE = "Live captions turn speech into words while a person is still talking."
SECRET = "0123456789abcdef"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """A cluster of one node, with an engine that has the real model."""
    secret = tmp_path_factory.mktemp("secret") / "engine.secret"
    secret.write_text(SECRET)
    with ray_cluster(nodes=1) as cluster:
        cluster.deploy("--model", "tiny.en", "--engine-secret-file", str(secret), decoder=None)
        yield cluster


async def test_a_gateway_without_the_secret_does_not_come_in(real: RayCluster) -> None:
    with everything_logged() as log:
        async with gateway(real.urls, "another secret!!") as here:

            def is_told() -> bool:
                return any("engine_secret_file" in str(line.get("why")) for line in log)

            await here.until(is_told, 10)
            assert here.engines == []


async def test_the_real_model_goes_on_when_the_head_is_gone(real: RayCluster) -> None:
    audio = read_pcm16(SAMPLE)[: int(SENTENCE_S * SAMPLE_RATE)]
    async with gateway(real.urls, SECRET) as here:
        await here.engines_are(1)
        engine = here.engines
        async with load(here, 0.7, audio, DecodeOptions(language="en")):
            await here.answered(2)
            (gcs,) = real.named("gcs_server")
            gcs.kill()
            await here.until(lambda: not is_alive(gcs), 5)
            await here.answered(7, 30)
        print(f"GCS, SIGKILL: {len(here.asked)} finals, longest wait {here.longest_s:.2f} s")
        assert here.engines == engine
        assert all(word_error_rate(SENTENCE, text) == 0 for text in here.texts)
