package echarts

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	// counted matches the identifiers that the library numbers on through the
	// life of a machine: zr3-c12 in id and url(#…).
	counted = regexp.MustCompile(`zr\d+-[a-z]+-?\d*`)
	// inner matches what the library writes for its own scripts: which datum a
	// shape belongs to, and how a mouse is met that a still drawing never meets.
	inner = regexp.MustCompile(` (?:ecmeta_\w+|class|pointer-events)="[^"]*"`)
)

// normal drops what only the library reads and gives every counted identifier
// a number by its first appearance. It touches only tags, so a label that looks
// like an identifier stays as it is.
func normal(svg, prefix string) []byte {
	names := map[string]string{}
	var out strings.Builder
	for len(svg) > 0 {
		open := strings.IndexByte(svg, '<')
		if open < 0 {
			break
		}
		out.WriteString(svg[:open])
		end := strings.IndexByte(svg[open:], '>')
		if end < 0 {
			break
		}
		tag := svg[open : open+end+1]
		svg = svg[open+end+1:]
		if strings.HasPrefix(tag, "<style") {
			if _, after, ok := strings.Cut(svg, "</style>"); ok {
				svg = after
				continue
			}
		}
		out.WriteString(counted.ReplaceAllStringFunc(inner.ReplaceAllString(tag, ""), func(found string) string {
			if names[found] == "" {
				names[found] = prefix + "-" + strconv.Itoa(len(names))
			}
			return names[found]
		}))
	}
	out.WriteString(svg)
	return []byte(out.String())
}

// parseFont reads the size and weight out of a CSS font shorthand, as in
// "bold 13px sans-serif". A font without a size is the library's default, 12.
func parseFont(font string) (size float64, bold bool) {
	size = 12
	for _, word := range strings.Fields(font) {
		if px, ok := strings.CutSuffix(word, "px"); ok {
			if v, err := strconv.ParseFloat(px, 64); err == nil {
				size = v
			}
			break
		}
		weight, err := strconv.Atoi(word)
		bold = bold || word == "bold" || word == "bolder" || err == nil && weight >= 600
	}
	return size, bold
}
