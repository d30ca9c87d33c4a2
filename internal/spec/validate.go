package spec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"chimera/internal/fault"
)

// validate refuses what cannot be run. It changes nothing.
func validate(d *document, s *Spec, known Catalogue, texts map[string][]PromptText) {
	v := &validator{document: d, spec: s, known: known, texts: texts}
	if v.required("version") && v.sound("version") && s.Version != Version {
		v.wrong("version", "", "must be %d, but is %d", Version, s.Version)
	}
	v.line("name", s.Name, 100, true)
	v.line("question", s.Question, 1000, false)
	v.targets()
	v.subjects()
	v.workloads()
	v.experiments()
	v.design()
	if i := s.Telemetry.Interval.D(); v.sound("telemetry.interval") && i != 0 && (i < 10*time.Millisecond || i > time.Hour) {
		v.wrong("telemetry.interval", "0s switches telemetry off", "must lie between 10ms and 1h, but is %s", s.Telemetry.Interval)
	}
}

type validator struct {
	*document
	spec  *Spec
	known Catalogue
	texts map[string][]PromptText
}

// required reports whether path is set, and refuses it if not.
func (v *validator) required(path string) bool {
	if v.has(path) {
		return true
	}
	key := path[strings.LastIndexByte(path, '.')+1:]
	v.wrong(path, "add "+key+": …", "is missing")
	return false
}

// list reports the length of a required list, and refuses an empty one.
func (v *validator) list(path string, n int) {
	if v.required(path) && n == 0 {
		v.wrong(path, "", "must not be empty")
	}
}

// line checks a text of one line.
func (v *validator) line(path, text string, most int, must bool) {
	if must && !v.required(path) || !v.sound(path) {
		return
	}
	switch {
	case must && strings.TrimSpace(text) == "":
		v.wrong(path, "", "must not be empty")
	case utf8.RuneCountInString(text) > most:
		v.wrong(path, "", "must be at most %d characters, but is %d", most, utf8.RuneCountInString(text))
	case strings.ContainsFunc(text, unicode.IsControl):
		v.wrong(path, "", "must be on one line, without control characters")
	}
}

// id checks an id and that it is the first of its name.
func (v *validator) id(path, id string, first map[string]string) {
	path += ".id"
	if !v.required(path) || !v.sound(path) {
		return
	}
	if !idForm.MatchString(id) {
		v.wrong(path, "for instance 1b-q4", "an id must be 1 to 64 letters, digits or . _ : + -, and begin with a letter or digit, but is %q", clip(id))
		return
	}
	if at, twice := first[id]; twice {
		v.wrong(path, "", "the id %s is already that of %s", id, at)
		return
	}
	first[id] = strings.TrimSuffix(path, ".id")
}

// between checks a number that the file may set.
func (v *validator) between(path string, value, least, most int64) {
	if v.sound(path) && (value < least || value > most) {
		v.wrong(path, "", "must lie between %d and %d, but is %d", least, most, value)
	}
}

// oneOf checks a word that the file may set.
func (v *validator) oneOf(path, word string, words ...string) {
	if !v.sound(path) {
		return
	}
	for _, w := range words {
		if w == word {
			return
		}
	}
	note := ""
	if w := fault.Nearest(word, words); w != "" {
		note = "did you mean " + w + "?"
	}
	v.wrong(path, note, "must be %s, but is %q", choice(words), clip(word))
}

func choice(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}

func (v *validator) targets() {
	v.list("targets", len(v.spec.Targets))
	first := map[string]string{}
	for i, t := range v.spec.Targets {
		path := item("targets", i)
		v.id(path, t.ID, first)
		if v.required(path + ".kind") {
			v.oneOf(path+".kind", t.Kind, v.known.Kinds()...)
		}
		v.oneOf(path+".api", string(t.API), "chat", "completion")
		if v.sound(path+".key_env") && !envForm.MatchString(t.KeyEnv) {
			v.wrongHint(path+".key_env", "for instance OPENAI_API_KEY", "a key never stands in a spec: export it and name the variable here",
				"must be the name of an environment variable, but is not")
		}
		if v.sound(path + ".url") {
			v.url(path+".url", t.URL)
		}
	}
}

// url checks what can be checked without knowing the kind: an address is
// http, has a host and holds no secret; anything without :// is a path.
func (v *validator) url(path, url string) {
	scheme, rest, address := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case strings.TrimSpace(url) == "" || strings.ContainsFunc(url, func(r rune) bool { return unicode.IsControl(r) }):
		v.wrong(path, "", "must be an address or a folder on one line")
	case !address:
	case scheme != "http" && scheme != "https":
		v.wrong(path, "", "must begin with http:// or https://, but begins with %q", clip(scheme)+"://")
	case strings.Contains(host, "@"):
		v.wrongHint(path, "", "name the environment variable that holds the key in key_env", "must not hold a user name or a key")
	case host == "" || strings.ContainsAny(rest, " ?#"):
		v.wrong(path, "for instance http://127.0.0.1:11434", "must have a host, and no query")
	}
}

func (v *validator) subjects() {
	v.list("subjects", len(v.spec.Subjects))
	first := map[string]string{}
	targets := ids(v.spec.Targets, func(t Target) string { return t.ID })
	for i, s := range v.spec.Subjects {
		path := item("subjects", i)
		v.id(path, s.ID, first)
		v.line(path+".model", s.Model, 1000, true)
		v.oneOf(path+".api", string(s.API), "chat", "completion")
		if v.required(path+".target") && v.refers(path+".target", "target", s.Target, targets) {
			for name, value := range s.Options {
				v.option(child(path+".options", name), name, []Target{v.targetOf(s.ID)}, value)
			}
		}
	}
}

// refers checks that a name is one of the ids of its kind.
func (v *validator) refers(path, what, name string, known []string) bool {
	if !v.sound(path) {
		return false
	}
	for _, k := range known {
		if k == name {
			return true
		}
	}
	v.wrong(path, suggest(name, known), "there is no %s %q", what, clip(name))
	return false
}

func (v *validator) targetOf(subject string) Target {
	s, _ := v.spec.Subject(subject)
	t, _ := v.spec.Target(s.Target)
	return t
}

func (v *validator) experiments() {
	v.list("experiments", len(v.spec.Experiments))
	first := map[string]string{}
	subjects := ids(v.spec.Subjects, func(t Subject) string { return t.ID })
	workloads := ids(v.spec.Workloads, func(t Workload) string { return t.ID })
	for i, e := range v.spec.Experiments {
		path := item("experiments", i)
		v.id(path, e.ID, first)
		if v.spec.Design.ColdLoads > 0 && e.ID == ColdExperiment {
			v.wrong(path+".id", "rename it, or set cold_loads: 0", "design.cold_loads already adds an experiment %s", ColdExperiment)
		}
		v.references(path+".subjects", "subject", e.Subjects, subjects)
		v.references(path+".workloads", "workload", e.Workloads, workloads)
		v.between(path+".blocks", int64(e.Blocks), 1, 10_000)
		v.between(path+".repeats", int64(e.Repeats), 1, 10_000)
		v.between(path+".streams", int64(e.Streams), 1, 1024)
		if v.required(path + ".kind") {
			v.oneOf(path+".kind", string(e.Kind), string(KindSuite), string(KindGrid), string(KindCold))
			v.kind(path, e)
		}
		v.factors(path+".factors", e)
	}
}

// kind checks what an experiment's kind demands of its other keys.
func (v *validator) kind(path string, e Experiment) {
	switch {
	case e.Kind == KindGrid && !v.has(path+".factors"):
		v.wrong(path+".factors", "add factors: {…}, or use kind: suite", "is missing: a grid needs factors")
	case e.Kind == KindSuite && v.has(path+".factors"):
		v.wrongKey(path+".factors", "use kind: grid", "", "an experiment of kind suite has no factors")
	case e.Kind == KindCold && e.Streams != 1:
		v.wrong(path+".streams", "", "must be 1 for kind cold: only one request is the first after a load, but is %d", e.Streams)
	}
}

// references checks a list of ids.
func (v *validator) references(path, what string, names, known []string) {
	if !v.sound(path) {
		return
	}
	if len(names) == 0 {
		v.wrong(path, "leave it out for the default", "must not be empty")
	}
	first := map[string]bool{}
	for i, name := range names {
		at := item(path, i)
		if v.refers(at, what, name, known) && first[name] {
			v.wrong(at, "", "%s is named twice", name)
		}
		first[name] = true
	}
}

func (v *validator) design() {
	g := v.spec.Design
	v.between("design.seed", g.Seed, 0, maxExact)
	v.between("design.warmup", int64(g.Warmup), 0, 1000)
	v.between("design.cold_loads", int64(g.ColdLoads), 0, 1000)
	v.between("design.retries", int64(g.Retries), 0, 10)
	v.oneOf("design.cache", string(g.Cache), string(UniquePrefix), string(AsIs))
	v.oneOf("design.aliases", string(g.Aliases), string(Keep), string(Drop))
	if t := g.Timeout.D(); v.sound("design.timeout") && (t < time.Millisecond || t > 24*time.Hour) {
		v.wrong("design.timeout", "", "must lie between 1ms and 24h, but is %s", g.Timeout)
	}
}

// Kinds returns the known kinds of targets, sorted.
func (c Catalogue) Kinds() []string { return sortedKeys(c) }

// Option returns the option of this name of a kind.
func (c Catalogue) Option(kind, name string) (Option, bool) {
	return find(c[kind], name, func(o Option) string { return o.Name })
}

// factors checks an experiment's factors against every target it runs on.
func (v *validator) factors(path string, e Experiment) {
	if !v.sound(path) {
		return
	}
	if len(e.Factors) == 0 {
		v.wrongKey(path, "leave it out", "", "must not be empty")
	}
	targets := v.targetsOf(e)
	for _, f := range e.Factors {
		at := child(path, f.Name)
		if !v.sound(at) {
			continue
		}
		if len(f.Levels) == 0 {
			v.wrong(at, "for instance ["+f.Name+" values]", "must have at least one level")
		}
		if !v.option(at, f.Name, targets, nil) {
			continue
		}
		first := map[any]int{}
		for i, level := range f.Levels {
			if level == nil || !v.option(item(at, i), f.Name, targets, level) {
				continue
			}
			if j, twice := first[level]; twice {
				v.wrong(item(at, i), "", "the level %s is already there, in place %d", show(level), j+1)
			} else {
				first[level] = i
			}
		}
	}
}

// targetsOf returns each target of an experiment once, in order.
func (v *validator) targetsOf(e Experiment) []Target {
	var out []Target
	seen := map[string]bool{}
	for _, s := range e.Subjects {
		if t := v.targetOf(s); t.Kind != "" && !seen[t.ID] {
			seen[t.ID] = true
			out = append(out, t)
		}
	}
	return out
}

// option checks that every target can set an option and, if value is not nil,
// to this value.
func (v *validator) option(path, name string, targets []Target, value any) bool {
	for _, t := range targets {
		options, ok := v.known[t.Kind]
		if !ok {
			continue // the kind itself is at fault
		}
		hint := fmt.Sprintf("`chimera spec schema --target %s` lists what this target can set", t.Kind)
		o, ok := v.known.Option(t.Kind, name)
		if !ok {
			names := ids(options, func(o Option) string { return o.Name })
			v.wrongKey(path, suggest(name, names), hint, "unknown option for target %q (%s)", t.ID, t.Kind)
			return false
		}
		if value == nil {
			continue
		}
		if must := o.refuses(value); must != "" {
			v.wrongHint(path, o.Doc, hint, "must be %s, but is %s", must, show(value))
			return false
		}
	}
	return true
}

// refuses says what a value of o must be if v is not one, else "".
func (o Option) refuses(v any) string {
	number, isNumber := v.(float64)
	text, isText := v.(string)
	_, isBool := v.(bool)
	switch o.Type {
	case Bool:
		if !isBool {
			return "true or false"
		}
	case Text:
		if !isText {
			return "text"
		}
	case Enum:
		for _, e := range o.Enum {
			if isText && e == text {
				return ""
			}
		}
		return choice(o.Enum)
	default:
		return o.refusesNumber(number, isNumber)
	}
	return ""
}

func (o Option) refusesNumber(n float64, isNumber bool) string {
	what := "a number"
	if o.Type == Int {
		what = "a whole number"
	}
	if o.Min < o.Max {
		what += " from " + show(o.Min) + " to " + show(o.Max)
	}
	if !isNumber || o.Type == Int && n != float64(int64(n)) || o.Min < o.Max && (n < o.Min || n > o.Max) {
		return what
	}
	return ""
}

// show prints a level as a person would write it.
func show(v any) string {
	switch v := v.(type) {
	case float64:
		if math.Abs(v) <= maxExact && v == math.Trunc(v) {
			return strconv.FormatFloat(v, 'f', 0, 64)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return strconv.Quote(clip(v))
	}
	return fmt.Sprint(v)
}
