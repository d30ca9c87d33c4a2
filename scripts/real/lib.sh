# Shared by prepare and serve: pinned versions, where each lives, and the one-line step log.
# The path of a part holds everything that decides its bytes, so a changed pin is a new part
# and an old one never has to be recognised as stale.
# shellcheck shell=bash
# shellcheck disable=SC2034

readonly GEMMA_VERSION=1.0.0
readonly GEMMA_SHA256=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
readonly XLLAMACPP_VERSION=2026.10.11549
readonly OLLAMA_VERSION=v0.17.4
readonly NBCONVERT_VERSION=7.17.2 IPYKERNEL_VERSION=7.4.0 PANDAS_VERSION=3.1.1 PYARROW_VERSION=26.0.1
readonly MALGO_VERSION=v0.11.24 # carries miniaudio.h, which Ollama's vendored llama.cpp includes

readonly CACHE=${CHIMERA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/chimera-ci}
readonly REAL_MODEL=gemma3:270m

say() { printf '%s\n' "$*" >&2; }

die() {
	say "real: $*"
	exit 1
}

# step NAME COMMAND… runs the command and says on standard error what it was and how long it took.
# It does not catch a failure: inside `if`, `||` or `&&` bash would ignore set -e in the command.
step() {
	local name=$1 start=$EPOCHREALTIME
	shift
	say "real: $name …"
	"$@"
	awk -v n="$name" -v a="$start" -v b="$EPOCHREALTIME" \
		'BEGIN { printf "real: %s: %.1f s\n", n, b - a }' >&2
}

python_tag() { python3 -c 'import sys; print("py%d.%d" % sys.version_info[:2])'; }

# cpu_tag names the instruction sets that -march=native means here: a binary built with it on
# another machine may die of an illegal instruction.
cpu_tag() { gcc -march=native -Q --help=target 2>/dev/null | sha256sum | cut -c1-8; }

gemma_path() { printf '%s' "$CACHE/gemma3-270m-q4-k-m-$GEMMA_VERSION/gemma3-270m-q4_k_m.gguf"; }
llama_path() { printf '%s' "$CACHE/xllamacpp-$XLLAMACPP_VERSION-$(python_tag)"; }
ollama_path() { printf '%s' "$CACHE/ollama-$OLLAMA_VERSION-$(go env GOVERSION)-$(cpu_tag)"; }
notebook_path() { printf '%s' "$CACHE/notebook-$NBCONVERT_VERSION-$IPYKERNEL_VERSION-$PANDAS_VERSION-$PYARROW_VERSION-$(python_tag)"; }
models_path() { printf '%s' "$CACHE/ollama-models-$OLLAMA_VERSION-gemma3-270m-q4-k-m-$GEMMA_VERSION"; }
