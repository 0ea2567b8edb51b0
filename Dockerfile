# The server alone: models/ and server/, no torch, no compiler, not root.
#   docker build --target cpu --tag anyres .
#   docker run --read-only --tmpfs /tmp --publish 8000:8000 anyres
#
# Your own models: --volume /my/models:/models:ro --env ANYRES_MODEL_FOLDER=/models
# Traces besides:  docker build --build-arg EXTRAS=cpu,server,otel ...
ARG PYTHON=3.11-slim-bookworm
ARG EXTRAS=cpu,server

FROM python:${PYTHON} AS build
ARG EXTRAS
WORKDIR /anyres
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN python -m venv /venv
# Dependencies before code: a change of code rebuilds no layer above. The project itself is not
# installed, its folders are copied below and found from the working directory.
RUN python -c "import os, tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
    e = [p['optional-dependencies'][x] for x in os.environ['EXTRAS'].split(',')]; \
    print('\n'.join(sum(e, p['dependencies'])))" \
    > requirements.txt \
    && /venv/bin/pip install --no-cache-dir --constraint constraints.txt -r requirements.txt \
    && /venv/bin/pip uninstall --yes pip setuptools

FROM python:${PYTHON} AS cpu
RUN useradd --system --uid 10001 --no-create-home anyres
WORKDIR /anyres
COPY --from=build /venv /venv
COPY models/ models/
COPY server/ server/
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ANYRES_HOST=0.0.0.0 \
    ANYRES_PORT=8000
USER anyres
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['ANYRES_PORT'] + '/readyz', timeout=2)"]
# Exec form: SIGTERM reaches the server, which drains.
ENTRYPOINT ["python", "-m", "server"]
