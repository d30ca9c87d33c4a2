package fact_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"chimera/internal/fact"
	"chimera/internal/sample"
	"chimera/internal/unit"
)

// A column that somebody else filled gives the query's fact, id and all.
func TestColumnGivesTheFactOfAQuery(t *testing.T) {
	var rows []*sample.Sample
	col := &fact.Column{Metric: "ttft", Version: 1, Unit: unit.Second, Phase: sample.Measure, Scope: map[string]string{"subject": "a"}, Planned: 9,
		Missing: map[string]int{"timeout": 1}}
	for i := range 8 {
		s := row(i, "a", sample.Measure, time.Duration(i+1)*time.Millisecond)
		rows = append(rows, s)
		col.Add(s.Run, s.Trial, float64(i+1)/1000)
	}
	rows = append(rows, failed(8, "a", sample.Timeout))
	for _, aggregate := range []string{"median", "mean", "sd", "cv", "min", "max"} {
		want := ask(t, fact.Query{Metric: "ttft", Aggregate: aggregate, Phase: sample.Measure, By: []string{"subject"}}, rows...)[0]
		got, err := col.Fact(aggregate)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v, want\n%+v", aggregate, got, want)
		}
	}
	if _, err := col.Fact("ratio_of_sums"); err == nil {
		t.Error("values alone have no ratio of sums")
	}
}

// Evidence names the first rows, counts all, and its digest covers all.
func TestEvidenceOfManyRowsIsCountedAndCovered(t *testing.T) {
	of := func(last float64) fact.Fact {
		col := &fact.Column{Metric: "ttft", Version: 1, Unit: unit.Second, Phase: sample.Measure, Planned: fact.MaxRows + 5}
		for i := range fact.MaxRows + 4 {
			col.Add("r", fmt.Sprint(i), 1)
		}
		col.Add("r", "last", last)
		f, err := col.Fact("median")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b := of(1), of(2) // the median does not see the last row
	if len(a.Evidence.Rows) != fact.MaxRows || a.Evidence.Total != fact.MaxRows+5 || a.N != fact.MaxRows+5 {
		t.Errorf("%d rows named of %d, n %d", len(a.Evidence.Rows), a.Evidence.Total, a.N)
	}
	if a.Value != b.Value || a.Evidence.Digest == b.Evidence.Digest || a.ID == b.ID {
		t.Error("a row that is not named is not in the digest either")
	}
}

// A derived fact names what it stands on and keeps its doubts.
func TestDerivedFactsKeepTheDoubtsOfTheirParts(t *testing.T) {
	x, err := fact.Identify(fact.Fact{Metric: "ttft", Aggregate: "median", Caveats: []string{"left out: 1 × timeout"}})
	if err != nil {
		t.Fatal(err)
	}
	y, err := fact.Identify(fact.Fact{Metric: "ttft", Aggregate: "median", N: 3, Caveats: []string{"left out: 1 × timeout", fact.SyntheticCaveat}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := fact.Derive(fact.Fact{Metric: "ttft", Aggregate: "ratio", Unit: unit.Ratio, Value: sample.Some(2.0)}, x, y)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Evidence.From, []string{x.ID, y.ID}) || !reflect.DeepEqual(f.Caveats, []string{"left out: 1 × timeout", fact.SyntheticCaveat}) {
		t.Errorf("%+v", f)
	}
	swapped, err := fact.Derive(fact.Fact{Metric: "ttft", Aggregate: "ratio", Unit: unit.Ratio, Value: sample.Some(2.0)}, y, x)
	if err != nil || swapped.ID == f.ID {
		t.Errorf("a ratio of y to x has the id of one of x to y (%v)", err)
	}
}
