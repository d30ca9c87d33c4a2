package export

import (
	"fmt"
	"io"
	"iter"
	"reflect"
	"strings"

	"chimera/internal/sample"
	"chimera/internal/store"

	"github.com/parquet-go/parquet-go"
)

// groupRows bounds what is held in memory.
const groupRows = 4096

func writeParquet(w io.Writer, run store.Run, rows iter.Seq2[*sample.Sample, error], o Options) error {
	table := columns(o)
	digest, _ := run.Digest()
	out := parquet.NewWriter(w, schema(table), parquet.MaxRowsPerRowGroup(groupRows), parquet.Compression(&parquet.Snappy),
		parquet.CreatedBy("chimera", "", ""), parquet.KeyValueMetadata("chimera.run", run.ID()),
		parquet.KeyValueMetadata("chimera.digest", digest), parquet.KeyValueMetadata("chimera.export", "1"))
	row := make(parquet.Row, len(table))
	for s, err := range rows {
		if err != nil {
			return err
		}
		for i, c := range table {
			row[i] = parquet.ValueOf(nil).Level(0, 0, i)
			if v := c.value(s); v != nil {
				row[i] = parquet.ValueOf(v).Level(0, 1, i)
			}
		}
		if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
			return err
		}
	}
	return out.Close()
}

// schema makes every column nullable and keeps their order, which only a
// struct type does.
func schema(table []column) *parquet.Schema {
	types := map[kind]reflect.Type{kText: reflect.TypeFor[string](), kInt: reflect.TypeFor[int64](),
		kFloat: reflect.TypeFor[float64](), kBool: reflect.TypeFor[bool]()}
	var fields []reflect.StructField
	for i, c := range table {
		fields = append(fields, reflect.StructField{Name: fmt.Sprintf("C%d", i), Type: reflect.PointerTo(types[c.kind]),
			Tag: reflect.StructTag(fmt.Sprintf(`parquet:%q`, strings.ReplaceAll(c.name, ",", "_")+",optional"))})
	}
	return parquet.SchemaOf(reflect.New(reflect.StructOf(fields)).Interface())
}
