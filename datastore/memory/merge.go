package memory

import (
	"fmt"
	"math"
	"strconv"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// object is a JSON object being put together: members in order of first
// appearance, the last value of a name counts.
type object struct {
	members []member
	places  map[string]int // name to place, from indexFrom members on
}

type member struct {
	name  []byte // decoded
	value []byte // raw
}

// indexFrom is the number of members from which a map finds a name sooner than
// looking at each.
const indexFrom = 16

// add sets all members of a raw object.
func (o *object) add(raw []byte) {
	for name, value := range rawjson.Members(raw) {
		o.set(name, value)
	}
}

func (o *object) set(name, value []byte) {
	if i := o.find(name); i >= 0 {
		o.members[i].value = value
		return
	}
	o.members = append(o.members, member{name, value})
	switch {
	case o.places != nil:
		o.places[string(name)] = len(o.members) - 1
	case len(o.members) == indexFrom:
		o.places = make(map[string]int, 2*indexFrom)
		for i, m := range o.members {
			o.places[string(m.name)] = i
		}
	}
}

// find returns the place of a member, or -1.
func (o *object) find(name []byte) int {
	if o.places != nil {
		if i, ok := o.places[string(name)]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if string(o.members[i].name) == string(name) {
			return i
		}
	}
	return -1
}

// appendTo appends the object as JSON.
func (o *object) appendTo(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range o.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rawjson.AppendString(dst, m.name)
		dst = append(dst, ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// merge returns old with the top-level members of patch replaced or added.
func merge(old, patch []byte) []byte {
	var o object
	o.add(old)
	o.add(patch)
	return o.appendTo(make([]byte, 0, len(old)+len(patch)))
}

// increment returns old with by added to the number in gauge.value, which
// starts at 0 when the gauge or its value is missing. old may be nil.
func increment(old []byte, gauge string, by float64) ([]byte, error) {
	var o, counter object
	o.add(old)
	sum, name := by, []byte(gauge)
	if i := o.find(name); i >= 0 {
		raw := o.members[i].value
		if !rawjson.IsObject(raw) {
			return nil, fmt.Errorf("%w: %q is not an object with a value; remove it or use another gauge",
				datastore.ErrNotANumber, gauge)
		}
		counter.add(raw)
		if v := counter.find([]byte("value")); v >= 0 {
			n, err := number(counter.members[v].value)
			if err != nil {
				return nil, fmt.Errorf("%w: %q.value; set it to a number or use another gauge",
					datastore.ErrNotANumber, gauge)
			}
			sum += n
		}
	}
	if math.IsInf(sum, 0) || math.IsNaN(sum) {
		return nil, fmt.Errorf("%w: the sum in %q is too large for one", datastore.ErrNotANumber, gauge)
	}
	counter.set([]byte("value"), appendNumber(nil, sum))
	o.set(name, counter.appendTo(nil))
	return o.appendTo(make([]byte, 0, len(old)+len(gauge)+32)), nil
}

// number reads a raw JSON number.
func number(raw []byte) (float64, error) {
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, datastore.ErrNotANumber
	}
	return strconv.ParseFloat(string(raw), 64)
}

// appendNumber writes a finite number as JavaScript does: no exponent between
// 1e-6 and 1e21, and no sign for zero.
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0')
	}
	if size := math.Abs(f); size >= 1e-6 && size < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); n-start >= 4 && dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-07 is e-7 there
		dst = dst[:n-1]
	}
	return dst
}
