package cli

import (
	"bytes"
	"fmt"
	"io"

	"chimera/internal/audit"
	"chimera/internal/fact"
	"chimera/internal/fault"
	"chimera/internal/finding"
	"chimera/internal/report"
	"chimera/internal/store"
)

// audited returns the document as it may be published: each sentence that holds
// a claim which is not supported is dropped and listed, and the score stands in
// front of the appendix. The error is of code Gate if a table holds a claim that
// is wrong, which no dropping can mend.
func audited(rows *fact.Ledger, d report.Document) (report.Document, error) {
	const rounds = 8
	plain, told := d, finding.Audited{Dropped: []finding.Dropped{}}
	for round := range rounds {
		if round > 0 {
			var err error
			if d, err = plain.Scored(told); err != nil {
				return d, err
			}
		}
		var text bytes.Buffer
		if err := report.Markdown(&text, d, func(figure string) string { return "figures/" + figure + ".svg" }); err != nil {
			return d, err
		}
		r, err := audit.Own(rows, d.Ledger.Facts(), text.Bytes())
		if err != nil {
			return d, err
		}
		found := finding.Audited{Claims: len(r.Claims), Supported: r.Summary.Supported, Misleading: r.Summary.Misleading, Contradicted: r.Summary.Contradicted,
			Unverifiable: r.Summary.Unverifiable, Malformed: r.Summary.Malformed, Dropped: told.Dropped}
		failing := r.Failing()
		without, dropped := plain.Without(reasonIn(failing))
		switch {
		case len(dropped) > 0:
			plain = without
			told.Dropped = append(told.Dropped, dropped...)
			told.Claims = 0
		case r.Failed():
			for _, c := range failing {
				if c.Verdict != audit.Unverifiable {
					return d, fault.With(fmt.Errorf("report: its own audit finds %q %s: %s (in: %s)", c.Text, c.Verdict, c.Why, short(c.Sentence, 160)), fault.Gate, "nothing was written; this is a fault of chimera: report it with the run")
				}
			}
		case round > 0 && same(found, told):
			return d, nil
		case round == 0 || told.Claims == 0: // the score adds a line and a fact for each of its counts
			told = found
			for _, n := range []int{1, found.Misleading, found.Unverifiable} {
				if n > 0 {
					told.Claims, told.Supported = told.Claims+2, told.Supported+2
				}
			}
		default:
			told = found
		}
	}
	return d, fault.New(fault.Gate, "report: its audit does not come to an end after %d rounds", rounds)
}

// same reports whether two audits counted the same.
func same(x, y finding.Audited) bool {
	x.Dropped, y.Dropped = nil, nil
	return fmt.Sprint(x) == fmt.Sprint(y)
}

// reasonIn says of a sentence which failing claim it holds, if any.
func reasonIn(failing []audit.Claim) func(string) string {
	return func(printed string) string {
		for _, c := range failing {
			if c.In(printed) {
				return fmt.Sprintf("%q is %s: %s", c.Text, c.Verdict, c.Why)
			}
		}
		return ""
	}
}

// kept are runs without their rows: what is said of rows that are too many to
// hold is judged by its facts alone.
func kept(runs []store.Run) []fact.RunRows {
	var out []fact.RunRows
	for _, r := range runs {
		out = append(out, *ledgerRun(r))
	}
	return out
}

// printAudited prints a report's score.
func printAudited(w io.Writer, a finding.Audited) {
	line := fmt.Sprintf("%s, %d supported, %d contradicted, %d malformed", countOf(a.Claims, "claim", "claims"), a.Supported+a.Misleading, a.Contradicted, a.Malformed)
	if a.Unverifiable > 0 {
		line += fmt.Sprintf(", %d unverifiable", a.Unverifiable)
	}
	if len(a.Dropped) > 0 {
		line += "; " + countOf(len(a.Dropped), "sentence", "sentences") + " dropped"
	}
	fmt.Fprintf(w, "\n  audit     %s\n", line)
}
