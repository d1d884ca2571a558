# The command and the page, with everything they need; reports and index come from volumes.
FROM python:3.11-slim
# Debian keeps one version of a package a release: pinning it would break the build.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
# Compiled now: who runs it may not write here. The user's number is fixed, for folders of the host.
RUN make install && .venv/bin/python -m compileall -q rag ingest ui eval \
 && useradd --uid 10001 --create-home asklabs && mkdir /data && chown asklabs /data
USER 10001
ENV ASKLABS_INDEX=/data/index ASKLABS_HOST=0.0.0.0 ASKLABS_PORT=7860
VOLUME /data
EXPOSE 7860
# 503 while the index is being loaded.
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s CMD ["/app/.venv/bin/python", "-c", \
  "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['ASKLABS_PORT']}/healthz\")"]
ENTRYPOINT ["/app/.venv/bin/asklabs"]
CMD ["serve"]
