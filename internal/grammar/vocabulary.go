package grammar

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// A Vocabulary is the tokens of a model as bytes, arranged so that a common
// beginning is read once. It is immutable and safe for concurrent use.
type Vocabulary struct {
	size int
	text []byte  // of all tokens, by id
	from []int32 // where each begins, and the end of the last
	ends []int32

	// The trie in preorder: a node is followed by its children.
	bytes  []byte
	depth  []uint8 // of the node: 0 at the root's children
	after  []int32 // the next node that is not below this one
	first  []int32 // index in sorted of the first token that ends here
	sorted []int32 // tokens by their bytes
	below  []kinds // of the bytes under the node
	runes  []uint8 // the most that a token under the node goes on with

	byteIDs [256]bool // bytes that are tokens of their own
}

// maxTokenBytes is the length of the longest token that a constrained model may
// choose. Longer ones are texts of a training set, not words.
const maxTokenBytes = 255

// NewVocabulary arranges size tokens. piece appends the bytes that a token
// adds to a text, and none for tokens that are no text: these are never chosen.
// ends are the tokens that end a text: they are chosen only where one may end.
func NewVocabulary(size int, piece func(dst []byte, id int32) []byte, ends []int32) (*Vocabulary, error) {
	if len(ends) == 0 {
		return nil, usage("the vocabulary has no token that ends a text, so a constrained text could not end")
	}
	v := &Vocabulary{size: size, from: make([]int32, size+1), ends: slices.Clone(ends)}
	for id := range int32(size) {
		if !slices.Contains(ends, id) {
			v.text = piece(v.text, id)
		}
		v.from[id+1] = int32(len(v.text))
		if n := len(v.piece(id)); n > 0 && n <= maxTokenBytes {
			v.sorted = append(v.sorted, id)
			if n == 1 {
				v.byteIDs[v.piece(id)[0]] = true
			}
		}
	}
	v.sort()
	v.grow()
	return v, nil
}

// Size is the number of tokens.
func (v *Vocabulary) Size() int { return v.size }

// piece is the text of a token, "" for one that has none.
func (v *Vocabulary) piece(id int32) []byte { return v.text[v.from[id]:v.from[id+1]] }

// sort puts the tokens in order of their bytes. Nearly all differ in the first
// eight, which are compared as one number.
func (v *Vocabulary) sort() {
	type keyed struct {
		key uint64
		id  int32
	}
	list := make([]keyed, len(v.sorted))
	for i, id := range v.sorted {
		var head [8]byte
		copy(head[:], v.piece(id))
		list[i] = keyed{binary.BigEndian.Uint64(head[:]), id}
	}
	slices.SortFunc(list, func(a, b keyed) int {
		if a.key != b.key {
			return cmp.Compare(a.key, b.key)
		}
		if c := bytes.Compare(v.piece(a.id), v.piece(b.id)); c != 0 {
			return c
		}
		return cmp.Compare(a.id, b.id)
	})
	for i, k := range list {
		v.sorted[i] = k.id
	}
}

// grow builds the trie from the sorted tokens.
func (v *Vocabulary) grow() {
	var path []int32 // the node at each depth above the next
	var last []byte
	for i, id := range v.sorted {
		text := v.piece(id)
		same := 0
		for same < len(text) && same < len(last) && text[same] == last[same] {
			same++
		}
		for _, node := range path[same:] {
			v.after[node] = int32(len(v.bytes))
		}
		path = path[:same]
		for d := same; d < len(text); d++ {
			path = append(path, int32(len(v.bytes)))
			v.bytes = append(v.bytes, text[d])
			v.depth = append(v.depth, uint8(d))
			v.after = append(v.after, 0)
			v.first = append(v.first, int32(i))
		}
		last = text
	}
	for _, node := range path {
		v.after[node] = int32(len(v.bytes))
	}
	// A token that grew no node equals the one before it, so the tokens of a
	// node are those from its first to the next node's.
	v.first = append(v.first, int32(len(v.sorted)))
	v.describe()
}

// own lists the tokens that end at node.
func (v *Vocabulary) own(node int) []int32 { return v.sorted[v.first[node]:v.first[node+1]] }
