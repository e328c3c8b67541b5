"""The HTTP API: answers from the version that the registry calls champion.

=================  ===============================================================
options            how a server is run: limits and addresses
run                starts uvicorn: one process or several, TLS
draining           on SIGTERM: accepts a while longer, then finishes what it has
workers            several serving processes on one socket
connections        silent connections end in time, and there are never too many
application        puts the application together
admission          what every request passes: its id, its key, its log line
request_notes      what is known of a request while it is answered
request_origins    the names the server answers to, and the pages that may ask
api_keys           API keys: digests at rest, several, revocable while serving
problems           every error as ``application/problem+json``
request_bodies     reads bodies and multipart forms within bounds
query_rules        what FastAPI does not ask of a query string
accept_header      which answer a client prefers
work_queue         the bounded queue and the threads that work it off
prediction_routes  ``/v1/predict``
model_routes       ``/v1/models``
protocol_routes    ``/v2``: the Open Inference Protocol
protocol_models    the JSON documents of that protocol
tensors            its requests and answers, as JSON and as bytes
json_numbers       the numbers in that JSON, a slice at a time
health_routes      ``/livez``, ``/readyz``, ``/metrics``
service            the parts of one serving process
loaded_models      the loaded versions; the champion is swapped without a gap
loaded_model       one version that is loaded and has proved itself
serving_state      what is served and what is known, at one moment
follower           the thread that follows the registry
recorder           what happens to a prediction after it was answered: challenger, log
log_lines          the log: a JSON object a line
server_metrics     what Prometheus reads
traces             OpenTelemetry, where it is configured
=================  ===============================================================
"""
