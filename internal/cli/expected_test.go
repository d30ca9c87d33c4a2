package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chimera/internal/fact"
	"chimera/internal/sample"
)

// TestEveryExpectedValue reproduces an independent recomputation of all that
// the earlier lab's documents print. The files are imported into a store, and
// each value is asked there by `chimera query` or derived from its answers. A
// value that no file holds must be listed with the reason.
func TestEveryExpectedValue(t *testing.T) {
	earlier := filepath.Join("..", "..", "..", "shared", "legacy")
	raw, err := os.ReadFile(filepath.Join(earlier, "expected.json"))
	if err != nil && os.Getenv("CI") != "true" {
		t.Skipf("the earlier lab's files are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	b := &book{lab: importedLab(t, filepath.Join(earlier, "workspace"), filepath.Join(earlier, "agent_runs")), t: t, expected: doc, got: map[string]any{}}
	b.entries()
	b.statistics()
	b.benches()
	b.agents()

	want := map[string]any{}
	printed := map[string]printing{}
	for _, e := range doc["entries"].([]any) {
		e := e.(map[string]any)
		path := "entries/" + e["id"].(string)
		want[path], printed[path] = e["value"], printingOf(e)
	}
	for _, section := range []string{"statistics", "compilation", "kernels", "agent_runs"} {
		flatten(section, doc[section], want)
	}
	seen, used := 0, map[int]int{}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		got, ok := b.got[path]
		if ok {
			seen++
			b.compare(path, got, want[path], printed[path])
			continue
		}
		if i := slices.IndexFunc(noQuery, func(x exempt) bool { return x.path.MatchString(path) }); i >= 0 {
			used[i]++
			continue
		}
		t.Errorf("%s = %v is neither reproduced nor listed", path, want[path])
	}
	for path := range b.got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s is reproduced, but not expected", path)
		}
	}
	left := 0
	for i, x := range noQuery {
		if used[i] == 0 {
			t.Errorf("%s is listed, but nothing is left out for it", x.path)
		}
		left += used[i]
	}
	t.Logf("%d of %d values reproduced by %d queries, %d listed as no query", seen, len(want), len(b.answers), left)
	if entries := len(printed); entries != 349 {
		t.Errorf("%d printed values, want 349", entries)
	}
}

// exempt are expected values that are no query, and why.
type exempt struct {
	path *regexp.Regexp
	why  string
}

var noQuery = []exempt{
	{regexp.MustCompile(`^entries/000\.eff\.[^.]+\.size$`), "a size that the document assumed; no file holds it"},
	{regexp.MustCompile(`^entries/003\.(overhead|cum)\.`), "constants written into the document"},
	{regexp.MustCompile(`/note$`), "prose of the file of expected values"},
	{regexp.MustCompile(`^agent_runs/insight_001/solo_reference_end_to_end_tok_s/1$`), "of a run whose record is not among the files"},
}

// A book is the expected values by path, and what import and query give.
type book struct {
	*lab
	t        *testing.T
	expected map[string]any
	got      map[string]any
}

// failed stands for a value that the file has as 0 and that is a failure.
type failed struct{ reason string }

func (b *book) set(value any, path ...string) {
	b.t.Helper()
	key := strings.Join(path, "/")
	if _, twice := b.got[key]; twice {
		b.t.Errorf("%s is set twice", key)
	}
	b.got[key] = value
}

func flatten(path string, v any, into map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			flatten(path+"/"+k, x, into)
		}
	case []any:
		for i, x := range v {
			flatten(fmt.Sprintf("%s/%d", path, i), x, into)
		}
	default:
		into[path] = v
	}
}

// printing is how a document printed a value.
type printing struct {
	text     string
	decimals int // -1 for none
	agrees   bool
}

func printingOf(e map[string]any) printing {
	p := printing{decimals: -1, agrees: e["agrees"] == true}
	p.text, _ = e["seed_printed"].(string)
	if d, ok := e["decimals"].(float64); ok {
		p.decimals = int(d)
	}
	return p
}

func (b *book) compare(path string, got, want any, p printing) {
	b.t.Helper()
	if f, ok := got.(failed); ok {
		if want != 0.0 && want != nil || f.reason == "" {
			b.t.Errorf("%s failed (%s), want %v", path, f.reason, want)
		}
		return
	}
	g, isNumber := number(got)
	w, wantNumber := number(want)
	if !isNumber || !wantNumber {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			b.t.Errorf("%s = %v, want %v", path, got, want)
		}
		return
	}
	if math.Abs(g-w) > 1e-8*math.Abs(w)+1e-12 {
		b.t.Errorf("%s = %v, want %v", path, g, w)
	}
	if p.decimals < 0 {
		return
	}
	text := strconv.FormatFloat(g, 'f', p.decimals, 64)
	if as := strings.TrimPrefix(p.text, "+"); (text == as || text == "-"+as && g == 0) != p.agrees {
		b.t.Errorf("%s prints as %s, the document has %s, which agrees: %t", path, text, p.text, p.agrees)
	}
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

var phases = []sample.Phase{sample.Cold, sample.Measure}

// ask asks one metric of samples in both phases.
func (b *book) ask(metric, aggregate, where string, by ...string) (out []fact.Fact) {
	b.t.Helper()
	for _, phase := range phases {
		out = append(out, b.query(b.t, metric, aggregate, where, phase, by)...)
	}
	return out
}

// read asks one series of readings.
func (b *book) read(series, aggregate, where string, by ...string) []fact.Fact {
	b.t.Helper()
	return b.query(b.t, series, aggregate, where, "", by)
}

// value is the value of the one fact that a question about readings has.
func (b *book) value(series, where string) float64 {
	b.t.Helper()
	facts := b.read(series, "median", where)
	if len(facts) != 1 || facts[0].N != 1 {
		b.t.Fatalf("%s where %s: %d facts, want one of one reading: %+v", series, where, len(facts), facts)
	}
	v, _ := facts[0].Value.Get()
	return v
}

// A pool is what cold and warm rows are together. The documents pooled them;
// no fact does.
type pool struct {
	n, planned         int
	mean, sd, min, max float64
	sum                float64
}

// pooled merges the facts of each phase.
func pooled(of func(aggregate string) []fact.Fact) pool {
	p := pool{min: math.Inf(1), max: math.Inf(-1)}
	means := of("mean")
	for _, f := range means {
		p.n, p.planned = p.n+f.N, p.planned+f.Planned
		p.sum += float64(f.N) * f.Value.Or(0) // a fact without a value has no n
	}
	p.mean = p.sum / float64(p.n)
	ss := 0.0
	for i, sd := range of("sd") {
		ss += float64(max(0, means[i].N-1)) * sd.Value.Or(0) * sd.Value.Or(0)
		ss += float64(means[i].N) * math.Pow(means[i].Value.Or(p.mean)-p.mean, 2)
	}
	p.sd = math.Sqrt(ss / float64(p.n-1))
	for _, f := range of("min") {
		p.min = math.Min(p.min, f.Value.Or(p.min))
	}
	for _, f := range of("max") {
		p.max = math.Max(p.max, f.Value.Or(p.max))
	}
	return p
}

func (b *book) pool(metric, where string) pool {
	return pooled(func(aggregate string) []fact.Fact { return b.ask(metric, aggregate, where) })
}

func (b *book) poolReadings(series, where string) pool {
	return pooled(func(aggregate string) []fact.Fact { return b.read(series, aggregate, where) })
}

// A row is one row's facts.
type row struct {
	number int
	cold   bool
	scope  map[string]string
	v      map[string]float64
}

// The names of the four columns that the statistics use.
const (
	rate   = "server_rate_naive" // tokens_s
	ttft   = "ttft_server_est"   // ttft_s
	load   = "load_time"         // load_s
	tokens = "output_tokens"     // eval_count
)

// rows asks each metric of each row on its own, in the order of the file.
func (b *book) rows(where string) []row {
	b.t.Helper()
	byNumber := map[int]*row{}
	for _, metric := range []string{rate, ttft, load, tokens} {
		for _, f := range b.ask(metric, "median", where, "prompt", "config.num_gpu", "config.num_ctx", "config.temperature") {
			if f.N == 0 {
				continue
			}
			if f.N != 1 {
				b.t.Fatalf("%s where %s: n = %d in %v, want one row", metric, where, f.N, f.Scope)
			}
			name := f.Evidence.Rows[0]
			n, err := strconv.Atoi(name[strings.LastIndex(name, "#")+1:])
			if err != nil {
				b.t.Fatalf("evidence %q: %v", name, err)
			}
			if byNumber[n] == nil {
				byNumber[n] = &row{number: n, cold: f.Phase == sample.Cold, scope: f.Scope, v: map[string]float64{}}
			}
			byNumber[n].v[metric] = f.Value.Or(math.NaN())
		}
	}
	var out []row
	for _, n := range slices.Sorted(maps.Keys(byNumber)) {
		out = append(out, *byNumber[n])
	}
	return out
}

func values(rows []row, metric string) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = r.v[metric]
	}
	return out
}

func keep(rows []row, fits func(row) bool) (out []row) {
	for _, r := range rows {
		if fits(r) {
			out = append(out, r)
		}
	}
	return out
}

func warm(r row) bool { return !r.cold }
