# Surtitle with the models base and tiny.en. Two images:
#
#     docker build -t surtitle .                       on the CPU
#     docker build -t surtitle:cuda --target cuda .    on an NVIDIA GPU
#
# docs/installing.md says how to run them.

FROM python:3.11-slim-bookworm AS build
# Where the CPU build of PyTorch is; empty: where pip finds packages, which may be several GB.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/surtitle
WORKDIR /opt/source
COPY constraints.txt ./
# The package silero-vad requires PyTorch, but only its weights are used: PyTorch goes again below.
RUN /opt/surtitle/bin/pip install --no-compile ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} --constraint constraints.txt torch
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY web_demo web_demo
RUN /opt/surtitle/bin/pip install --constraint constraints.txt '.[archive,bundled-models,redis,wyoming,zeroconf]' \
 && /opt/surtitle/bin/pip uninstall --yes torch sympy mpmath networkx

FROM build AS build-cuda
# What CTranslate2 needs besides the driver, which the container runtime brings in.
RUN /opt/surtitle/bin/pip install nvidia-cublas-cu12==12.9.1.4

FROM python:3.11-slim-bookworm AS base
LABEL org.opencontainers.image.title="Surtitle" \
      org.opencontainers.image.description="Live captions over WebSocket" \
      org.opencontainers.image.licenses="MIT"
# Numbers, so that Kubernetes sees that this is not root.
RUN groupadd --system --gid 10001 surtitle \
 && useradd --system --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent surtitle \
 && install --directory --owner=10001 --group=10001 /models
# Models that are downloaded are kept in /models. From outside, a container is reached only where its port
# is published; inside, that is by every address. Give it keys before it is published beyond this machine.
# Its own addresses are of no use to anybody else.
ENV PATH=/opt/surtitle/bin:/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HOME=/models \
    SURTITLE_HOST=0.0.0.0 \
    SURTITLE_OPEN_TO_NETWORK=true \
    SURTITLE_PUBLIC_URL=none \
    SURTITLE_LOG_FORMAT=json
VOLUME /models
EXPOSE 8765
# It asks the port that SURTITLE_PORT sets. With TLS, or for `engine`, it needs another command.
HEALTHCHECK --interval=10s --timeout=3s --start-period=2m \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/healthz' % (os.environ.get('SURTITLE_PORT') or 8765), timeout=2)"]
USER 10001:10001
ENTRYPOINT ["surtitle"]
CMD ["serve"]

FROM base AS cuda
COPY --from=build-cuda /opt/surtitle /opt/surtitle
ENV LD_LIBRARY_PATH=/opt/surtitle/lib/python3.11/site-packages/nvidia/cublas/lib \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM base AS cpu
COPY --from=build /opt/surtitle /opt/surtitle
