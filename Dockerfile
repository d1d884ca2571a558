# The command and the page, with everything they need; reports and index come from volumes.
FROM python:3.11-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN make install && useradd --create-home asklabs && mkdir /data && chown asklabs /data
USER asklabs
ENV ASKLABS_INDEX=/data/index ASKLABS_HOST=0.0.0.0 ASKLABS_PORT=7860
VOLUME /data
EXPOSE 7860
ENTRYPOINT ["/app/.venv/bin/asklabs"]
CMD ["serve"]
