package engine_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"chimera/internal/engine"
	"chimera/internal/fault"
	"chimera/internal/tensor"
)

func TestBrokenModelsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(m *tiny)
		want string
	}{
		{"no architecture", func(m *tiny) { delete(m.meta, "general.architecture") }, "key general.architecture is missing"},
		{"architecture as a number", func(m *tiny) { m.meta["general.architecture"] = uint32(1) }, "has type u32, wanted string"},
		{"another architecture", func(m *tiny) { m.meta["general.architecture"] = "mamba" }, `architecture "mamba" is not supported; supported are gemma3 and llama`},
		{"no layer count", func(m *tiny) { delete(m.meta, "llama.block_count") }, "key llama.block_count is missing"},
		{"no layers", func(m *tiny) { m.meta["llama.block_count"] = uint32(0) }, "must be at least 1, but is 0"},
		{"more layers than tensors", func(m *tiny) { m.meta["llama.block_count"] = uint32(4) }, "tensor blk.3.attn_norm.weight is missing"},
		{"fewer layers than tensors", func(m *tiny) { m.meta["llama.block_count"] = uint32(2) }, "tensor blk.2.attn_k.weight is in the file, but"},
		{"a wild number of layers", func(m *tiny) { m.meta["llama.block_count"] = uint32(math.MaxUint32) }, "must be at most 1024, but is 4294967295"},
		{"a wild width", func(m *tiny) { m.meta["llama.embedding_length"] = uint32(1 << 31) }, "must be at most 131072"},
		{"a width the tensors do not have", func(m *tiny) { m.meta["llama.embedding_length"] = uint32(32) }, "tensor token_embd.weight has shape [16 259], but the hyper-parameters ask for [32 259]"},
		{"heads that do not share evenly", func(m *tiny) { m.meta["llama.attention.head_count_kv"] = uint32(3) }, "4 query heads cannot share 3 key-value heads evenly"},
		{"no heads", func(m *tiny) { m.meta["llama.attention.head_count"] = uint32(0) }, "must be at least 1"},
		{"heads of odd length", func(m *tiny) {
			m.meta["llama.attention.key_length"] = uint32(7)
			m.meta["llama.attention.value_length"] = uint32(7)
		}, "even number of elements"},
		{"keys and values of two lengths", func(m *tiny) { m.meta["llama.attention.value_length"] = uint32(4) }, "values of 4 elements and keys of 8"},
		{"more rotated than there is", func(m *tiny) { m.meta["llama.rope.dimension_count"] = uint32(16) }, "16 elements of each head rotate"},
		{"an epsilon of zero", func(m *tiny) { m.meta["llama.attention.layer_norm_rms_epsilon"] = float32(0) }, "must be above 0"},
		{"an epsilon that is no number", func(m *tiny) { m.meta["llama.attention.layer_norm_rms_epsilon"] = float32(math.NaN()) }, "must be above 0"},
		{"a negative frequency base", func(m *tiny) { m.meta["llama.rope.freq_base"] = float32(-1) }, "must be above 0"},
		{"a scaling nobody implements", func(m *tiny) { m.meta["llama.rope.scaling.type"] = "yarn" }, `must be none or linear, but is "yarn"`},
		{"frequency divisors of zero", func(m *tiny) { m.tensors["rope_freqs.weight"].data[1] = 0 }, "must be positive, but holds 0 at 1"},
		{"experts", func(m *tiny) { m.meta["llama.expert_count"] = uint32(8) }, "mixtures of experts are not supported"},
		{"a missing tensor", func(m *tiny) { delete(m.tensors, "blk.1.ffn_up.weight") }, "tensor blk.1.ffn_up.weight is missing"},
		{"a bias nobody reads", func(m *tiny) { m.tensors["blk.0.attn_q.bias"] = matrix{[]int{32}, make([]float32, 32)} }, "tensor blk.0.attn_q.bias is in the file, but"},
		{"a norm of another length", func(m *tiny) { m.tensors["output_norm.weight"] = matrix{[]int{8}, make([]float32, 8)} }, "has shape [8], but the hyper-parameters ask for [16]"},
		{"a norm that is not finite", func(m *tiny) { m.tensors["blk.0.ffn_norm.weight"].data[3] = float32(math.Inf(1)) }, "holds +Inf at 3"},
		{"a flat embedding", func(m *tiny) { m.tensors["token_embd.weight"] = matrix{[]int{16}, make([]float32, 16)} }, "tensor token_embd.weight has shape [16]"},
		{"fewer tokens than rows", func(m *tiny) {
			for _, k := range []string{"tokens"} {
				m.meta["tokenizer.ggml."+k] = m.meta["tokenizer.ggml."+k].([]string)[:258]
			}
			m.meta["tokenizer.ggml.token_type"] = m.meta["tokenizer.ggml.token_type"].([]int32)[:258]
			m.meta["tokenizer.ggml.scores"] = make([]float32, 258)
		}, "token_embd.weight has 259 rows, but the vocabulary has 258 tokens"},
		{"no vocabulary", func(m *tiny) { delete(m.meta, "tokenizer.ggml.tokens") }, "vocabulary: key tokenizer.ggml.tokens is missing"},
		{"no scores", func(m *tiny) { delete(m.meta, "tokenizer.ggml.scores") }, "key tokenizer.ggml.scores is missing"},
		{"an unknown tokenizer", func(m *tiny) { m.meta["tokenizer.ggml.model"] = "t5" }, `tokenizer "t5" is not supported`},
		{"BOS outside the vocabulary", func(m *tiny) { m.meta["tokenizer.ggml.bos_token_id"] = uint32(9999) }, "the BOS token is 9999"},
		{"a BOS beyond ids", func(m *tiny) { m.meta["tokenizer.ggml.bos_token_id"] = uint32(math.MaxUint32) }, "must be at most 2147483647"},
		{"byte-level without merges", func(m *tiny) { m.meta["tokenizer.ggml.model"] = "gpt2" }, "key tokenizer.ggml.merges is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newTiny("llama")
			c.edit(m)
			_, err := engine.Open(m.write(t), engine.Options{Threads: 1})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error = %v, want it to say %q", err, c.want)
			}
			if fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
				t.Errorf("code %d, hint %q", fault.CodeOf(err), fault.HintOf(err))
			}
		})
	}
	m := newTiny("gemma3")
	delete(m.meta, "gemma3.attention.sliding_window")
	if _, err := engine.Open(m.write(t), engine.Options{}); err == nil || !strings.Contains(err.Error(), "sliding_window is missing") {
		t.Errorf("gemma3 without a window: %v", err)
	}
	if _, err := engine.Open("none.gguf", engine.Options{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no file: %v", err)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	path := newTiny("llama").write(t)
	for _, c := range []struct {
		opt  engine.Options
		want string
	}{
		{engine.Options{Threads: -1}, "threads must be 1 to 256, but are -1"},
		{engine.Options{Threads: 257}, "but are 257"},
		{engine.Options{Context: 65}, "must be 1 to 64 tokens, which is what the model was trained for, but is 65"},
		{engine.Options{Context: -1}, "but is -1"},
		{engine.Options{Batch: -1}, "the batch must be 1 to 4096 tokens, but is -1"},
		{engine.Options{Numerics: tensor.Numerics(9)}, "unknown numerics 9"},
		{engine.Options{KVType: "f64"}, `must be f32, f16 or q8_0, but is "f64"`},
		{engine.Options{KVType: "q8_0"}, "needs heads of a multiple of 32 elements, but they have 8"},
	} {
		if _, err := engine.Open(path, c.opt); err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: error = %v, want %q", c.opt, err, c.want)
		}
	}
}

// Weights that overflow on the way are found when they do, not printed as text.
func TestOverflowingWeightsAreAnError(t *testing.T) {
	for name, tensor := range map[string]string{"keys": "blk.1.attn_k.weight", "logits": "output.weight"} {
		m := newTiny("llama")
		for i := range m.tensors[tensor].data {
			m.tensors[tensor].data[i] = math.MaxFloat32
		}
		s := session(t, m.open(t, engine.Options{Threads: 1}))
		_, err := s.Generate(t.Context(), engine.Request{Prompt: "ab", MaxTokens: 2}, nil)
		if err == nil || !strings.Contains(err.Error(), "not finite") || fault.CodeOf(err) != fault.Runtime {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

// Whatever a file says, opening and running it must not panic.
func FuzzModel(f *testing.F) {
	for _, arch := range []string{"llama", "gemma3"} {
		b, err := os.ReadFile(newTiny(arch).write(f))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, 0, byte(0))
		for i, key := range []string{"block_count", "head_count", "rope.freq_base", "token_type", "blk.0.attn_q", "eos_token_id", "tokenizer.ggml.model"} {
			at := strings.Index(string(b), key)
			f.Add(b, at+len(key)+4+i%4, byte(1<<i))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, flip byte) {
		if len(b) > 1<<20 {
			return
		}
		b = append([]byte(nil), b...)
		if at >= 0 && at < len(b) {
			b[at] ^= flip
		}
		m, err := engine.LoadBytes(b)
		if err != nil {
			return
		}
		defer m.Close()
		s, err := m.NewSession()
		if err != nil {
			return
		}
		// Overflowing weights are an error here; anything but a panic is right.
		_, _ = s.Generate(t.Context(), engine.Request{Prompt: "ab", MaxTokens: 2}, nil)
	})
}
