// Package agent lets language models tell what was measured, and believes none
// of them.
//
// An agent is a persona, a model behind an interface, and a budget. It goes
// through four stages: ingest (code reads a folder into rows), summary and
// analysis (the model chooses what matters, with tools over the ledger), report
// (the model writes sentences whose numbers are slots). The model never types a
// figure that is printed, and nothing it says becomes a fact: facts come from
// rows, rows come from importers, and a file's content is never part of a
// prompt. Whatever the model does (garbage, refusal, loops, silence), the run
// ends within its budget and the tables of code remain.
//
// Every call is asked of a Model and comes back as a sample like any other. The
// room publishes nothing itself: what it has written is a Story, which whoever
// renders it gives back for the audit until the audit finds nothing wrong.
package agent
