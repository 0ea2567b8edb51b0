# The server alone: models/ and server/, no torch, no compiler, not root.
#   docker build --target cpu --tag anyres .
#   docker run --read-only --tmpfs /tmp --publish 8000:8000 anyres
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /anyres
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN python -m venv /venv
# Dependencies before code: a change of code rebuilds no layer above. The project itself is not
# installed, its folders are copied below and found from the working directory.
RUN python -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
    e = p['optional-dependencies']; print('\n'.join(p['dependencies'] + e['cpu'] + e['server']))" \
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
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
# Exec form: SIGTERM reaches the server, which drains.
ENTRYPOINT ["python", "-m", "server"]
