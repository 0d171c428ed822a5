package mongo

// Marks is marks for the tests.
type Marks struct{ marks }

// First is first.
func (m *Marks) First(n uint64) bool { return m.first(n) }

// MarksKept is marksKept.
const MarksKept = marksKept

// ReadEvent is readEvent, and what it returned.
func ReadEvent(raw []byte) (kind, mark, path string, err error) {
	e, err := readEvent(raw)
	return e.kind, e.mark, e.path, err
}
