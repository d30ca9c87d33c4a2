# `make check` is what CI runs before the real-runtime stage.
export CGO_ENABLED := 0
CONCURRENT := ./internal/agent/... ./internal/launch/... ./internal/mcp/... ./internal/load/... ./internal/run/... ./internal/target/... ./internal/telemetry/... ./internal/tensor/... ./internal/store/...

.PHONY: check check-static test race cross bench build man golden

check: check-static test race cross

check-static:
	@echo '== gofmt'; unformatted=$$(gofmt -l cmd internal) || exit 1; test -z "$$unformatted" || { echo "$$unformatted"; exit 1; }
	@echo '== vet'; go vet ./...
	@echo '== staticcheck'; go tool staticcheck ./...
	@echo '== go mod tidy'; go mod tidy -diff

test:
	go test ./...

race: # the race detector needs cgo
	CGO_ENABLED=1 go test -race $(CONCURRENT)

cross:
	@for p in linux/arm64 darwin/arm64 windows/amd64; do \
		echo "== build $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} go build -o "$${TMPDIR:-/tmp}/chimera-cross" ./cmd/chimera || exit 1; \
		GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./... || exit 1; \
	done; rm -f "$${TMPDIR:-/tmp}/chimera-cross"

build:
	go build -trimpath -o chimera ./cmd/chimera

bench:
	go test -run '^$$' -bench . -benchmem ./...

golden: # rewrite golden files; read the diff before you commit it
	CHIMERA_UPDATE=1 go test ./internal/chart ./internal/export ./internal/report ./internal/cli ./cmd/chimera
