package ollama_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chimera/internal/fault"
	"chimera/internal/sample"
	"chimera/internal/target"
	"chimera/internal/target/targettest"
)

const listed = `{"models":[{"name":"m:latest","model":"m:latest","size":100,"size_vram":%d,"context_length":4096}]}`

// slow is a server that lists the model for a number of polls after unloading.
func slow(polls int) *targettest.Scripted {
	return &targettest.Scripted{Answer: func(r *http.Request) targettest.Reply {
		body := `{"model":"m","response":"","done":true,"done_reason":"unload"}`
		if r.URL.Path == "/api/ps" {
			if body = `{"models":[]}`; polls > 0 {
				polls--
				body = fmt.Sprintf(listed, 0)
			}
		}
		return targettest.Reply{Pieces: []string{body}}
	}}
}

func TestUnloadWaitsUntilTheModelIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tgt := open(t, slow(7).Start(t))
		defer tgt.Close()
		begin := time.Now()
		if _, err := tgt.Unload(t.Context(), "m"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 140*time.Millisecond {
			t.Errorf("unloading took %v, want 7 polls of 20ms", took)
		}
	})
}

func TestUnloadGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tgt := open(t, slow(1<<30).Start(t))
		defer tgt.Close()
		begin := time.Now()
		_, err := tgt.Unload(t.Context(), "m")
		if err == nil || !strings.Contains(err.Error(), "still resident") || time.Since(begin) > time.Minute {
			t.Errorf("error %v after %v", err, time.Since(begin))
		}
	})
}

// What the server reports after a load counts, not what was asked.
func TestLoadReadsBack(t *testing.T) {
	for vram, gpu := range map[int]any{0: 0.0, 60: 99.0} {
		synctest.Test(t, func(t *testing.T) {
			server := &targettest.Scripted{Answer: func(r *http.Request) targettest.Reply {
				if r.URL.Path == "/api/ps" {
					return targettest.Reply{Pieces: []string{fmt.Sprintf(listed, vram)}}
				}
				return targettest.Reply{Pieces: []string{`{"done":true,"done_reason":"load"}`}, Gap: 3 * time.Second}
			}}
			tgt := open(t, server.Start(t))
			defer tgt.Close()
			got, err := tgt.Load(t.Context(), "m", map[string]any{"num_gpu": 99.0, "num_ctx": 1e6})
			if err != nil {
				t.Fatal(err)
			}
			if got.Took != sample.Some(3*time.Second) || got.Bytes != sample.Some(uint64(100)) || got.VRAM != sample.Some(uint64(vram)) ||
				got.Effective["num_ctx"] != 4096.0 || got.Effective["num_gpu"] != gpu || got.Residency != target.Managed {
				t.Errorf("loaded %+v", got)
			}
		})
	}
}

func TestUnknownModelsAreToBePulled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tgt := openFake(t, "", "")
		defer tgt.Close()
		_, describe := tgt.Describe(t.Context(), "nope:1b")
		_, load := tgt.Load(t.Context(), "nope:1b", nil)
		for name, err := range map[string]error{"describe": describe, "load": load} {
			if fault.HintOf(err) != "ollama pull nope:1b" || !strings.Contains(err.Error(), "not found") {
				t.Errorf("%s: error %v with hint %q", name, err, fault.HintOf(err))
			}
		}
	})
}
