"""The HTTP API: answers from the version that the registry calls champion, and never blinks.

==========  ======================================================================
options     how a server is run: limits, addresses, keys
run         starts uvicorn: one process or several, TLS, the drain on SIGTERM
app         puts the application together
edge        what every request passes: its id, its key, its log line, its metrics
keys        API keys: digests at rest, several, revocable while serving
problems    every error as ``application/problem+json``
bodies      reads bodies and multipart forms within bounds
queries     reads query strings strictly
engine      the bounded queue and the threads that work it off
predict     ``/v1/predict``
models      ``/v1/models``
inference   ``/v2``: the Open Inference Protocol
tensors     the tensors of that protocol, as JSON and as bytes
health      ``/livez``, ``/readyz``, ``/metrics``
service     the parts of one serving process
slot        the loaded versions; the champion is swapped without a gap
follower    the thread that follows the registry
recorder    what happens to a prediction after it was answered: challenger, log
workers     several serving processes on one socket
log         the log lines
metrics     what Prometheus reads
traces      OpenTelemetry, where it is configured
span_ids    its ids, which answers name before it does
schemas     the bodies of requests and answers, as JSON Schema
openapi     what the routes say of themselves in the OpenAPI document
docs        that document as a page
==========  ======================================================================
"""
