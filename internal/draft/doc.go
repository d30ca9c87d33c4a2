// Package draft lets anyone write about measurements who can type neither a
// number nor a name that does not exist.
//
// A Sheet is what a writer gets: the facts and findings that matter most, each
// with a short id, in a table that fits a budget. A Draft is what the writer
// gives back: sentences of words and slots. Words come from a closed list, and
// those that claim something (fastest, significant, because, all) have a price:
// a fact in the same sentence that carries them, about the things that the
// sentence names, in the direction that it says. A sentence that does not pay is
// dropped and the reason kept; what is left becomes finding.Sentence values, in
// which every number is a fact and its unit and rounding are the printer's.
//
// The list of words is short on purpose. A text that says little and holds is
// worth more here than one that says more; what the words cannot say, a finding
// says itself: it fits a slot as a whole sentence. Plan writes such a draft
// without any model, and is what a model's draft is measured against.
package draft
