// Package archtest holds the import law: rank is height, and imports point down.
//
// A package imports only packages of a lower rank, never one of its own. The
// law is complete in both directions: a package without a rank fails, and a
// rank without a package fails, so this table cannot drift from the tree. If
// a rank proves wrong, change the table here and in docs/architecture.md in
// the same commit; the law stays.
package archtest

// Ranks gives each package, by its path under internal/, its height. The
// reader's map with a line for each room is docs/architecture.md.
var Ranks = map[string]int{
	"fault": 0, "unit": 0, "digest": 0, "pattern": 0, "quality": 0,
	"sample": 1, "claim": 1, "spec": 1, "stats": 1, "quant": 1, "tokenizer": 1, "grammar": 1,
	"chart/echarts": 1, "chart/paint": 1,
	"chart": 2, "metric": 2, "target": 2, "telemetry": 2, "gguf": 2, "tensor": 2,
	"load": 3, "engine": 3, "fact": 3, "launch": 3,
	"synth": 4, "store": 4, "importer": 4, "finding": 4, "compare": 4, "fluency": 4,
	"run": 5, "export": 5, "report": 5, "audit": 5, "draft": 5, "tool": 5,
	"store/sqlite": 5,
	"target/fake":  5, "target/llamaserver": 5, "target/native": 5, "target/ollama": 5, "target/openai": 5,
	"telemetry/host": 5, "telemetry/nvidia": 5, "telemetry/rapl": 5,
	"importer/aiperf": 5, "importer/gobench": 5, "importer/guidellm": 5, "importer/legacy": 5,
	"importer/llamabench": 5, "importer/ollamabench": 5, "importer/vllm": 5,
	"agent": 6, "mcp": 6,
	"cli": 7,
}

// TestOnly packages hold contract suites and test helpers. Only tests import
// them, and they have no rank: they may see whatever they test.
var TestOnly = map[string]bool{
	"archtest": true, "fidelity": true, "golden": true, "importer/importertest": true, "report/reporttest": true, "store/storetest": true, "target/targettest": true,
}

// StandardOnly packages of rank 0 import nothing but the standard library.
const StandardOnly = 0

// Forbidden lists what a room must never import, over and above its rank, as
// prefixes of import paths; the reason is printed with the failure.
var Forbidden = map[string][]string{
	"quality":   {"net", "os"},
	"metric":    {"net", "os"},
	"spec":      {"net", "os"},
	"sample":    {"net/http"},
	"stats":     {"net", "os", "math/rand$"},
	"quant":     {"net", "os"},
	"grammar":   {"net", "os"},
	"load":      {"encoding/json", "database/sql", "net/http"},
	"run":       {"database/sql", "net/http"},
	"finding":   {"net", "os", "database/sql"},
	"target":    {"database/sql"},
	"store":     {"database/sql", "net"},
	"gguf":      {"net"},
	"engine":    {"net"},
	"compare":   {"database/sql", "net/http", "os"},
	"tensor":    {"net", "os"},
	"export":    {"database/sql", "net"},
	"tool":      {"database/sql", "net", "os"},
	"draft":     {"net", "os", "database/sql"},
	"report":    {"chimera/internal/stats", "chimera/internal/store", "chimera/internal/run", "chimera/internal/target", "database/sql", "net", "os"},
	"importer":  {"database/sql", "net"},
	"telemetry": {"database/sql"},
	"chart":     {"net", "os"},
	"agent":     {"chimera/internal/store", "chimera/internal/report", "database/sql", "net"},
}

// Drivers of databases may be imported only below store/.
var Drivers = []string{"modernc.org/sqlite", "github.com/jackc/pgx", "github.com/pressly/goose"}

// Calls lists identifiers that only some packages may use. A package matches
// an allowed entry if it is the entry or lies below it.
var Calls = []struct {
	Package, Name string
	Allowed       []string
	Instead       string
}{
	{"os", "Exit", []string{"cli", "cmd/chimera"}, "return an error with a fault.Code"},
	{"os", "Getenv", []string{"cli"}, "take the value as a parameter"},
	{"os", "LookupEnv", []string{"cli"}, "take the value as a parameter"},
	{"os", "Args", []string{"cli", "cmd/chimera"}, "take the arguments as a parameter"},
	{"os/signal", "Notify", []string{"cli"}, "take a context"},
	{"os/signal", "NotifyContext", []string{"cli"}, "take a context"},
	{"flag", "", []string{"cli"}, "take the value as a parameter"},
	{"time", "Now", []string{"cli", "load", "run", "target", "telemetry", "fleet", "web", "store", "engine"}, "take the instant or a clock as a parameter"},
	{"os/exec", "Command", []string{"launch", "telemetry", "cli"}, "start no process: launch starts servers"},
	{"os/exec", "CommandContext", []string{"launch", "telemetry", "cli"}, "start no process: launch starts servers"},
	{"time", "Sleep", []string{"target/fake"}, "select on a timer and a context"},
}

// LongFiles lists the files that may exceed 800 lines, each with its reason.
var LongFiles = map[string]string{}

// VagueNames are package names that say nothing about what is inside.
var VagueNames = map[string]bool{"util": true, "utils": true, "common": true, "helpers": true, "types": true, "lib": true, "misc": true}
