package echarts_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"chimera/internal/chart/echarts"
)

const bars = `{"animation":false,"xAxis":[{"type":"value"}],"yAxis":[{"type":"value"}],"tooltip":{},"series":[{"type":"bar","data":[[1,2],[2,3]]}]}`

func measure(text string, size float64, _ bool) float64 {
	return float64(len(text)) * size / 2
}

func TestTheLibraryIsTheOneThatItsPageNames(t *testing.T) {
	library, err := os.ReadFile("asset/echarts.min.js")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("asset/README.md")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(library)
	if hex := hex.EncodeToString(sum[:]); !strings.Contains(string(page), hex) || !strings.Contains(string(page), echarts.Version) {
		t.Errorf("asset/README.md does not name version %s with sum %s", echarts.Version, hex)
	}
}

func TestTheScriptCanStandInAPage(t *testing.T) {
	if strings.Contains(strings.ToLower(echarts.Script()), "</script") {
		t.Error("the script would end itself")
	}
}

func TestAnEngineSurvivesWhatItCannotDraw(t *testing.T) {
	e := echarts.New(measure, 1)
	defer e.Close()
	for _, option := range []string{"", "{", `{"xAxis":1}`, "null"} {
		if _, err := e.SVG(t.Context(), []byte(option), 100, 100, "a"); err == nil {
			t.Errorf("%q became a drawing", option)
		}
	}
	first, err := e.SVG(t.Context(), []byte(bars), 300, 200, "a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := e.SVG(t.Context(), []byte(bars), 300, 200, "a")
	if err != nil || string(first) != string(second) {
		t.Errorf("the second drawing differs from the first (%v)", err)
	}
}

func TestAWaitForAMachineEndsWithItsContext(t *testing.T) {
	e := echarts.New(measure, 1)
	if err := e.Close(); err != nil { // takes the only machine
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the reader is gone")
	cancel(gone)
	if _, err := e.SVG(ctx, []byte(bars), 300, 200, "a"); !errors.Is(err, gone) {
		t.Errorf("the error is %v, not the cause", err)
	}
}

func TestDrawingsAtOnceAreTheSameAsOneByOne(t *testing.T) {
	e := echarts.New(measure, 2)
	defer e.Close()
	want, err := e.SVG(t.Context(), []byte(bars), 300, 200, "a")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 3 {
				if got, err := e.SVG(t.Context(), []byte(bars), 300, 200, "a"); err != nil || string(got) != string(want) {
					t.Errorf("a drawing differs (%v)", err)
				}
			}
		})
	}
	wait.Wait()
}

func TestOnlyThePrefixTellsDrawingsApart(t *testing.T) {
	e := echarts.New(measure, 1)
	defer e.Close()
	a, err := e.SVG(t.Context(), []byte(bars), 300, 200, "a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := e.SVG(t.Context(), []byte(bars), 300, 200, "b")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(a), "zr") || strings.ReplaceAll(string(b), "b-", "a-") != string(a) {
		t.Errorf("ids are not made of the prefix:\n%s\n%s", a, b)
	}
}
