package finding

import (
	"strings"

	"chimera/internal/sample"
)

// A published model is what its makers say of it: layers, and the least context
// a runtime gives it. It is asked only where nobody recorded what the runtime
// loaded, which files of other tools never do.
type published struct {
	name   string
	layers int
}

// publishedModels are the decoder layers of models that old files name: the
// num_hidden_layers of the configuration published with the weights.
var publishedModels = []published{
	{"gemma3:270m", 18}, {"gemma3:1b", 26}, {"gemma3:4b", 34}, {"gemma3:12b", 48}, {"gemma3:27b", 62},
	{"gemma3:latest", 34}, // the tag stands for 4b
	{"llama3.1:8b", 32}, {"llama3.1:latest", 32}, {"llama3.2:1b", 16}, {"llama3.2:3b", 28},
	{"qwen2.5:7b", 28}, {"qwen3:8b", 36}, {"mistral:7b", 32},
}

// recorded completes a subject's record with the published number of layers,
// matched by the model's name: family, colon, size; what follows a dash is the
// variant of the weights and changes no layer.
func recorded(record sample.SubjectRecord) (out sample.SubjectRecord, byName bool) {
	if record.Layers.OK() || record.Kind != "imported" {
		return record, false
	}
	name := strings.ToLower(record.Model)
	for _, m := range publishedModels {
		if rest, ok := strings.CutPrefix(name, m.name); ok && (rest == "" || rest[0] == '-') {
			record.Layers = sample.Some(m.layers)
			return record, true
		}
	}
	return record, false
}
