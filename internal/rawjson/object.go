package rawjson

// Object is a JSON object being put together: members in order of first
// appearance, the last value of a name counts. The zero value is empty.
type Object struct {
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

// Add sets all members of a raw object, which stay aliased.
func (o *Object) Add(raw []byte) {
	for name, value := range Members(raw) {
		o.Set(name, value)
	}
}

// Set sets a member to a raw value. Both stay aliased.
func (o *Object) Set(name, value []byte) {
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

// Get returns the raw value of a member.
func (o *Object) Get(name []byte) (value []byte, ok bool) {
	if i := o.find(name); i >= 0 {
		return o.members[i].value, true
	}
	return nil, false
}

// find returns the place of a member, or -1.
func (o *Object) find(name []byte) int {
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

// AppendTo appends the object as JSON.
func (o *Object) AppendTo(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range o.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, m.name)
		dst = append(dst, ':')
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.members) }
