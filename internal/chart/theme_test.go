package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTextContrastsInBothThemes(t *testing.T) {
	for _, theme := range []Theme{Light, Dark} {
		v := theme.values()
		for _, ink := range []string{"fg", "mut", "bad", "good", "open", "acc"} {
			for _, under := range []string{"bg", "card"} {
				if c := contrast(v[ink], v[under]); c < 4.5 {
					t.Errorf("theme %d: %s on %s has a contrast of %.2f, below 4.5", theme, ink, under, c)
				}
			}
		}
		for i := range edges {
			if c := contrast(v[fmt.Sprintf("e%d", i)], v["bg"]); c < 3 {
				t.Errorf("theme %d: line %d has a contrast of %.2f, below 3", theme, i, c)
			}
		}
		if c := contrast(v["hatch"], v["card"]); c < 3 {
			t.Errorf("theme %d: the hatch of missing values has a contrast of %.2f, below 3", theme, c)
		}
	}
}

func TestNumbersInCellsContrastWithEveryColour(t *testing.T) {
	for i := range 101 {
		for name, scale := range map[string]func(float64) string{"quantity": quantity, "difference": difference} {
			hex := scale(float64(i) / 100)
			if c := contrast(inkOn(hex), hex); c < 4.5 {
				t.Errorf("%s %d %%: %s on %s has a contrast of %.2f, below 4.5", name, i, inkOn(hex), hex, c)
			}
		}
	}
}

// A quantity must be read in grey, so its colours must only grow lighter.
func TestQuantitiesGrowLighter(t *testing.T) {
	for i := range 100 {
		if a, b := luminance(quantity(float64(i)/100)), luminance(quantity(float64(i+1)/100)); b < a {
			t.Errorf("at %d %% the colours grow darker: %.4f, %.4f", i, a, b)
		}
	}
}

// Two subjects that share a marker or a weave must differ in colour, and the
// first seven share neither.
func TestSubjectsDifferWithoutColour(t *testing.T) {
	var icons, swatches []string
	for slot := range len(shapes) {
		icons, swatches = append(icons, icon(slot)), append(swatches, swatch(slot))
	}
	slices.Sort(icons)
	slices.Sort(swatches)
	if len(slices.Compact(icons)) != 7 || len(slices.Compact(swatches)) != 7 {
		t.Error("two of the first seven subjects look the same in grey")
	}
	for a := range 56 {
		for b := range a {
			if icon(a) == icon(b) && category(a) == category(b) {
				t.Errorf("subjects %d and %d look the same", a, b)
			}
		}
	}
}

func TestAThemeWritesItsColoursOut(t *testing.T) {
	in := `<path fill="var(--cx-c0)"/><text>var(--cx-c0)</text><text>&#34;var(--cx-fg)&#34;</text>`
	for _, theme := range []Theme{Light, Dark} {
		if out := theme.paint(in); !strings.HasSuffix(out, `<text>var(--cx-c0)</text><text>&#34;var(--cx-fg)&#34;</text>`) || strings.Contains(out, `"var(`) {
			t.Errorf("theme %d: %s", theme, out)
		}
	}
	if Page.paint(in) != in {
		t.Error("the page's drawing has lost its names")
	}
}

func TestStyleHoldsEveryColour(t *testing.T) {
	style := Style()
	for name := range Light.values() {
		if strings.Count(style, "--cx-"+name+":") != 4 {
			t.Errorf("%s is not in each of the four rules", name)
		}
	}
}
