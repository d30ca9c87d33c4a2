package chart

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"chimera/internal/chart/paint"
	"chimera/internal/unit"
)

// Widths in pixels of every figure, and the narrowest at which labels of an
// ordinary figure stay apart.
const (
	fullWidth  = 860
	leastWidth = 560
)

// canvas collects a figure while it is laid out.
type canvas struct {
	head   Head
	height int
	left   float64 // margins around the area of data
	right  float64
	top    float64
	bottom float64
	fixed  bool // the layout is of text, and must not be squeezed
	x, y   axis
	layers []*layer
	keys   []key
	table  Table
	notes  []string
	hint   string // how a page's reader may handle it
	reason string

	reasons      []string // of each hatched area
	drawn, given int      // single measurements, and how they were chosen
	how          string
	odd          int // measurements that are no numbers
}

// layer is a series of the option: what the legend switches together. The
// library sees an ID in place of its name, because it keeps series in plain
// objects, in which a subject called __proto__ would be more than a name.
type layer struct {
	name  string
	ID    string `json:"name"`
	Type  string `json:"type"`
	Items []item `json:"data"`
	Style object `json:"itemStyle,omitempty"`
	State object `json:"emphasis"`
	Quiet bool   `json:"animation"`
	// View is where space is seen from: the turn in radians and the tilt.
	View []num `json:"view,omitempty"`
}

// item is one thing with its tooltip.
type item struct {
	At  [2]num `json:"value"`
	Tip string `json:"tip,omitempty"`
	// Depth is the place on the floor by which space is drawn from back to front,
	// and what is added to its depth.
	Depth []num  `json:"depth,omitempty"`
	Marks []mark `json:"marks"`
}

// object is a fragment of an option that has no shape worth a type.
type object map[string]any

type axis struct {
	scale   scale
	name    string
	grid    bool // lines across the area
	hidden  bool
	inverse bool
	bare    bool    // no labels
	rotate  float64 // of labels, in degrees
	gap     float64 // from the axis to its name
	margin  float64 // from the axis to its labels, more than usual
	colour  string  // of labels
	size    float64
}

// key is an entry of the legend: a marker and a layer's name.
type key struct {
	name, icon    string
	fill, outline string
	woven         bool // an icon of stripes, which an outline would fill
}

// note adds a sentence to the caption, once.
func (c *canvas) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(c.notes, s) {
		c.notes = append(c.notes, s)
	}
}

func newCanvas(h Head) *canvas {
	return &canvas{head: h, height: 360, left: 64, right: 24, top: 12, bottom: 24}
}

// layer returns the layer of a name, made when it is first asked for.
func (c *canvas) layer(name string) *layer {
	for _, l := range c.layers {
		if l.name == name {
			return l
		}
	}
	l := &layer{name: name, ID: "l" + strconv.Itoa(len(c.layers)), Type: "custom", State: object{"disabled": true}, Items: []item{}}
	c.layers = append(c.layers, l)
	return l
}

// add puts marks on a layer; a tip of "" makes them silent.
func (l *layer) add(at point, tip string, marks ...mark) {
	l.Items = append(l.Items, item{At: [2]num{num(at.X), num(at.Y)}, Tip: tip, Marks: marks})
}

// nothing makes the figure one sentence.
func (c *canvas) nothing() {
	c.reason = c.head.Empty
	if c.reason == "" {
		c.reason = unmeasured
	}
	c.layers, c.keys = nil, nil
	c.height, c.left, c.right, c.top, c.bottom = 120, 8, 8, 8, 8
	c.x = axis{scale: scale{hi: 1}, hidden: true}
	c.y = c.x
	a, b := point{}, point{X: 1, Y: 1}
	text := wrap("No data: "+c.reason, labelSize, false, fullWidth-120)
	if len(text) > 4 {
		text = append(text[:3], text[3]+" …")
	}
	marks := void(a, b)
	wide := 0.0
	for _, l := range text {
		wide = max(wide, paint.Width(l, labelSize, false))
	}
	half := float64(len(text)) * 9
	centre := point{X: .5, Y: .5}
	marks = append(marks, box(ground, centre.shift(-wide/2-14, -half-8), centre.shift(wide/2+14, half+8)).rounded(4))
	for i, l := range text {
		marks = append(marks, words(l, fg, labelSize, "center", centre.shift(0, float64(2*i+1)*9-half)))
	}
	c.layer("").add(centre, "", marks...)
}

// rows makes the y axis one of named rows, from the top.
func (c *canvas) rows(names []string, rowHeight float64) {
	labels := make([]string, len(names))
	wide := 0.0
	for i, n := range names {
		labels[i] = fit(clean(n), labelSize, false, 230)
		wide = max(wide, paint.Width(labels[i], labelSize, false))
	}
	c.left = max(64, wide+22)
	c.y = axis{scale: positions(labels), inverse: true, colour: fg, size: labelSize}
	c.height = int(math.Ceil(c.top + c.bottom + float64(max(len(names), 1))*rowHeight))
}

// below makes the x axis one of values, named under it.
func (c *canvas) below(s scale, name string) {
	c.x = axis{scale: s, name: name, grid: true, gap: 30}
	c.height += int(52 - c.bottom)
	c.bottom = 52
}

// beside makes the y axis one of values, named at its left, in an area of the
// given height.
func (c *canvas) beside(s scale, name string, height float64) {
	wide := 0.0
	for _, t := range s.ticks {
		wide = max(wide, paint.Width(t.Label, tickSize, false))
	}
	c.left = wide + 44
	c.y = axis{scale: s, name: name, grid: true, gap: wide + 20}
	c.height = int(c.top + height + c.bottom)
}

// columns makes the x axis one of named columns; long names are cut, and
// turned where there are many.
func (c *canvas) columns(names []string, title string) {
	labels := make([]string, len(names))
	slot := (fullWidth - c.left - c.right) / float64(max(len(names), 1))
	wide := 0.0
	for i, n := range names {
		labels[i] = clean(n)
		wide = max(wide, paint.Width(labels[i], tickSize, false))
	}
	room, turn := max(slot-8, 40), wide > slot-8 && slot < 90
	if turn {
		room = 130
	}
	widest := 0.0
	for i := range labels {
		labels[i] = fit(labels[i], tickSize, false, room)
		widest = max(widest, paint.Width(labels[i], tickSize, false))
	}
	if widest > slot*leastWidth/fullWidth-8 {
		c.fixed = true
	}
	c.x = axis{scale: positions(labels), name: title, gap: 30, colour: fg}
	old := c.bottom
	c.bottom = 30
	if turn {
		c.x.rotate = 35
		c.bottom += widest*0.574 - 2
		c.x.gap += widest*0.574 - 2
	}
	if title != "" {
		c.bottom += 22
	}
	c.height += int(c.bottom - old)
}

// label names the figure's own value on an axis: "decode_rate, median, token/s".
func (h Head) label(s scale) string {
	name := h.Metric
	if h.Aggregate != "" {
		name += " (" + h.Aggregate + ")"
	}
	return axisName(name, s)
}

func axisName(name string, s scale) string {
	parts := []string{clean(name)}
	if s.unit.Symbol != "" {
		parts = append(parts, s.unit.Symbol)
	}
	text := strings.TrimPrefix(strings.Join(parts, ", "), ", ")
	if s.log {
		text += " (log)"
	}
	return text
}

// tip is the tooltip of a value: its name, metric and aggregate, interval and n.
func (c *canvas) tip(name string, v Value, s scale) string { return c.head.tip(name, v, s.unit) }

func (h Head) tip(name string, v Value, s unit.Scale) string {
	what := strings.TrimSpace(h.Metric + " " + h.Aggregate)
	lines := []string{clean(name)}
	if why := v.missing(); why != "" {
		lines = append(lines, strings.TrimPrefix(what+": ", ": ")+why)
		return strings.Join(lines, "\n")
	}
	lines = append(lines, strings.TrimPrefix(what+": ", ": ")+withUnit(v.print(s), s.Symbol))
	if _, _, ok := v.interval(); ok && h.Interval != "" {
		lines = append(lines, "in brackets: "+h.Interval)
	}
	lines = append(lines, v.count())
	if v.Note != "" {
		lines = append(lines, clean(v.Note))
	}
	return strings.Join(lines, "\n")
}

func withUnit(text, symbol string) string { return strings.TrimSpace(text + " " + symbol) }

// tabulate begins the table: the names of the leading columns, then value,
// interval, n and remark.
func (c *canvas) tabulate(s scale, names ...string) {
	value := "value"
	if s.unit.Symbol != "" {
		value = s.unit.Symbol
	}
	c.table.Head = append(append([]string{}, names...), value, "n", "remark")
}

// record adds a row under tabulate's columns.
func (c *canvas) record(v Value, s scale, names ...string) {
	row := make([]string, 0, len(names)+3)
	for _, n := range names {
		row = append(row, clean(n))
	}
	if why := v.missing(); why != "" {
		row = append(row, "–", strings.TrimPrefix(v.count(), "n = "), why)
	} else {
		row = append(row, v.print(s.unit), strings.TrimPrefix(v.count(), "n = "), clean(v.Note))
	}
	c.table.Rows = append(c.table.Rows, row)
}

// woven adds an entry for a subject that is drawn as bars.
func (c *canvas) woven(s Subject) {
	n := len(c.keys)
	c.legend(s)
	if len(c.keys) > n {
		c.keys[n].icon, c.keys[n].woven = swatch(s.slot()), true
	}
}

// legend adds an entry for a subject's layer, once for each name.
func (c *canvas) legend(s Subject) {
	name := clean(s.Name)
	if slices.ContainsFunc(c.keys, func(k key) bool { return k.name == name }) {
		return
	}
	c.keys = append(c.keys, key{name: name, icon: icon(s.slot()), fill: category(s.slot()), outline: edge(s.slot())})
}

// legendHeight places the entries as the library will, to leave them room.
func (c *canvas) legendHeight(width float64) float64 {
	if len(c.keys) == 0 {
		return 0
	}
	lines, x := 1, 0.0
	for i := range c.keys {
		w := 14 + 7 + paint.Width(fit(c.keys[i].name, tickSize, false, 260), tickSize, false) + 18
		if x > 0 && x+w-18 > width {
			lines, x = lines+1, 0
		}
		x += w
	}
	return float64(lines)*21 + 8
}

// turned writes the labels of a turned x axis itself: the library would leave
// out the second and the last but one where they come near the ends.
func (c *canvas) turned() {
	if c.x.rotate == 0 {
		return
	}
	floor := c.y.scale.lo
	if c.y.inverse {
		floor = c.y.scale.hi
	}
	var marks []mark
	for _, t := range c.x.scale.ticks {
		at := point{X: float64(t.At), Y: floor, DX: 4, DY: 11 + c.x.margin}
		m := words(t.Label, c.x.colour, tickSize, "right", at)
		m.R = num(c.x.rotate * math.Pi / 180)
		marks = append(marks, m)
	}
	c.layer("labels").add(point{Y: floor}, "", marks...)
	c.x.bare = true
}

func (c *canvas) finish() Drawing {
	if len(c.layers) == 0 {
		c.nothing()
	}
	c.finishNotes()
	c.turned()
	above := c.legendHeight(fullWidth - c.left - c.right)
	c.height += int(above)
	least := leastWidth
	if c.fixed || c.legendHeight(leastWidth-c.left-c.right) > above {
		least = fullWidth
	}
	option, err := json.Marshal(c.option(above))
	if err != nil { // a coordinate that is no number: say so rather than draw half
		c.head.Empty = "its numbers cannot be laid out"
		c.nothing()
		option, _ = json.Marshal(c.option(0))
	}
	d := Drawing{still: new(still), option: option, head: c.head, width: fullWidth, height: c.height, least: least, table: c.table, notes: c.notes, hint: c.hint, nothing: c.reason}
	return d
}

// option is the figure in the library's words.
func (c *canvas) option(above float64) object {
	o := object{
		"animation": false,
		"textStyle": object{"fontFamily": family},
		"tooltip": object{
			"trigger": "item", "confine": true, "transitionDuration": 0, "backgroundColor": ground, "borderColor": line,
			"textStyle": object{"color": fg, "fontSize": tickSize},
		},
		"grid": []object{{
			"left": c.left, "right": c.right, "top": c.top + above, "bottom": c.bottom, "outerBoundsMode": "none",
		}},
		"xAxis":  []object{c.x.option(false, min(700, fullWidth-c.left-c.right+2*min(c.left, c.right)))},
		"yAxis":  []object{c.y.option(true, float64(c.height)-c.top-c.bottom-above)},
		"series": c.layers,
	}
	if len(c.keys) > 0 {
		var entries []object
		labels := object{}
		for i := range c.keys {
			id := c.layer(c.keys[i].name).ID
			labels[id] = inert(c.keys[i].name)
			entries = append(entries, c.keys[i].option(id))
		}
		o["legend"] = object{
			"data": entries, "labels": labels, "left": c.left - 5, "right": c.right, "top": 2, "itemWidth": 14, "itemHeight": 11, "itemGap": 18,
			"selectedMode": "multiple", "inactiveColor": absent,
			"textStyle": object{"color": fg, "fontSize": tickSize, "fontFamily": family, "width": 260, "overflow": "truncate"},
		}
	}
	return o
}

func (k *key) option(id string) object {
	s := object{"color": k.fill, "borderColor": k.outline, "borderWidth": 1.5, "opacity": 1}
	if k.woven {
		s["borderWidth"] = 0
	}
	return object{"name": id, "icon": k.icon, "itemStyle": s}
}

// option is the axis in the library's words; room is how long its name may be.
func (a *axis) option(vertical bool, room float64) object {
	at := make([]num, len(a.scale.ticks))
	for i, t := range a.scale.ticks {
		at[i] = t.At
	}
	colour, size := a.colour, a.size
	if colour == "" {
		colour = muted
	}
	if size == 0 {
		size = tickSize
	}
	lo, hi := a.scale.lo, a.scale.hi
	if lo == hi {
		hi = lo + 1
	}
	o := object{
		"type": "value", "min": num(lo), "max": num(hi), "inverse": a.inverse, "show": !a.hidden,
		"ticks":    a.scale.ticks,
		"axisLine": object{"show": false}, "axisTick": object{"show": false, "customValues": at},
		"axisLabel": object{
			"show": !a.bare, "customValues": at, "color": colour, "fontSize": size, "fontFamily": family, "margin": 9 + a.margin,
			"lineHeight": 15, "hideOverlap": false, "showMinLabel": true, "showMaxLabel": true,
		},
		"splitLine": object{"show": a.grid, "customValues": at, "lineStyle": object{"color": line, "width": 1}},
	}
	if a.name != "" {
		o["name"], o["nameLocation"], o["nameGap"] = inert(fit(clean(a.name), tickSize, false, room)), "middle", a.gap
		o["nameTextStyle"] = object{"color": muted, "fontSize": tickSize, "fontFamily": family}
		if vertical {
			o["nameRotate"] = 90
		}
	}
	return o
}
