package expr

import "cmp"

// decimal is 0.d1d2d3... times ten to the power exp, where d1 is not zero.
type decimal struct {
	sign   int    // -1, 0 or 1
	exp    int64  // exponents beyond 2^60 count as 2^60
	digits []byte // from d1 on, possibly with a decimal point among them
}

const maxExponent = 1 << 60

// CompareDecimals compares two numbers as JSON writes them, by their exact
// values.
func CompareDecimals(a, b []byte) int {
	x, y := readDecimal(a), readDecimal(b)
	if x.sign != y.sign {
		return cmp.Compare(x.sign, y.sign)
	}
	if x.sign == 0 {
		return 0
	}
	if x.exp != y.exp {
		return x.sign * cmp.Compare(x.exp, y.exp)
	}
	return x.sign * compareDigits(x.digits, y.digits)
}

func readDecimal(raw []byte) decimal {
	d := decimal{sign: 1}
	if len(raw) > 0 && raw[0] == '-' {
		d.sign, raw = -1, raw[1:]
	}
	end, point, first := len(raw), -1, -1
	for i, c := range raw {
		if c == 'e' || c == 'E' {
			end = i
			break
		}
		switch {
		case c == '.':
			point = i
		case c != '0' && first < 0:
			first = i
		}
	}
	if first < 0 {
		return decimal{}
	}
	if point < 0 {
		point = end
	}
	d.exp = int64(point - first)
	if first > point {
		d.exp++ // the point itself is not a digit
	}
	d.digits = raw[first:end]
	if end < len(raw) {
		d.exp += readExponent(raw[end+1:])
		d.exp = max(-maxExponent, min(maxExponent, d.exp))
	}
	return d
}

func readExponent(raw []byte) int64 {
	neg := false
	if len(raw) > 0 && (raw[0] == '-' || raw[0] == '+') {
		neg, raw = raw[0] == '-', raw[1:]
	}
	var n int64
	for _, c := range raw {
		if n = n*10 + int64(c-'0'); n > maxExponent {
			n = maxExponent
			break
		}
	}
	if neg {
		return -n
	}
	return n
}

// compareDigits compares two fractions; the shorter one continues with zeros.
func compareDigits(a, b []byte) int {
	for i, j := 0, 0; ; i, j = i+1, j+1 {
		if i < len(a) && a[i] == '.' {
			i++
		}
		if j < len(b) && b[j] == '.' {
			j++
		}
		if i >= len(a) && j >= len(b) {
			return 0
		}
		x, y := byte('0'), byte('0')
		if i < len(a) {
			x = a[i]
		}
		if j < len(b) {
			y = b[j]
		}
		if x != y {
			return cmp.Compare(x, y)
		}
	}
}
