package paint

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

type vector struct{ x, y float64 }

// matrix is an affine map: x' = a x + c y + e, y' = b x + d y + f.
type matrix struct{ a, b, c, d, e, f float64 }

func (m matrix) apply(v vector) vector {
	return vector{m.a*v.x + m.c*v.y + m.e, m.b*v.x + m.d*v.y + m.f}
}

// times maps by n first, then by m.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m.a*n.a + m.c*n.b, m.b*n.a + m.d*n.b,
		m.a*n.c + m.c*n.d, m.b*n.c + m.d*n.d,
		m.a*n.e + m.c*n.f + m.e, m.b*n.e + m.d*n.f + m.f,
	}
}

// scale is by how much lengths grow, on average over directions.
func (m matrix) scale() float64 { return math.Sqrt(math.Abs(m.a*m.d - m.b*m.c)) }

var transformation = regexp.MustCompile(`(\w+)\(([^)]*)\)`)

func (m matrix) transformed(attr string) (matrix, error) {
	for _, t := range transformation.FindAllStringSubmatch(attr, -1) {
		v, err := numbers(t[2])
		if err != nil {
			return m, fmt.Errorf("transform %q: %w", attr, err)
		}
		step, ok := single(t[1], v)
		if !ok {
			return m, fmt.Errorf("transform %q: figures do not use it", attr)
		}
		m = m.times(step)
	}
	return m, nil
}

func single(name string, v []float64) (matrix, bool) {
	switch {
	case name == "translate" && len(v) == 2:
		return matrix{1, 0, 0, 1, v[0], v[1]}, true
	case name == "translate" && len(v) == 1:
		return matrix{1, 0, 0, 1, v[0], 0}, true
	case name == "scale" && len(v) == 1:
		return matrix{v[0], 0, 0, v[0], 0, 0}, true
	case name == "scale" && len(v) == 2:
		return matrix{v[0], 0, 0, v[1], 0, 0}, true
	case name == "rotate" && len(v) == 1:
		sin, cos := math.Sincos(v[0] * math.Pi / 180)
		return matrix{cos, sin, -sin, cos, 0, 0}, true
	case name == "matrix" && len(v) == 6:
		return matrix{v[0], v[1], v[2], v[3], v[4], v[5]}, true
	}
	return matrix{}, false
}

type kind int

const (
	move kind = iota
	lineTo
	quadratic
	cubic
	closing
)

// segment ends at its last point; the ones before it are controls.
type segment struct {
	kind kind
	p    [3]vector
}

type segments []segment

func (s *segments) move(x, y float64) { *s = append(*s, segment{move, [3]vector{{x, y}}}) }
func (s *segments) line(x, y float64) { *s = append(*s, segment{lineTo, [3]vector{{x, y}}}) }
func (s *segments) close()            { *s = append(*s, segment{kind: closing}) }
func (s *segments) cubic(a, b, c vector) {
	*s = append(*s, segment{cubic, [3]vector{a, b, c}})
}

// outline is the path of a shape element, in its own coordinates.
func outline(n *node) (segments, error) {
	var s segments
	switch name := n.XMLName.Local; name {
	case "path":
		return parsePath(n.attr("d"))
	case "rect":
		x, y, w, h := n.number("x", 0), n.number("y", 0), n.number("width", 0), n.number("height", 0)
		if n.attr("rx") != "" || n.attr("ry") != "" {
			return nil, fmt.Errorf("paint <rect>: figures round corners by paths")
		}
		s.move(x, y)
		s.line(x+w, y)
		s.line(x+w, y+h)
		s.line(x, y+h)
		s.close()
	case "circle":
		s.circle(n.number("cx", 0), n.number("cy", 0), n.number("r", 0))
	case "line":
		s.move(n.number("x1", 0), n.number("y1", 0))
		s.line(n.number("x2", 0), n.number("y2", 0))
	case "polygon", "polyline":
		v, err := numbers(n.attr("points"))
		if err != nil || len(v)%2 != 0 {
			return nil, fmt.Errorf("paint <%s>: its points are %q", name, n.attr("points"))
		}
		for i := 0; i < len(v); i += 2 {
			if i == 0 {
				s.move(v[0], v[1])
				continue
			}
			s.line(v[i], v[i+1])
		}
		if name == "polygon" && len(s) > 0 {
			s.close()
		}
	default:
		return nil, fmt.Errorf("paint <%s>: figures do not use it", name)
	}
	return s, nil
}

// quarter is the distance of a control point that makes a cubic a quarter of a
// circle, to three parts in ten thousand of its radius.
const quarter = 0.5522847498307936

func (s *segments) circle(x, y, r float64) {
	k := r * quarter
	s.move(x+r, y)
	s.cubic(vector{x + r, y + k}, vector{x + k, y + r}, vector{x, y + r})
	s.cubic(vector{x - k, y + r}, vector{x - r, y + k}, vector{x - r, y})
	s.cubic(vector{x - r, y - k}, vector{x - k, y - r}, vector{x, y - r})
	s.cubic(vector{x + k, y - r}, vector{x + r, y - k}, vector{x + r, y})
	s.close()
}

var (
	numeral = regexp.MustCompile(`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`)
	command = regexp.MustCompile(`([A-DF-Za-df-z])([^A-DF-Za-df-z]*)`)
)

// numbers reads a list separated by spaces and commas.
func numbers(s string) ([]float64, error) {
	var list []float64
	for _, m := range numeral.FindAllString(s, -1) {
		v, err := strconv.ParseFloat(m, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if rest := strings.Trim(numeral.ReplaceAllString(s, ""), " ,\t\n"); rest != "" {
		return nil, fmt.Errorf("%q is no number", rest)
	}
	return list, nil
}

// arity is how many numbers one step of a command takes.
var arity = map[byte]int{'m': 2, 'l': 2, 'h': 1, 'v': 1, 'c': 6, 'q': 4, 'a': 7, 'z': 0}

// parsePath reads path data: M L H V C Q A Z in both cases.
func parsePath(d string) (segments, error) {
	var pen pen
	for _, m := range command.FindAllStringSubmatch(d, -1) {
		c := m[1][0]
		v, err := numbers(m[2])
		size, known := arity[c|32]
		if err != nil || !known || size == 0 && len(v) > 0 || size > 0 && (len(v) == 0 || len(v)%size != 0) {
			return nil, fmt.Errorf("path %.40q: figures do not use %q with %d numbers", d, m[1], len(v))
		}
		if size == 0 {
			pen.s.close()
			pen.at = pen.start
		}
		for ; len(v) > 0; v = v[size:] {
			pen.step(c, v[:size])
			if c|32 == 'm' { // further pairs are lines
				c-- // l is the letter before m
			}
		}
	}
	return pen.s, nil
}

type pen struct {
	s         segments
	at, start vector
}

func (p *pen) step(c byte, v []float64) {
	var base vector
	if c >= 'a' {
		base = p.at
	}
	point := func(i int) vector { return vector{base.x + v[i], base.y + v[i+1]} }
	switch c | 32 {
	case 'm':
		p.at = point(0)
		p.start = p.at
		p.s.move(p.at.x, p.at.y)
	case 'l':
		p.at = point(0)
		p.s.line(p.at.x, p.at.y)
	case 'h':
		p.at.x = base.x + v[0]
		p.s.line(p.at.x, p.at.y)
	case 'v':
		p.at.y = base.y + v[0]
		p.s.line(p.at.x, p.at.y)
	case 'c':
		p.s.cubic(point(0), point(2), point(4))
		p.at = point(4)
	case 'q':
		p.s = append(p.s, segment{quadratic, [3]vector{point(0), point(2)}})
		p.at = point(2)
	case 'a':
		to := point(5)
		p.s.arc(p.at, to, v[0], v[1], v[2]*math.Pi/180, v[3] != 0, v[4] != 0)
		p.at = to
	}
}

// arc appends an elliptical arc as cubics, by the conversion from end points to
// a centre of SVG 1.1, appendix F.6.5.
func (s *segments) arc(from, to vector, rx, ry, tilt float64, large, sweep bool) {
	rx, ry = math.Abs(rx), math.Abs(ry)
	if rx == 0 || ry == 0 || from == to {
		s.line(to.x, to.y)
		return
	}
	sin, cos := math.Sincos(tilt)
	dx, dy := (from.x-to.x)/2, (from.y-to.y)/2
	x, y := cos*dx+sin*dy, cos*dy-sin*dx
	if l := x*x/(rx*rx) + y*y/(ry*ry); l > 1 {
		rx, ry = rx*math.Sqrt(l), ry*math.Sqrt(l)
	}
	k := rx*rx*y*y + ry*ry*x*x
	k = math.Sqrt(max(0, (rx*rx*ry*ry-k)/k))
	if large == sweep {
		k = -k
	}
	cx, cy := k*rx*y/ry, -k*ry*x/rx
	begin, end := math.Atan2((y-cy)/ry, (x-cx)/rx), math.Atan2((-y-cy)/ry, (-x-cx)/rx)
	turn := end - begin
	switch {
	case sweep && turn < 0:
		turn += 2 * math.Pi
	case !sweep && turn > 0:
		turn -= 2 * math.Pi
	}
	m := matrix{cos, sin, -sin, cos, cos*cx - sin*cy + (from.x+to.x)/2, sin*cx + cos*cy + (from.y+to.y)/2}
	steps := math.Ceil(math.Abs(turn) / (math.Pi / 2))
	for i := range int(steps) {
		a := begin + turn*float64(i)/steps
		b := begin + turn*float64(i+1)/steps
		h := 4.0 / 3 * math.Tan((b-a)/4)
		sa, ca := math.Sincos(a)
		sb, cb := math.Sincos(b)
		s.cubic(m.apply(vector{rx * (ca - h*sa), ry * (sa + h*ca)}),
			m.apply(vector{rx * (cb + h*sb), ry * (sb - h*cb)}), m.apply(vector{rx * cb, ry * sb}))
	}
}
