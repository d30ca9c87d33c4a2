// Package echarts runs Apache ECharts without a browser: an option in, SVG out.
//
// The library is embedded once and serves twice: here, in a JavaScript engine
// written in Go, and in a page, where the same option comes alive. It never
// guesses how wide a text is: the caller gives real font metrics, because a
// label placed by a guess overlaps its neighbour in somebody's font.
//
// The same option gives the same bytes, in any order, on any machine, from
// several goroutines at once: counters that the library keeps between drawings
// are renumbered.
package echarts

import (
	"context"
	_ "embed" // the library is part of the binary
	"fmt"
	"sync"
	"time"

	"modernc.org/quickjs"
)

// Version is that of the embedded library.
const Version = "6.1.0"

//go:embed asset/echarts.min.js
var library string

//go:embed asset/kit.js
var kit string

// Script returns what a page needs once, whatever its number of figures: the
// library and the part that wakes the figures. It holds no "</script".
func Script() string { return library + "\n" + kit }

// Measure returns the width in pixels of text in a font of the given size.
type Measure func(text string, size float64, bold bool) float64

// drawLimit is far above any drawing (the slowest takes under a second) and
// ends one that would never stop.
const drawLimit = time.Minute

// Engine draws with a fixed number of JavaScript machines, each made when it
// is first needed. All methods are safe for concurrent use.
type Engine struct {
	measure  Measure
	idle     chan *quickjs.VM // machines that wait for work
	unmade   chan struct{}    // one for each machine not made yet
	compiled func() ([]byte, error)
	closing  func() error
}

// New returns an engine that makes up to machines drawings at a time, at about
// 30 MB each. It costs nothing until the first drawing; Close frees it.
func New(measure Measure, machines int) *Engine {
	n := max(1, machines)
	e := &Engine{measure: measure, idle: make(chan *quickjs.VM, n), unmade: make(chan struct{}, n)}
	for range n {
		e.unmade <- struct{}{}
	}
	e.compiled = sync.OnceValues(compile)
	e.closing = sync.OnceValue(e.free)
	return e
}

// compile parses the library once, so that every further machine starts from
// its bytecode in a tenth of the time.
func compile() ([]byte, error) {
	vm, err := quickjs.NewVM()
	if err != nil {
		return nil, fmt.Errorf("start the JavaScript engine: %w", err)
	}
	defer vm.Close()
	code, err := vm.Compile(library, quickjs.EvalGlobal)
	if err != nil {
		return nil, fmt.Errorf("compile echarts %s: %w", Version, err)
	}
	return code, nil
}

// SVG draws option, in JSON, at a size in pixels. prefix, of letters, digits
// and hyphens, begins every id in the drawing, so that several can share a page.
func (e *Engine) SVG(ctx context.Context, option []byte, width, height int, prefix string) ([]byte, error) {
	vm, err := e.machine(ctx)
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", prefix, err)
	}
	drawn, err := vm.Call("chimera.svg", string(option), width, height)
	if err != nil {
		// A drawing that was cut off leaves the machine in an unknown state.
		vm.Close()
		e.unmade <- struct{}{}
		return nil, fmt.Errorf("draw %s: %w", prefix, err)
	}
	e.idle <- vm
	text, ok := drawn.(string)
	if !ok {
		return nil, fmt.Errorf("draw %s: the library returned %T, not a drawing", prefix, drawn)
	}
	return normal(text, prefix), nil
}

// machine returns one that waits, or makes one, or waits for one.
func (e *Engine) machine(ctx context.Context) (*quickjs.VM, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case vm := <-e.idle: // one that is made is faster than a new one
		return vm, nil
	default:
	}
	select {
	case vm := <-e.idle:
		return vm, nil
	case <-e.unmade:
		vm, err := e.start()
		if err != nil {
			e.unmade <- struct{}{}
		}
		return vm, err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Close waits for drawings in progress and frees the machines. Later drawings
// would wait for a machine until their context ends. A second call does nothing.
func (e *Engine) Close() error { return e.closing() }

func (e *Engine) free() error {
	var first error
	for range cap(e.idle) {
		select {
		case vm := <-e.idle:
			if err := vm.Close(); err != nil && first == nil {
				first = err
			}
		case <-e.unmade:
		}
	}
	return first
}

// The library asks for a clock and a console; drawings need neither.
const shims = `var setTimeout = function () {}, clearTimeout = function () {};
var console = {log: function () {}, warn: function () {}, error: function () {}};`

const metrics = `echarts.setPlatformAPI({measureText: function (t, f) { return {width: measureText(String(t), String(f || ''))}; }});`

func (e *Engine) start() (*quickjs.VM, error) {
	code, err := e.compiled()
	if err != nil {
		return nil, err
	}
	vm, err := quickjs.NewVM()
	if err != nil {
		return nil, fmt.Errorf("start the JavaScript engine: %w", err)
	}
	if err := e.furnish(vm, code); err != nil {
		vm.Close()
		return nil, fmt.Errorf("load echarts %s: %w", Version, err)
	}
	return vm, nil
}

func (e *Engine) furnish(vm *quickjs.VM, code []byte) error {
	if err := vm.SetEvalTimeout(drawLimit); err != nil {
		return err
	}
	if _, err := vm.Eval(shims, quickjs.EvalGlobal); err != nil {
		return err
	}
	if _, err := vm.EvalBytecode(code); err != nil {
		return err
	}
	measure := func(text, font string) float64 {
		size, bold := parseFont(font)
		return e.measure(text, size, bold)
	}
	if err := vm.RegisterFunc("measureText", measure, false); err != nil {
		return err
	}
	_, err := vm.Eval(metrics+kit, quickjs.EvalGlobal)
	return err
}
