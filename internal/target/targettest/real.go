package targettest

import (
	"os"
	"testing"
)

// RealURL returns the address in the environment variable name. Without it the
// test is skipped, or fails where CHIMERA_REAL=1 promises real servers.
func RealURL(t *testing.T, name string) string {
	t.Helper()
	url := os.Getenv(name)
	if url == "" {
		const how = "%s is not set: run it with scripts/real/serve -- go test …"
		if os.Getenv("CHIMERA_REAL") == "1" {
			t.Fatalf(how, name)
		}
		t.Skipf(how, name)
	}
	return url
}
