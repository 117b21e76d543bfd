# The dashboard, its receiver and its watcher in one container; the log is in the volume /data.
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml setup.py MANIFEST.in README.md CHANGELOG.md LICENSE requirements.txt streamlit_app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY obs_core obs_core
RUN python -m venv /opt/obs \
    && /opt/obs/bin/pip install --no-cache-dir -r requirements.txt \
    && /opt/obs/bin/pip install --no-cache-dir --no-deps .

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home obs && mkdir /data && chown obs:obs /data && chmod 700 /data
COPY --from=build /opt/obs /opt/obs
ENV PATH=/opt/obs/bin:$PATH OBS_LOG=/data/trace.db OBS_OTLP_HOST=0.0.0.0
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8501 4317 4318
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
# It listens on every address of the container, so it asks for OBS_TOKEN and does not start without one.
CMD ["obs-core", "serve", "--host", "0.0.0.0"]
