package jobs

import (
	"fmt"
	"strings"
)

// Jobs are the jobs by the names under which guests export them, with an input
// for each.
func Jobs() []Job {
	return []Job{
		{"json", JSON, orders(10 << 10)},
		{"match", Match, patterns + "\n\n" + lines(10, 60)},
		{"hash", Hash, lines(200, 60)[:64<<10]},
		{"search", Search, lines(300, 15) + "\n\n" + queries},
	}
}

// Job is one of them.
type Job struct {
	Name  string
	Do    func(input []byte) uint64
	Input string
}

const (
	patterns = `[a-z0-9._]+@[a-z]+\.(com|org|net)` + "\n" + `(fuel|slice|loop)s? (of|in) \w+` + "\n" + `[0-9]+-[0-9]+-[0-9]+` + "\n" + `"[^"]*"`
	queries  = "fuel of loops\nada example com\nslice host module\nquiet river\nmemory 2024\n\"quoted\" winter\nnothing of this\nserver table check guest"
)

// words of texts; the first ones occur more often.
var words = strings.Fields(`the of in fuel loop a guest host module slice call memory table check server loops slices river winter
	quiet quoted "quoted" Ada ada.lovelace@example.com grace@navy.org 2024-05-17 2023-11-02 3.14 index engine wasm value
	result Berlin Lisbon harbour copper lantern meadow orbit pencil quartz saddle timber velvet walnut yellow zephyr anchor
	bridge canyon desert ember forest glacier hollow island jungle kernel ladder marble needle oyster pepper quiver ribbon`)

// dice are numbers that are always the same.
type dice uint32

func (d *dice) roll(n int) int {
	*d = *d*1664525 + 1013904223
	return int(uint64(*d) * uint64(n) >> 32)
}

// lines returns so many lines of about as many words.
func lines(n, length int) string {
	var b strings.Builder
	d := dice(1)
	for line := range n {
		if line > 0 {
			b.WriteByte('\n')
		}
		for w := range length/2 + d.roll(length) {
			if w > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(words[d.roll(1+d.roll(len(words)))])
		}
	}
	return b.String()
}

// orders returns a document of about so many bytes.
func orders(size int) string {
	var b strings.Builder
	d := dice(2)
	b.WriteString(`{"kind":"orders","page":1,"more":false,"orders":[`)
	for n := 0; b.Len() < size; n++ {
		if n > 0 {
			b.WriteString(",\n  ")
		}
		fmt.Fprintf(&b, `{"id": "o-%06d", "customer": {"name": "%s \"%s\"", "city": "M\u00fcnchen", "street": "Straße %d"}, "paid": %t, "note": null, "lines": [`,
			d.roll(1e6), words[d.roll(20)], words[20], d.roll(100), d.roll(2) > 0)
		for k := range 1 + d.roll(4) {
			if k > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, `{"sku": %d, "price": %d.%02d, "factor": -%de-3, "text": "%s\t%s\n"}`, d.roll(1e9), d.roll(100), d.roll(100), 1+d.roll(999), words[d.roll(20)], words[d.roll(20)])
		}
		b.WriteString("]}")
	}
	b.WriteString("]}")
	return b.String()
}
