package spec

import _ "embed"

//go:embed example.yaml
var example []byte

// Example returns the commented spec that `chimera spec init` writes. It needs
// a kind ollama with the options num_ctx and temperature.
func Example() []byte { return append([]byte(nil), example...) }
