# A worker: Node, PostgreSQL's own tools of the newest major version (they dump every older server), zstd.
FROM node:24-bookworm-slim

ADD https://www.postgresql.org/media/keys/ACCC4CF8.asc /usr/share/keyrings/postgresql.asc
RUN chmod 644 /usr/share/keyrings/postgresql.asc \
 && apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && echo 'deb [signed-by=/usr/share/keyrings/postgresql.asc] https://apt.postgresql.org/pub/repos/apt bookworm-pgdg main' \
      > /etc/apt/sources.list.d/pgdg.list \
 && apt-get update \
 && apt-get install -y --no-install-recommends postgresql-client-18 zstd util-linux tini \
 && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/backupctl
COPY package.json package-lock.json ./
RUN npm ci --omit=dev && npm cache clean --force
COPY . .
RUN install -d -o node -g node -m 0700 /var/lib/backupctl /var/cache/backupctl
USER node
ENV BACKUPCTL_CACHE=/var/cache/backupctl
# The workflows are bundled now, not at each start.
RUN node --disable-warning=ExperimentalWarning -e "import('/opt/backupctl/worker/bundle.ts').then((m) => m.workflowBundle('/var/lib/backupctl'))"
HEALTHCHECK CMD node -e "fetch('http://127.0.0.1:9090/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
ENTRYPOINT ["tini", "--", "bin/backupctl"]
CMD ["worker", "--data-dir", "/var/lib/backupctl", "--config", "/etc/backupctl/backupctl.yaml", "--port", "9090"]
