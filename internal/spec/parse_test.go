package spec_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"chimera/internal/fault"
	"chimera/internal/spec"

	"github.com/google/go-cmp/cmp"
)

func TestParseTheDesignsExample(t *testing.T) {
	s := mustParse(t, design)
	got := map[string]any{
		"name": s.Name, "subjects": len(s.Subjects), "model": s.Subjects[0].Model, "prompts": len(s.Workloads[0].Prompts),
		"experiments": len(s.Experiments), "cold": s.Experiments[0].ID, "loads": s.Experiments[0].Blocks,
		"all subjects": strings.Join(s.Experiments[1].Subjects, " "), "factor": s.Experiments[2].Factors[0].Name,
		"level": s.Experiments[2].Factors[0].Levels[0], "timeout": s.Design.Timeout.D(), "interval": s.Telemetry.Interval.D(),
		"aliases": s.Design.Aliases, "repeats": s.Experiments[2].Repeats,
	}
	want := map[string]any{
		"name": "gemma3-variants", "subjects": 2, "model": "gemma3:270m", "prompts": 5,
		"experiments": 3, "cold": "cold", "loads": 3, "all subjects": "270m 1b-qat", "factor": "num_ctx",
		"level": 1024.0, "timeout": 2 * time.Minute, "interval": time.Second, "aliases": spec.Keep, "repeats": 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExampleParsesAndExpands(t *testing.T) {
	s := mustParse(t, string(spec.Example()))
	if p := mustExpand(t, s, spec.Env{}); len(p.Trials) == 0 {
		t.Error("the example plans nothing")
	}
}

func TestDefaults(t *testing.T) {
	s := mustParse(t, `{version: 1, name: n, targets: [{id: f, kind: fake}], subjects: [{id: a, target: f, model: m}],
workloads: [{id: w, prompts: [one, {id: two, text: Two}]}, {id: y, synthetic: {input_tokens: 7, output_tokens: 9}}],
experiments: [{id: e, kind: suite}, {id: c, kind: cold}]}`)
	want := spec.Design{Seed: 1, Warmup: 2, Cache: spec.UniquePrefix, Timeout: spec.Duration(2 * time.Minute), Aliases: spec.Keep}
	if d := cmp.Diff(want, s.Design); d != "" {
		t.Error(d)
	}
	e, c := s.Experiments[0], s.Experiments[1]
	if e.Blocks != 3 || e.Repeats != 1 || e.Streams != 1 || len(e.Workloads) != 2 || len(c.Workloads) != 1 {
		t.Errorf("experiments %+v, %+v", e, c)
	}
	if w := s.Workloads[0]; w.MaxTokens != 128 || w.Prompts[0].ID != "p1" || w.Prompts[1].ID != "two" {
		t.Errorf("workload %+v", w)
	}
	if y := s.Workloads[1]; y.MaxTokens != 9 || len(y.Prompts) != 5 || len(strings.Fields(y.Prompts[0].Text)) != 7 || y.Prompts[0].Text == y.Prompts[1].Text {
		t.Errorf("synthetic workload %+v", y)
	}
	// −0 and 0 are one level, and one text of a configuration.
	minus := mustParse(t, strings.Replace(design, "[0.2, 0.4, 0.8]", "[-0.0]", 1))
	if id := spec.ConfigID(map[string]any{"t": minus.Experiments[2].Factors[1].Levels[0]}); id != `{"t":0}` {
		t.Errorf("−0 became %s", id)
	}
	// An explicit zero is not an absence.
	zero := mustParse(t, strings.Replace(design, "warmup: 2", "warmup: 0", 1))
	if zero.Design.Warmup != 0 {
		t.Errorf("warmup: 0 became %d", zero.Design.Warmup)
	}
}

func TestFileWorkloads(t *testing.T) {
	for _, name := range []string{"p.txt", "p.jsonl"} {
		s := mustParse(t, strings.Replace(design, "suite: banter", "file: "+name, 1))
		if p := s.Workloads[0].Prompts; len(p) != 2 || p[0].Text != "first" || p[1].Text != "second" || p[1].ID != "p2" {
			t.Errorf("%s: %+v", name, p)
		}
		again := mustExpand(t, s, spec.Env{}).Prompts["banter/p2"]
		if again.Text != "second" || len(again.SHA256) != 64 || again.MaxTokens != 64 {
			t.Errorf("%s: the plan holds %+v", name, again)
		}
	}
	if _, err := spec.Parse("s", []byte(strings.Replace(design, "suite: banter", "file: p.txt", 1)), catalogue(), nil); err == nil || !strings.Contains(err.Error(), "cannot be read here") {
		t.Errorf("without files: %v", err)
	}
}

// The message is the one the design shows, to the letter.
func TestFaultLooksAsDesigned(t *testing.T) {
	_, err := parse(strings.Replace(design, "    factors: {num_ctx: [1024, 2048, 4096], temperature: [0.2, 0.4, 0.8]}",
		"    factors:\n      num_ctxt: [1024, 2048]", 1))
	want := `sweep.yaml:21:7: experiments[1].factors.num_ctxt: unknown option for target "box" (ollama)
  21 |       num_ctxt: [1024, 2048]
     |       ^^^^^^^^ did you mean num_ctx?`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if hint := fault.HintOf(err); hint != "`chimera spec schema --target ollama` lists what this target can set" {
		t.Errorf("hint %q", hint)
	}
	if fault.CodeOf(err) != fault.Usage {
		t.Errorf("code %d", fault.CodeOf(err))
	}
}

// Every fault of a spec is told at once, in the order of the file, and each
// with its own hint.
func TestAllFaultsAtOnce(t *testing.T) {
	_, err := parse(`version: 2
name: ""
targets: [{id: box, kind: olama}, {id: box, kind: fake, url: "http://user:pw@host"}]
subjects: [{id: a, target: bax, model: 7}]
workloads: [{id: w, suite: bantr, max_tokens: 0}]
experiments:
  - {id: e, kind: grid, blocks: -1, subjects: [b]}
desing: {}
`)
	fs := faultsOf(t, err)
	var got []string
	for _, f := range fs {
		got = append(got, f.Path+" "+f.Note)
	}
	want := []string{
		"version ", "name ", "targets[0].kind did you mean ollama?", "targets[1].id ", "targets[1].url ",
		"subjects[0].target did you mean box?", `subjects[0].model write it in quotes: "7"`,
		"workloads[0].suite did you mean banter?", "workloads[0].max_tokens ",
		"experiments[0].factors add factors: {…}, or use kind: suite", "experiments[0].blocks ",
		"experiments[0].subjects[0] did you mean a?", "desing did you mean design?",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\n%v", d, err)
	}
	if text := err.Error(); strings.Count(text, "hint: ") != 2 {
		t.Errorf("hints between the faults: %s", text)
	}
}

func TestParseRefuses(t *testing.T) {
	base := design
	swap := func(old, new string) string {
		if !strings.Contains(base, old) {
			t.Fatalf("the design's example has no %q", old)
		}
		return strings.Replace(base, old, new, 1)
	}
	for _, c := range []struct{ name, src, want string }{
		{"nothing", "", "1:1: the spec is empty"},
		{"only a comment", "# x\n", "the spec is empty"},
		{"a list", "[1]", "must be a mapping, but is a list"},
		{"broken YAML", "a: [1\nb: 2\n", "2:2: not YAML"},
		{"a tab", "a:\n\tb: 1\n", "not YAML"},
		{"a control character", "name: \x01", "1:7: not YAML"},
		{"Latin-1", "name: caf\xe9", "1:10: the spec is not UTF-8"},
		{"two documents", base + "---\nversion: 1\n", "a second one begins"},
		{"an anchor", swap("version: 1", "version: &v 1"), "anchors are not allowed"},
		{"an alias bomb", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchors are not allowed"},
		{"a merge key", swap("version: 1", "version: 1\n<<: {name: x}"), "unknown key"},
		{"a tag", swap("version: 1", "version: !!int 1"), "tags are not allowed"},
		{"a megabyte", "# " + strings.Repeat("x", spec.MaxSource), "must be at most 1048576 bytes"},
		{"deep nesting", strings.Repeat("[", 200000), "not YAML"},
		{"an unknown key", swap("question:", "queston:"), "queston: unknown key"},
		{"a duplicate key", swap("name:", "name: x\nname:"), "the key already stands in line 2"},
		{"a duplicate id", swap("id: 1b-qat", "id: 270m"), "subjects[1].id: the id 270m is already that of subjects[0]"},
		{"a numeric id", swap("id: 270m", "id: 270"), `write it in quotes: "270"`},
		{"an id with a slash", swap("id: 270m", "id: a/b"), "an id must be"},
		{"no name", swap("name: gemma3-variants\n", ""), "name: is missing"},
		{"an empty value", swap("name: gemma3-variants", "name:"), "name: must be text, but is empty"},
		{"a name of two lines", swap("name: gemma3-variants", `name: "a\nb"`), "must be on one line"},
		{"no experiments", swap("experiments:", "experiment:"), "experiments: is missing"},
		{"an empty list", swap("  - {id: banter, suite: banter, max_tokens: 64}", "  []"), "workloads: must not be empty"},
		{"no factors", swap("factors: {num_ctx: [1024, 2048, 4096], temperature: [0.2, 0.4, 0.8]}", "factors: {}"), "factors: must not be empty"},
		{"no levels", swap("[1024, 2048, 4096]", "[]"), "num_ctx: must have at least one level"},
		{"a level for a list", swap("[1024, 2048, 4096]", "1024"), "must be a list of levels"},
		{"a duplicate level", swap("[1024, 2048, 4096]", "[1024, 1024.0]"), "the level 1024 is already there, in place 1"},
		{"zeros are one level", swap("[0.2, 0.4, 0.8]", "[0.0, -0.0]"), "is already there"},
		{"a level out of range", swap("[0.2, 0.4, 0.8]", "[0.2, 2.5]"), "temperature[1]: must be a number from 0 to 2, but is 2.5"},
		{"a level of another type", swap("[0.2, 0.4, 0.8]", "[0.2, hot]"), `must be a number from 0 to 2, but is "hot"`},
		{"a broken integer", swap("[1024, 2048, 4096]", "[1024.5]"), "must be a whole number from 1 to 1048576, but is 1024.5"},
		{"not a number", swap("[0.2, 0.4, 0.8]", "[.nan]"), "must be a finite number"},
		{"infinite", swap("[0.2, 0.4, 0.8]", "[.inf]"), "must be a finite number"},
		{"an octal number", swap("[1024, 2048, 4096]", "[01024]"), "must not begin with 0"},
		{"a number too large to hold", swap("[1024, 2048, 4096]", "[9007199254740993]"), "must lie within"},
		{"a null level", swap("[0.2, 0.4, 0.8]", "[~]"), "but is empty"},
		{"a factor of another kind of target", swap("temperature: [", "kv_type: ["), `unknown option for target "box" (ollama)`},
		{"an option of a subject", swap(`model: "gemma3:270m"`, `model: m, options: {num_ctx: 0}`), "subjects[0].options.num_ctx: must be"},
		{"a boolean option", swap(`model: "gemma3:270m"`, `model: m, options: {use_mmap: "yes"}`), "must be true or false"},
		{"an unknown subject", swap("kind: suite", "kind: suite\n    subjects: [270]"), "must be text"},
		{"a subject twice", swap("kind: suite", "kind: suite\n    subjects: [270m, 270m]"), "named twice"},
		{"no subjects", swap("kind: suite", "kind: suite\n    subjects: []"), "must not be empty"},
		{"an unknown workload", swap("workloads: [banter]", "workloads: [banner]"), "did you mean banter?"},
		{"a suite with factors", swap("kind: grid", "kind: suite"), "an experiment of kind suite has no factors"},
		{"a grid without", swap("kind: suite", "kind: grid"), "a grid needs factors"},
		{"an unknown kind", swap("kind: suite", "kind: siute"), "did you mean suite?"},
		{"negative blocks", swap("blocks: 5", "blocks: -1"), "must lie between 1 and 10000, but is -1"},
		{"zero blocks", swap("blocks: 5", "blocks: 0"), "must lie between 1 and 10000, but is 0"},
		{"cold in streams", swap("kind: suite", "kind: cold\n    repeats: 1"), ""},
		{"cold at once", strings.Replace(swap("kind: suite", "kind: cold"), "streams: 1", "streams: 2", 1), "must be 1 for kind cold"},
		{"a second cold", swap("id: baseline", "id: cold"), "design.cold_loads already adds an experiment cold"},
		{"no time", swap("timeout: 120s", "timeout: 0s"), "must lie between 1ms and 24h, but is 0s"},
		{"a time without unit", swap("timeout: 120s", "timeout: 120"), "for instance 120s"},
		{"a negative time", swap("timeout: 120s", "timeout: -1s"), "must be a duration"},
		{"a time beyond counting", swap("timeout: 120s", "timeout: 99999999999h"), "must be a duration"},
		{"telemetry too often", swap("interval: 1s", "interval: 1ms"), "must lie between 10ms and 1h"},
		{"a negative seed", swap("seed: 1", "seed: -1"), "design.seed: must lie between"},
		{"an unknown cache", swap("unique-prefix", "unique_prefix"), "did you mean unique-prefix?"},
		{"a key for a variable", swap(`kind: ollama`, `kind: ollama, key_env: "secret 34"`), "environment variable"},
		{"a key in an address", swap("http://127", "http://me:secret@127"), "must not hold a user name or a key"},
		{"a key in a broken address", swap("http://127.0.0.1", `http://secret\n@x`), "on one line"},
		{"another scheme", swap("http://127", "ftp://127"), "must begin with http://"},
		{"no host", swap("http://127.0.0.1:11434", "http://"), "must have a host"},
		{"two sources", swap("suite: banter,", "suite: banter, file: p.txt,"), "a workload has one source"},
		{"no source", swap("suite: banter,", ""), "has no prompts"},
		{"a missing file", swap("suite: banter", "file: nope.txt"), "open nope.txt: file does not exist"},
		{"a blank file", swap("suite: banter", "file: blank.txt"), "the file has no prompts"},
		{"a broken file", swap("suite: banter", "file: bad.jsonl"), "line 2"},
		{"a big file", swap("suite: banter", "file: big.txt"), "must be at most"},
		{"a file in Latin-1", swap("suite: banter", "file: latin1.txt"), "not UTF-8"},
		{"an empty prompt", swap("suite: banter", `prompts: [" "]`), "prompt 1 has no text"},
		{"two prompts of one id", swap("suite: banter", "prompts: [{id: p2, text: x}, y]"), "prompt 2 has the id p2 of prompt 1"},
		{"a budget twice", swap("suite: banter,", "synthetic: {input_tokens: 5, output_tokens: 5},"), "use synthetic.output_tokens"},
		{"a shape too large", swap("suite: banter, max_tokens: 64", "synthetic: {input_tokens: 1000000, output_tokens: 5, count: 10000}"), "input_tokens × count"},
		{"too many trials", strings.Replace(swap("blocks: 3", "blocks: 10000\n    repeats: 10000"), "blocks: 5", "blocks: 10000", 1), "at most 1000000 trials"},
		{"countless trials", strings.Replace(base, "[0.2, 0.4, 0.8]", "["+manyLevels(4000)+"], top_p: ["+manyLevels(4000)+"], num_gpu: [1, 2]", 1), "at most 1000000 trials"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.src)
			if c.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got\n%v\nwant %q", err, c.want)
				return
			}
			if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
				t.Errorf("code %d, hint %q", fault.CodeOf(err), fault.HintOf(err))
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the message shows the key: %v", err)
			}
		})
	}
}

func manyLevels(n int) string {
	var out []string
	for i := range n {
		b, _ := json.Marshal(float64(i) / float64(n))
		out = append(out, string(b))
	}
	return strings.Join(out, ",")
}

// A frozen spec survives its manifest, and is the same spec: same plan.
func TestFrozenRoundTrip(t *testing.T) {
	for _, src := range []string{design, string(spec.Example())} {
		s := mustParse(t, src)
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := spec.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if string(b) != string(again) {
			t.Errorf("not the same:\n%s\n%s", b, again)
		}
		one, _ := json.Marshal(mustExpand(t, s, spec.Env{}))
		two, _ := json.Marshal(mustExpand(t, back, spec.Env{}))
		if string(one) != string(two) {
			t.Error("the plan of the decoded spec is another")
		}
		first, _ := s.Digest()
		second, _ := back.Digest()
		if first != second {
			t.Error("the digest of the decoded spec is another")
		}
	}
	for _, b := range []string{`{`, `{"version":2}`, `{"version":1,"x":1}`, `{"version":1,"experiments":[{"factors":[1]}]}`} {
		if _, err := spec.Decode([]byte(b)); err == nil {
			t.Errorf("%s was accepted", b)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]string{"120s": "2m", "60m": "1h", "1h30m": "1h30m", "1m30s": "1m30s", "3600.5s": "1h0m0.5s", "250ms": "250ms", "0s": "0s", "10m": "10m", "100h": "100h"} {
		var d, back spec.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != want {
			t.Errorf("%s became %s (%v), want %s", text, d, err, want)
		}
		if err := back.UnmarshalText([]byte(d.String())); err != nil || back != d {
			t.Errorf("%s became %s (%v)", d, back, err)
		}
	}
	for _, text := range []string{"", "5", "-1s", "+1s", "1 s", "s", "1.s", "1d", "99999999999h"} {
		if d := spec.Duration(0); d.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is a duration: %s", text, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(design)
	f.Add(string(spec.Example()))
	f.Add("a: &a [x]\nb: *a")
	f.Add("experiments: [{factors: {x: [1, [2], ~]}}]\nworkloads: [{prompts: [{}, 1]}]")
	f.Add("\"\\x07\": |\n  x\n? [a]\n: b")
	f.Fuzz(func(t *testing.T, src string) {
		s, err := spec.Parse("f.yaml", []byte(src), catalogue(), files)
		if (s == nil) == (err == nil) {
			t.Fatalf("spec %v, error %v", s, err)
		}
		if err != nil {
			if fault.CodeOf(err) != fault.Usage || len(err.Error()) > 64<<10 {
				t.Fatalf("code %d, %d bytes of message", fault.CodeOf(err), len(err.Error()))
			}
			return
		}
		if n := s.Trials(catalogue()); n > 20_000 {
			return // valid, but slow to expand for a fuzzer
		}
		p, err := spec.Expand(s, spec.Env{Catalogue: catalogue()})
		if err != nil || len(p.Trials) != s.Trials(catalogue()) {
			t.Fatalf("a valid spec does not expand: %v", err)
		}
	})
}

func TestExpect(t *testing.T) {
	const head = `{version: 1, name: n, targets: [{id: f, kind: fake}], subjects: [{id: a, target: f, model: m}], experiments: [{id: e, kind: suite}], workloads: [`
	s := mustParse(t, head+`{id: w, suite: banter}, {id: own, prompts: [{id: r, text: Explain the rule, required: [offside]}], expect: {words: {max: 9}, max_emoji: 0}},
{id: bare, suite: banter, expect: {}}, {id: none, prompts: [x]}]}`)
	suite, own, bare, none := s.Workloads[0], s.Workloads[1], s.Workloads[2], s.Workloads[3]
	if c := suite.Expect; c == nil || c.Words.Min != 5 || c.Words.Max != 30 || !c.SingleLine || !c.Plain || !c.Stops || c.Script != "Latin" {
		t.Errorf("banter expects %+v", c)
	}
	if c := own.Expect; c.Words.Max != 9 || c.Words.Min != 0 || *c.MaxEmoji != 0 || own.Prompts[0].Required[0] != "offside" {
		t.Errorf("own workload expects %+v of %+v", c, own.Prompts[0])
	}
	if !bare.Expect.IsZero() || none.Expect != nil {
		t.Errorf("%+v, %+v", bare.Expect, none.Expect)
	}
	if tasks := own.Tasks(); tasks["r"].Required[0] != "offside" || tasks["r"].Contract.Words.Max != 9 {
		t.Errorf("tasks %+v", tasks["r"])
	}
	for workload, want := range map[string]string{
		`{id: w, suite: banter, expect: {word: {min: 5}}}`:                               "unknown key",
		`{id: w, suite: banter, expect: {words: {min: 9, max: 5}}}`:                      "min must be at most max",
		`{id: w, suite: banter, expect: {words: {max: 0}}}`:                              "must lie between 1",
		`{id: w, suite: banter, expect: {chars: {}}}`:                                    "must have min, max or both",
		`{id: w, suite: banter, expect: {script: latin}}`:                                "did you mean Latin?",
		`{id: w, suite: banter, expect: {max_emoji: -1}}`:                                "must lie between 0",
		`{id: w, suite: banter, expect: {required: ["!"]}}`:                              "no letter or digit",
		`{id: w, suite: banter, expect: {plain: yes please}}`:                            "must be true or false",
		`{id: w, prompts: [{text: x, required: [""]}]}`:                                  "no letter or digit",
		`{id: w, prompts: [{text: x, require: [y]}]}`:                                    "did you mean required?",
		`{id: w, synthetic: {input_tokens: 5, output_tokens: 5}, expect: {plain: true}}`: "a synthetic prompt asks nothing",
	} {
		if _, err := parse(head + workload + `]}`); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", workload, err, want)
		}
	}
}
