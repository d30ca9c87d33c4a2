package openai_test

import (
	"os"
	"testing"
	"time"

	"chimera/internal/target"
	"chimera/internal/target/openai"
	"chimera/internal/target/targettest"
)

func TestRealContract(t *testing.T) {
	for server, variables := range map[string][2]string{
		"llama.cpp": {"CHIMERA_LLAMA_URL", "CHIMERA_GEMMA_GGUF"},
		"ollama":    {"CHIMERA_OLLAMA_URL", "CHIMERA_OLLAMA_MODEL"},
	} {
		for _, api := range []target.API{target.Chat, target.Completion} {
			t.Run(server+"/"+string(api), func(t *testing.T) {
				url := targettest.RealURL(t, variables[0])
				config := map[string]any{"temperature": 0.0}
				if server == "llama.cpp" {
					config["ignore_eos"] = true
				}
				targettest.Run(t, targettest.Subject{
					Open:  func(t *testing.T) target.Target { return open(t, target.Config{ID: "real", URL: url, API: api}) },
					Model: os.Getenv(variables[1]), Kind: openai.Kind, OneModel: server == "llama.cpp", NoTimings: true, FreeText: api == target.Completion,
					Config: config, Slow: 500, Moment: 3 * time.Second,
				})
			})
		}
	}
}
