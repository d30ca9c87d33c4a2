package finding

// Table is a table of facts: names at the left, facts in the cells.
type Table struct {
	ID      string   `json:"id"`    // unique in the finding: "ranking", "levels"
	Title   string   `json:"title"` // what the table shows, without numbers
	Labels  []string `json:"labels"`
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"rows"`
}

// Column heads one column of cells. All its facts have one metric, aggregate
// and unit, so that a printer can choose one scale for the column.
type Column struct {
	Head      string `json:"head"` // "decode rate, median"
	Metric    string `json:"metric,omitempty"`
	Aggregate string `json:"aggregate,omitempty"`
	As        Form   `json:"as"` // how its cells are printed
}

// Row is one thing: its names (one per label) and its cells (one per column).
type Row struct {
	Names  []string `json:"names"`
	Cells  []Cell   `json:"cells"`
	Winner bool     `json:"winner,omitempty"` // in the winner set
	Note   string   `json:"note,omitempty"`   // "one load only", without numbers
}

// Cell is a fact, a word, or the reason why there is neither. Beside the fact that
// has no value, the reason is that fact's.
type Cell struct {
	Fact    string `json:"fact,omitempty"`
	Word    string `json:"word,omitempty"`    // "better", "stable": a verdict or rating, never a number
	Missing string `json:"missing,omitempty"` // why the cell is empty
}
