"""Runs a real llama.cpp server in the foreground until it is told to stop.

The options are some of llama-server's own."""

import argparse
import signal
import sys

import xllamacpp


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("-m", "--model", required=True, help="a GGUF file")
    args.add_argument("--host", default="127.0.0.1")
    args.add_argument("--port", type=int, required=True, help="a free port")
    args.add_argument("-np", "--parallel", type=int, default=2, help="slots: requests answered at once")
    args.add_argument("-t", "--threads", type=int, default=2)
    args.add_argument("-c", "--ctx-size", dest="ctx", type=int, default=4096, help="tokens of context, shared by the slots")
    args = args.parse_args()

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.n_ctx = args.ctx
    params.n_parallel = args.parallel
    params.hostnames = [args.host]
    params.port = args.port
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = args.threads
    params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = True

    stop = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.sigwait(stop)
    sys.exit(0)


main()
