// Package report tells what was found: one document, written as a page, as
// Markdown, as a notebook and as a ledger.
//
// A report computes nothing. Its claims are findings, its numbers are facts,
// and a number cannot be typed into it: it is a slot that names a fact of the
// ledger, and every writer prints it as an element that leads back there.
// Words that carry digits of their own (a model's name, a setting, a digest)
// are marked as names, so that a reader and a test can tell the two apart.
// Without a fact there is no report.
//
// Writers read no clock and no environment: an equal document gives equal
// bytes. Every text is foreign until a writer has escaped it, the model's and
// the user's alike.
package report
