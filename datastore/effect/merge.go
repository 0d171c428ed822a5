package effect

import (
	"fmt"
	"math"
	"strconv"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// merge returns old with the top-level members of patch replaced or added.
func merge(old, patch []byte) []byte {
	var o rawjson.Object
	o.Add(old)
	o.Add(patch)
	return o.AppendTo(make([]byte, 0, len(old)+len(patch)))
}

// increment returns old with by added to the number in gauge.value, which
// starts at 0 when the gauge or its value is missing. old may be nil.
func increment(old []byte, gauge string, by float64) ([]byte, error) {
	var o, counter rawjson.Object
	o.Add(old)
	sum, name := by, []byte(gauge)
	if raw, ok := o.Get(name); ok {
		if !rawjson.IsObject(raw) {
			return nil, fmt.Errorf("%w: %q is not an object with a value; remove it or use another gauge",
				datastore.ErrNotANumber, gauge)
		}
		counter.Add(raw)
		if v, ok := counter.Get([]byte("value")); ok {
			n, err := number(v)
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
	counter.Set([]byte("value"), appendNumber(nil, sum))
	o.Set(name, counter.AppendTo(nil))
	return o.AppendTo(make([]byte, 0, len(old)+len(gauge)+32)), nil
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
