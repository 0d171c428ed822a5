package match

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// appendUnordered appends a key that is the same for two JSON values exactly if
// they are equal to a schema: the order of an object's members is nothing to it.
// Of several members with one name the last one counts.
func appendUnordered(dst, raw []byte) []byte {
	v := valueOf(raw)
	switch v.kind {
	case array:
		dst = append(dst, byte(array))
		for elem := range rawjson.Elements(raw) {
			dst = appendUnordered(dst, elem)
		}
		return append(dst, 0) // no kind is 0
	case object:
		dst = append(dst, byte(object))
		members := sortedMembers(raw)
		for i, m := range members {
			if i+1 < len(members) && bytes.Equal(m.name, members[i+1].name) {
				continue
			}
			dst = append(dst, 1)
			dst = append(binary.AppendUvarint(dst, uint64(len(m.name))), m.name...)
			dst = appendUnordered(dst, m.raw)
		}
		return append(dst, 0)
	}
	return expr.FromJSON(raw).AppendKey(nil, dst)
}

type rawMember struct {
	name, raw []byte
	at        int
}

func sortedMembers(obj []byte) (list []rawMember) {
	for name, val := range rawjson.Members(obj) {
		list = append(list, rawMember{name, val, len(list)})
	}
	slices.SortFunc(list, func(a, b rawMember) int {
		return cmp.Or(bytes.Compare(a.name, b.name), cmp.Compare(a.at, b.at))
	})
	return list
}
