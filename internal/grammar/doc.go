// Package grammar lets a model write only what a grammar allows.
//
// A grammar (GBNF as llama.cpp has it, or a JSON Schema) becomes a pushdown
// automaton over bytes, and with a vocabulary a mask of tokens for each of its
// states. The masks are exact: a token is allowed if and only if some text of
// the language goes on with it. And they end: each state knows how many tokens
// close it, so a budget that holds the shortest text is always enough, whatever
// the model would rather say.
//
// Nothing is skipped in silence. A keyword, a construct or a size that cannot be
// honoured is an error when the grammar is read, because a constraint that holds
// most of the time is not one. Left recursion is refused: the automaton would
// have to guess how deep it is before it reads a byte.
package grammar
