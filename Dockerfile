# The command l4f-datagen in a container. For CPUs:
#
#   docker build --tag l4f-datagen .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/work" l4f-datagen generate --n 1000 --out shards
#
# For NVIDIA GPUs (the machine needs a driver and the NVIDIA container toolkit); torch brings its CUDA libraries:
#
#   docker build --tag l4f-datagen:cuda --build-arg BASE=nvidia/cuda:12.8.1-base-ubuntu24.04 .
#   docker run --rm --gpus all --ipc host --volume "$PWD:/work" l4f-datagen:cuda generate --n 1000 --out shards
ARG BASE=python:3.12-slim
FROM ${BASE}

# Words for pip that say where torch comes from. Without any it is the build with CUDA, which runs on CPUs too; torch's
# page on installation has the words for a build without CUDA, a tenth of the size.
ARG TORCH_FROM=
# The optional parts, as in pip install "l4f-datagen[...]".
ARG EXTRAS=train,evaluation,analysis,export,remote

# CUDA's images have no Python.
RUN if ! command -v python3 >/dev/null; then \
        apt-get update \
        && apt-get install --yes --no-install-recommends python3 python3-venv \
        && rm -rf /var/lib/apt/lists/*; \
    fi \
    && python3 -m venv /opt/l4f-datagen
ENV PATH=/opt/l4f-datagen/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

# Torch first: it is large, and changes less often than the code.
COPY constraints.txt /src/
RUN pip install --constraint /src/constraints.txt ${TORCH_FROM} torch

COPY LICENSE README.md setup.cfg setup.py /src/
COPY l4f_datagen /src/l4f_datagen
COPY pipelines /src/pipelines
COPY checkpoints /src/checkpoints
RUN pip install --constraint /src/constraints.txt "/src[${EXTRAS}]"

# Fetched checkpoints are kept where any user may write.
ENV L4F_CACHE=/tmp/l4f-datagen
WORKDIR /work
ENTRYPOINT ["l4f-datagen"]
CMD ["--help"]
